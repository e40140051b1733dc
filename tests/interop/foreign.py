"""A foreign ESME in a process of its own, driven by JSON lines: npm_smpp.js says how."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

PATIENCE = 10.0
"""Seconds to wait for something that comes at once if it comes at all."""

Fields = dict[str, Any]


class Foreign:
    """One such process. PDUs are dictionaries by the names of the specification; octet strings are bytes."""

    def __init__(self, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._told: list[Fields] = []
        self._news = threading.Condition()
        self._complaints = ""
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._listen_to_faults)]
        for thread in self._threads:
            thread.start()
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        assert self._process.stdin is not None
        self._process.stdin.close()

    # -- what it is asked to do --------------------------------------------------------------------------------------

    def connect(self, port: int, **options: Any) -> Self:
        self.tell(do="connect", port=port, **options)
        self.expect(lambda told: told["told"] == "connected")
        return self

    def request(self, command: str, **fields: Any) -> Fields:
        """Send a request and return its response."""
        return self.response(self.send(command, **fields))

    def send(self, command: str, **fields: Any) -> int:
        """Send a request and do not wait: `response` takes the number that comes back."""
        self._number += 1
        self.tell(do="request", id=self._number, command=command, fields=fields)
        return self._number

    def response(self, number: int) -> Fields:
        pdu: Fields = self.expect(lambda told: told["told"] == "response" and told["id"] == number)["pdu"]
        return pdu

    def bind(self, kind: str, system_id: str, password: str = "secret", **fields: Any) -> Fields:
        return self.request(f"bind_{kind}", system_id=system_id, password=password, **fields)

    def pdu(self, command: str = "deliver_sm") -> Fields:
        """The next PDU of this kind that the peer sent by itself."""
        pdu: Fields = self.expect(lambda told: told["told"] == "pdu" and told["pdu"]["command"] == command)["pdu"]
        return pdu

    def write(self, octets: bytes) -> None:
        self.tell(do="write", octets=octets.hex())

    def close(self) -> None:
        self.tell(do="close")

    def until_closed(self) -> None:
        self.expect(lambda told: told["told"] == "closed")

    # -- the pipe ----------------------------------------------------------------------------------------------------

    def tell(self, **command: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command, default=_outward) + "\n")
        self._process.stdin.flush()

    def expect(self, wanted: Callable[[Fields], bool], patience: float = PATIENCE) -> Fields:
        """Take the first thing it tells, or told, that is `wanted`; AssertionError if that does not come."""

        def found() -> Fields | None:
            return next((told for told in self._told if wanted(told)), None)

        with self._news:
            there = self._news.wait_for(lambda: found() is not None or self._process.poll() is not None, patience)
            told = found()
            assert there, f"it did not come; so far: {self._told}"
            assert told is not None, f"the client ended: {self._told} {self._complaints}"
            self._told.remove(told)
            return told

    def told(self, what: str) -> list[Fields]:
        """Everything of one kind that was told and not yet taken."""
        with self._news:
            return [told for told in self._told if told["told"] == what]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with self._news:
                    self._told.append(_inward(json.loads(line)))
                    self._news.notify_all()
        self._process.wait()
        with self._news:
            self._news.notify_all()

    def _listen_to_faults(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._complaints += line


def _outward(value: object) -> object:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    raise TypeError(type(value))


def _inward(value: Any) -> Any:
    if isinstance(value, list):
        return [_inward(one) for one in value]
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {key: _inward(one) for key, one in value.items()}
    return value
