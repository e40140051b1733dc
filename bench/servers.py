"""Servers to be measured, each fresh, in a directory of its own, and gone afterwards.

Their names:
    smscd      in front of an emulated network
    gateway    smscd in front of an upstream
    floor      floor.py, in front of the upstream if there is one
    kannel     Debian's Kannel in front of the upstream, by its HTTP door
    smppbox    the same by its SMPP door, where an opensmppbox is installed
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import interpreter
import kannel
from processes import free_port, wait_for

HERE = Path(__file__).parent
UPSTREAM_KINDS = frozenset({"gateway", "kannel", "smppbox"})
"""These cannot be measured without one."""

HOUSE = """\
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
"""

EMULATED = """\
[[connector]]
name = "handsets"
kind = "emulator"
[[route]]
connectors = ["handsets"]
"""


def upstream(name: str, port: int, window: int = 100) -> str:
    """A connector to what listens there."""
    return f"""\
[[connector]]
name = "{name}"
kind = "smpp"
address = "127.0.0.1:{port}"
system_id = "gw"
password = "gw-pass"
window = {window}
"""


def route(connector: str, prefix: str = "") -> str:
    destination = f'destination_addr = "{prefix}*"\n' if prefix else ""
    return f'[[route]]\n{destination}connectors = ["{connector}"]\n'


@dataclass
class Running:
    """A server that listens."""

    port: int
    pids: dict[str, int]
    door: str = "smpp"


class Smscd:
    """One of them on a data directory; `ways` is the configuration of its connectors and routes, and what else."""

    def __init__(self, directory: Path, ways: str = EMULATED, enquire: str = "30s") -> None:
        self.port = free_port()
        self.directory = directory
        self.config = directory / "smscd.toml"
        self.config.write_text(HOUSE.format(data=directory, port=self.port, enquire=enquire) + ways)
        self.process: subprocess.Popen[bytes] | None = None
        self.home = HERE.parent
        """Where its package is."""

    def start(self) -> float:
        """Seconds until it listened."""
        began = time.monotonic()
        environment = {**os.environ, "PYTHONPATH": str(self.home), "PYTHONDONTWRITEBYTECODE": ""}  # as if installed
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL, cwd=self.home, env=environment)
        wait_for(self.port, self.process)
        return time.monotonic() - began

    @property
    def command(self) -> list[str]:
        return [interpreter.PYTHON, "-m", "smscd", "run", "--config", str(self.config)]

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(120)


@contextlib.contextmanager
def smscd(ways: str = EMULATED, enquire: str = "30s") -> Iterator[Smscd]:
    """A running smscd on an empty directory; its upstreams have had half a second to be bound."""
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory:
        server = Smscd(Path(directory), ways, enquire)
        try:
            server.start()
            time.sleep(0.5)
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def floor(sink_port: int = 0) -> Iterator[Running]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory:
        command = [interpreter.PYTHON, str(HERE / "floor.py"), directory, str(port), str(sink_port)]
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HERE.parent)})
        try:
            wait_for(port, process)
            yield Running(port, {"floor": process.pid})
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def target(kind: str, sink_port: int = 0, window: int = 100) -> Iterator[Running]:
    """A fresh server of a kind, in front of the sink if it has one."""
    if kind == "floor":
        with floor(sink_port) as running:
            yield running
    elif kind in {"kannel", "smppbox"}:
        with (
            tempfile.TemporaryDirectory(prefix="kannel-bench-") as directory,
            kannel.running(Path(directory), sink_port, kind) as (pids, port),
        ):
            yield Running(port, pids, "http" if kind == "kannel" else "smpp")
    else:
        ways = upstream("alive", sink_port, window) + route("alive") if kind == "gateway" else EMULATED
        with smscd(ways) as server:
            yield Running(server.port, {"smscd": server.pid})


class SinkProcess:
    """The upstream, and what it counted."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "sink.py", "--port", "0", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.port = int(self._line())

    @property
    def pid(self) -> int:
        return self.process.pid

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
        while self.figures("count")["submits"] < submits and time.monotonic() < deadline:
            time.sleep(0.05)
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
