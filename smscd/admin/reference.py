"""docs/records.md, made from the tables that the code runs on: `python -m smscd.admin.reference > docs/records.md`."""

from __future__ import annotations

import sys

from smscd.admin.metrics import TABLES, VERSION, Metric
from smscd.admin.record import FIELDS

_HEAD = """\
# Records and metrics

This page is made from the code (`python -m smscd.admin.reference`); a test fails when the two differ.

## Records

When a message has reached its final state, smscd writes one JSON object on one line to `records/records.jsonl` in the
data directory, and, if the message left as several PDUs, one more for each of them (`"record": "part"`).
Bill from the lines with `"record": "message"`; use the others to see what became of each part.

- A file that has grown to `records.size` becomes `records-00000001.jsonl`, the next `records-00000002.jsonl` and so on;
  a name never changes again. The newest `records.keep` files are kept. A file may be moved away or deleted at any time.
- Addresses are complete, because this is the billing record: the files are mode 0600. Message text is never written.
- Text is UTF-8; control characters are escaped (`\\u001b`), DEL and those from U+0080 to U+009F too.
- Lines are whole: what a crash left of one is cut off at the next start.
- The store is the truth, the records are made from it. A disk that takes no records never stops a message:
  20,000 records wait in memory, further ones are dropped, counted in `smscd_records_dropped_total` and logged.
  What was closed in the last moment before a kill -9 may be missing here; `smscd message list` still shows it.

| field | written as | meaning |
|---|---|---|
"""

_METRICS = """
## Metrics

`/metrics` on the admin address (`[admin]` in the configuration) speaks Prometheus' text format. Counters count from the
start of the process. No label ever holds a phone number; `system_id` and `connector` are the configured names.
Beside these stand the usual `process_*` metrics: memory, CPU, open files.

`/healthz` answers 200 as long as the process lives, `/readyz` 200 once the store is recovered and the listeners are
open, otherwise 503 and why. Where `admin.token_file` is set, both answer without the token, but `/readyz` keeps the
reason to itself; everything else is 401 without it.

| metric | kind | labels | meaning |
|---|---|---|---|
"""


def _row(metric: Metric, labels: tuple[str, ...]) -> str:
    suffix = "_total" if metric.kind == "counter" else ""
    names = ", ".join(f"`{label}`" for label in (*labels, metric.label) if label)
    return f"| `{metric.name}{suffix}` | {metric.kind} | {names} | {metric.help} |\n"


def page() -> str:
    """The whole of docs/records.md."""
    fields = "".join(f"| `{field.name}` | {field.shape} | {field.help} |\n" for field in FIELDS)
    metrics = "".join(_row(metric, labels) for labels, table, _ in TABLES for metric in table)
    metrics += _row(VERSION, ())
    return f"{_HEAD}{fields}{_METRICS}{metrics}"


if __name__ == "__main__":
    sys.stdout.write(page())
