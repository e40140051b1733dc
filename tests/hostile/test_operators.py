"""The two doors for operators: the control socket and the admin address."""

from __future__ import annotations

import errno
import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.house import House
from tests.machine import PATIENCE


def control(house: House, octets: bytes, *, half_close: bool = True) -> bytes:
    """Write octets to the control socket and take everything until it ends."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(house.running.data_dir / "control.sock"))
        return exchange(sock, octets, half_close=half_close)


def admin(house: House, octets: bytes) -> bytes:
    """The same with the admin address."""
    with socket.create_connection(("127.0.0.1", house.admin_port), PATIENCE) as sock:
        return exchange(sock, octets, half_close=True)


def exchange(sock: socket.socket, octets: bytes, *, half_close: bool) -> bytes:
    heard = b""
    try:
        sock.sendall(octets)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        while more := sock.recv(65536):
            heard += more
    except OSError as broken:
        # It had heard enough. Which call notices (EPIPE, ECONNRESET, ENOTCONN) is a race of its reset with our octets.
        if broken.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
            raise
    return heard


def post(house: House, command: str, body: bytes) -> tuple[int, Any]:
    """A command with any body: its HTTP status and what it says."""
    head = f"POST /{command} HTTP/1.1\r\nHost: smscd\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    answer = control(house, head.encode() + body, half_close=False)
    status, _, rest = answer.partition(b"\r\n")
    said = rest.partition(b"\r\n\r\n")[2]
    return int(status.split()[1]), json.loads(said) if b"application/json" in rest else said


def test_the_control_socket_and_the_data_are_for_their_owner_alone(house: House) -> None:
    data_dir = house.running.data_dir
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "control.sock").stat().st_mode) == 0o600
    for path in data_dir.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, f"{path} is open to others"


STATUS = b"POST /status HTTP/1.1\r\nHost: smscd\r\n"
GARBAGE = {
    "zeroes": b"\x00" * 1000,
    "ones": b"\xff" * 70_000,
    "not HTTP": b"GET / SMPP/3.4\r\n\r\n",
    "no host": b"POST /status HTTP/1.1\r\n\r\n",
    "less than nothing": STATUS + b"Content-Length: -1\r\n\r\n",
    "more than there is": STATUS + b"Content-Length: 99999999999999999999\r\n\r\n",
    "a long path": b"POST " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": STATUS + b"X: y\r\n" * 20_000 + b"\r\n",
    "an endless chunk": STATUS + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
    "a way out": b"POST /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
}


@pytest.mark.parametrize("octets", GARBAGE.values(), ids=GARBAGE)
def test_garbage_at_the_operators_doors_hurts_nobody(house: House, octets: bytes) -> None:
    for door in (control, admin):
        heard = door(house, octets)
        assert heard == b"" or heard.startswith(b"HTTP/1."), heard[:100]
        assert b"Traceback" not in heard
    assert house.running.ask("status")["sessions"]


def test_a_huge_body_is_refused_before_it_fills_memory(house: House) -> None:
    status, _ = post(house, "status", b" " * (2 << 20))
    assert status == 413


@pytest.fixture
def strange_arguments() -> Iterator[tuple[str, dict[str, Any]]]:
    """Arguments that no command can do anything with."""
    return iter((
        ("message.list", {"limit": "many"}), ("message.list", {"limit": []}), ("message.list", {"limit": -5}),
        ("message.list", {"limit": 1 << 70}), ("message.list", {"stage": 7}), ("message.list", {"before": "nonsense"}),
        ("message.list", {"system_id": {"a": 1}}), ("message.list", {"from": ["x"]}),
        ("message.show", {"message_id": "9" * 5000}), ("message.show", {"message_id": "\ud800"}),
        ("message.show", {"message_id": None}), ("message.show", {}), ("message.cancel", {"message_id": "١٢٣"}),
        ("message.retry", {"message_id": 5}), ("mo", {"from": "x" * 5000, "to": "12345", "text": "a"}),
        ("mo", {"from": "447700900123", "to": "4" * 64, "text": "a"}), ("mo", {"from": "a\0b", "to": "1", "text": "a"}),
        ("mo", {"from": "日本", "to": "12345", "text": "a"}), ("mo", {"from": "1", "to": "日本", "text": "a"}),
        ("mo", {"from": "1", "to": "12345", "text": "x" * 900_000}), ("mo", {"from": "1", "to": "2", "text": "\ud800"}),
        ("mo", {"from": {}, "to": [], "text": {}}), ("route.explain", {"from": "\ud800", "to": "1"}),
        ("route.explain", {"from": 5, "to": 6, "esme": {}, "text": []}), ("status", {"\ud800": 1}),
    ))  # fmt: skip


def test_arguments_that_make_no_sense_are_answered_in_words(
    house: House, strange_arguments: Iterator[tuple[str, dict[str, Any]]]
) -> None:
    for command, arguments in strange_arguments:
        status, said = post(house, command, json.dumps(arguments).encode())
        assert status in {200, 400, 422}, f"{command} {arguments!r:.100} was answered {status} {said}"
        if status != 200:
            assert said["error"], f"{command} {arguments!r:.100}"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"5", b"{", b"\xff\xfe", b'{"a":' * 10_000, b'"' + b"x" * 1000])
def test_a_body_that_is_no_json_object_is_refused_in_words(house: House, body: bytes) -> None:
    status, said = post(house, "message.show", body)
    assert status in {400, 422}
    assert said["error"]


def test_a_handset_may_send_any_text_and_it_arrives(house: House) -> None:
    texts = ("", "\0", "\x1b", "é€", "日本語", "🏴" * 200, "\r\n", "x" * 2000)
    for text in texts:
        house.running.ask("mo", **{"from": "447700900123", "to": "54321", "text": text})
    with house.bound("mo") as peer:
        for _ in texts:
            heard = peer.hear()
            assert heard is not None


def test_the_data_directory_holds_no_clear_password(house: House) -> None:
    for path in Path(house.running.data_dir).rglob("*"):
        if path.is_file():
            assert b"open sesame" not in path.read_bytes()
