"""What systemd hears."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from smscd.daemon import systemd
from tests.machine import PATIENCE


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The other end of NOTIFY_SOCKET; its path is short, as those of sockets have to be."""
    with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        path = Path(directory) / "notify"
        listening.bind(str(path))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listening


def test_it_hears_readiness_reload_and_stop(manager: socket.socket) -> None:
    systemd.ready()
    systemd.reloading()
    systemd.stopping()
    heard = [manager.recv(200).decode().splitlines()[0] for _ in range(3)]
    assert heard == ["READY=1", "RELOADING=1", "STOPPING=1"]


def test_a_reload_says_when_it_began(manager: socket.socket) -> None:
    systemd.reloading()
    _, when = manager.recv(200).decode().splitlines()
    assert int(when.removeprefix("MONOTONIC_USEC=")) > 0


def test_an_abstract_socket_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel chooses an abstract name
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + listening.getsockname()[1:].decode())
        systemd.ready()
        assert listening.recv(200).startswith(b"READY=1")


def test_nobody_has_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    systemd.ready()
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    systemd.ready()


async def test_the_watchdog_is_fed_twice_in_its_interval(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    feeding = asyncio.create_task(systemd.feed_watchdog())
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE):
        heard = [await loop.sock_recv(manager, 200) for _ in range(3)]
    assert heard == [b"WATCHDOG=1"] * 3
    feeding.cancel()


async def test_without_a_watchdog_nothing_is_fed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    async with asyncio.timeout(PATIENCE):
        await systemd.feed_watchdog()
