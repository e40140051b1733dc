"""TLS to an upstream: its certificate and its name are looked at, ours is shown where it wants one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from smscd.link import server_context
from tests.connectors.smpp.between import GATEWAY, all_reported, between, submitted
from tests.connectors.smpp.quirky import Quirky
from tests.link.certificates import Authority
from tests.running import Running


class Encrypted(Quirky):
    """An upstream that speaks TLS only."""

    def __init__(self, context: Any) -> None:
        super().__init__()
        self.context = context

    async def __aenter__(self) -> Self:
        await self.open(self.context)
        self._links.start()
        return self


@asynccontextmanager
async def refused(tmp_path: Path, upstream: Quirky, more: str) -> AsyncIterator[Running]:
    """A gateway that never gets so far as to bind."""
    gateway = Running(tmp_path, GATEWAY.format(port=upstream.port, more=more, tables=""))
    try:
        await asyncio.to_thread(gateway.start)
        yield gateway
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)


async def test_an_upstream_whose_certificate_is_good_is_bound_to_and_shown_ours(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    mine = authority.issue("gw")
    mine.key.chmod(0o600)
    more = f'tls.enabled = true\ntls.ca = "{authority.path}"\n'
    more += f'tls.certificate = "{mine.certificate}"\ntls.key = "{mine.key}"'
    context = server_context(authority.server("127.0.0.1", client_ca=authority.path))
    async with Encrypted(context) as upstream, between(tmp_path, upstream, more) as (_gateway, esme):
        assert upstream.bound[0].tls
        await submitted(esme)
        await all_reported(esme)


@pytest.mark.parametrize(
    ("name", "trusted", "why"),
    [
        ("other.example", True, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("127.0.0.1", False, "unable to get local issuer certificate"),
    ],
)
async def test_an_upstream_that_cannot_prove_who_it_is_never_gets_our_password(
    tmp_path: Path, name: str, trusted: bool, why: str
) -> None:
    theirs = Authority(tmp_path, "theirs")
    ours = theirs if trusted else Authority(tmp_path, "ours")
    more = f'tls.enabled = true\ntls.ca = "{ours.path}"'
    async with Encrypted(server_context(theirs.server(name))) as upstream, refused(tmp_path, upstream, more) as gateway:
        line = await asyncio.to_thread(gateway.wait_for, "upstream is away")
        assert why in line["why"]
        status = await asyncio.to_thread(gateway.ask, "status")
        assert why in next(one for one in status["connectors"] if one["name"] == "carrier-a")["trouble"]
        assert upstream.binds == []


async def test_who_switches_verification_off_takes_any_certificate_and_check_says_so(tmp_path: Path) -> None:
    more = "tls.enabled = true\ntls.verify = false"
    context = server_context(Authority(tmp_path).server("other.example"))
    async with Encrypted(context) as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        await submitted(esme)
        await all_reported(esme)
        findings = [line["finding"] for line in gateway.lines("configuration")]
        assert any("anybody could pretend to be this upstream" in finding for finding in findings)


async def test_clear_text_to_an_upstream_that_wants_tls_ends_in_no_bind_and_is_tried_again(tmp_path: Path) -> None:
    context = server_context(Authority(tmp_path).server("127.0.0.1"))
    more = 'response_timer = "1s"'
    async with Encrypted(context) as upstream, refused(tmp_path, upstream, more) as gateway:
        await asyncio.to_thread(gateway.wait_for, "upstream is away")
        assert upstream.binds == []


async def test_an_upstream_that_waits_for_more_of_what_is_no_bind_to_it_is_told_in_words(tmp_path: Path) -> None:
    """It takes the handshake for the length of a PDU, and we wait for its half: the reason was empty."""

    async def waits(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    silent = Quirky()
    async with await asyncio.start_server(waits, "127.0.0.1", 0) as server:
        silent.port = server.sockets[0].getsockname()[1]
        more = 'tls.enabled = true\nconnect_timeout = "300ms"'
        async with refused(tmp_path, silent, more) as gateway:
            line = await asyncio.to_thread(gateway.wait_for, "upstream is away")
            assert line["why"] == "cannot connect: timed out"


async def test_a_reload_takes_a_new_ca_for_the_next_connection_and_keeps_the_session(tmp_path: Path) -> None:
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(old.path.read_bytes())
    more = f'tls.enabled = true\ntls.ca = "{trusted}"'
    async with (
        Encrypted(server_context(old.server("127.0.0.1"))) as upstream,
        between(tmp_path, upstream, more) as (gateway, esme),
    ):
        trusted.write_bytes(new.path.read_bytes())
        await asyncio.to_thread(gateway.reload)
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        assert len(upstream.binds) == 1
        await upstream.close()
        await upstream.open(server_context(new.server("127.0.0.1")))
        await upstream.until(lambda: upstream.bound)
        await submitted(esme)
        await all_reported(esme)
