"""The commands' end of the control socket, against a real one and against peers that misbehave."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from smscd.admin import CONTROL_SOCKET
from smscd.cli import control
from smscd.cli.control import call, stream
from smscd.errors import ControlError
from tests.cli.conftest import Serve, scripted


def test_arguments_go_out_and_the_result_comes_back(serve: Serve) -> None:
    heard: list[dict[str, Any]] = []
    data_dir = serve({"mo": scripted([{"message_id": "1"}, [1, 2], None], heard)})
    assert call(data_dir, "mo", **{"from": "447700900001", "text": "grüße 😀"}) == {"message_id": "1"}
    assert call(data_dir, "mo") == [1, 2]
    assert call([data_dir], "mo") is None
    assert heard == [{"from": "447700900001", "text": "grüße 😀"}, {}, {}]


def test_what_the_daemon_refuses_is_raised_with_its_remedy(serve: Serve) -> None:
    data_dir = serve({"message.show": scripted([ControlError("no message 42", "smscd message list")])})
    with pytest.raises(ControlError) as caught:
        call(data_dir, "message.show", message_id="42")
    assert (caught.value.reason, caught.value.remedy) == ("no message 42", "smscd message list")


def test_a_command_the_daemon_does_not_know_is_raised(serve: Serve) -> None:
    with pytest.raises(ControlError, match="has no command 'mo'"):
        call(serve({"status": scripted([])}), "mo")


def test_the_first_place_that_answers_is_asked(serve: Serve, tmp_path: Path) -> None:
    stopped, running = tmp_path / "stopped", serve({"status": scripted(["here"])})
    assert call([stopped, running], "status") == "here"


def test_no_daemon_anywhere_names_every_place(tmp_path: Path) -> None:
    left_behind = tmp_path / "two"
    left_behind.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left_behind / CONTROL_SOCKET))
    with pytest.raises(ControlError) as caught:
        call([tmp_path / "one", left_behind], "status")
    assert caught.value.reason == f"no smscd is running on {tmp_path}/one or {tmp_path}/two"
    assert caught.value.remedy == "`smscd run`, or --config FILE of the one that is running"


@contextmanager
def somebody_else() -> Iterator[None]:
    """Root becomes nobody for a while, because root may open everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_the_socket_of_another_user_is_named_as_such(serve: Serve) -> None:
    data_dir = serve({"status": scripted(["never"])})
    (data_dir / CONTROL_SOCKET).chmod(0)
    with somebody_else(), pytest.raises(ControlError, match="belongs to another user"):
        call(data_dir, "status")


def test_a_path_too_long_for_a_socket_is_an_error_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        call(tmp_path / ("d" * 200), "status")


async def counting(arguments: dict[str, Any]) -> Any:
    async def steps() -> AsyncIterator[dict[str, int]]:
        for done in range(arguments["to"]):
            yield {"done": done}
            await asyncio.sleep(0)
        if arguments["to"] > 2:
            raise ControlError("too far", "two")

    return steps()


def test_long_work_is_told_step_by_step(serve: Serve) -> None:
    assert list(stream(serve({"count": counting}), "count", to=2)) == [{"done": 0}, {"done": 1}]


def test_long_work_that_fails_raises_after_its_steps(serve: Serve) -> None:
    steps = stream(serve({"count": counting}), "count", to=3)
    assert [next(steps)["done"] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ControlError, match="too far"):
        next(steps)


def test_long_work_that_is_refused_at_once_raises_at_once(serve: Serve) -> None:
    with pytest.raises(ControlError, match="has no command"):
        next(stream(serve({"count": counting}), "cuont", to=3))


@contextmanager
def peer(data_dir: Path, answer: bytes | None) -> Iterator[None]:
    """Somebody on the control socket who says `answer` and hangs up; None: who says nothing."""
    data_dir.mkdir(exist_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(data_dir / CONTROL_SOCKET))
    listening.listen()
    over = threading.Event()

    def serve_one() -> None:
        connected, _ = listening.accept()
        with connected:
            connected.recv(65536)
            if answer is None:
                over.wait(30)
            else:
                connected.sendall(answer)
                connected.shutdown(socket.SHUT_WR)
                while connected.recv(65536):  # to the end: closing on unread octets would reset instead of end
                    pass

    thread = threading.Thread(target=serve_one)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)
        listening.close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"SSH-2.0-OpenSSH_9.2\r\n"],
    ids=["hangs up", "breaks off", "is something else"],
)
def test_a_daemon_that_dies_half_way_is_told_plainly(tmp_path: Path, answer: bytes) -> None:
    with peer(tmp_path, answer), pytest.raises(ControlError, match="went away in the middle"):
        call(tmp_path, "status")


def test_an_answer_that_is_no_json_is_told_plainly(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"
    with peer(tmp_path, answer), pytest.raises(ControlError, match="answered 502 Bad Gateway"):
        call(tmp_path, "status")


def test_a_daemon_that_hangs_does_not_hang_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.05)
    with peer(tmp_path, None), pytest.raises(ControlError, match="has not answered"):
        call(tmp_path, "status")
