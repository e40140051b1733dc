"""The admin address, asked over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from smscd.admin import crowd
from smscd.admin.crowd import Crowd
from smscd.admin.http import AdminHttp, read_token
from smscd.admin.metrics import Metrics
from smscd.counters import Counters
from smscd.errors import ControlError
from smscd.link import client_context, server_context
from tests.link.certificates import Authority

TOKEN = "a-token-of-some-length"
PATIENCE = 20.0


@asynccontextmanager
async def serving(counters: Counters | None = None, **options: Any) -> AsyncIterator[AdminHttp]:
    http = AdminHttp("127.0.0.1:0", Metrics(counters or Counters()), **options)
    await http.start()
    try:
        yield http
    finally:
        await http.stop()


async def get(http: AdminHttp, path: str, **options: Any) -> tuple[int, str]:
    scheme = "https" if "ssl" in options else "http"
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{scheme}://127.0.0.1:{http.port}{path}", **options) as response,
    ):
        assert "aiohttp" not in response.headers["Server"]
        return response.status, await response.text()


async def test_the_process_is_healthy_before_it_is_ready() -> None:
    async with serving() as http:
        assert await get(http, "/healthz") == (200, "alive\n")
        assert await get(http, "/readyz") == (503, "not ready: starting\n")


async def test_readiness_is_what_the_daemon_said_last() -> None:
    async with serving() as http:
        http.ready()
        assert await get(http, "/readyz") == (200, "ready\n")
        http.not_ready("stopping")
        assert await get(http, "/readyz") == (503, "not ready: stopping\n")


async def test_metrics_are_refreshed_before_they_are_read() -> None:
    counters = Counters()

    async def refresh() -> None:
        counters.connector("handsets").queue["queued"] = 12

    async with serving(counters, refresh=refresh) as http:
        status, page = await get(http, "/metrics")
    assert status == 200
    assert 'smscd_queue{connector="handsets",stage="queued"} 12.0' in page


async def test_prometheus_recognises_the_content_type() -> None:
    async with (
        serving() as http,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{http.port}/metrics") as response,
    ):
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    "header", [None, "Bearer wrong", "Bearer", "Basic " + TOKEN, TOKEN, "Bearer " + TOKEN + "x", "Bearer \u00e9"]
)
async def test_without_the_token_nothing_but_alive_and_ready_is_told(header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    async with serving(token=TOKEN) as http:
        assert (await get(http, "/metrics", headers=headers))[0] == 401
        assert (await get(http, "/nothing/here", headers=headers))[0] == 401
        assert await get(http, "/healthz", headers=headers) == (200, "alive\n")
        assert await get(http, "/readyz", headers=headers) == (503, "not ready\n")


async def test_with_the_token_everything_is_told() -> None:
    headers = {"Authorization": f"bearer {TOKEN}"}  # RFC 7235 §2.1: the scheme is case-insensitive
    async with serving(token=TOKEN) as http:
        assert (await get(http, "/metrics", headers=headers))[0] == 200
        assert await get(http, "/readyz", headers=headers) == (503, "not ready: starting\n")
        http.use_token("another")
        assert (await get(http, "/metrics", headers=headers))[0] == 401


async def test_over_tls_the_token_works_and_plain_http_does_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(token=TOKEN, tls=server_context(authority.server())) as http:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        trusted = client_context(authority.path)
        status, page = await get(http, "/metrics", headers=headers, ssl=trusted, server_hostname="localhost")
        assert (status, "smscd_version" in page) == (200, True)
        with pytest.raises(aiohttp.ClientError):
            await get(http, "/healthz")


async def test_another_room_can_add_a_door_and_it_is_guarded() -> None:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async with serving(token=TOKEN, routes=[web.get("/hello", hello)]) as http:
        assert (await get(http, "/hello"))[0] == 401
        assert await get(http, "/hello", headers={"Authorization": f"Bearer {TOKEN}"}) == (200, "hello")


async def test_an_address_in_use_is_named() -> None:
    async with serving() as http:
        taken = f"127.0.0.1:{http.port}"
        with pytest.raises(ControlError, match=f"cannot open the admin address {taken}"):
            await AdminHttp(taken, Metrics(Counters())).start()


async def test_the_address_is_free_again_after_a_stop() -> None:
    async with serving() as http:
        address = f"127.0.0.1:{http.port}"
    again = AdminHttp(address, Metrics(Counters()))
    await again.start()
    await again.stop()
    await again.stop()


def test_the_token_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN} \r\nsecond line\n")
    assert read_token(path) == TOKEN


@pytest.mark.parametrize("content", [None, "", "\n" + TOKEN])
def test_a_token_file_without_a_token_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ControlError, match="token file"):
        read_token(path)


async def test_who_connects_and_says_nothing_cannot_keep_others_out() -> None:
    async with serving() as http:
        silent = [await asyncio.open_connection("127.0.0.1", http.port) for _ in range(crowd.MOST + 20)]
        assert await get(http, "/healthz") == (200, "alive\n")
        cut = [reader for reader, _ in silent[:20]]
        assert [await reader.read() for reader in cut] == [b""] * 20
        for _, writer in silent:
            writer.close()


async def test_nobody_is_cut_off_while_there_is_room() -> None:
    async with serving() as http:
        there = [await asyncio.open_connection("127.0.0.1", http.port) for _ in range(crowd.MOST - 1)]
        assert await get(http, "/healthz") == (200, "alive\n")
        for reader, writer in there:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await reader.readuntil(b"alive\n")
            writer.close()


async def test_a_connection_ends_when_it_has_been_there_too_long_whatever_its_peer_has_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One never asks, one stops in the middle, one is answered and stays; none of them reads or closes."""
    swept = asyncio.Event()
    sweep = Crowd.sweep

    def later(this: Crowd, now: float) -> None:
        sweep(this, now)
        sweep(this, now + crowd.LONGEST)
        swept.set()

    async with serving() as http:
        ends = [await asyncio.open_connection("127.0.0.1", http.port) for _ in range(3)]
        ends[1][1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        ends[2][1].write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        await ends[2][0].readuntil(b"alive\n")
        monkeypatch.setattr(Crowd, "sweep", later)
        await swept.wait()
        assert [await reader.read() for reader, _ in ends] == [b""] * 3
        assert await get(http, "/healthz") == (200, "alive\n")
        for _, writer in ends:
            writer.close()


async def test_an_answer_that_nobody_reads_is_cut_off_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(_: web.Request) -> web.Response:
        return web.Response(body=bytes(30_000_000))

    swept = asyncio.Event()
    sweep = Crowd.sweep

    def later(this: Crowd, now: float) -> None:
        sweep(this, now)
        sweep(this, now + crowd.LONGEST + crowd.PATIENCE)
        swept.set()

    async with serving(routes=[web.get("/endless", endless)]) as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.port, limit=1000)
        writer.write(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        monkeypatch.setattr(Crowd, "sweep", later)
        await swept.wait()
        assert len(await reader.read()) < 30_000_000
        writer.close()


async def test_who_sends_more_than_questions_is_cut() -> None:
    question = b"GET /healthz HTTP/1.1\r\nHost: smscd\r\n\r\n"
    many = 2 * crowd.MOST_OCTETS // len(question)
    async with serving() as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
        writer.write(question * many)
        answered = 0
        with contextlib.suppress(ConnectionError):
            while answer := await reader.read(1 << 16):
                answered += answer.count(b"alive")
        writer.close()
        assert answered <= many // 2
        assert await get(http, "/healthz") == (200, "alive\n")


async def test_what_a_connection_of_garbage_leaves_behind_is_collected() -> None:
    """The collector of a daemon that does little would not come for hours: here it does not come at all."""
    gc.collect()
    gc.disable()
    try:
        async with serving() as http:
            for _ in range(3):
                reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
                writer.write(b"x" * 100_000)
                with contextlib.suppress(ConnectionError):
                    while await reader.read(1 << 16):
                        pass
                writer.close()
            async with asyncio.timeout(PATIENCE):
                while [one for one in gc.get_objects() if isinstance(one, web.RequestHandler)]:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
    finally:
        gc.enable()


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
async def test_a_body_that_is_not_what_it_says_gets_no_line_in_the_log(
    encoding: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Encoding: %b\r\nContent-Length: 2000\r\n\r\n" % encoding
    async with serving() as http:
        reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
        writer.write(head)
        assert b"405" in await reader.readline()
        writer.write(b"\x00" * 2000)  # while it is being read to be thrown away
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass
        writer.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
