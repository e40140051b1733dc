"""The control socket, asked by a foreign HTTP client over a real unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop
from structlog.testing import capture_logs

from smscd.admin import control
from smscd.admin.control import LARGEST_REQUEST, LONGEST_PATH, Command, ControlServer
from smscd.background import COURTESY
from smscd.errors import ControlError
from tests.machine import PATIENCE


async def echo(arguments: dict[str, Any]) -> Any:
    return {"you said": arguments}


async def refuse(_: dict[str, Any]) -> Any:
    raise ControlError("no message 42", "smscd message list")


async def break_down(_: dict[str, Any]) -> Any:
    raise KeyError("secret inner workings")


async def answer_nonsense(_: dict[str, Any]) -> Any:
    return object()


async def count(arguments: dict[str, Any]) -> Any:
    return counting(arguments["to"])


async def counting(end: int) -> AsyncIterator[dict[str, Any]]:
    for done in range(end):
        yield {"done": done}
        await asyncio.sleep(0)
    if end == 3:
        raise ControlError("three is too many", "two")
    if end == 4:
        raise KeyError("four")


COMMANDS: dict[str, Command] = {
    "echo": echo,
    "refuse": refuse,
    "break": break_down,
    "nonsense": answer_nonsense,
    "count": count,
}


@asynccontextmanager
async def serving(path: Path, commands: dict[str, Command] | None = None) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, commands or COMMANDS)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(path: Path, command: str, body: bytes = b"{}", method: str = "POST") -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.request(method, f"http://smscd/{command}", data=body) as response,
    ):
        return response.status, await response.text()


def mode_of(path: Path) -> int:
    return path.stat().st_mode


def is_there(path: Path) -> bool:
    return path.exists()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


async def test_a_command_gets_its_arguments_and_its_result_comes_back(path: Path) -> None:
    async with serving(path):
        status, text = await ask(path, "echo", b'{"to": "447700900001", "limit": 3}')
    assert status == 200
    assert json.loads(text) == {"you said": {"to": "447700900001", "limit": 3}}


async def test_a_command_without_a_body_has_no_arguments(path: Path) -> None:
    async with serving(path):
        status, text = await ask(path, "echo", b"")
    assert (status, json.loads(text)) == (200, {"you said": {}})


async def test_what_cannot_be_carried_out_says_why_and_what_to_try(path: Path) -> None:
    async with serving(path):
        status, text = await ask(path, "refuse")
    assert status == 422
    assert json.loads(text) == {"error": "no message 42", "try": "smscd message list"}


async def test_a_fault_of_ours_is_logged_once_and_told_in_a_plain_line(path: Path) -> None:
    with capture_logs() as logs:
        async with serving(path):
            status, text = await ask(path, "break")
    assert status == 500
    assert json.loads(text) == {"error": "break failed inside smscd", "try": "the daemon's log says why"}
    assert [(entry["event"], entry["command"]) for entry in logs] == [("control command failed", "break")]
    assert logs[0]["exc_info"]


async def test_a_result_that_json_cannot_say_is_a_fault_and_not_a_hang(path: Path) -> None:
    with capture_logs() as logs:
        async with serving(path):
            status, _ = await ask(path, "nonsense")
            again, _ = await ask(path, "echo")
    assert (status, again, len(logs)) == (500, 200, 1)


async def test_an_unknown_command_is_told_which_ones_there_are(path: Path) -> None:
    async with serving(path):
        status, text = await ask(path, "stauts")
    assert status == 404
    assert json.loads(text) == {
        "error": "this smscd has no command 'stauts'",
        "try": "one of break, count, echo, nonsense, refuse",
    }


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b'"text"', b"{} {}"])
async def test_arguments_that_are_no_object_are_refused(path: Path, body: bytes) -> None:
    async with serving(path):
        status, text = await ask(path, "echo", body)
    assert status == 400
    assert json.loads(text)["try"] == "a JSON object as the body of the request"


async def test_only_post_runs_a_command(path: Path) -> None:
    ran: list[dict[str, Any]] = []

    async def note(arguments: dict[str, Any]) -> Any:
        ran.append(arguments)
        return None

    async with serving(path, {"note": note}):
        for method in ("GET", "PUT", "DELETE"):
            status, _ = await ask(path, "note", method=method)
            assert status == 405
    assert ran == []


async def test_arguments_beyond_a_mebibyte_are_not_taken_in(path: Path) -> None:
    async with serving(path):
        status, _ = await ask(path, "echo", json.dumps({"text": "x" * LARGEST_REQUEST}).encode())
    assert status == 413


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
async def test_a_body_that_is_not_what_it_says_is_refused_in_words(path: Path, encoding: bytes) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: %b\r\nContent-Length: 9\r\n\r\n" % encoding
    async with serving(path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(head + b"\x00" * 9)
        assert b" 400 " in await reader.readline()
        assert b"the body cannot be read" in await reader.read()
        writer.close()


async def test_long_work_is_told_line_by_line(path: Path) -> None:
    async with serving(path):
        status, text = await ask(path, "count", b'{"to": 2}')
    assert status == 200
    assert [json.loads(line) for line in text.splitlines()] == [{"done": 0}, {"done": 1}]


async def test_long_work_that_fails_half_way_ends_in_an_error_line(path: Path) -> None:
    with capture_logs() as logs:
        async with serving(path):
            _, refused = await ask(path, "count", b'{"to": 3}')
            _, broken = await ask(path, "count", b'{"to": 4}')
    assert json.loads(refused.splitlines()[-1]) == {"error": "three is too many", "try": "two"}
    assert json.loads(broken.splitlines()[-1])["error"] == "count failed inside smscd"
    assert len(refused.splitlines()) == 4
    assert len(logs) == 1


async def test_the_work_of_a_reader_who_went_away_is_ended(path: Path) -> None:
    ended = asyncio.Event()

    async def forever(_: dict[str, Any]) -> Any:
        return endless()

    async def endless() -> AsyncIterator[dict[str, Any]]:
        try:
            while True:
                yield {"line": "x" * 1000}
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with serving(path, {"forever": forever}):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"POST /forever HTTP/1.1\r\nHost: smscd\r\nContent-Length: 2\r\n\r\n{}")
        await reader.readuntil(b"xxx")
        writer.transport.abort()
        await asyncio.wait_for(ended.wait(), PATIENCE)


async def test_only_the_owner_may_open_the_socket(path: Path) -> None:
    before = os.umask(0)
    try:
        async with serving(path):
            mode = mode_of(path)
            assert os.umask(0) == 0, "the umask of the process is what it was"
    finally:
        os.umask(before)
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


async def test_a_socket_that_a_dead_process_left_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(path):
        status, _ = await ask(path, "echo")
    assert status == 200
    assert not is_there(path), "a clean stop leaves none"


async def test_the_socket_of_a_living_smscd_is_left_alone(path: Path) -> None:
    async with serving(path):
        with pytest.raises(ControlError, match="another smscd answers"):
            await ControlServer(path, COMMANDS).start()
        status, _ = await ask(path, "echo")
    assert status == 200


def test_a_file_in_the_place_of_the_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ControlError, match="is not a socket"):
        asyncio.run(ControlServer(path, COMMANDS).start())
    assert path.read_text() == "precious"


async def test_a_path_too_long_for_a_unix_socket_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / ("d" * LONGEST_PATH)
    with pytest.raises(ControlError, match="longer than 107 octets") as caught:
        await ControlServer(path, COMMANDS).start()
    assert caught.value.remedy == "a shorter data_dir"


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="No such file"):
        await ControlServer(tmp_path / "gone" / "control.sock", COMMANDS).start()


def test_it_works_the_same_on_uvloop(path: Path) -> None:
    async def once() -> tuple[int, int]:
        async with serving(path):
            status, _ = await ask(path, "echo")
            return status, stat.S_IMODE(mode_of(path))

    assert uvloop.run(once()) == (200, 0o600)
    assert not is_there(path)


@pytest.mark.parametrize("items", [0, 1, 200, 201, 1000, 10_001])
async def test_a_long_list_is_encoded_in_portions_and_says_the_same(items: int) -> None:
    value = {"messages": [{"message_id": str(n), "text": 'a "é", [x]'} for n in range(items)], "more": None, "é": [1]}
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    encoded = await control._encoded(value)
    beside.cancel()
    assert json.loads(encoded) == value
    assert encoded.endswith(b"\n")
    assert turns >= (items // control.PORTION if items > control.PORTION else 0)


async def test_who_waits_for_the_interpreter_has_it_soon_while_a_command_computes(tmp_path: Path) -> None:
    async def interval(_: dict[str, Any]) -> Any:
        return {"interval": sys.getswitchinterval()}

    usual, path = sys.getswitchinterval(), tmp_path / "control"
    async with serving(path, {"interval": interval}):
        status, said = await ask(path, "interval")
    assert (status, json.loads(said)["interval"]) == (200, pytest.approx(COURTESY))
    assert sys.getswitchinterval() == usual
