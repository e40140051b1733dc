"""`smscd modem emulate` as users start it: a process, its events, and lines that tell it what to do."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.machine import PATIENCE

Event = dict[str, Any]


class Emulated:
    """The running process. Events are kept in the order they came; `wait` consumes them up to the one asked for."""

    def __init__(self, device: Path, process: subprocess.Popen[str]) -> None:
        self.device = device
        self.events: list[Event] = []
        self._process = process
        self._seen = 0
        self._news = threading.Condition()
        self._ended = False
        threading.Thread(target=self._listen, daemon=True).start()

    def tell(self, line: str) -> str:
        """Write a line to its console and return the answer."""
        assert self._process.stdin is not None
        with self._news:
            self._seen = len(self.events)
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return str(self.wait("answer", to=line.strip())["answer"])

    def wait(self, event: str, **facts: Any) -> Event:
        """The next such event; everything before it is passed over."""
        wanted = {"event": event, **facts}
        with self._news:
            while True:
                while self._seen < len(self.events):
                    found = self.events[self._seen]
                    self._seen += 1
                    if wanted.items() <= found.items():
                        return found
                assert not self._ended, f"the emulated modem ended before {wanted}: {self.events}"
                assert self._news.wait(PATIENCE), f"no {wanted} came: {self.events}"

    def all(self, event: str) -> list[Event]:
        """Every such event so far."""
        with self._news:
            return [found for found in self.events if found["event"] == event]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()


@contextmanager
def emulated(directory: Path, *options: str) -> Iterator[Emulated]:
    """An emulated modem behind `directory`/modem."""
    link = directory / "modem"
    command = [sys.executable, "-m", "smscd", "modem", "emulate", "--link", str(link), "--json", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        modem = Emulated(link, process)
        try:
            modem.wait("device")
            yield modem
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
