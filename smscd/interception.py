"""Opt-out on a message's way: what the journey asks before a message leaves and when a handset has written.

It joins the parts of a long MO for reading (they are delivered as they came), hands the text to the `optout` room and
puts what that decides into the store's batch. Built without settings it lets everything pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from smscd import blocklist, pdu, text
from smscd.admission import Esme
from smscd.clock import SECOND, Clock
from smscd.connectors import Connector
from smscd.counters import Counters
from smscd.logs import masked
from smscd.message import FAIL, MT, OPT_OUT, Content, Message, MessageIds, octets_of, text_of
from smscd.optout import Decision, OptOut, OptOutSettings
from smscd.optout.addresses import INTERNATIONAL
from smscd.optout.list import Row
from smscd.optout.policy import DAY
from smscd.store import Store
from smscd.text import Alphabet, Fragment, Reassembly

log = structlog.get_logger("smscd.optout")

REASSEMBLY = 600.0
"""Seconds that the parts of an MO are waited for."""
ANSWER_VALIDITY = 300
"""Seconds: a confirmation leaves within five minutes or not at all (47 CFR 64.1200(a)(12))."""
ACTION_TLV = 0x1501
"""Vendor TLV `optout_action` on a relayed MO: "stop", "start", "help" or "flag", as a C-octet string."""
REMEMBERED = 200_000
"""Events of the last while that a start looks at: enough for a STOP every thirteen seconds for a month."""


class OptedOut(int):
    """The command_status of a submit that an opt-out forbids; a 5.0 bind is told so in words too."""

    __slots__ = ()


@dataclass(slots=True)
class Heard:
    """What came of reading an MO."""

    decision: Decision
    relay: bool  # a START of somebody who was not stopped, and what is only flagged, are the ESME's business

    @property
    def answer(self) -> str:
        return self.decision.answer


class Interception:
    """Both doors: `forbids` for what wants to leave, `hear` for what comes in."""

    def __init__(self, store: Store, clock: Clock, counters: Counters, settings: OptOutSettings | None = None) -> None:
        self._store = store
        self._clock = clock
        self._counters = counters
        self._parts = Reassembly(REASSEMBLY)
        self.keeping = blocklist.Keeping(store, clock)
        self.optout = self._made(settings) if settings is not None and settings.enabled else None

    def _made(self, settings: OptOutSettings) -> OptOut:
        optout = OptOut(settings)
        optout.exempted = lambda entry, account: log.info(
            "allowed to one who has opted out: an exempt category",
            esme=account, scope=entry.scope, to=masked(entry.recipient),
        )  # fmt: skip
        return optout

    @property
    def is_ready(self) -> bool:
        """Whether the list is loaded and of the store's generation; while it is not, nothing leaves."""
        return self.optout is None or self.optout.list.generation == self._store.opt_outs.generation

    # -- may it leave? -----------------------------------------------------------------------------------------------

    def forbids(
        self, content: Content, system_id: str, esme: Esme | None, connectors: Iterable[Connector | None],
        shows: bytes = b"", recipient: bytes = b"",
    ) -> bool:  # fmt: skip
        """Whether a row forbids `content`, as `blocking` says; if so it is counted."""
        row = self.blocking(content, system_id, esme, connectors, shows, recipient)
        if row is not None:
            self._counters.esme(system_id).blocked[row[1]] += 1
        return row is not None

    def blocking(
        self, content: Content, system_id: str, esme: Esme | None, connectors: Iterable[Connector | None],
        shows: bytes = b"", recipient: bytes = b"",
    ) -> Row | None:  # fmt: skip
        """What forbids `content` by any of `connectors`: they may show the handset different senders.

        `shows` is the sender that the route puts before theirs, if it does: an upstream is told it, nobody else is.
        `recipient` is the international number that it leaves to, where destination_addr is written otherwise.
        """
        optout = self.optout
        if optout is None or (esme is not None and esme.settings.opt_out == "off"):
            return None
        for connector in connectors:
            own = connector.shows if connector is not None else b""
            shown = shows or own if connector is None or connector.kind == "smpp" else own
            sender, ton = (shown, 0) if shown else (content.source_addr, content.source_addr_ton)
            to, service_type = (content.destination_addr, content.dest_addr_ton), content.service_type
            row = optout.forbidding(sender, ton, *to, system_id, service_type)
            if row is None and recipient:
                row = optout.forbidding(sender, ton, recipient, INTERNATIONAL, system_id, service_type)
            if row is not None:
                return row
        return None

    def perhaps(self, contents: Sequence[Content]) -> Sequence[int]:
        """Which of these a row is about, counted from 0: `blocking` is for them; the others may be accepted.

        They need not be looked at again before they leave, while `standing` is what it was: see `Message.free_at`.
        """
        return () if self.optout is None else self.optout.perhaps(contents)

    @property
    def standing(self) -> object:
        """Another one whenever rows have come in or the rules have changed."""
        return None if self.optout is None else self.optout.list.standing

    def suspects(self, messages: Sequence[Message]) -> set[int]:
        """Numbers of those at which `stops` has to look before they leave; while the list is not ready, of all."""
        if not self.is_ready:
            return {message.id for message in messages}
        assert self.optout is not None
        standing = self.optout.list.standing
        unseen = [message for message in messages if message.free_at is not standing]
        if not unseen:
            return set()
        found = {unseen[at].id for at in self.perhaps([message.content for message in unseen])}
        found.update([message.id for message in unseen if message.recipient])  # leaves to another number as well
        return found

    def stops(self, message: Message, esme: Esme | None, connector: Connector, shows: bytes = b"") -> bool:
        """Whether `message` must not leave by `connector` any more. Our own answers always may."""
        return message.origin != OPT_OUT and self.forbids(
            message.content, message.system_id, esme, (connector,), shows, message.recipient
        )

    @property
    def refusal(self) -> OptedOut:
        """What a blocked submit is answered."""
        assert self.optout is not None
        return OptedOut(self.optout.reject_status)

    @property
    def error_code(self) -> int:
        """`err:` of the receipt of a blocked message."""
        return 0 if self.optout is None else self.optout.settings.receipt_error

    # -- what does a carrier know? -----------------------------------------------------------------------------------

    def learn(self, message: Message, shown: bytes, why: str) -> None:
        """A carrier refused `message` because its recipient has opted out there: the list has that pair from now on.

        Never more than the pair: whoever stops one sender has not stopped another. `shown` is the sender that handsets
        see, b"" for the message's own. The row is a fact of the current batch.
        """
        if self.optout is None:
            return
        content = message.content
        sender, ton = (shown, 0) if shown else (content.source_addr, content.source_addr_ton)
        to = (
            (message.recipient, INTERNATIONAL)
            if message.recipient
            else (content.destination_addr, content.dest_addr_ton)
        )
        event = self.optout.learned(
            sender, ton, *to, self._clock.wall(), why,
            connector=message.connector, message=message.id, account=message.system_id,
        )  # fmt: skip
        if event is not None:
            self._counters.daemon.opt_outs[event.kind] += 1
            self._store.batch.opt_out([event])

    # -- what has a handset written? ---------------------------------------------------------------------------------

    def hear(
        self, content: pdu.DeliverSm, owner: str, connector: str, message: int, alphabet: Alphabet = "gsm7"
    ) -> Heard | None:
        """What an MO asks for, and the facts of it put into the batch; None for an ordinary message.

        What blocks, blocks when this returns. `owner` receives the number ("" if nobody does), `message` is the MO's.
        """
        optout = self.optout
        if optout is None or content.esm_class & pdu.ESM_TYPE_MASK:
            return None  # a receipt quotes texts: it asks for nothing
        characters = self._read(content, alphabet)
        if not characters:
            return None
        number = optout.address(content.destination_addr, content.dest_addr_ton)
        handset = optout.address(content.source_addr, content.source_addr_ton)
        decision = optout.decide(
            characters, handset, number, owner, self._clock.wall(), connector=connector, message=message
        )
        if decision is None:
            return None
        self._counters.daemon.opt_outs[decision.action] += 1
        self._record(optout, decision)
        content.tlvs.append((ACTION_TLV, decision.action.encode() + b"\0"))
        return Heard(decision, optout.settings.relay or decision.action == "flag" or not decision.events)

    def _record(self, optout: OptOut, decision: Decision) -> None:
        batch = self._store.batch
        batch.opt_out(decision.events)
        if decision.action == "start" and decision.events:
            optout.lifting(decision.events)
            batch.once_written(lambda: optout.lift(decision.events))

    def _read(self, content: pdu.DeliverSm, alphabet: Alphabet) -> str:
        """The text; of a part "", unless it completes its message."""
        if text.data_coding(content.data_coding, alphabet).alphabet == "octet":
            return ""
        fragment = fragment_of(content)
        if fragment is None:
            return text_of(content, alphabet)
        added = self._parts.add(_key(content), fragment, self._clock.monotonic())
        whole = next((one for one in added.released if one.why == "complete"), None)
        return "" if whole is None else whole.text(alphabet)

    def forget_parts(self) -> None:
        """Let go of parts whose other parts never came: they were delivered as they are."""
        self._parts.expire(self._clock.monotonic())

    # -- a start -----------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Read the list, and what was answered lately. Nothing leaves before that."""
        if self.optout is not None:
            await self._load(self.optout)

    async def _load(self, optout: OptOut) -> None:
        optout.list = await self.keeping.load()
        now = self._clock.wall()
        span = max(DAY, int(max(optout.settings.yes_within, optout.settings.confirm_again) * SECOND))
        for event in await self._store.opt_outs.heard(now - span, REMEMBERED):
            optout.remember(event)

    async def prepare(self, settings: OptOutSettings | None) -> OptOut | None:
        """For a reload: what `settings` ask for, the list loaded if it was not. It holds once `use` is called."""
        if settings is None or not settings.enabled:
            return None
        if self.optout is not None:
            return self.optout
        optout = self._made(settings)
        await self._load(optout)
        return optout

    async def tidy(self) -> None:
        """Now and then, and after an import: keep the list quick to ask and quick to read at the next start."""
        if self.optout is not None and self.is_ready:
            await self.keeping.tidy(self.optout.list)

    def use(self, optout: OptOut | None, settings: OptOutSettings | None) -> None:
        """From now on these rules hold."""
        self.optout = optout
        if optout is not None and settings is not None:
            optout.apply(settings)

    def take_up(self, messages: Sequence[Message]) -> None:
        """MO of the last ten minutes, oldest first: their parts are waited for as if nothing had happened."""
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        for message in messages:
            content = message.content
            fragment = fragment_of(content)
            if fragment is not None and isinstance(content, pdu.DeliverSm):
                self._parts.add(_key(content), fragment, monotonic - max(0, wall - message.accepted_at) / SECOND)


def answer_to(mo: Message, characters: str, connector: str, ids: MessageIds, now: int) -> Message:
    """The message that answers an MO, from the number that was written to: soon, at most once, without a receipt."""
    asked = mo.content
    alphabet, data_coding = text.choose(characters)
    content = pdu.SubmitSm(
        source_addr_ton=asked.dest_addr_ton, source_addr_npi=asked.dest_addr_npi, source_addr=asked.destination_addr,
        dest_addr_ton=asked.source_addr_ton, dest_addr_npi=asked.source_addr_npi, destination_addr=asked.source_addr,
        data_coding=data_coding, short_message=text.encode(characters, alphabet),
    )  # fmt: skip
    number, expires = ids.next(now), now + ANSWER_VALIDITY * SECOND
    return Message(
        number,
        ids.issue(number),
        MT,
        mo.system_id,
        connector,
        content,
        now,
        now,
        expires,
        in_doubt=FAIL,
        origin=OPT_OUT,
    )


def fragment_of(content: Content) -> Fragment | None:
    """The part of a longer message that `content` is, or None if it stands alone."""
    sar = tuple(
        pdu.tlv.get_int(content.tlvs, tag)
        for tag in (pdu.Tag.sar_msg_ref_num, pdu.Tag.sar_total_segments, pdu.Tag.sar_segment_seqnum)
    ) if content.tlvs else ()  # fmt: skip
    udhi = bool(content.esm_class & pdu.ESM_UDHI)
    if not udhi and (len(sar) != 3 or None in sar):
        return None
    numbers = (sar[0] or 0, sar[1] or 0, sar[2] or 0) if len(sar) == 3 and None not in sar else None
    return text.fragment_of(octets_of(content), content.data_coding, udhi, numbers)


def _key(content: Content) -> tuple[bytes, bytes]:
    return content.source_addr, content.destination_addr
