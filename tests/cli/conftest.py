"""A daemon's end of the control socket in a thread, with whatever commands a test gives it."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from smscd.admin import CONTROL_SOCKET
from smscd.admin.control import Command, ControlServer
from smscd.cli import app, output, status

Serve = Callable[..., Path]
Smscd = Callable[..., Result]


@contextmanager
def serving(data_dir: Path, commands: dict[str, Command]) -> Iterator[None]:
    """`commands` answer on the control socket in `data_dir` as long as the block lasts."""
    loop = asyncio.new_event_loop()
    server = ControlServer(data_dir / CONTROL_SOCKET, commands)
    loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve(commands, name)` starts one and returns its data directory."""
    with ExitStack() as stack:

        def start(commands: dict[str, Command], name: str = "data") -> Path:
            data_dir = tmp_path / name
            data_dir.mkdir(parents=True)
            stack.enter_context(serving(data_dir, commands))
            return data_dir

        yield start


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test meets an smscd of this machine, whatever its user has running."""
    monkeypatch.setattr("smscd.cli.places.SYSTEM_CONFIG", tmp_path / "etc" / "smscd.toml")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("SMSCD_CONFIG", raising=False)


@pytest.fixture
def smscd() -> Smscd:
    """`smscd("status", "--json")` as typed in a shell; its exit code, stdout and stderr come back."""

    def typed(*words: str | Path, **options: Any) -> Result:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            return CliRunner().invoke(app, [str(word) for word in words], prog_name="smscd", **options)
        finally:
            signal.pthread_sigmask(
                signal.SIG_SETMASK, mask
            )  # `run` blocks what ends it, and would end with its process

    return typed


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is a wide terminal."""
    for module in (output, status):
        monkeypatch.setattr(module, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "240")


def scripted(answers: Sequence[Any], heard: list[dict[str, Any]] | None = None) -> Command:
    """A command that gives one answer after the other, raising those that are exceptions."""
    left = list(answers)

    async def command(arguments: dict[str, Any]) -> Any:
        if heard is not None:
            heard.append(arguments)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return command
