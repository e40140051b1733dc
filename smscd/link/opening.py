"""How links come to be: doors that accept, and going out."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog

from smscd.link.link import Link

LinkMaker = Callable[[str], Link | None]
"""Makes the link for a peer at this address (without port), or None to turn it away at once, before any handshake."""

SHORTAGE_PAUSE = 1.0
"""Seconds without accepting after the kernel had no descriptor or memory for us; connections wait in the backlog."""

_ABANDONED = {errno.ECONNABORTED, errno.EPROTO}
"""The peer gave up before we accepted: nothing is short."""

log = structlog.get_logger("smscd.link")


class Door:
    """One address we listen on.

    Every accepted socket gets its link before any handshake, so that whoever makes links can count them: for each, the
    owner hears `closed` exactly once, also when the handshake fails.  `tls` may be replaced at any time and serves the
    connections to come.
    """

    def __init__(
        self, sockets: list[socket.socket], maker: LinkMaker, tls: ssl.SSLContext | None, handshake_timeout: float
    ) -> None:
        self.tls = tls
        self.handshake_timeout = handshake_timeout
        self._sockets = sockets
        self._maker = maker
        self._accepting: list[asyncio.Task[None]] = []
        self._opening: set[asyncio.Task[Any]] = set()

    @property
    def port(self) -> int:
        """The port, which the kernel chose if 0 was asked for."""
        return int(self._sockets[0].getsockname()[1])

    def open(self) -> None:
        """Begin to accept; until then the kernel keeps callers waiting."""
        loop = asyncio.get_running_loop()
        self._accepting = [loop.create_task(self._accept(loop, listening)) for listening in self._sockets]

    async def close(self) -> None:
        """Accept no more and give the address back; links that are open stay open, handshakes under way end."""
        tasks: list[asyncio.Task[Any]] = [*self._accepting, *self._opening]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listening in self._sockets:
            listening.close()

    async def _accept(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        while True:
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno not in _ABANDONED:
                    # EMFILE above all: the socket stays readable, so trying again at once would eat the processor.
                    log.warning("accept paused", port=self.port, error=error.strerror, seconds=SHORTAGE_PAUSE)
                    await asyncio.sleep(SHORTAGE_PAUSE)
                continue
            self._admit(loop, sock, address)

    def _admit(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, address: Any) -> None:
        link = self._maker(str(address[0]).partition("%")[0])
        if link is None:
            sock.close()
            return
        link.introduce(address)
        timeout = self.handshake_timeout if self.tls else None
        opening = loop.connect_accepted_socket(lambda: link, sock, ssl=self.tls, ssl_handshake_timeout=timeout)
        task = loop.create_task(opening)
        self._opening.add(task)
        task.add_done_callback(partial(self._opened, sock, link))

    def _opened(self, sock: socket.socket, link: Link, task: asyncio.Task[Any]) -> None:
        """The link is open, or will never be; a callback, because a task may be cancelled before its first step."""
        self._opening.discard(task)
        error = None if task.cancelled() else task.exception()
        if task.cancelled():
            link.conclude("closed before it was open")
        elif isinstance(error, OSError):  # ssl.SSLError and TimeoutError are such
            link.conclude(f"TLS handshake: {describe(error)}")
        elif error is not None:
            link.conclude(f"internal error: {type(error).__name__}")
            asyncio.get_running_loop().call_exception_handler({"message": f"opening {link!r}", "exception": error})
        else:
            return
        sock.close()


async def listen(
    host: str,
    port: int,
    maker: LinkMaker,
    *,
    tls: ssl.SSLContext | None = None,
    handshake_timeout: float = 10.0,
    backlog: int = 1024,
) -> Door:
    """Take the address (every address that `host` stands for) and return its door, still shut.

    Port 0 takes any free one.  Raises OSError if an address cannot be had; then none was taken.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, _kind, _proto, _name, address in dict.fromkeys(found):
            sockets.append(_take(family, address, backlog))
            if port == 0:  # the others would get other numbers
                break
    except OSError:
        for taken in sockets:
            taken.close()
        raise
    return Door(sockets, maker, tls, handshake_timeout)


def _take(family: int, address: Any, backlog: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


async def connect(
    host: str,
    port: int,
    link: Link,
    *,
    tls: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
    within: float = 10.0,
) -> None:
    """Open `link` to an SMSC: name lookup, TCP and TLS, `within` seconds in all.

    Raises OSError (ssl.SSLError and TimeoutError are such); then the link never opened and its owner hears nothing.
    Under TLS the certificate is checked against `server_hostname`, or `host` without it.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            await loop.create_connection(
                lambda: link, host, port, ssl=tls, server_hostname=(server_hostname or host) if tls else None
            )
    except BaseException:  # cancellation too: the transport may already have met the link
        link.disown()
        raise


def describe(error: OSError) -> str:
    """What went wrong with a connection, in words for an operator."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return str(error) or "timed out"
    if isinstance(error, ConnectionError) and not error.strerror:
        return str(error) or "the peer closed the connection"
    return error.strerror or str(error)
