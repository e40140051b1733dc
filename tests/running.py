"""A real smscd in its own process, for tests that treat it as its users do: over sockets, signals and its log.

    @pytest.fixture
    def smscd(tmp_path: Path) -> Iterator[Running]:
        with Running(tmp_path, EMULATOR) as running:      # started, recovered, listening
            yield running

    smscd.port                          the first address of the file that had port 0; smscd.ports has all of them
    smscd.ask("mo", **{"from": "447700900123", "to": "12345", "text": "hi"})     the control socket (ControlError if no)
    smscd.lines("bound", esme="test")   what it has logged so far; smscd.wait_for("bound") waits for such a line
    smscd.stop()                        SIGTERM, and its exit code; `expect=` says which one is right
    smscd.kill()                        SIGKILL: nothing is flushed, nothing is said
    smscd.start()                       again, on the same data directory and the same ports
    smscd.reload(text)                  writes the file anew and sends SIGHUP; the log says what came of it
    until(lambda: ...)                  for what neither a socket nor the log announces

Nothing here sleeps to be safe: readiness is systemd's READY=1, the log is read as it is written, ends are waited for.
Every address `127.0.0.1:0` in the text gets a free port of its own, which restarts and reloads keep and which nobody
else is given meanwhile.
The text needs no `data_dir` and no `log_format`: both are written into its `[smscd]` section, which is made if need be.
The log of every start is appended to `smscd.log` in the directory, where a failed test can be read about.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smscd.cli.control import call
from tests.machine import PATIENCE

EMULATOR = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"

[[route]]
connectors = ["handsets"]
"""
"""The smallest file that is a whole SMSC: one ESME that also gets every MO, handsets that take everything at once."""


_ANY_PORT = re.compile(r'(?<=:)0(?=")')


class Running:
    """One smscd process on one data directory, from start to start."""

    def __init__(self, directory: Path, text: str = EMULATOR, *, environment: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        # Sockets have short paths (unix(7): 107 octets), and what pytest calls a test's directory need not be short.
        self._sockets = tempfile.TemporaryDirectory(prefix="smscd-")
        self.data_dir = Path(self._sockets.name) / "data"
        self.config = directory / "smscd.toml"
        self.log = directory / "smscd.log"
        self.ports: list[int] = []
        self._kept: list[socket.socket] = []
        self.process: subprocess.Popen[str] | None = None
        self._environment = dict(environment or {})
        self._lines: list[dict[str, Any]] = []
        self._reads = 0
        self._logs: set[int] = set()
        self._news = threading.Condition()
        self._readers: list[threading.Thread] = []
        self.write_config(text)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()
        self._sockets.cleanup()
        while self._kept:
            self._kept.pop().close()

    # -- its life ----------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> Self:
        """Start it and return when it accepts binds; AssertionError with its log if it ends before that."""
        assert not self.alive, "it is running already"
        path = Path(self._sockets.name) / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(path))
            self.process = self.launch({"NOTIFY_SOCKET": str(path)})
            self._wait_until_ready(notify)
        return self

    def launch(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The bare process: for tests of a start that is meant to fail. Its log is read in the background."""
        environ = {**os.environ, **self._environment, **(environment or {})}
        environ.pop("SMSCD_CONFIG", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "smscd", "run", "--config", str(self.config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ,
        )  # fmt: skip
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        self._readers.append(reader)
        return process

    def _wait_until_ready(self, notify: socket.socket) -> None:
        assert self.process is not None
        ending = os.pidfd_open(self.process.pid)
        try:
            deadline = time.monotonic() + PATIENCE
            while (left := deadline - time.monotonic()) > 0:
                readable, _, _ = select.select([notify.fileno(), ending], [], [], left)
                if notify.fileno() in readable and b"READY=1" in notify.recv(4096):
                    return
                if ending in readable:
                    break
        finally:
            os.close(ending)
        ended = self.process.poll()
        self.kill()
        state = f"it ended with code {ended}" if ended is not None else f"it was not ready after {PATIENCE} s"
        raise AssertionError(f"{state}; {self.last_words()}")

    def stop(self, *, expect: int | None = 0, patience: float = PATIENCE) -> int:
        """SIGTERM. The exit code, which is `expect` unless that is None."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(patience)
        self._read_to_the_end()
        assert expect is None or code == expect, f"exit code {code}; {self.last_words()}"
        return code

    def kill(self) -> None:
        """SIGKILL, and gone when this returns. Does nothing to one that has ended."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self._read_to_the_end()

    def restart(self) -> Self:
        """kill -9 and a new start on what is left."""
        self.kill()
        return self.start()

    # -- its configuration -------------------------------------------------------------------------------------------

    def write_config(self, text: str) -> None:
        """Write the file for the next start or reload, with ports instead of `:0`: the same ones every time."""
        if not re.search(r"^\[smscd\]", text, re.MULTILINE):
            text = f"[smscd]\n\n{text}"
        for key, value in (("log_format", "json"), ("data_dir", str(self.data_dir))):
            if not re.search(rf"^{key}\b", text, re.MULTILINE):
                text = re.sub(r"^\[smscd\][^\n]*", rf'\g<0>\n{key} = "{value}"', text, count=1, flags=re.MULTILINE)
        kept = keep_ports(len(_ANY_PORT.findall(text)) - len(self.ports))
        self._kept += kept
        self.ports += map(_port, kept)
        ports = iter(self.ports)
        self.config.write_text(_ANY_PORT.sub(lambda _: str(next(ports)), text))

    def reload(self, text: str | None = None) -> None:
        """SIGHUP, after writing `text` if given."""
        if text is not None:
            self.write_config(text)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    # -- what it says ------------------------------------------------------------------------------------------------

    def ask(self, command: str, **arguments: Any) -> Any:
        """What the control socket answers to `command`."""
        return call(self.data_dir, command, **arguments)

    def lines(self, event: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """Lines logged since the very first start and up to now, those of `event` with these `fields`."""
        with self._news:
            read = self._reads
            assert self._news.wait_for(lambda: self._reads > read or not any(map(_unread, self._logs)), PATIENCE)
            return [line for line in self._lines if _is(line, event, fields)]

    def wait_for(self, event: str, *, count: int = 1, patience: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """The `count`-th line of `event` with these `fields`, now or when it is written."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [line for line in self._lines if _is(line, event, fields)]
            return len(found) >= count

        with self._news:
            came = self._news.wait_for(there, patience)
        assert came, f"no line {event!r} {fields}; {self.last_words()}"
        return found[count - 1]

    def last_words(self, count: int = 30) -> str:
        """The end of its log, for who has to find out why a test failed."""
        return "the end of its log:\n" + "\n".join(self.log.read_text().splitlines()[-count:])

    def _read(self, process: subprocess.Popen[str]) -> None:
        """Whoever holds the lock sees all lines that were taken out of the pipe, and whether there are more in it."""
        assert process.stderr is not None
        pipe, rest = process.stderr.fileno(), b""
        there = select.poll()
        there.register(pipe, select.POLLIN)
        with process.stderr, self.log.open("ab", buffering=0) as log:
            self._logs.add(pipe)
            while pipe in self._logs:
                there.poll()
                with self._news:
                    octets = os.read(pipe, 65536)  # as much as a pipe holds
                    log.write(octets)
                    *whole, rest = (rest + octets).split(b"\n") if octets else (rest, b"")
                    self._lines += [_parsed(line.decode()) for line in whole if line]
                    if not octets:
                        self._logs.remove(pipe)
                    self._reads += 1
                    self._news.notify_all()

    def _read_to_the_end(self) -> None:
        for reader in self._readers:
            reader.join(PATIENCE)
        self._readers.clear()


def keep_ports(count: int) -> list[socket.socket]:
    """Ports on 127.0.0.1 that nobody listens on; all different, and nobody else's while these sockets are open.

    A port that were only looked up could be given to another process until ours listens on it, and between two starts.
    The kernel gives no port away that a socket is bound to, and lets who says SO_REUSEADDR listen on it beside one that
    says the same and does not listen. Connections to it are refused until then.
    """
    kept = [socket.socket() for _ in range(count)]
    for one in kept:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
    return kept


def free_ports(count: int) -> list[int]:
    """Such ports, ours until the tests end."""
    _KEPT.extend(kept := keep_ports(count))
    return [_port(one) for one in kept]


_KEPT: list[socket.socket] = []


def _port(one: socket.socket) -> int:
    return int(one.getsockname()[1])


def until(condition: Callable[[], object], *, patience: float = PATIENCE, every: float = 0.01) -> None:
    """Return when `condition` holds; for facts that nothing announces. AssertionError after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not true after {patience} s"
        time.sleep(every)


def _unread(pipe: int) -> int:
    """Octets that wait in it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def _is(line: dict[str, Any], event: str | None, fields: dict[str, Any]) -> bool:
    return (event is None or line.get("event") == event) and all(line.get(name) == fields[name] for name in fields)


def _parsed(text: str) -> dict[str, Any]:
    """A line of the log; what is not JSON (a fault of the start is told in plain words) is its event."""
    try:
        line = json.loads(text)
    except ValueError:
        return {"event": text}
    return line if isinstance(line, dict) else {"event": line}
