"""Kannel (Debian: apt-get install kannel) in front of the same sink, and a load of its HTTP door.

    python bench/kannel.py [--count 20000]      # what bench/gateway.py --servers kannel runs

Its SMPP door (opensmppbox) is not packaged, so messages come in by `sendsms` over kept-alive connections, and what
became of them goes out as calls of a dlr-url. Receipts are remembered in memory and the store is a file: the lightest
settings that survive a kill of the process at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from load import Result, cpu

CONFIG = """\
group = core
admin-port = {admin}
admin-password = secret
admin-interface = 127.0.0.1
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
log-file = "{directory}/bearerbox.log"
log-level = 4
store-type = file
store-location = "{directory}/kannel.store"
dlr-storage = internal
sms-incoming-queue-limit = 1000000
sms-outgoing-queue-limit = 1000000

group = smsc
smsc = smpp
smsc-id = sink
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = gw
smsc-password = gw-pass
system-type = ""
address-range = ""
max-pending-submits = 100
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{directory}/smsbox.log"
log-level = 4

group = sendsms-user
username = test
password = secret
"""


def program(box: str) -> str | None:
    """Where Debian puts it, which is not on everybody's PATH."""
    return shutil.which(box) or shutil.which(f"/usr/sbin/{box}")


@contextlib.contextmanager
def running(directory: Path, sink_port: int) -> Iterator[tuple[list[int], int]]:
    """(process ids, port of its HTTP door)."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(3)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        admin, boxes, sendsms = (probe.getsockname()[1] for probe in probes)
    config = directory / "kannel.conf"
    config.write_text(CONFIG.format(directory=directory, admin=admin, boxes=boxes, sendsms=sendsms, port=sink_port))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for box, port in (("bearerbox", boxes), ("smsbox", sendsms)):
            found = program(box)
            if found is None:
                sys.exit(f"{box} is not installed (Debian: apt-get install kannel)")
            processes.append(subprocess.Popen([found, config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            _wait_for(port)
        time.sleep(1.0)  # until it has bound to the sink: nothing tells
        yield [process.pid for process in processes], sendsms
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    sys.exit("kannel did not start")


class _Door(asyncio.Protocol):
    """One kept-alive connection: the next request leaves when the last is answered."""

    def __init__(self, load: HttpLoad) -> None:
        self.load = load
        self.buffer = b""
        self.asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.load.idle.append(self)
        self.load.go_on()

    def ask(self, request: bytes) -> None:
        self.asked = time.monotonic()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not found or len(body) < int(length or 0):
            return
        self.buffer = b""
        self.load.answered(time.monotonic() - self.asked, head.startswith(b"HTTP/1.1 202"))
        self.load.idle.append(self)
        self.load.go_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.load.done.set()


class _Dlr(asyncio.Protocol):
    """Takes calls of the dlr-url."""

    def __init__(self, load: HttpLoad) -> None:
        self.load = load
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        calls = self.buffer.count(b"\r\n\r\n")
        if calls:
            self.buffer = self.buffer[self.buffer.rindex(b"\r\n\r\n") + 4 :]
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * calls)
            self.load.reported(calls)


class HttpLoad:
    """As `load.run`, through sendsms: `window` connections, one request at a time on each."""

    def __init__(self, port: int, count: int, window: int, receipts: bool, rate: float, octets: int = 100) -> None:
        self.port, self.count, self.window, self.receipts, self.rate = port, count, window, receipts, rate
        self.octets = octets
        self.result = Result()
        self.idle: list[_Door] = []
        self.done = asyncio.Event()
        self.started = 0.0

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Dlr(self), "127.0.0.1", 0)
        self.dlr_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        before = cpu()
        self.started = time.monotonic()
        for _ in range(self.window):
            await loop.create_connection(lambda: _Door(self), "127.0.0.1", self.port)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(120):
                await self.done.wait()
        self.result.circle_seconds = time.monotonic() - self.started
        self.result.seconds = self.result.seconds or self.result.circle_seconds
        self.result.client_cpu = cpu() - before
        server.close()
        return self.result

    def go_on(self) -> None:
        while self.idle and self.result.sent < self.count:
            due = self.started + self.result.sent / self.rate if self.rate else 0.0
            if due > (now := time.monotonic()):
                asyncio.get_running_loop().call_later(due - now, self.go_on)
                return
            self.result.sent += 1
            self.idle.pop().ask(self.request())

    def request(self) -> bytes:
        text = b"%016x" % time.monotonic_ns() + b"x" * (self.octets - 16)
        query = {"username": "test", "password": "secret", "from": "12345", "to": "447700900123", "text": text}
        if self.receipts:
            query |= {"dlr-mask": "3", "dlr-url": self.dlr_url}
        path = "/cgi-bin/sendsms?" + urllib.parse.urlencode(query)
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    def answered(self, seconds: float, accepted: bool) -> None:
        result = self.result
        result.latencies.append(seconds)
        result.answered += accepted
        result.refused += not accepted
        if result.answered + result.refused == self.count:
            result.seconds = time.monotonic() - self.started
            self.look()

    def reported(self, calls: int) -> None:
        self.result.receipts += calls
        self.look()

    def look(self) -> None:
        if self.result.seconds and (not self.receipts or self.result.receipts >= self.result.answered):
            self.done.set()


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, Path(__file__).with_name("gateway.py"), "--servers", "kannel",
                              "--rows", "forward,circle,pace", *sys.argv[1:]]))  # fmt: skip
