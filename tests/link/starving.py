"""A process that runs out of file descriptors while peers connect; prints how often it paused and its CPU seconds."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
import time

import structlog
import uvloop

from smscd.clock import SystemClock
from smscd.link import Link, Links, listen
from smscd.session import Session, SessionSettings, Side
from tests.machine import PATIENCE


class _Owner:
    def __init__(self) -> None:
        self.open = 0

    def events(self, link: Link, events: object) -> None:
        pass

    def writable(self, link: Link) -> None:
        pass

    def closed(self, link: Link, reason: str) -> None:
        self.open -= 1


async def main() -> None:
    pauses: list[object] = []

    def record(_logger: object, _name: str, event: object) -> str:
        pauses.append(event)
        return ""

    structlog.configure(processors=[record])
    links, owner = Links(SystemClock()), _Owner()
    made = asyncio.Event()

    def maker(_host: str) -> Link:
        made.set()
        return Link(Session(Side.MC, SessionSettings(), 0.0), owner, links)

    door = await listen("127.0.0.1", 0, maker)
    callers = [socket.socket() for _ in range(3)]
    for caller in callers:
        caller.setblocking(False)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = os.dup(0)
    os.close(highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 8, hard))
    hoard = []
    try:
        while True:
            hoard.append(os.dup(0))
    except OSError:
        pass
    door.open()
    for caller in callers:
        caller.connect_ex(("127.0.0.1", door.port))
    started = time.process_time()
    await asyncio.sleep(1.5)
    assert not made.is_set(), "there were descriptors left: this proves nothing"
    spent = time.process_time() - started
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for descriptor in hoard:
        os.close(descriptor)
    async with asyncio.timeout(PATIENCE):
        await made.wait()
    await door.close()
    for link in links:
        link.abort("end")
    print(len(pauses), round(spent, 3))


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        uvloop.run(main())
    else:
        asyncio.run(main())
