"""What a reload changes for sessions that are bound, for networks that go and come back, and for the HTTP address."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smscd import pdu
from smscd.connectors import Emulator
from smscd.daemon import House
from smscd.daemon.reload import apply
from smscd.errors import ConfigError
from smscd.link import client_context
from tests.cast import deliver_sm, submit_sm
from tests.link.certificates import Authority
from tests.listener.calling import caller, configured, housed
from tests.machine import PATIENCE

HOUSE = """
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]
deliver_window = 1
window = 7

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"
  [[connector.behaviour]]
  destination_addr = "4470*"
  delay = "1h"

[[route]]
connectors = ["handsets"]
"""
SLOW = b"447000000001"
"""A handset that is reached after an hour."""
OTHER = HOUSE.replace("handsets", "elsewhere")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path / "data", HOUSE) as house:
        yield house


# --- sessions ---------------------------------------------------------------------------------------------------------


async def test_a_wider_window_holds_for_a_session_that_is_bound(house: House, tmp_path: Path) -> None:
    peer = await caller(house)
    peer.acknowledges = False
    for _ in range(3):
        house.journey.accept_mo(deliver_sm())
    await peer.deliveries(1)
    await peer.ask(pdu.EnquireLink())
    assert len(peer.of(pdu.DeliverSm)) == 1
    await apply(house, configured(tmp_path / "data", HOUSE.replace("deliver_window = 1", "deliver_window = 3")))
    await peer.deliveries(3)


async def test_a_window_that_has_become_narrower_keeps_what_is_in_flight(house: House, tmp_path: Path) -> None:
    await apply(house, configured(tmp_path / "data", HOUSE.replace("deliver_window = 1", "deliver_window = 3")))
    peer = await caller(house)
    peer.acknowledges = False
    for _ in range(5):
        house.journey.accept_mo(deliver_sm())
    first, second, third = await peer.deliveries(3)
    await apply(house, configured(tmp_path / "data", HOUSE))
    peer.send(*(pdu.DeliverSmResp(sequence_number=one.sequence_number) for one in (first, second)))
    await peer.ask(pdu.EnquireLink())
    assert len(peer.of(pdu.DeliverSm)) == 3, "one is unanswered, and the window is one"
    peer.send(pdu.DeliverSmResp(sequence_number=third.sequence_number))
    await peer.deliveries(4)


async def test_how_a_session_is_answered_is_changed_while_it_is_bound(house: House, tmp_path: Path) -> None:
    peer = await caller(house)
    wrong = submit_sm(destination_addr=b"")
    before = await peer.ask(wrong)
    changed = HOUSE.replace("window = 7", "window = 9\nresp_body = true")
    await apply(house, configured(tmp_path / "data", changed))
    wrong.sequence_number = 0
    after = await peer.ask(wrong)
    assert (before.command_status, before.message_id) == (pdu.ESME_RINVDSTADR, None)
    assert (after.command_status, after.message_id) == (pdu.ESME_RINVDSTADR, b"")
    assert [session["window"] for session in house._sessions()] == [9]


# --- networks ---------------------------------------------------------------------------------------------------------


async def test_a_network_that_comes_back_has_what_it_had_when_it_went(house: House, tmp_path: Path) -> None:
    peer = await caller(house)
    message_id = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
    network = house.journey.connectors["handsets"]
    await apply(house, configured(tmp_path / "data", OTHER))
    assert "handsets" not in house.journey.connectors
    await apply(house, configured(tmp_path / "data", HOUSE))
    assert house.journey.connectors["handsets"] is network
    assert list(house.departed) == ["elsewhere"]
    assert (await peer.ask(pdu.CancelSm(message_id=message_id))).command_status == pdu.ESME_ROK


async def test_a_network_that_is_gone_is_stopped_with_the_house_and_its_messages_are_found_again(
    tmp_path: Path,
) -> None:
    async with housed(tmp_path / "data", HOUSE) as house:
        peer = await caller(house)
        message_id = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
        gone = house.journey.connectors["handsets"]
        assert isinstance(gone, Emulator)
        await apply(house, configured(tmp_path / "data", OTHER))
        assert gone._timer is not None
    assert gone._timer is None
    assert gone.status()["state"] == "stopped"
    async with housed(tmp_path / "data", HOUSE) as house:
        assert house.journey.connectors["handsets"].status()["in_flight"] == 1
        peer = await caller(house)
        assert (await peer.ask(pdu.CancelSm(message_id=message_id))).command_status == pdu.ESME_ROK


# --- the HTTP address -------------------------------------------------------------------------------------------------

ADMIN = """
[admin]
address = "127.0.0.1:0"
tls.certificate = "{directory}/cert.pem"
tls.key = "{directory}/key.pem"
"""


def put(authority: Authority, directory: Path, common_name: str) -> None:
    issued = authority.issue("127.0.0.1", common_name=common_name)
    shutil.copy(issued.certificate, directory / "cert.pem")
    shutil.copy(issued.key, directory / "key.pem")
    (directory / "key.pem").chmod(0o600)


async def shown(house: House, authority: Authority) -> str:
    """The common name of the certificate that the HTTP address shows."""
    assert house.http is not None
    async with asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection("127.0.0.1", house.http.port, ssl=client_context(authority.path))
    session: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = session.getpeercert()
    writer.close()
    assert certificate is not None
    return next(value for ((key, value),) in certificate["subject"] if key == "commonName")  # type: ignore[misc, str-unpack]


async def test_the_http_address_shows_its_certificate_as_it_is_on_disk_after_a_reload(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    put(authority, tmp_path, "old")
    text = HOUSE + ADMIN.format(directory=tmp_path)
    async with housed(tmp_path / "data", text) as house:
        assert await shown(house, authority) == "old"
        put(authority, tmp_path, "new")
        assert await shown(house, authority) == "old"
        await apply(house, configured(tmp_path / "data", text))
        assert await shown(house, authority) == "new"
        (tmp_path / "cert.pem").write_text("nonsense")
        with pytest.raises(ConfigError):
            await apply(house, configured(tmp_path / "data", text))
        assert await shown(house, authority) == "new"


async def test_tls_of_the_http_address_does_not_begin_or_end_with_a_reload(tmp_path: Path) -> None:
    put(Authority(tmp_path), tmp_path, "old")
    with_tls = HOUSE + ADMIN.format(directory=tmp_path)
    without = HOUSE + '[admin]\naddress = "127.0.0.1:0"\n'
    async with housed(tmp_path / "data", with_tls) as house:
        with pytest.raises(ConfigError, match="restart"):
            await apply(house, configured(tmp_path / "data", without))
        assert house.config.admin is not None
        assert house.config.admin.tls is not None
