"""An upstream that rings: it connects, says outbind, and is bound to on its own connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from smscd import pdu
from smscd.link import Link, client_context, connect
from smscd.session import Session, SessionSettings, Side
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.config.writing import said
from tests.connectors.smpp.between import GATEWAY, all_reported, submitted
from tests.connectors.smpp.quirky import Quirky
from tests.link.certificates import Authority
from tests.running import Running

CALLED = """outbind.address = "127.0.0.1:0"
outbind.system_id = "smsc"
outbind.password = "ring"
response_timer = "2s"
"""


class Caller(Quirky):
    """An upstream that opens the connection itself."""

    async def call(
        self, port: int, system_id: bytes = b"smsc", password: bytes = b"ring", tls: ssl.SSLContext | None = None
    ) -> Link:
        session = Session(Side.MC, SessionSettings(window=100), self._links.clock.monotonic())
        link = Link(session, self, self._links)
        await connect("127.0.0.1", port, link, tls=tls)
        link.session.outbind(system_id, password, self._links.clock.monotonic())
        link.flush()
        return link


@asynccontextmanager
async def called(tmp_path: Path, upstream: Quirky, more: str) -> AsyncIterator[tuple[Running, int]]:
    """A gateway that waits to be called at a port."""
    gateway = Running(tmp_path, GATEWAY.format(port=upstream.port, more=more, tables=""))
    try:
        await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(gateway.wait_for, "listening for outbind")
        yield gateway, gateway.ports[1]
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)


async def test_who_rings_with_the_right_words_is_bound_to_and_gets_what_has_waited(tmp_path: Path) -> None:
    async with Caller() as upstream, called(tmp_path, upstream, CALLED) as (gateway, port):
        esme = await Esme(Ledger()).bind(gateway.port)
        await submitted(esme)
        await upstream.call(port)
        await all_reported(esme)
        assert [type(bind) for bind in upstream.binds] == [pdu.BindTransceiver]
        assert upstream.binds[0].password == b"gw-secret"
        status = await asyncio.to_thread(gateway.ask, "status")
        assert next(one for one in status["connectors"] if one["name"] == "carrier-a")["state"] == "up"
        for link in list(upstream.bound):
            link.abort("the upstream hangs up")
        await submitted(esme)
        await asyncio.to_thread(gateway.wait_for, "upstream is away")
        await upstream.call(port)  # and may ring again
        await all_reported(esme)
        await esme.leave()


async def test_who_rings_with_wrong_words_is_told_nothing(tmp_path: Path) -> None:
    async with Caller() as upstream, called(tmp_path, upstream, CALLED) as (gateway, port):
        for system_id, password in ((b"smsc", b"wrong"), (b"other", b"ring"), (b"smsc", b"")):
            link = await upstream.call(port, system_id, password)
            await upstream.until(lambda link=link: link.session.state.name == "CLOSED")  # type: ignore[misc]  # bound early
        assert upstream.binds == []
        await upstream.call(port)
        await upstream.until(lambda: upstream.bound)
        assert len(gateway.lines("outbind refused", why="wrong system_id or password")) == 3


async def test_one_more_call_than_there_are_sessions_is_turned_away(tmp_path: Path) -> None:
    async with Caller() as upstream, called(tmp_path, upstream, CALLED) as (_gateway, port):
        await upstream.call(port)
        await upstream.until(lambda: upstream.bound)
        second = await upstream.call(port)
        await upstream.until(lambda: second.session.state.name == "CLOSED")
        assert len(upstream.binds) == 1


async def test_of_a_pair_the_transmitter_dials_and_the_receiver_waits(tmp_path: Path) -> None:
    more = f'{CALLED}bind = "transmitter+receiver"\n'
    async with Caller() as upstream, called(tmp_path, upstream, more) as (_gateway, port):
        await upstream.until(lambda: upstream.bound)
        assert [type(bind) for bind in upstream.binds] == [pdu.BindTransmitter]
        await upstream.call(port)
        await upstream.until(lambda: len(upstream.bound) == 2)
        assert [type(bind) for bind in upstream.binds] == [pdu.BindTransmitter, pdu.BindReceiver]


def test_a_door_for_outbind_without_a_word_or_a_network_is_an_error() -> None:
    text = '[[connector]]\nname = "up"\nkind = "smpp"\naddress = "a.example:1"\nsystem_id = "gw"\npassword = "x"\n'
    lines = [line for line in said(f'{text}outbind.address = "127.0.0.1:2780"') if "outbind" in line]
    assert len(lines) == 1
    assert "anybody could call and be told our password" in lines[0]
    allowed = f'{text}outbind.address = "127.0.0.1:2780"\noutbind.allow_from = ["192.0.2.0/24"]'
    assert not [line for line in said(allowed) if "outbind" in line]
    encrypted = [line for line in said(f"{allowed}\ntls.enabled = true") if "outbind" in line]
    assert ["is called without TLS" in line for line in encrypted] == [True]


async def test_who_calls_by_tls_is_shown_a_certificate_and_has_to_show_one(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours, theirs = authority.server("127.0.0.1", client_ca=authority.path), authority.issue("smsc")
    ours.key.chmod(0o600)
    more = f"""outbind.address = "127.0.0.1:0"
outbind.tls.certificate = "{ours.certificate}"
outbind.tls.key = "{ours.key}"
outbind.tls.client_ca = "{authority.path}"
"""
    async with Caller() as upstream, called(tmp_path, upstream, more) as (gateway, port):
        stranger = await upstream.call(port, tls=client_context(authority.path))
        await upstream.until(lambda: stranger not in set(upstream._links))  # TLS 1.3: the client is told afterwards
        assert upstream.binds == []
        await upstream.call(port, tls=client_context(authority.path, theirs.certificate, theirs.key))
        await upstream.until(lambda: upstream.bound)
        esme = await Esme(Ledger()).bind(gateway.port)
        await submitted(esme)
        await all_reported(esme)
        await esme.leave()


async def test_a_renewed_certificate_is_shown_to_who_calls_after_a_reload(tmp_path: Path) -> None:
    before, after = Authority(tmp_path, "before"), Authority(tmp_path, "after")
    ours = before.server("127.0.0.1")
    ours.key.chmod(0o600)
    more = f'{CALLED}outbind.tls.certificate = "{ours.certificate}"\noutbind.tls.key = "{ours.key}"\n'
    async with Caller() as upstream, called(tmp_path, upstream, more) as (gateway, port):
        renewed = after.server("127.0.0.1")
        ours.certificate.write_bytes(renewed.certificate.read_bytes())
        ours.key.write_bytes(renewed.key.read_bytes())
        await asyncio.to_thread(gateway.reload)
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        with pytest.raises(ssl.SSLCertVerificationError):
            await upstream.call(port, tls=client_context(before.path))
        await upstream.call(port, tls=client_context(after.path))
        await upstream.until(lambda: upstream.bound)
