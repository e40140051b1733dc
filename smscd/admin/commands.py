"""The commands of the control socket: what an operator may ask of the running daemon."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Any

from smscd import __version__, pdu, text
from smscd.admin.arguments import address, characters, count, moment, optional, required
from smscd.admin.explaining import asked, explained
from smscd.ancillary import Ancillary
from smscd.clock import SECOND
from smscd.connectors import Emulator
from smscd.errors import ControlError, TextError
from smscd.journey import Journey
from smscd.message import IN_DOUBT, LEASED, QUEUED, SENT, InDoubt, Kind, Message, Part, Stage, text_of
from smscd.queueing import NOBODY
from smscd.store import Listing

MOST = 10_000
"""Messages one listing returns at most; the rest of a submit_multi may come on top."""
PORTION = 50
"""Of them that are looked at before everybody else has their turn."""
MOST_IN_GROUP = 255
"""Destinations of one submit_multi (SMPP 5.0 §4.2.3.1)."""

SHORT_CODE = 6
"""Digits; longer numbers belong to subscribers."""


class Commands:
    """Read and act on what the journey holds. `sessions` and `identity` come from whoever knows links and files."""

    def __init__(
        self, journey: Journey, ancillary: Ancillary, sessions: Callable[[], list[dict[str, Any]]],
        identity: Callable[[], dict[str, Any]],
    ) -> None:  # fmt: skip
        self._journey = journey
        self._ancillary = ancillary
        self._sessions = sessions
        self._identity = identity
        self._started = journey.clock.monotonic()
        self._last: tuple[float, dict[str, int]] = (self._started, {})
        self._references = itertools.count(1)

    def table(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Every command by its name."""
        return {
            "status": self.status,
            "message.list": self.message_list,
            "message.show": self.message_show,
            "message.cancel": self.message_cancel,
            "message.retry": self.message_retry,
            "mo": self.mo,
            "route.explain": self.route_explain,
        }

    # -- status ------------------------------------------------------------------------------------------------------

    async def status(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        """How it goes: sessions, connectors, queue, rates since the last time somebody asked."""
        journey = self._journey
        lanes = journey.scheduler.lanes
        totals = self._totals()
        now = journey.clock.monotonic()
        since, before = self._last
        self._last = (now, totals)
        elapsed = max(now - since, 0.001)
        return {
            **self._identity(),
            "version": __version__,
            "uptime_s": round(now - self._started, 1),
            "sessions": self._sessions(),
            "connectors": [
                {"name": name, "kind": connector.kind, "queued": lanes[name].queued if name in lanes else 0,
                 **connector.status()}
                for name, connector in journey.connectors.items()
            ],
            "queue": self._queue(),
            "rates": {f"{name}_per_s": round((totals[name] - before.get(name, 0)) / elapsed, 1)
                      for name in ("accepted", "closed", "receipts")},
            "totals": totals,
            "store": journey.store.statistics(),
        }  # fmt: skip

    def _queue(self) -> dict[str, int]:
        lanes = self._journey.scheduler.lanes.values()
        waiting = sum(lane.queued for lane in lanes if lane.connector.startswith("esme:"))
        return {
            "queued": self._journey.queued - waiting,
            "leased": sum(lane.in_flight + lane.reserved for lane in lanes),
            "waiting_for_esme": waiting,
        }

    def _totals(self) -> dict[str, int]:
        counters = self._journey.counters
        esmes = counters.esmes.values()
        return {
            "accepted": sum(esme.accepted for esme in esmes),
            "refused": sum(sum(esme.refused.values()) for esme in esmes),
            "closed": sum(sum(esme.closed.values()) for esme in esmes),
            "receipts": sum(esme.receipts_delivered for esme in esmes),
            "mo": sum(esme.mo_delivered for esme in esmes),
            "dead": sum(esme.receipts_dead + esme.mo_dead for esme in esmes) + counters.daemon.mo_unclaimed,
        }

    # -- message -----------------------------------------------------------------------------------------------------

    async def message_list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Messages as filtered, newest first."""
        before = optional(arguments, "before")
        wanted = Listing(
            stage=_stage(optional(arguments, "stage")),
            message_state=_member(pdu.MessageState, optional(arguments, "state")),
            kind=_member(Kind, optional(arguments, "kind")),
            system_id=optional(arguments, "system_id"),
            source_addr=optional(arguments, "from"),
            destination_addr=optional(arguments, "to"),
            named=True,  # nobody could show one without, nor page on from it
            before=min(m.id for m in await self._found(before) if m.message_id == before) if before else None,
            limit=count(arguments, "limit", 50, MOST),
        )
        found = await self._journey.store.listing(wanted)
        if found and found[-1].group_id:  # they share one message_id, so that no page may begin in their midst
            wanted.before, wanted.limit = found[-1].id, MOST_IN_GROUP
            rest, group = await self._journey.store.listing(wanted), found[-1].group_id
            found += itertools.takewhile(lambda message: message.group_id == group, rest)
        outlines: list[dict[str, Any]] = []
        for message in found:
            outlines.append(outline(self._current(message)))
            if len(outlines) % PORTION == 0:
                await asyncio.sleep(0)
        return {"messages": outlines}

    async def message_show(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """All that is known of one message: its way, its parts, its receipt, its PDU; its text only if asked for."""
        message_id = required(arguments, "message_id")
        found = sorted(await self._found(message_id), key=lambda one: (one.message_id != message_id, one.id))
        stories = [await self._story(message, bool(arguments.get("text"))) for message in found]
        return stories[0] if len(stories) == 1 else {**stories[0], "others": stories[1:]}

    async def _story(self, message: Message, with_text: bool) -> dict[str, Any]:
        receipt = await self._journey.store.get([message.receipt]) if message.receipt else []
        return {
            **outline(message),
            "in_doubt": InDoubt(message.in_doubt).name.lower(),
            "parts": [_part(part, message) for part in message.parts],
            "receipt": outline(self._current(receipt[0])) if receipt else None,
            "pdu": _fields(message.content, with_text=with_text),
            **({"text": text_of(message.content, self._alphabet(message))} if with_text else {}),
        }

    def _alphabet(self, message: Message) -> text.Alphabet:
        """What data_coding 0 means to the ESME that submitted it; a handset's is GSM 7-bit."""
        esme = self._journey.esmes.get(message.system_id) if message.kind == Kind.MT else None
        return esme.settings.default_alphabet if esme is not None else "gsm7"

    async def message_cancel(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Cancel what has not reached its recipient."""
        with self._journey.scheduler.watching() as gone:
            found = await self._found(required(arguments, "message_id"))
        cancelled = await self._ancillary.cancel_all(found, gone)
        if not cancelled:
            stage = Stage(self._current(found[0]).stage).name
            raise ControlError(f"it cannot be cancelled any more: its stage is {stage}", "smscd message show ID")
        return {"cancelled": cancelled}

    async def message_retry(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send a dead letter or a held message again, with a new validity."""
        await self._journey.store.committed()  # `message show` may have told of a hold that memory still owns
        with self._journey.scheduler.watching() as gone:
            found = await self._found(required(arguments, "message_id"))
        again = [
            message for message in found
            if message.stage in {Stage.DEAD, Stage.HELD}
            and message.id not in gone and message.id not in self._journey.scheduler.owned
        ]  # fmt: skip
        if not again:
            raise ControlError("only dead letters and held messages are sent again", "smscd message list --stage DEAD")
        for message in again:
            self._again(message)
        await self._journey.store.committed()
        return {"retried": len(again)}

    def _again(self, message: Message) -> None:
        """Back into the queue; an MO that nobody received goes to whoever receives its destination now."""
        journey, now = self._journey, self._journey.clock.wall()
        if message.connector == NOBODY:
            to = message.content.destination_addr
            owner = journey.receivers.owner(to)
            if owner is None:
                raise ControlError(
                    f"no ESME receives messages to {to.decode('latin-1')}", "esme.receives, and a reload"
                )
            message.system_id, message.connector = owner, f"esme:{owner}"
        validity = journey.retry.validity if message.kind == Kind.MT else journey.retry.receipt_validity
        message.due, message.expires, message.final_at = now, now + int(validity * SECOND), 0
        message.message_state = int(pdu.MessageState.ENROUTE)
        journey.scheduler.own(message)
        journey.store.batch.rewrite(message)  # whole: it may have been forgotten since it was read
        if message.kind == Kind.MT:
            journey.reroute(message)  # an operator's word goes before a connector's that would not have it
        journey.requeue(message)

    async def _found(self, message_id: str) -> list[Message]:
        found = await self._ancillary.find(message_id)
        if not found:
            raise ControlError(f"no message has the message_id {message_id}", "smscd message list")
        return found

    def _current(self, message: Message) -> Message:
        """Memory knows better than the store where it owns the message."""
        return self._journey.scheduler.owned.get(message.id, message)

    # -- the network -------------------------------------------------------------------------------------------------

    async def mo(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """A handset of the emulated network sends a message."""
        network = next((one for one in self._journey.connectors.values() if isinstance(one, Emulator)), None)
        if network is None:
            raise ControlError(
                "there is no emulated network here",
                'a [[connector]] with kind = "emulator"; for a modem type `mo +NUMBER TEXT` into `smscd modem emulate`',
            )
        to, sender, text_sent = address(arguments, "to"), address(arguments, "from"), characters(arguments, "text")
        try:
            parts = handset_message(sender, to, text_sent, next(self._references) & 0xFF)
        except TextError as fault:
            raise ControlError(str(fault), "a shorter text") from fault
        messages = [self._journey.accept_mo(part, connector=network.name) for part in parts]
        self._journey.counters.connector(network.name).mo_accepted += len(parts)
        await self._journey.store.committed()
        owner = self._journey.receivers.owner(messages[0].content.destination_addr)
        return {"message_id": messages[0].message_id, "parts": len(messages), "delivered_to": owner}

    async def route_explain(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Which `[[route]]` a message would take, and why not the ones before it."""
        to, sender, esme = required(arguments, "to"), required(arguments, "from"), optional(arguments, "esme") or ""
        if esme and esme not in self._journey.esmes:
            raise ControlError(f"there is no ESME {esme}", f"one of {', '.join(self._journey.esmes) or '-'}")
        return explained(
            self._journey,
            esme,
            asked(sender, to, characters(arguments, "text")),
            moment(arguments, "at"),
        )


def handset_message(sender: str, to: str, characters: str, reference: int) -> list[pdu.DeliverSm]:
    """What the network delivers when a handset sends `characters`: one deliver_sm per part."""
    alphabet, data_coding = text.choose(characters)
    (source_ton, source_npi), (dest_ton, dest_npi) = _ton_npi(sender), _ton_npi(to)
    return [
        pdu.DeliverSm(
            source_addr_ton=source_ton, source_addr_npi=source_npi, source_addr=sender.lstrip("+").encode("latin-1"),
            dest_addr_ton=dest_ton, dest_addr_npi=dest_npi, destination_addr=to.lstrip("+").encode("latin-1"),
            esm_class=pdu.ESM_UDHI if part.udhi else 0, data_coding=data_coding, short_message=part.octets,
        )
        for part in text.segment(characters, alphabet, reference)
    ]  # fmt: skip


def _ton_npi(number: str) -> tuple[int, int]:
    """How the network labels a number (SMPP 3.4 §5.2.5, §5.2.6). To an international one some ESMEs add a `+`."""
    if not number.lstrip("+").isdigit():
        return 5, 0  # alphanumeric
    if len(number) <= SHORT_CODE and not number.startswith("+"):
        return 3, 0  # network specific
    return 1, 1  # international, E.164


def outline(message: Message) -> dict[str, Any]:
    """One message in a line of a table."""
    content = message.content
    return {
        "message_id": message.message_id,
        "kind": Kind(message.kind).name,
        "system_id": message.system_id,
        "connector": message.connector,
        "stage": Stage(message.stage).name,
        "message_state": pdu.MessageState(message.message_state).name,
        "error_code": message.error_code,
        "source_addr": content.source_addr.decode("latin-1"),
        "destination_addr": content.destination_addr.decode("latin-1"),
        "accepted_at": _time(message.accepted_at),
        "due": _time(message.due),
        "expires": _time(message.expires),
        "final_at": _time(message.final_at),
        "attempts": message.attempts,
        "segments": message.segments,
    }


def _part(part: Part, message: Message) -> dict[str, Any]:
    """One part. Without an answer it has no command_status, though its row says 0."""
    silent = part.stage == IN_DOUBT or (message.is_open and part.stage in {QUEUED, LEASED})
    return {
        "number": part.number,
        "connector": part.connector,
        "stage": Stage(part.stage if message.is_open else message.stage).name,
        "upstream_message_id": part.upstream_message_id,
        "attempt": part.attempt,
        "command_status": None if silent and not part.command_status else pdu.status_name(part.command_status),
        "changed_at": _time(part.changed_at),
        "in_doubt": part.doubts,
    }


def _fields(content: pdu.Pdu, *, with_text: bool) -> dict[str, Any]:
    """A PDU by the names of the specification; user data only if asked for."""
    hidden = {"frame"} if with_text else {"frame", "short_message"}
    shown: dict[str, Any] = {"command": pdu.command_name(content.command_id)}
    for field in fields(content):
        value = getattr(content, field.name)
        if field.name in {"sequence_number", "command_status", "tail"} or field.name in hidden:
            continue
        if field.name == "tlvs":
            shown["tlvs"] = {
                pdu.tlv.tlv_name(tag): octets.hex() for tag, octets in value
                if with_text or tag != pdu.Tag.message_payload
            }  # fmt: skip
        else:
            shown[field.name] = value.decode("latin-1") if isinstance(value, bytes) else value
    if with_text and isinstance(shown.get("short_message"), str):
        shown["short_message"] = getattr(content, "short_message", b"").hex()
    return shown


def _time(microseconds: int) -> int | None:
    return microseconds or None


def _stage(name: str | None) -> int | None:
    stage = _member(Stage, name)
    if stage in {SENT, IN_DOUBT}:  # no message would be found, and that would read like good news
        raise ControlError(
            f"{Stage(stage).name} is a stage of parts",
            "HELD, or LEASED for what has left; smscd message show ID has the parts",
        )
    return stage


def _member(members: Any, name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return int(members[name.upper()])
    except KeyError:
        known = ", ".join(member.name for member in members)
        raise ControlError(f"{name} is not known", f"one of {known}") from None
