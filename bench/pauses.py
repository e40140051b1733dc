"""Is anything that the house does for itself felt by those who send? The answers at an even pace, while it is done.

    python bench/pauses.py [--rate 50] [--seconds 30] [--phases quiet,reload,import,purge,burst]

    quiet     nothing else
    reload    SIGHUP every two seconds
    import    100,000 opt-outs are imported
    purge     200,000 messages that have ended are purged; retention 20 s
    burst     another ESME's bind submits as fast as it can, a window of 100

The floor has as many in the same seconds: what waits there too, waits for the machine or its disk. Prints p50, p99, the
longest answer and how many took more than 20 ms, of both. What smscd was doing in each pause: stalls.py.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keeping
from load import Load, percentiles, run
from runs import table
from servers import EMULATED, HERE, Smscd, floor, smscd
from stalls import WINDOW, Paced, pace

TOO_LONG = 0.020
COLUMNS = (
    "meanwhile", "answers", "p50 ms", "p99 ms", "longest ms", "over 20 ms", "floor p50", "p99", "longest", "over 20 ms",
)  # fmt: skip
WAYS = EMULATED + '[opt_out]\nenabled = true\n[store]\nretention = "20s"\n'


@contextlib.contextmanager
def beside(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join()


def reload_often(server: Smscd, seconds: float) -> None:
    for _ in range(int(seconds / 2)):
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(2.0)


def imported(server: Smscd, rows: int) -> None:
    file = server.directory / "list.csv"
    with file.open("w") as out:
        out.write("recipient,scope,party\n")
        out.writelines(f"4478{random.randrange(10**9):09d},pair,{10_000 + n % 100}\n" for n in range(rows))
    command = [sys.executable, "-m", "smscd", "optout", "import", str(file), "--data-dir", str(server.directory)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def another(port: int, seconds: float) -> None:
    """In a process of its own, or its work would be felt in ours."""
    command = [sys.executable, str(HERE / "load.py"), "--port", str(port), "--count", "1000000000"]
    command += ["--seconds", str(seconds), "--prefix", "4479009"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def phase(name: str, server: Smscd, floor_port: int, rate: float, seconds: float) -> list[Paced]:
    """Both, after a load during which it was done."""
    works: dict[str, Callable[[], object]] = {
        "reload": lambda: reload_often(server, seconds),
        "import": lambda: imported(server, 100_000),
        "burst": lambda: another(server.port, seconds),
    }
    if name == "purge":
        run(Load(port=server.port, count=200_000))
        time.sleep(20.0)
        seconds *= 2  # half of it is forgotten in half a minute
    both = [Paced("smscd", server.port, WINDOW), Paced("floor", floor_port, WINDOW)]
    with beside(works.get(name, lambda: None)):
        pace(both, rate, seconds)
    for one in both:
        one.close()
    return both


def row(name: str, both: list[Paced]) -> list[str]:
    cells = [name, f"{len(both[0].waits):,}"]
    for one in both:
        p50, p99, longest = percentiles(one.result.latencies)
        over = sum(latency > TOO_LONG for latency in one.result.latencies)
        cells += [f"{p50:.2f}", f"{p99:.2f}", f"{longest:.1f}", str(over)]
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--phases", default="quiet,reload,import,purge,burst")
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    measured = keeping.circumstances()
    rows = []
    with smscd(WAYS) as server, floor() as beneath:
        for port in (server.port, beneath.port):
            run(Load(port=port, rate=asked.rate, count=100))
        for name in asked.phases.split(","):
            rows.append(row(name, phase(name, server, beneath.port, asked.rate, asked.seconds)))
            print(rows[-1], flush=True)
    print(table(rows, COLUMNS))
    keeping.keep("pauses", {"measured": measured, "rate": asked.rate, "columns": COLUMNS, "rows": rows}, asked.out)


if __name__ == "__main__":
    main()
