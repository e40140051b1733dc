"""What travels: a message, its parts, and the outcome of handing one on.

A `Message` is an SMPP PDU (its content, kept as it came) with the facts that smscd adds: identity, times, stage.
A receipt and an MO are messages too: their content is a `DeliverSm`, their way out the connector `esme:SYSTEM_ID`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from smscd import pdu, text

Content = pdu.SubmitSm | pdu.DataSm | pdu.DeliverSm
"""The PDUs that carry a short message. A submit_multi becomes one `SubmitSm` per destination."""

ENROUTE = int(pdu.MessageState.ENROUTE)


class Kind(IntEnum):
    """Which way a message goes, and why it exists."""

    MT = 0  # an ESME submitted it towards a handset
    MO = 1  # a handset (or another ESME) sent it towards an ESME
    RECEIPT = 2  # an MC delivery receipt: the final word on an MT
    NOTIFICATION = 3  # an intermediate notification: not the final word


class Stage(IntEnum):
    """What we know of a message; `message_state` is what the wire says (ARCHITECTURE, "Lifecycle")."""

    QUEUED = 0  # stored, waits until it is due and its connector has credit
    LEASED = 1  # given to a connector; its parts say how far each has come
    SENT = 2  # (parts only) the other side took it and has not reported a final state
    IN_DOUBT = 3  # it left, nobody answered
    HELD = 4  # waits for the operator
    CLOSED = 5  # final: `message_state` is what became of it
    DEAD = 6  # final for us, never taken: a dead letter


# The hot path uses these plain integers: CPython 3.11 takes 150 ns to look up a member of an Enum, 10 for a global.
MT, MO, RECEIPT, NOTIFICATION = (int(kind) for kind in Kind)
QUEUED, LEASED, SENT, IN_DOUBT, HELD, CLOSED, DEAD = (int(stage) for stage in Stage)

OPEN_BELOW = CLOSED
"""Stages below this one still owe somebody something."""


class InDoubt(IntEnum):
    """What to do with a message that left and was never answered."""

    RESEND = 0
    FAIL = 1
    HOLD = 2


RESEND, FAIL, HOLD = (int(policy) for policy in InDoubt)


class Origin(IntEnum):
    """Who made a message."""

    PEER = 0  # an ESME or a handset; what smscd reports about their messages counts as theirs
    OPT_OUT = 1  # smscd itself, in answer to STOP, START or HELP: no opt-out stops it
    WHOLE = 2  # smscd itself, of parts that an ESME has cut: what becomes of it becomes of them (see `gathering`)


PEER, OPT_OUT, WHOLE = (int(origin) for origin in Origin)


LEASE = 3600 * 1_000_000
"""Microseconds that a lease lasts in the store. Only a second process on the same store would ever look at it."""


@dataclass(slots=True, eq=False)
class Part:
    """One PDU's worth of a message on its way through one connector. The row is written before the octets leave.

    The only part of a message has no row before its provider has answered: the row of the message says that it left.
    Where the message is closed its parts are too, whatever their own stage says: that is not written once more.
    A part that has an upstream_message_id has been taken over, even if its stage still says LEASED.
    """

    message: int
    number: int
    connector: str
    stage: int = LEASED
    upstream_message_id: str = ""
    attempt: int = 1
    command_status: int = 0
    owner: int = 0
    lease_until: int = 0  # microseconds UTC
    changed_at: int = 0  # microseconds UTC
    provider: str = ""  # whose receipts report on it; empty where none come (an emulated network, an ESME)
    upstream_key: str = ""  # upstream_message_id in the form that receipts are looked up by
    message_state: int = ENROUTE  # as its own receipt says
    error_code: int = 0
    doubts: int = 0  # how often it left and was never answered

    @property
    def is_with_provider(self) -> bool:
        """The other side has taken it over for good: it is never sent again."""
        return bool(self.provider) and self.stage in {SENT, CLOSED}


@dataclass(slots=True, eq=False)
class Message:
    """One message to one destination. Times are microseconds UTC; 0 means not set."""

    id: int
    message_id: str  # the text we issued, SMPP 3.4 §5.2.23
    kind: int
    system_id: str  # MT: the ESME that submitted it; otherwise the ESME that is to receive it
    connector: str  # the way out
    content: Content
    accepted_at: int
    due: int
    expires: int
    stage: int = QUEUED
    message_state: int = ENROUTE
    error_code: int = 0
    attempts: int = 0
    final_at: int = 0
    segments: int = 1
    in_doubt: int = RESEND
    original: int = 0  # a receipt's subject
    receipt: int = 0  # the id of the receipt that closed it
    group_id: int = 0  # the first message of the submit_multi that it came with, or the whole that it is a part of
    alias: int | None = None  # message_id as a number, where a 3.3 peer was given eight hex digits
    owner: int = 0
    lease_until: int = 0
    origin: int = 0
    provider: str = ""  # who was given it as one part, and has not answered while that has no row: see `lease_whole`
    recipient: bytes = b""  # E.164 digits, where its route asks for them; found anew for every attempt, not stored
    frame: bytes = b""  # `content` as its octets, where they are known; whoever changes the one clears the other
    refusal: str = ""  # why smscd itself closes it without sending, in words for its receipt; not stored
    parts: list[Part] = field(default_factory=list)
    free_at: object = None  # the standing of the opt-out list by which no row was about the recipient; not stored
    worst: Outcome | None = None  # of the parts that have come back, while others are still out; never stored

    @property
    def is_open(self) -> bool:
        return self.stage < OPEN_BELOW

    def lease_whole(self, connector: str, provider: str, owner: int, until: int) -> None:
        """Lease it for the first time, as one part, to the provider behind `connector`. `until`: microseconds UTC.

        Nothing of this needs a row of its own: message and part are one until the provider has answered.
        """
        self.stage, self.provider, self.owner, self.lease_until = LEASED, provider, owner, until
        self.parts.append(Part(self.id, 1, connector, LEASED, "", 1, 0, owner, until, until - LEASE, provider))

    @property
    def is_out(self) -> bool:
        """Leased by `lease_whole`, and not answered. That attempt has not been counted yet, but in its row it has."""
        return bool(self.provider) and self.stage == LEASED and bool(self.parts) and self.parts[0].stage == LEASED


# --- the outcome of handing a part on: one closed union ---------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Accepted:
    """The other side answered that it has the part; a receipt may follow."""

    upstream_message_id: str = ""
    upstream_key: str = ""


@dataclass(slots=True, frozen=True)
class Delivered:
    """The other side is the recipient and has acknowledged the part: nothing more will follow (a bound ESME)."""


@dataclass(slots=True, frozen=True)
class Deferred:
    """Not now: try again after `retry_after` seconds (None: as the ladder says)."""

    why: str
    retry_after: float | None = None
    counts: bool = True  # False: no attempt was burnt (the destination went away)
    command_status: int = 0


@dataclass(slots=True, frozen=True)
class Rejected:
    """Never: the other side refused it for good."""

    command_status: int
    why: str


@dataclass(slots=True, frozen=True)
class Unanswered:
    """It left, nobody answered: SMPP's honest case."""


Outcome = Accepted | Delivered | Deferred | Rejected | Unanswered


# --- identity ---------------------------------------------------------------------------------------------------------

EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z: 41 bits of milliseconds from here last until 2093."""

_NODE_BITS = 10
_COUNTER_BITS = 12


def issued_at(number: int) -> int:
    """When the id `number` was given: microseconds UTC, to the millisecond."""
    return ((number >> (_NODE_BITS + _COUNTER_BITS)) + EPOCH_MS) * 1000


def first_id(at: int) -> int:
    """The lowest number that can be given at `at`, microseconds UTC."""
    return max(0, at // 1000 - EPOCH_MS) << (_NODE_BITS + _COUNTER_BITS)


class MessageIds:
    """Numbers that grow for ever: 41 bits of milliseconds, 10 of node, 12 of counter.

    They grow even when the wall clock steps back, because the store hands in the highest number it holds.
    """

    __slots__ = ("_counter", "_ms", "alias", "node_id", "notation")

    def __init__(self, node_id: int = 0, notation: str = "decimal", highest: int = 0, highest_alias: int = 0) -> None:
        self.node_id = node_id
        self.notation = notation
        self.alias = highest_alias
        self._ms = (highest >> (_NODE_BITS + _COUNTER_BITS)) + 1 if highest else 0
        self._counter = -1

    def next(self, now: int) -> int:
        """A number never issued before by this node. `now` is microseconds UTC."""
        ms = now // 1000 - EPOCH_MS
        if ms > self._ms:
            self._ms = ms
            self._counter = 0
        else:
            self._counter += 1
            if self._counter >> _COUNTER_BITS:
                self._ms += 1
                self._counter = 0
        return self._ms << (_NODE_BITS + _COUNTER_BITS) | self.node_id << _COUNTER_BITS | self._counter

    def next_all(self, now: int, count: int) -> list[int]:
        """`next`, `count` times."""
        ms = now // 1000 - EPOCH_MS
        if ms > self._ms:
            self._ms, self._counter = ms, -1
        if self._counter + count >> _COUNTER_BITS:
            return [self.next(now) for _ in range(count)]
        first = self._ms << (_NODE_BITS + _COUNTER_BITS) | self.node_id << _COUNTER_BITS | self._counter + 1
        self._counter += count
        return list(range(first, first + count))

    def issue_all(self, numbers: list[int]) -> list[str]:
        """`issue` for many."""
        return [str(n) for n in numbers] if self.notation == "decimal" else [f"{n:016x}" for n in numbers]

    def issue(self, number: int) -> str:
        """The text a peer is given for `number`."""
        return str(number) if self.notation == "decimal" else f"{number:016x}"

    def name(self, message: Message, version: int, group: Message | None) -> None:
        """The text that the ESME will know `message` by; `group` is the first of its submit_multi."""
        if group is not None:
            message.message_id, message.alias = group.message_id, group.alias
            message.group_id = group.group_id = group.id
        elif version < pdu.INTERFACE_VERSION_3_4:  # its message_id has eight octets at most
            message.alias = self.next_alias()
            message.message_id = f"{message.alias:08x}"
        else:
            message.message_id = self.issue(message.id)

    def next_alias(self) -> int:
        """A number that fits the eight octets of a 3.3 message_id."""
        self.alias = self.alias + 1 & 0xFFFFFFFF or 1
        return self.alias


def submitted(
    ids: MessageIds, content: Content, system_id: str, connector: str, now: int, version: int, group: Message | None
) -> Message:
    """A new MT message: our number, and the text that an ESME bound with that interface `version` will know it by."""
    number = ids.next(now)
    message = Message(number, "", MT, system_id, connector, content, now, now, now)
    if group is not None:
        message.message_id, message.alias = group.message_id, group.alias
        message.group_id = group.group_id = group.id
    elif version < pdu.INTERFACE_VERSION_3_4:  # its message_id has eight octets at most
        message.alias = ids.next_alias()
        message.message_id = f"{message.alias:08x}"
    else:
        message.message_id = ids.issue(number)
    return message


def numbers_of(message_id: str) -> tuple[set[int], int | None]:
    """The numbers that `message_id` may stand for in any notation we ever issued, and the 3.3 alias it may be.

    The caller compares the stored text, so a candidate too many does no harm.
    """
    numbers: set[int] = set()
    if not message_id.isascii() or len(message_id) > 20:
        return numbers, None
    if message_id.isdigit():
        numbers.add(int(message_id))
    try:
        value = int(message_id, 16)
    except ValueError:
        return numbers, None
    numbers.add(value)
    alias = value if len(message_id) == 8 else None
    return {n for n in numbers if 0 <= n < 1 << 63}, alias


def uncover(content: Content) -> bool:
    """Whether the `tail` of `content` is a NUL that sm_length does not count, and TLVs behind it: they are its own.

    Some peers end every short_message so; without this nothing of what stands behind it would be seen.
    """
    found = None if content.tlvs or content.tail[:1] != b"\0" else pdu.tlv.read(content.tail[1:])
    if found is None:
        return False
    content.tlvs, content.tail = found, b""
    return True


def octets_of(content: Content) -> bytes:
    """The user data: message_payload where it is there (SMPP 5.0 §4.8.4.36: it supersedes), else short_message.

    One without octets supersedes nothing: some give it to every message, whatever stands in short_message.
    """
    if content.tlvs and (payload := pdu.tlv.get(content.tlvs, pdu.Tag.message_payload)):
        return payload
    return b"" if isinstance(content, pdu.DataSm) else content.short_message


def put_octets(deliver: pdu.DeliverSm, octets: bytes) -> None:
    """Gives `deliver` its user data, by one way only (SMPP 3.4 §4.6.1): in message_payload what is longer than 254
    octets, all else in short_message, where every version and every library looks for it.
    """
    deliver.tlvs = [one for one in deliver.tlvs if one[0] != pdu.Tag.message_payload]
    if len(octets) > pdu.MAX_SHORT_MESSAGE_3_4:
        deliver.tlvs.append(pdu.tlv.payload(octets))
        octets = b""
    deliver.short_message = octets


def text_of(content: Content, default_alphabet: text.Alphabet = "gsm7") -> str:
    """The characters of the user data, its header left out. Never raises: what cannot be read is U+FFFD."""
    octets = octets_of(content)
    if content.esm_class & pdu.ESM_UDHI and octets:
        octets = octets[octets[0] + 1 :]
    return text.decode(octets, text.data_coding(content.data_coding, default_alphabet).alphabet)
