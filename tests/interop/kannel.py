"""Kannel 1.4 as an ESME: bearerbox speaks SMPP to us, smsbox speaks HTTP to the test."""

from __future__ import annotations

import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.machine import PATIENCE
from tests.running import free_ports, until

CONFIG = """\
group = core
admin-port = {admin}
admin-password = secret
status-password = secret
admin-interface = 127.0.0.1
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
log-file = "{directory}/bearerbox.log"
log-level = 0
store-type = file
store-location = "{directory}/kannel.store"

group = smsc
smsc = smpp
smsc-id = smscd
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
address-range = ""
source-addr-autodetect = yes
enquire-link-interval = 1
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{directory}/smsbox.log"
log-level = 0

group = sendsms-user
username = tester
password = secret
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:{callbacks}/mo?from=%p&to=%P&coding=%c&octets=%b"
"""


class Callbacks:
    """The HTTP server that Kannel calls with what arrived and with what became of what was sent."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._calls: list[tuple[str, dict[str, bytes]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path, _, query = self.path.partition("?")
                fields = dict(word.partition("=")[::2] for word in query.split("&"))
                with outer._news:
                    outer._calls.append((path, {key: _octets(value) for key, value in fields.items()}))
                    outer._news.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self, path: str) -> dict[str, bytes]:
        """Take the first call of `path`, now or when it comes."""

        def found() -> tuple[str, dict[str, bytes]] | None:
            return next((call for call in self._calls if call[0] == path), None)

        with self._news:
            assert self._news.wait_for(found, PATIENCE), f"Kannel has not called {path}; it called {self._calls}"
            call = found()
            assert call is not None
            self._calls.remove(call)
            return call[1]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _octets(quoted: str) -> bytes:
    return urllib.parse.unquote_to_bytes(quoted.replace("+", " "))


class Kannel:
    """A running bearerbox and smsbox."""

    def __init__(self, directory: Path, port: int, system_id: str, password: str) -> None:
        self.callbacks = Callbacks()
        self.admin, boxes, self.sendsms = free_ports(3)
        self.config = directory / "kannel.conf"
        self.config.write_text(CONFIG.format(
            admin=self.admin, boxes=boxes, sendsms=self.sendsms, directory=directory, port=port, system_id=system_id,
            password=password, callbacks=self.callbacks.port,
        ))  # fmt: skip
        self._processes = [self._start("bearerbox")]
        until(lambda: "Status: running" in self.status(), patience=PATIENCE)
        self._processes.append(self._start("smsbox"))
        until(lambda: "smsbox" in self.status() and self._get(self.sendsms, "/"), patience=PATIENCE)

    def _start(self, box: str) -> subprocess.Popen[bytes]:
        found = program(box)
        assert found is not None
        return subprocess.Popen(
            [found, str(self.config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def status(self) -> str:
        return self._get(self.admin, "/status.txt?password=secret")

    @property
    def online(self) -> bool:
        """Whether Kannel says that it is bound."""
        return "(online" in self.status()

    def send(self, to: str, text: str, **options: Any) -> str:
        """Kannel's answer. Its reports of the message come as calls of `/dlr`."""
        report = f"http://127.0.0.1:{self.callbacks.port}/dlr?type=%d&id=%F&text=%A"
        query = {
            "username": "tester", "password": "secret", "from": "12345", "to": to, "text": text, "charset": "UTF-8",
            "dlr-mask": "27", "dlr-url": report, **options,
        }  # fmt: skip
        return self._get(self.sendsms, "/cgi-bin/sendsms?" + urllib.parse.urlencode(query))

    @staticmethod
    def _get(port: int, path: str) -> str:
        """What is answered there; nothing if nobody listens yet."""
        with suppress(OSError):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as response:
                    return str(response.read().decode())
            except urllib.error.HTTPError as answer:
                return str(answer.read().decode()) or "empty"
        return ""

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait(PATIENCE)
        self.callbacks.stop()


def program(box: str) -> str | None:
    """Where Debian puts it, which is not on everybody's PATH."""
    return shutil.which(box) or shutil.which(f"/usr/sbin/{box}")


@contextmanager
def running(directory: Path, port: int, system_id: str, password: str) -> Iterator[Kannel]:
    kannel = Kannel(directory, port, system_id, password)
    try:
        yield kannel
    finally:
        kannel.stop()
