"""`smscd modem emulate`: a GSM modem that is none, on a pseudo terminal."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from smscd.cli.output import on_terminal
from smscd.clock import SystemClock
from smscd.connectors.modem.emulated.console import obey
from smscd.connectors.modem.emulated.modem import EmulatedModem
from smscd.connectors.modem.emulated.network import Network, parse_rule
from smscd.connectors.modem.emulated.port import Port
from smscd.connectors.modem.emulated.profile import NAMED, SettingError, named, setting
from smscd.errors import ControlError


def emulate(
    link: Annotated[
        Path | None, typer.Option("--link", metavar="PATH", help="A link to the device, kept through hang-ups.")
    ] = None,
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help=f"{', '.join(NAMED)}.")] = "generic",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the profile; may be repeated.")
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="RULE", help="As on the console: 'to=+4477* st=0x45'; may be repeated."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Events as JSON, one a line; so they are when piped.")
    ] = False,
) -> None:
    """Be a GSM modem on a pseudo terminal until stopped. Lines on standard input do things to it: try `help`."""
    if link is not None and not link.parent.is_dir():
        raise ControlError(f"there is no directory {link.parent}", "another --link")
    try:
        chosen = named(profile)
        for pair in settings or []:
            key, _, value = pair.partition("=")
            setting(chosen, key, value)
        network = Network([parse_rule(rule.split()) for rule in rules or []])
    except SettingError as error:
        raise ControlError(str(error), "smscd modem emulate --help") from None
    asyncio.run(_serve(EmulatedModem(chosen, SystemClock(), network), link, as_json or not on_terminal()))


async def _serve(modem: EmulatedModem, link: Path | None, as_json: bool) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)

    def told(event: dict[str, Any]) -> None:
        sys.stdout.write(f"{json.dumps(event) if as_json else _in_words(event)}\n")
        sys.stdout.flush()

    def heard(line: str) -> None:
        try:
            answer = obey(modem, line)
        except SettingError as error:
            told({"event": "refused line", "why": str(error)})
        else:
            if answer:
                told({"event": "answer", "to": line.strip(), "answer": answer})
        port.turn()

    port = Port(modem, link, told)
    port.open()
    threading.Thread(target=_listen, args=(loop, heard), daemon=True).start()
    await ended.wait()
    port.close()


def _listen(loop: asyncio.AbstractEventLoop, heard: Any) -> None:
    """Lines of standard input; its end changes nothing."""
    for line in sys.stdin:
        loop.call_soon_threadsafe(heard, line)


def _in_words(event: dict[str, Any]) -> str:
    if event["event"] == "answer":
        return str(event["answer"])
    return " ".join([str(event["event"]), *(f"{key}={value!r}" for key, value in event.items() if key != "event")])
