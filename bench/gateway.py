"""ESME → SMSC → upstream, without and with receipts back: smscd, and Kannel beside it, on the same work.

    python bench/gateway.py [--count 20000] [--servers smscd,kannel] [--rows forward,circle,pace,backlog,binds]
                            [--queued 100000] [--bound 1000] [--window 100]

    forward   submit → answer, and ESME → upstream, without receipts
    circle    the same with a receipt for each: it is over when the ESME has the last one
    pace      50 messages a second: submit → answer, submit → upstream
    backlog   `--queued` messages wait for an upstream that is dead; what another one gets meanwhile, and the next start
    binds     `--bound` sessions that do nothing but enquire_link: CPU of the server in per cent of one core

The upstream is `sink.py`, in a process of its own. Server CPU and peak RSS are sums over all processes of a server. For
any other SMSC: `python bench/sink.py --port N` as its upstream, and `python bench/load.py --port M` before it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import kannel
from load import HEADER, Load, Result, run
from submit import cpu_of, peak_rss_of, wait_for

HERE = Path(__file__).parent

CONFIG = """
[smscd]
data_dir = "{data}"
log_level = "warning"
[[listener]]
address = "127.0.0.1:{port}"
enquire_link_timer = "{enquire}"
[[esme]]
system_id = "test"
password = "secret"
window = 2000
bind_limit = 10000
deliver_window = 200
receives = ["*"]
[[connector]]
name = "alive"
kind = "smpp"
address = "127.0.0.1:{sink}"
system_id = "gw"
password = "gw-pass"
window = {window}
[[connector]]
name = "dead"
kind = "smpp"
address = "127.0.0.1:{dead}"
system_id = "gw"
password = "gw-pass"
[[route]]
destination_addr = "4499*"
connectors = ["dead"]
[[route]]
connectors = ["alive"]
"""

COLUMNS = ("what", "server", "answers/s", "upstream/s", "receipts/s", "answer p50/p99 ms", "upstream p50/p99 ms",
           "server CPU s/1000", "server peak RSS MiB", "client, sink CPU s/1000")  # fmt: skip


class SinkProcess:
    """The upstream, and what it counted."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "sink.py", "--port", "0", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.port = int(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def figures(self, ask: str = "reset") -> dict[str, float]:
        assert self.process.stdin is not None
        self.process.stdin.write(ask + "\n")
        self.process.stdin.flush()
        told: dict[str, float] = json.loads(self._line())
        return told

    def until(self, submits: int, seconds: float = 120.0) -> dict[str, float]:
        """Its figures once it has so many."""
        deadline = time.monotonic() + seconds
        while self.figures("peek")["submits"] < submits and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.figures()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def sink(*options: str) -> Iterator[SinkProcess]:
    process = SinkProcess(*options)
    try:
        yield process
    finally:
        process.stop()


class Smscd:
    """One of them on a data directory; `start` returns when it listens."""

    def __init__(self, directory: Path, sink_port: int, window: int, dead: int, enquire: str) -> None:
        self.port = free_port()
        self.config = directory / "smscd.toml"
        self.config.write_text(
            CONFIG.format(data=directory, port=self.port, sink=sink_port, window=window, dead=dead, enquire=enquire)
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Seconds until it listened."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "smscd", "run", "--config", str(self.config)],
            stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        )  # fmt: skip
        wait_for(self.port, self.process)
        return time.monotonic() - began

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


@contextlib.contextmanager
def smscd(sink_port: int, window: int = 100, *, dead: int = 9, enquire: str = "30s") -> Iterator[Smscd]:
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory:
        server = Smscd(Path(directory), sink_port, window, dead, enquire)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def target(name: str, sink_port: int, window: int) -> Iterator[tuple[list[int], int]]:
    """(process ids, port) of a fresh server in front of the sink, warmed up by nothing."""
    if name == "smscd":
        with smscd(sink_port, window) as server:
            time.sleep(0.5)  # its upstream is bound
            yield [server.pid], server.port
    else:
        with (
            tempfile.TemporaryDirectory(prefix="kannel-bench-") as directory,
            kannel.running(Path(directory), sink_port) as (pids, port),
        ):
            yield pids, port


def drive(name: str, port: int, load: Load) -> Result:
    """The same work by the door that the server has."""
    if name == "smscd":
        return run(dataclasses.replace(load, port=port))
    http = kannel.HttpLoad(port, load.count, load.window, load.receipts, load.rate)
    return asyncio.run(http.run())


def measure(what: str, name: str, load: Load) -> None:
    """One line of the table."""
    with sink(*(["--receipts"] if load.receipts else [])) as upstream:
        with target(name, upstream.port, load.window) as (pids, port):
            before = sum(map(cpu_of, pids))
            upstream.figures()
            began = time.monotonic()
            result = drive(name, port, load)
            taken = upstream.until(result.answered)
            cpu = sum(map(cpu_of, pids)) - before
            rss = sum(map(peak_rss_of, pids))
        done = result.summary()
        per_1000 = 1000 / max(result.answered, 1)
        forwarded = taken["submits"] / max(taken["last"] - began, 0.001)
        show(
            what, name, done["rate_per_s"], round(forwarded), done["circle_per_s"] or "-",
            f"{done['p50_ms']} / {done['p99_ms']}", f"{taken['p50_ms']} / {taken['p99_ms']}", f"{cpu * per_1000:.3f}",
            f"{rss:.0f}", f"{result.client_cpu * per_1000:.4f}, {taken['cpu_s'] * per_1000:.4f}",
        )  # fmt: skip
        if taken["submits"] != result.answered:
            print(f"    {result.answered} accepted, {result.refused} refused, {taken['submits']:.0f} reached the sink")


def show(*cells: object) -> None:
    padded = (f"{cell!s:>{max(12, len(column))}}" for cell, column in zip(cells, COLUMNS, strict=True))
    print(" | ".join(padded), flush=True)


def backlog(count: int, queued: int) -> None:
    """Throughput to a healthy upstream beside a dead one: first with nothing queued, then with everything."""
    with sink() as upstream, sink("--silent") as dead, smscd(upstream.port, dead=dead.port) as server:
        time.sleep(0.5)
        empty = healthy(server, upstream, count)
        began = time.monotonic()
        filled = run(Load(port=server.port, count=queued, window=1000, prefix="4499", timeout=3600)).answered
        took, rss = time.monotonic() - began, peak_rss_of(server.pid)
        print(f"    {filled} queued for the dead upstream in {took:.1f} s, peak RSS {rss:.0f} MiB")
        full = healthy(server, upstream, count)
        print(f"    healthy upstream: {empty:.0f}/s before, {full:.0f}/s with {filled} queued ({full / empty:.0%})")
        server.stop()
        print(f"    the next start listened after {server.start():.2f} s")
        again = healthy(server, upstream, count)
        print(f"    healthy upstream after it: {again:.0f}/s, peak RSS {peak_rss_of(server.pid):.0f} MiB")


def healthy(server: Smscd, upstream: SinkProcess, count: int) -> float:
    """Messages per second that reach the healthy upstream."""
    upstream.figures()
    began = time.monotonic()
    run(Load(port=server.port, count=count))
    return count / (upstream.until(count)["last"] - began)


def binds(bound: int, seconds: float) -> None:
    """Sessions that only answer enquire_link, which the server sends every ten seconds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with sink() as upstream, smscd(upstream.port, enquire="10s") as server, contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        body = b"test\0secret\0\0\x34\0\0\0"
        for _ in range(bound):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            sock.sendall(HEADER.pack(16 + len(body), 0x09, 0, 1) + body)
            sock.recv(1024)
            selector.register(sock, selectors.EVENT_READ, sock)
        enquired, before, end = 0, cpu_of(server.pid), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                data = key.data.recv(4096)
                for at in range(0, len(data) - 15, 16):
                    sequence = HEADER.unpack_from(data, at)[3]
                    key.data.sendall(HEADER.pack(16, 0x80000015, 0, sequence))
                    enquired += 1
        used, rss = cpu_of(server.pid) - before, peak_rss_of(server.pid)
        print(f"    {bound} bound sessions, {enquired} enquire_link in {seconds:.0f} s: ", end="")
        print(f"{used / seconds:.1%} of a core, peak RSS {rss:.0f} MiB")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--servers", default="smscd")
    parser.add_argument("--rows", default="forward,circle,pace,backlog,binds")
    parser.add_argument("--queued", type=int, default=100_000)
    parser.add_argument("--bound", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    rows = arguments.rows.split(",")
    work = {
        "forward": Load(count=arguments.count, window=arguments.window, stamp=True),
        "circle": Load(count=arguments.count, window=arguments.window, stamp=True, receipts=True),
        "pace": Load(count=min(arguments.count, 1000), window=arguments.window, stamp=True, rate=50.0),
    }
    if work.keys() & set(rows):
        show(*COLUMNS)
    for row, load in work.items():
        for name in arguments.servers.split(",") if row in rows else ():
            measure(row, name, load)
    if "backlog" in rows:
        print("backlog")
        backlog(arguments.count, arguments.queued)
    if "binds" in rows:
        print("binds")
        binds(arguments.bound, arguments.seconds)


if __name__ == "__main__":
    main()
