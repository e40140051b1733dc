"""Foreign ESMEs in a process of their own, driven by JSON lines: npm_smpp.js says how."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from tests.machine import PATIENCE

Fields = dict[str, Any]


class Driver:
    """One such process, with as many ESMEs as a test asks for."""

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
        self._esmes = 0

    @contextmanager
    def esmes(self) -> Iterator[Callable[[], Foreign]]:
        """Makes as many ESMEs as a test wants, not connected yet; in the end they are closed."""
        made = []

        def make() -> Foreign:
            self._esmes += 1
            made.append(Foreign(self, self._esmes))
            return made[-1]

        yield make
        for esme in made:
            esme.close()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        assert self._process.stdin is not None
        self._process.stdin.close()

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

    def left(self, wanted: Callable[[Fields], bool]) -> list[Fields]:
        """Everything `wanted` that was told and not yet taken."""
        with self._news:
            return [told for told in self._told if wanted(told)]

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


class Foreign:
    """One foreign ESME. PDUs are dictionaries by the names of the specification; octet strings are bytes."""

    def __init__(self, driver: Driver, number: int) -> None:
        self._driver = driver
        self._on = number
        self._requests = 0

    def connect(self, port: int, **options: Any) -> Self:
        self.tell(do="connect", port=port, **options)
        self.expect("connected")
        return self

    def bind(self, kind: str, system_id: str, password: str = "secret", **fields: Any) -> Fields:
        return self.request(f"bind_{kind}", system_id=system_id, password=password, **fields)

    def request(self, command: str, **fields: Any) -> Fields:
        """Send a request and return its response."""
        return self.response(self.send(command, **fields))

    def send(self, command: str, **fields: Any) -> int:
        """Send a request and do not wait: `response` takes the number that comes back."""
        self._requests += 1
        self.tell(do="request", id=self._requests, command=command, fields=fields)
        return self._requests

    def response(self, number: int) -> Fields:
        pdu: Fields = self.expect("response", id=number)["pdu"]
        return pdu

    def pdu(self, command: str = "deliver_sm") -> Fields:
        """The next PDU of this kind that the peer sent by itself."""
        pdu: Fields = self._driver.expect(lambda told: self._is(told, "pdu", {}) and told["pdu"]["command"] == command)[
            "pdu"
        ]
        return pdu

    def write(self, octets: bytes) -> None:
        self.tell(do="write", octets=octets.hex())

    def close(self) -> None:
        self.tell(do="close")

    def until_closed(self, patience: float = PATIENCE) -> None:
        self.expect("closed", patience)

    def tell(self, **command: Any) -> None:
        self._driver.tell(on=self._on, **command)

    def expect(self, what: str, patience: float = PATIENCE, **fields: Any) -> Fields:
        return self._driver.expect(lambda told: self._is(told, what, fields), patience)

    def told(self, what: str) -> list[Fields]:
        """Everything of one kind that was told and not yet taken."""
        return self._driver.left(lambda told: self._is(told, what, {}))

    def _is(self, told: Fields, what: str, fields: Fields) -> bool:
        return told["on"] == self._on and told["told"] == what and fields.items() <= told.items()


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
