"""Receipts of one read taken together come to the same as one by one."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import Phase, event, given, settings

from smscd import pdu
from smscd.connectors.smpp.correlation import LEARNED, Report
from smscd.message import Kind, Message, Part
from smscd.store import rows
from tests.test_reports import Reported

HANDSETS = (b"447700900001", b"+447700900001", b"07700900001", b"4915112345")
RECEIPTS = st.tuples(
    st.integers(0, 5),  # which id
    st.sampled_from([2, 2, 2, 5, 1, 8]),  # message_state
    st.sampled_from([0, 0, 7]),  # error code
    st.sampled_from([0, 0, 0, 1, 2, 3]),  # the handset as the provider writes it
    st.sampled_from(["text", "tlv", "both", "differing", "zeros", "nobody"]),
)


class Told(Reported):
    """Told of receipts in the one way or the other."""

    def __init__(self, together: bool) -> None:
        self.together = together
        super().__init__()

    async def known(self, ids: list[str], asked: list[int], handsets: list[int]) -> None:
        """The provider has so many messages, under these ids, and has shown what its receipts look like."""
        for number in range(LEARNED):
            message = await self.submitted(registered_delivery=1)
            await self.taken(message, f"early{number}")
            await self.quiet()
            self.receipt(f"early{number}".encode())
            await self.quiet()
        self.told.clear()
        for upstream_message_id, registered_delivery, handset in zip(ids, asked, handsets, strict=True):
            to = HANDSETS[handset].lstrip(b"+0")
            message = await self.submitted(registered_delivery=registered_delivery, destination_addr=to)
            await self.taken(message, upstream_message_id)

    def tell(self, delivered: list[pdu.DeliverSm]) -> None:
        reports = [report for one in delivered if (report := self.carrier.read_report(one)) is not None]
        assert len(reports) == len(delivered)
        if self.together:
            self.reports.report_all(reports, self._told)
        else:
            for report in reports:
                self.reports.report(report, self.told.append)

    def _told(self, reports: list[Report], status: int) -> None:
        self.told += [status] * len(reports)

    def facts(self) -> Any:
        """Everything that came of it, but for the order in which receipts got their numbers."""
        messages = [rows.message_of(row) for row in self.store._messages.values()]
        parts = [self._part_of(rows.part_of(row), messages) for row in self.store._parts.values()]
        return (
            sorted(self._facts_of(message) for message in messages), parts, sorted(self.told), self.counts(),
            self.reports.parked, dict(self.counters.connector("network").receipts),
            sorted(self._subject(m) for m in self.bound.handed),
        )  # fmt: skip

    @staticmethod
    def _part_of(part: Part, messages: list[Message]) -> tuple[Any, ...]:
        """Where its message is closed a part is too, whatever its row says."""
        is_open = next(message.is_open for message in messages if message.id == part.message)
        ends = (part.stage, part.message_state, part.error_code, part.changed_at) if is_open else ()
        return part.message, part.provider, part.upstream_message_id, part.upstream_key, part.attempt, *ends

    @staticmethod
    def _subject(message: Message) -> int:
        return message.original

    @staticmethod
    def _facts_of(m: Message) -> tuple[Any, ...]:
        named = (m.id, bool(m.receipt)) if m.kind == Kind.MT else (m.original, False)
        frame = b"" if m.kind == Kind.MT else pdu.encode(m.content)
        return m.kind, *named, m.stage, m.message_state, m.error_code, m.attempts, m.final_at, m.connector, frame


def delivered(receipt: tuple[int, int, int, int, str], ids: list[str]) -> pdu.DeliverSm:
    at, state, error, handset, how = receipt
    if state == pdu.MessageState.ENROUTE:  # one by one, what has to be looked up is overtaken by what has not
        handset, how = 0, "both"
    said = ids[at % len(ids)]
    named = {"differing": "other", "zeros": f"00{said}", "nobody": "nobody"}.get(how, said)
    tlvs = [(int(pdu.Tag.message_state), bytes((state,)))]
    if how in {"tlv", "both", "differing"}:
        tlvs.append((int(pdu.Tag.receipted_message_id), said.encode() + b"\0"))
    text = b"" if how == "tlv" else pdu.format_receipt(named.encode(), state, 0, 0, err=error)
    return pdu.DeliverSm(
        source_addr=HANDSETS[handset], destination_addr=b"12345", esm_class=pdu.ESM_TYPE_RECEIPT, short_message=text,
        tlvs=tlvs,
    )  # fmt: skip


def without_contradictions(receipts: list[Any], ids: list[str]) -> list[Any]:
    """One about each message, and more where they say the same and nothing has to be looked up.

    Of receipts that contradict each other the one that was found first holds, and that is a matter of turns.
    """
    said: dict[str, tuple[int, int]] = {}
    kept = []
    for receipt in receipts:
        at, state, error, handset, how = receipt
        upstream_message_id = ids[at % len(ids)]
        is_plain = handset == 0 and how in {"text", "tlv", "both"}
        is_first = upstream_message_id not in said
        if is_first or (is_plain and said[upstream_message_id] == (state, error)):
            kept.append(receipt)
        if is_first and (is_plain or state == pdu.MessageState.ENROUTE):
            said[upstream_message_id] = state, error
        elif is_first:
            said[upstream_message_id] = 0, 0
    return kept


NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
"""It takes minutes."""


@settings(max_examples=80, deadline=None, phases=NO_SHRINKING)
@given(
    st.lists(st.sampled_from(["A1", "A2", "0A2", "17", "11", "b"]), min_size=1, max_size=5, unique=True),
    st.lists(st.sampled_from([1, 1, 2, 0x11]), min_size=5, max_size=5),
    st.lists(st.sampled_from([0, 0, 0, 2]), min_size=5, max_size=5),
    st.lists(RECEIPTS, min_size=1, max_size=8),
)
async def test_receipts_told_together_come_to_the_same_as_one_by_one(
    ids: list[str], asked: list[int], handsets: list[int], receipts: list[tuple[int, int, int, int, str]]
) -> None:
    told = without_contradictions(receipts, ids)
    facts = []
    for together in (True, False):
        async with Told(together) as play:
            await play.known(ids, asked[: len(ids)], handsets[: len(ids)])
            play.tell([delivered(one, ids) for one in told])
            await play.quiet()
            facts.append(play.facts())
    event(f"closed: {sum(1 for kind, *_ in facts[0][0] if kind == Kind.RECEIPT) - LEARNED}")
    assert facts[0] == facts[1]
    assert len(facts[0][2]) == len(told)


async def test_plain_receipts_are_settled_before_anything_is_awaited() -> None:
    async with Told(together=True) as play:
        await play.known(["A1", "A2"], [1, 1], [0, 0])
        play.tell([delivered((at, 2, 0, 0, "text"), ["A1", "A2"]) for at in (0, 1)])
        assert sorted(m.message_state for m in play.store.batch.closing.values()) == [2, 2]
        assert play.told == []
        await play.quiet()
        assert play.told == [pdu.ESME_ROK] * 2


async def test_a_final_receipt_does_not_overtake_an_intermediate_one() -> None:
    for together in (True, False):
        async with Told(together) as play:
            await play.known(["A1"], [0x11], [0])
            play.tell([delivered((0, state, 0, 0, "both"), ["A1"]) for state in (1, 2)])
            await play.quiet()
            assert dict(play.counters.connector("network").receipts) == {"final": LEARNED + 1, "intermediate": 1}


async def test_what_is_settled_leaves_memory_and_its_receipt_once_more_is_known_from_the_store() -> None:
    for together in (True, False):
        async with Told(together) as play:
            await play.known(["A1", "A2"], [1, 1], [0, 0])
            for again in (False, True):
                play.tell([delivered((0, 2, 0, 0, "text"), ["A1", "A2"])])
                await play.quiet()
                remembered = [m.parts[0].upstream_message_id for m in play.journey.scheduler.remembered.values()]
                assert remembered == ["A2"]
                counted = {"final": LEARNED + 1, "duplicate": 1} if again else {"final": LEARNED + 1}
                assert dict(play.counters.connector("network").receipts) == counted
            assert play.told == [pdu.ESME_ROK] * 2
