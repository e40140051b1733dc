"""What systemd wants to hear (sd_notify(3)): readiness, reload, stopping, and a watchdog fed from the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time


def notify(*lines: str) -> None:
    """Send the lines to systemd; does nothing where nobody listens, or no longer."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        contextlib.suppress(OSError),  # a manager that went away must not take the daemon with it
    ):
        channel.sendto("\n".join(lines).encode(), address)


def ready() -> None:
    notify("READY=1", "STATUS=accepting binds")


def reloading() -> None:
    """Before a reload; systemd 253 and newer also wants to know when it began."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    notify("STOPPING=1", "STATUS=answering what is committed")


async def feed_watchdog() -> None:
    """Twice per watchdog interval, from the loop itself: a loop that hangs is a daemon that hangs."""
    interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    while interval:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval / 2)
