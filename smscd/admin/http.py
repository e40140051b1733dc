"""The HTTP address: /healthz, /readyz and /metrics, over TLS and behind a token where the file says so.

Without the token a caller learns only whether the process lives and is ready; everything else answers 401.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from aiohttp import web

from smscd.admin.badhttp import server_logger
from smscd.admin.crowd import Crowd
from smscd.admin.metrics import CONTENT_TYPE, Metrics
from smscd.background import in_background
from smscd.errors import ControlError
from smscd.units import split_endpoint

LARGEST_REQUEST = 64 << 10
"""Octets of a request's body."""

SHUTDOWN_SECONDS = 1.0
"""How long a request that is being answered may go on when the daemon stops."""

HANDSHAKE_SECONDS = 10.0
"""How long a TLS handshake may take."""

OPEN = frozenset({"/healthz", "/readyz"})
"""Paths that answer without the token, because load balancers have none."""

Refresh = Callable[[], Awaitable[None]]
"""Brings gauges up to date that are too dear to keep at every change; awaited before a scrape."""


def read_token(path: Path) -> str:
    """The bearer token: the first line of `path`. ControlError if there is none."""
    try:
        token = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except OSError as error:
        raise ControlError(f"cannot read the token file {path}: {error.strerror}", "admin.token_file") from error
    if not token:
        raise ControlError(f"the first line of the token file {path} is empty", "openssl rand -hex 32")
    return token


class AdminHttp:
    """Serves `address` ("host:port", port 0 for any free one); `routes` adds doors beside the three built-in paths."""

    def __init__(
        self,
        address: str,
        metrics: Metrics,
        *,
        tls: ssl.SSLContext | None = None,
        token: str | None = None,
        refresh: Refresh | None = None,
        routes: Iterable[web.RouteDef] = (),
    ) -> None:
        self.address = address
        self._metrics = metrics
        self._tls = tls
        self._token = token
        self._refresh = refresh
        self._routes = [
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._exposition),
            *routes,
        ]
        self._not_ready: str | None = "starting"
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

    def ready(self) -> None:
        """From now on /readyz answers 200: the store is recovered and the listeners are open."""
        self._not_ready = None

    def not_ready(self, why: str) -> None:
        """From now on /readyz answers 503 and `why`."""
        self._not_ready = why

    def use_token(self, token: str | None) -> None:
        """Take another token, as a reload does; connections stay."""
        self._token = token

    @property
    def port(self) -> int:
        """The port that is open; only while started."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Open the address. ControlError if it cannot be had."""
        application = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[self._guard])
        application.add_routes(self._routes)
        application.on_response_prepare.append(_say_who)
        runner = web.AppRunner(
            application, access_log=None, logger=server_logger(), handle_signals=False,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )  # fmt: skip
        await runner.setup()
        assert runner.server is not None
        crowd = Crowd(runner.server)
        host, port = split_endpoint(self.address)
        handshake = HANDSHAKE_SECONDS if self._tls is not None else None
        try:
            self._server = await asyncio.get_running_loop().create_server(
                crowd, host, port, ssl=self._tls, ssl_handshake_timeout=handshake
            )
        except OSError as error:
            await runner.cleanup()
            raise ControlError(
                f"cannot open the admin address {self.address}: {error.strerror}", "another admin.address"
            ) from error
        self._runner = runner
        self._watch = asyncio.create_task(crowd.watch(), name="admin connections")

    async def stop(self) -> None:
        """Close the address and what is connected to it."""
        if self._runner is None or self._server is None or self._watch is None:
            return
        self._server.close()
        self._watch.cancel()
        await self._runner.cleanup()
        self._runner = self._server = self._watch = None

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path in OPEN or self._trusts(request):
            return await handler(request)
        return web.Response(status=401, text="a bearer token is needed\n", headers={"WWW-Authenticate": "Bearer"})

    def _trusts(self, request: web.Request) -> bool:
        """Whether the request carries the token, compared in constant time; always, where none is configured."""
        if self._token is None:
            return True
        scheme, _, offered = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(offered.strip().encode("utf-8", "replace"), self._token.encode())
        return same and scheme.lower() == "bearer"

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        if self._not_ready is None:
            return web.Response(text="ready\n")
        why = f"not ready: {self._not_ready}\n" if self._trusts(request) else "not ready\n"
        return web.Response(status=503, text=why)

    async def _exposition(self, _: web.Request) -> web.Response:
        if self._refresh is not None:
            await self._refresh()
        page = await in_background(self._metrics.exposition)  # a thousand ESMEs make a page of 100 ms
        return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE})


async def _say_who(_: web.Request, response: web.StreamResponse) -> None:
    """The versions of our libraries are nobody's business."""
    response.headers["Server"] = "smscd"
