"""A reload that is refused leaves everything as it was, and does not stand in the way of the next."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from smscd.config import load
from smscd.daemon import House
from smscd.daemon.reload import reload
from tests.running import EMULATOR, Running, free_ports

LISTENER = '[[listener]]\naddress = "127.0.0.1:{}"\n'
REFUSED = "reload refused, nothing changed"


@pytest.fixture
def smscd(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path) as running:
        yield running


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_refused_reload_gives_back_the_addresses_it_took(smscd: Running, tmp_path: Path) -> None:
    (another,) = free_ports(1)
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("not what its name says")
        (tmp_path / name).chmod(0o600)
    tls = f'tls.certificate = "{tmp_path}/cert.pem"\ntls.key = "{tmp_path}/key.pem"\n'
    door = 'address = "127.0.0.1:0"\n'
    smscd.reload(EMULATOR.replace(door, door + tls) + LISTENER.format(another))
    smscd.wait_for(REFUSED)
    assert not listens(another)
    smscd.reload(EMULATOR + LISTENER.format(another))
    smscd.wait_for("listening", address=f"127.0.0.1:{another}")
    assert listens(another)


def test_a_reload_that_cannot_have_an_address_says_which(smscd: Running) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        smscd.reload(EMULATOR + f'[[listener]]\naddress = "{address}"\n')
        smscd.wait_for(REFUSED, finding=f"cannot listen on {address}: Address already in use")


async def test_reloads_that_come_together_are_done_one_after_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Side by side, the second would find its addresses taken by the first."""
    one, two = free_ports(2)
    path = tmp_path / "smscd.toml"
    path.write_text(f'[smscd]\ndata_dir = "{tmp_path}"\n' + EMULATOR)
    house = House(load(path))
    await house.start()
    try:
        path.write_text(path.read_text() + LISTENER.format(one) + LISTENER.format(two))
        await asyncio.gather(reload(house, path), reload(house, path), reload(house, path))
        assert list(house.receptions) == ["127.0.0.1:0", f"127.0.0.1:{one}", f"127.0.0.1:{two}"]
        assert REFUSED not in capsys.readouterr().err
    finally:
        await house.stop()
