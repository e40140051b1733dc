"""The composition root: builds every room, starts, reloads, drains, stops.

Only this package knows all the others; it holds no policy of its own. `run` is what `smscd run` calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

from smscd import logs
from smscd.config import DEMO_ADDRESS, DEMO_PASSWORD, DEMO_SYSTEM_ID, Config
from smscd.daemon import systemd
from smscd.daemon.house import House
from smscd.daemon.premises import claim_data_dir
from smscd.daemon.reload import reload

log = structlog.get_logger("smscd.daemon")

__all__ = ["House", "run"]


def run(config: Config, *, demo: bool = False, path: Path | None = None, keep_data_dir: bool = False) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code of a clean stop, 0.

    `path` is the file that SIGHUP reads again; `keep_data_dir` says that its data_dir was overridden.

    Raises ConfigError, ControlError, StoreError or OSError if it could not start.
    """
    logs.configure(config.smscd.log_format, config.smscd.log_level)
    for warning in config.warnings:
        log.warning("configuration", finding=warning)
    with claim_data_dir(config.smscd.data_dir):
        return _run_loop(_main(config, demo=demo, path=path, keep_data_dir=keep_data_dir))


def _run_loop(main: Coroutine[Any, Any, int]) -> int:
    """On uvloop where there is one: nothing else in the house knows which loop it is."""
    try:
        import uvloop  # noqa: PLC0415 - optional on platforms without it
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


async def _main(config: Config, *, demo: bool, path: Path | None, keep_data_dir: bool) -> int:
    house = House(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    reloads: set[asyncio.Task[None]] = set()

    def on_hangup() -> None:
        task = loop.create_task(reload(house, path, keep_data_dir=keep_data_dir))
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGHUP))  # `cli.run` has blocked them
    try:
        async with house.changing:
            await house.start()
    except BaseException:
        await house.store.close()  # its threads would keep alive a process that does nothing
        raise
    _quieten_collector()
    systemd.ready()
    watchdog = loop.create_task(systemd.feed_watchdog())
    if demo:
        _welcome(config)
    await stop.wait()
    systemd.stopping()
    log.info("stopping")
    watchdog.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watchdog
    async with house.changing:
        await house.stop()
    log.info("stopped")
    return 0


def _quieten_collector() -> None:
    """Messages, parts and PDUs form no cycles: reference counts free them, and the collector only costs pauses.

    Measured on accept(): 34 µs a message with the default thresholds, 8 µs with these. What the start has built is
    taken out of its sight. The oldest generation is looked at rarely, because all that is in flight is in it; the
    middle one every other time, or a flood of what is kept (first halves of messages) leaves it a million objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 0, 1000)


def _welcome(config: Config) -> None:
    """What a person who has just typed `scripts/run` needs to know next."""
    command = "smscd" if os.environ.get("VIRTUAL_ENV") else ".venv/bin/smscd"
    print(
        f"""
  smscd is running: an SMSC emulator for your messaging software.

    bind to      {DEMO_ADDRESS}   (SMPP 3.3, 3.4 or 5.0; transmitter, receiver or transceiver)
    system_id    {DEMO_SYSTEM_ID}
    password     {DEMO_PASSWORD}
    data         {config.smscd.data_dir}

  Try, in another terminal:

    {command} send --to 447700900123 --from 12345 "Hello"       a message, and its receipt
    {command} mo --from 447700900123 --to 12345 "Hi there"      a handset writes to whoever is bound
    {command} message list                                      what became of it all

  Stop with Ctrl-C: nothing is lost.
""",
        flush=True,
    )
