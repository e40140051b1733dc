"""`smscd send`: be an ESME for as long as one text takes; works against any SMSC."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
import uvloop
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from smscd import pdu
from smscd.cli.composing import Composition, check_address, smpp_time
from smscd.cli.output import JsonOption, cell, show, table
from smscd.cli.sending import LISTED, Esme, Part
from smscd.clock import SystemClock
from smscd.errors import ConfigError, ControlError, TextError
from smscd.link import Link, Links, client_context, connect
from smscd.session import Session, SessionSettings, Side
from smscd.text.segments import How
from smscd.units import parse_duration

CONNECTING = 10.0
"""Seconds for name lookup, TCP and TLS."""

VERSIONS = {"3.3": 0x33, "3.4": 0x34, "5.0": 0x50}
BINDS: dict[str, type[pdu.Bind]] = {"transceiver": pdu.BindTransceiver, "transmitter": pdu.BindTransmitter}


PasswordOption = Annotated[str, typer.Option(envvar="SMSCD_PASSWORD", show_envvar=True, help="Its password.")]
BindOption = Annotated[Literal["transceiver", "transmitter"], typer.Option(help="A transmitter sees no receipts.")]
AlphabetOption = Annotated[
    Literal["auto", "gsm7", "ascii", "latin1", "ucs2", "octet"], typer.Option(help="auto: GSM 7-bit, else UCS-2.")
]


@dataclass(slots=True)
class Upstream:
    """Where to bind, and as whom."""

    host: str
    port: int
    bind: pdu.Bind
    tls: ssl.SSLContext | None
    window: int
    rate: float
    timeout: float

    @property
    def receives(self) -> bool:
        """Whether receipts can come back on this bind."""
        return isinstance(self.bind, pdu.BindTransceiver)


def send(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to send; - reads it from standard input.")],
    source_addr: Annotated[str, typer.Option("--from", metavar="N", help="Sender: a number, a short code or a name.")],
    to: Annotated[list[str] | None, typer.Option("--to", metavar="N", help="Recipient; may be repeated.")] = None,
    to_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Recipients, one a line.")] = None,
    host: Annotated[str, typer.Option(help="Where the SMSC is.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 2775,
    system_id: Annotated[str, typer.Option(help="The account to bind as.")] = "test",
    password: PasswordOption = "secret",  # noqa: S107 - the demo's own, printed by `smscd run`
    system_type: Annotated[str, typer.Option(help="Some providers ask for one.")] = "",
    bind: BindOption = "transceiver",
    interface_version: Annotated[Literal["3.3", "3.4", "5.0"], typer.Option(help="SMPP version to bind with.")] = "3.4",
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS; certificate and host name are verified.")] = False,
    tls_ca: Annotated[Path | None, typer.Option(metavar="FILE", help="Who may have signed the certificate.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(metavar="FILE", help="Mutual TLS: our certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Mutual TLS: its key.")] = None,
    tls_no_verify: Annotated[bool, typer.Option("--tls-no-verify", help="Take any certificate: for tests.")] = False,
    count: Annotated[int, typer.Option(min=1, max=10_000_000, help="Messages to each recipient.")] = 1,
    window: Annotated[int, typer.Option(min=1, max=100_000, help="Unanswered submit_sm at once.")] = 10,
    rate: Annotated[float, typer.Option(min=0, help="submit_sm per second; 0 = as fast as the window allows.")] = 0,
    alphabet: AlphabetOption = "auto",
    data_coding: Annotated[int | None, typer.Option(min=0, max=255, help="Instead of the alphabet's own.")] = None,
    udh: Annotated[bool, typer.Option("--udh", help="Long text in parts with a UDH (the default).")] = False,
    sar: Annotated[bool, typer.Option("--sar", help="Long text in parts with SAR TLVs.")] = False,
    payload: Annotated[bool, typer.Option("--payload", help="Text in one message_payload TLV.")] = False,
    registered_delivery: Annotated[
        int, typer.Option(min=0, max=31, help="1 receipt, 2 on failure, 3 on success (5.0), +16 intermediate ones.")
    ] = 1,
    no_receipt: Annotated[bool, typer.Option("--no-receipt", help="Ask for no receipt and wait for none.")] = False,
    schedule: Annotated[str, typer.Option(metavar="TIME", help='Deliver at: "2h", a date, or an SMPP time.')] = "",
    validity: Annotated[str, typer.Option(metavar="TIME", help="Give up at; written like --schedule.")] = "",
    priority: Annotated[int, typer.Option(min=0, max=255, help="priority_flag.")] = 0,
    service_type: Annotated[str, typer.Option(help="service_type.")] = "",
    source_addr_ton: Annotated[int | None, typer.Option(min=0, max=255, help="Instead of what the shape says.")] = None,
    source_addr_npi: Annotated[int | None, typer.Option(min=0, max=255)] = None,
    dest_addr_ton: Annotated[int | None, typer.Option(min=0, max=255)] = None,
    dest_addr_npi: Annotated[int | None, typer.Option(min=0, max=255)] = None,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="For each answer, then for the receipts.")] = "30s",
    as_json: JsonOption = False,
) -> None:
    """Bind to an SMSC, submit TEXT (long text in parts), and wait for the delivery receipts.

    A transceiver also gets what else waits for its account: that is acknowledged and shown. Exit code 1 if anything
    was refused, failed, or is without a receipt when the time is over.
    """
    composition = Composition(
        source_addr=_address("--from", source_addr),
        destinations=_destinations(to or [], to_file),
        text=sys.stdin.read().removesuffix("\n") if text == "-" else text,
        count=count,
        alphabet=None if alphabet == "auto" else alphabet,
        data_coding=data_coding,
        how=_how(udh, sar, payload),
        registered_delivery=0 if no_receipt else registered_delivery,
        schedule_delivery_time=_time("--schedule", schedule),
        validity_period=_time("--validity", validity),
        service_type=service_type,
        priority_flag=priority,
        source_addr_ton=source_addr_ton,
        source_addr_npi=source_addr_npi,
        dest_addr_ton=dest_addr_ton,
        dest_addr_npi=dest_addr_npi,
    )
    context = _context(tls_ca, tls_certificate, tls_key, verify=not tls_no_verify) if tls else None
    request = _bind(bind, system_id, password, system_type, interface_version)
    upstream = Upstream(host, port, request, context, window, rate, _duration("--timeout", timeout))
    _run(upstream, composition, as_json)


def _context(ca: Path | None, certificate: Path | None, key: Path | None, *, verify: bool) -> ssl.SSLContext:
    try:
        return client_context(ca, certificate, key, verify=verify)
    except ConfigError as fault:
        raise ControlError(str(fault), "check --tls-ca, --tls-certificate and --tls-key") from None


def _run(upstream: Upstream, composition: Composition, as_json: bool) -> None:
    """Send, tell what became of it, and end with the exit code; what was sent before a fault is told as well."""
    total = _total(composition)
    links = Links(SystemClock())
    receipts = upstream.receives and composition.registered_delivery & pdu.constants.REGISTERED_RECEIPT_MASK != 0
    esme = Esme(links, rate=upstream.rate, patience=upstream.timeout, receipts=receipts)
    try:
        uvloop.run(_conversation(upstream, composition, links, esme, total))
    except (ControlError, KeyboardInterrupt):
        if esme.submitted:
            show(report(esme, composition), as_json, _tables)
        raise
    show(report(esme, composition), as_json, _tables)
    if not succeeded(esme, composition):
        if esme.silence and wants_every_receipt(composition):
            remedy = "at smscd: smscd message show ID; what comes later waits there for the next bind of this account"
            raise ControlError(f"{esme.awaited} without a receipt: {esme.silence}", remedy)
        raise ControlError(_shortfall(esme), "at smscd: smscd route explain, smscd optout check, smscd message show ID")


def _shortfall(esme: Esme) -> str:
    """What was not accepted or not delivered, in one line."""
    refused = [f"{number} refused: {pdu.status_name(status)}" for status, number in esme.refused.items()]
    unanswered = [f"{esme.unanswered} without an answer"] if esme.unanswered else []
    failed = {_state(state): number for state, number in esme.states.items() if state != pdu.MessageState.DELIVERED}
    found = [*refused, *unanswered, *(f"{number} {state}" for state, number in failed.items())]
    return ", ".join(found) or (f"{esme.awaited} without a receipt" if esme.submitted else "nothing was submitted")


async def _conversation(upstream: Upstream, composition: Composition, links: Links, esme: Esme, total: int) -> None:
    settings = SessionSettings(window=upstream.window, response_timer=upstream.timeout, session_init_timer=0)
    link = Link(Session(Side.ESME, settings, links.clock.monotonic()), esme, links)
    links.start()
    await _connect(upstream, link)
    try:
        await esme.bind(link, upstream.bind)
        with _progress(esme, total):
            await esme.submit(link, composition.requests())
            if esme.awaited:
                await esme.receipts(upstream.timeout)
        await esme.unbind(link)
    finally:
        link.close("done")
        await links.gone(2.0)
        links.stop()


async def _connect(upstream: Upstream, link: Link) -> None:
    """Open the link; every way this can fail has another remedy."""
    where = f"{upstream.host}:{upstream.port}"
    try:
        await connect(upstream.host, upstream.port, link, tls=upstream.tls, within=CONNECTING)
    except ConnectionRefusedError:
        raise ControlError(
            f"nobody listens on {where}", "is smscd running? scripts/run starts it; for another SMSC --host and --port"
        ) from None
    except TimeoutError:
        raise ControlError(f"{where} does not answer", "check --host and --port, and firewalls on the way") from None
    except ssl.SSLCertVerificationError as error:
        raise ControlError(
            f"the certificate of {where} is not accepted: {error.verify_message}",
            "name its authority with --tls-ca FILE; --tls-no-verify takes any, for tests",
        ) from None
    except ssl.SSLError as error:
        raise ControlError(f"no TLS with {where}: {error.reason}", "perhaps that port is without TLS") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ControlError(f"cannot connect to {where}: {reason}", "check --host and --port") from None


# --- what became of it ----------------------------------------------------------------------------------------------


def succeeded(esme: Esme, composition: Composition) -> bool:
    """Whether everything was accepted and, where receipts were asked for, delivered."""
    if esme.refused or esme.unanswered or not esme.submitted:
        return False
    if esme.awaited and wants_every_receipt(composition):
        return False
    return set(esme.states) <= {int(pdu.MessageState.DELIVERED)}


def wants_every_receipt(composition: Composition) -> bool:
    """Whether a receipt that stays away means that something is wrong; those of failures alone may."""
    asked = composition.registered_delivery & pdu.constants.REGISTERED_RECEIPT_MASK
    return asked == pdu.constants.REGISTERED_RECEIPT_FINAL


def report(esme: Esme, composition: Composition) -> dict[str, Any]:
    """Everything there is to tell, in the form of the JSON output."""
    seconds = max(esme.finished - esme.started, 1e-6)
    summary = {
        "submitted": esme.submitted,
        "accepted": esme.accepted,
        "refused": {pdu.status_name(status): number for status, number in esme.refused.items()},
        "unanswered": esme.unanswered,
        "receipts": {_state(state): number for state, number in esme.states.items()},
        "without_receipt": esme.awaited,
        "other_receipts": esme.strangers,
        "seconds": round(seconds, 3),
        "per_second": round(esme.submitted / seconds, 1),
        "response_p50_ms": _percentile(esme, 0.50),
        "response_p99_ms": _percentile(esme, 0.99),
    }
    parts = [_part(part, composition) for part in esme.parts] if esme.submitted <= LISTED else []
    received = [
        {"source_addr": one.source_addr, "destination_addr": one.destination_addr, "text": one.text}
        for one in esme.arrivals
    ]
    return {"messages": parts, "received": received, "summary": summary}


def _part(part: Part, composition: Composition) -> dict[str, Any]:
    return {
        "message": part.message,
        "part": part.number,
        "source_addr": composition.source_addr,
        "destination_addr": part.destination_addr.decode("utf-8", "replace"),
        "message_id": part.message_id or None,
        "command_status": None if part.command_status is None else pdu.status_name(part.command_status),
        "message_state": None if part.message_state is None else _state(part.message_state),
        "err": part.err or None,
        "response_ms": None if part.round_trip is None else round(part.round_trip * 1000, 2),
        "receipt_s": None if part.receipt_after is None else round(part.receipt_after, 3),
    }


def _state(state: int) -> str:
    try:
        return pdu.MessageState(state).name
    except ValueError:
        return str(state)


def _percentile(esme: Esme, share: float) -> float | None:
    """Milliseconds from submit_sm to its response that `share` of them stayed within."""
    if not esme.round_trips:
        return None
    ranked = sorted(esme.round_trips)
    return round(ranked[min(int(len(ranked) * share), len(ranked) - 1)] * 1000, 2)


SHOWN = ("destination_addr", "part", "message_id", "command_status", "message_state", "err", "response_ms", "receipt_s")
DISPENSABLE = ("response_ms", "receipt_s", "part", "err")


def _tables(told: dict[str, Any]) -> Iterator[RenderableType]:
    if told["messages"]:
        yield table("", SHOWN, [[cell(part[name]) for name in SHOWN] for part in told["messages"]], DISPENSABLE)
    for one in told["received"]:
        yield f"received from {cell(one['source_addr'])} to {cell(one['destination_addr'])}: {cell(one['text'])}"
    summary = told["summary"]
    if summary["submitted"] > 1 or summary["other_receipts"] or not told["messages"]:
        rows = [(name.replace("_", " "), _amount(value)) for name, value in summary.items() if value not in (None, {})]
        drawn = table("", ("", ""), rows)
        drawn.show_header = False
        yield drawn


def _amount(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{cell(name)} {number}" for name, number in value.items())
    return cell(value)


@contextlib.contextmanager
def _progress(esme: Esme, total: int) -> Iterator[None]:
    """Two bars on standard error while there is something to watch: many parts, and a person."""
    if total <= 20 or not sys.stderr.isatty():
        yield
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=5) as bars:
        answered = bars.add_task("answered", total=total)
        receipts = bars.add_task("receipts", total=total) if esme.wants_receipts else None

        async def draw() -> None:
            while True:
                _update()
                await asyncio.sleep(0.2)

        def _update() -> None:
            bars.update(answered, completed=len(esme.round_trips))
            if receipts is not None:
                bars.update(receipts, completed=esme.states.total())

        task = asyncio.get_running_loop().create_task(draw())
        try:
            yield
        finally:
            task.cancel()
            _update()


# --- what was asked for ---------------------------------------------------------------------------------------------


def _destinations(to: list[str], to_file: Path | None) -> list[str]:
    destinations = list(to)
    if to_file is not None:
        lines = (line.partition("#")[0].strip() for line in to_file.read_text(encoding="utf-8").splitlines())
        destinations += [line for line in lines if line]
    if not destinations:
        raise typer.BadParameter("no recipient: give --to N, or --to-file FILE with one a line")
    return [_address("--to", one) for one in destinations]


def _address(option: str, written: str) -> str:
    try:
        return check_address(written)
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _bind(kind: str, system_id: str, password: str, system_type: str, interface_version: str) -> pdu.Bind:
    return BINDS[kind](
        system_id=system_id.encode(),
        password=password.encode(),
        system_type=system_type.encode(),
        interface_version=VERSIONS[interface_version],
    )


def _how(udh: bool, sar: bool, payload: bool) -> How:
    if udh + sar + payload > 1:
        raise typer.BadParameter("only one of --udh, --sar and --payload")
    return "sar" if sar else "payload" if payload else "udh8"


def _time(option: str, written: str) -> bytes:
    try:
        return smpp_time(written, SystemClock().wall())
    except (ValueError, pdu.TimeFormatError) as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def _duration(option: str, written: str) -> float:
    try:
        return parse_duration(written)
    except ValueError:
        raise typer.BadParameter(f'{option}: "{written}" is not a duration such as "30s" or "5m"') from None


def _total(composition: Composition) -> int:
    """How many submit_sm it takes; what cannot be encoded is wrong usage."""
    try:
        return composition.segments() * composition.count * len(composition.destinations)
    except TextError as error:
        raise typer.BadParameter(str(error)) from None
