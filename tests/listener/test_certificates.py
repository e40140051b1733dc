"""An account that is tied to a client certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smscd import pdu
from smscd.daemon import House
from smscd.link import client_context
from tests.link.certificates import Authority
from tests.listener.calling import Caller, housed, port_of

HOUSE = """
[[listener]]
address = "127.0.0.1:0"

[[listener]]
address = "localhost:0"
tls.certificate = "{certificate}"
tls.key = "{key}"
tls.client_ca = "{ca}"

[[esme]]
system_id = "tied"
password = "secret"
certificate_cn = "carrier-a"

[[esme]]
system_id = "free"
password = "secret"
"""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def house(tmp_path: Path, authority: Authority) -> AsyncIterator[House]:
    server = authority.server("127.0.0.1")
    server.key.chmod(0o600)
    text = HOUSE.format(certificate=server.certificate, key=server.key, ca=authority.path)
    async with housed(tmp_path / "data", text) as house:
        yield house


async def status(house: House, system_id: bytes, tls: ssl.SSLContext | None) -> int:
    peer = Caller(house)
    port = port_of(house, 1 if tls is not None else 0)
    await asyncio.get_running_loop().create_connection(lambda: peer, "127.0.0.1", port, ssl=tls)
    answer = await peer.bind(system_id=system_id)
    peer.cut()
    return int(answer.command_status)


def showing(authority: Authority, common_name: str) -> ssl.SSLContext:
    ours = authority.issue(common_name=common_name)
    return client_context(authority.path, ours.certificate, ours.key)


async def test_the_account_binds_with_the_certificate_of_its_name(house: House, authority: Authority) -> None:
    assert await status(house, b"tied", showing(authority, "carrier-a")) == pdu.ESME_ROK


@pytest.mark.parametrize("common_name", ["carrier-b", "carrier-a.example", "CARRIER-A"])
async def test_another_certificate_of_the_same_authority_does_not_do(
    house: House, authority: Authority, common_name: str
) -> None:
    assert await status(house, b"tied", showing(authority, common_name)) == pdu.ESME_RBINDFAIL
    assert await status(house, b"free", showing(authority, common_name)) == pdu.ESME_ROK


async def test_the_right_password_without_a_certificate_does_not_do(house: House) -> None:
    assert await status(house, b"tied", None) == pdu.ESME_RBINDFAIL
    assert await status(house, b"free", None) == pdu.ESME_ROK
