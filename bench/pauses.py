"""Is anything that the house does for itself felt by those who send? The answers at an even pace, while it is done.

    python bench/pauses.py [--rate 50] [--seconds 30] [--phases quiet,reload,import,purge,burst,floor]

    quiet     nothing else
    reload    SIGHUP every two seconds
    import    100,000 opt-outs are imported
    purge     200,000 messages that have ended are purged; retention 20 s
    burst     another ESME's bind submits as fast as it can, a window of 100
    floor     the floor, with nothing else: what the disk and the machine do by themselves

Prints p50, p99, the longest answer and how many took more than 20 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
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

TOO_LONG = 0.020
COLUMNS = ("meanwhile", "answers", "p50 ms", "p99 ms", "longest ms", "over 20 ms")
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


def another(load: Load) -> None:
    """In a process of its own, or its work would be felt in ours."""
    command = [sys.executable, str(HERE / "load.py"), "--port", str(load.port), "--count", "1000000000"]
    command += ["--seconds", str(load.seconds), "--prefix", "4479009"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def phase(name: str, server: Smscd, load: Load) -> list[float]:
    """Latencies of the load, in seconds, while it is done."""
    work: Callable[[], object] = lambda: None  # noqa: E731 - three of five are of one line
    if name == "reload":
        work = lambda: reload_often(server, load.seconds)  # noqa: E731 - likewise
    elif name == "import":
        work = lambda: imported(server, 100_000)  # noqa: E731 - likewise
    elif name == "burst":
        work = lambda: another(dataclasses.replace(load, rate=0.0))  # noqa: E731 - likewise
    elif name == "purge":
        run(Load(port=load.port, count=200_000))
        time.sleep(20.0)
        load = dataclasses.replace(load, seconds=65.0)  # it is begun once a minute
    with beside(work):
        return run(load).latencies


def row(name: str, latencies: list[float]) -> list[str]:
    p50, p99, longest = percentiles(latencies)
    over = sum(each > TOO_LONG for each in latencies)
    return [name, f"{len(latencies):,}", f"{p50:.2f}", f"{p99:.2f}", f"{longest:.1f}", str(over)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--phases", default="floor,quiet,reload,import,purge,burst")
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    measured = keeping.circumstances()
    load, rows = Load(rate=asked.rate, seconds=asked.seconds), []
    names = asked.phases.split(",")
    if "floor" in names:
        with floor() as running:
            run(Load(port=running.port, rate=asked.rate, count=100))
            rows.append(row("floor", run(dataclasses.replace(load, port=running.port)).latencies))
    with smscd(WAYS) as server:
        run(Load(port=server.port, rate=asked.rate, count=100))
        for name in names:
            if name != "floor":
                rows.append(row(name, phase(name, server, dataclasses.replace(load, port=server.port))))
                print(rows[-1], flush=True)
    print(table(rows, COLUMNS))
    keeping.keep("pauses", {"measured": measured, "rate": asked.rate, "rows": rows}, asked.out)


if __name__ == "__main__":
    main()
