"""The configurations in docs/ on routes are sound, and their routes lead where the pages say."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from smscd import pdu
from smscd.config.key import keys
from smscd.config.load import Report, read_text
from smscd.config.schema import SECTIONS
from smscd.routing import Ruleset

DOCS = Path(__file__).parents[2] / "docs"
EVENING = 1_795_262_400_000_000 + 9 * 3_600_000_000
"""2026-11-21, a Saturday, 21:00 UTC."""
MORNING = EVENING - 34 * 3_600_000_000
"""Friday, 11:00 UTC."""


def blocks(page: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def completed(block: str) -> Report:
    """The block as part of a whole file: what it names and does not define is an emulated network, or an account."""
    document = tomllib.loads(block)
    named = {name for table in ("route", "group") for one in document.get(table, []) for name in one["connectors"]}
    accounts = {name for one in document.get("route", []) for name in one.get("esme", [])}
    defined = {one["name"] for one in document.get("group", [])} | {f"esme:{one['system_id']}" for one in
               document.get("esme", [])}  # fmt: skip
    more = ['[[listener]]\naddress = "127.0.0.1:2775"\n']
    more += [f'[[connector]]\nname = "{name}"\nkind = "emulator"\n' for name in sorted(named - defined)]
    more += [f'[[esme]]\nsystem_id = "{name}"\npassword = "x"\n' for name in sorted(accounts)
             if f"esme:{name}" not in defined]  # fmt: skip
    return read_text(block + "\n".join(more), "page.toml", Path("/"))


def taken(page: str, number: int, to: bytes, *, source: bytes = b"1", esme: str = "", at: int = MORNING) -> str:
    """The connectors of the rule that the block sends such a message by."""
    config = completed(blocks(page)[number]).config
    rules = Ruleset(config.routes, config.groups)
    rule = rules.resolve(esme, pdu.SubmitSm(source_addr=source, destination_addr=to), "gsm7", at)
    return str(rule.way) if rule else ""


@pytest.mark.parametrize("page", ["routing.md", "migration.md"])
def test_every_configuration_on_the_page_is_sound(page: str) -> None:
    found = blocks(page)
    assert len(found) > 1
    for block in found:
        faults = [str(fault) for fault in completed(block).faults if fault.severity == "error" or "route" in fault.what]
        assert faults == [], block


def test_the_examples_lead_where_the_page_says() -> None:
    prefixes, cost, hours, groups, esmes, numbers = range(6)
    page = "routing.md"
    assert taken(page, prefixes, b"447781123456") == "islands"
    assert taken(page, prefixes, b"447912345678") == "failover: carrier-a, carrier-b"
    assert taken(page, prefixes, b"33612345678") == "worldwide"
    assert taken(page, cost, b"491") == "least-cost: carrier-b, carrier-a, carrier-c"
    assert taken(page, hours, b"1", source=b"SUPPORT") == "carrier-a"
    assert taken(page, hours, b"1", source=b"SUPPORT", at=EVENING) == "carrier-b"
    assert taken(page, groups, b"1").startswith("failover: main(weighted: carrier-a, carrier-b), reserve(least-cost")
    assert [taken(page, esmes, b"8881", esme=esme) for esme in ("shop", "bank")] == ["", "esme:shop"]
    assert [taken(page, numbers, to) for to in (b"12345", b"07912345678", b"0044 7912 345678", b"447700900123")] == [
        "carrier-a", "carrier-a", "carrier-a", ""
    ]  # fmt: skip
    assert taken(page, numbers, b"+33612345678") == "worldwide"


def test_the_tables_translated_from_elsewhere_lead_where_theirs_did() -> None:
    kannel, jasmin = range(2)
    page = "migration.md"
    routes = {to: taken(page, kannel, to) for to in (b"4477", b"4479", b"33")}
    assert routes == {b"4477": "failover: A, B", b"4479": "A", b"33": "round-robin: A, B"}
    assert taken(page, jasmin, b"336") == "round-robin: smpp_1, smpp_2"
    assert taken(page, jasmin, b"44", esme="g2") == "smpp_4"
    assert taken(page, jasmin, b"44", esme="g2", at=EVENING) == taken(page, jasmin, b"44") == "smpp_3"


def test_every_key_that_the_migration_page_names_exists() -> None:
    """In the right column, between backticks: a word with an underscore is one of our keys."""
    known = {name for section in SECTIONS for kind in section.kinds.values() for name in keys(kind)}
    rows = re.findall(r"^\|[^|]*\|(.*)\|$", (DOCS / "migration.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)\b", row)}
    assert len(named) > 15
    assert named - known - {"dlr_expiry"} == set()
