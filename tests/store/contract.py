"""What every Store must do, whatever it is made of. A subclass says by its fixture `chest` which store is meant."""

from __future__ import annotations

import asyncio
import json
from dataclasses import fields
from typing import Any, Protocol

import pytest

from smscd import pdu
from smscd.clock import SECOND, FakeClock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken
from smscd.message import LEASE, Kind, Message, Part, Stage, octets_of
from smscd.optout import Entry, Event
from smscd.store import Imported, Listing, Recovered, Store, commit, rows
from tests.cast import DAY, NOON, Answers, deliver_sm, message, submit_sm, with_part
from tests.machine import PATIENCE


class Chest(Protocol):
    """A store in a test: it can be filled to the brim, broken, closed, and abandoned as by kill -9."""

    store: Store
    clock: FakeClock
    counters: StoreCounters
    recovered: Recovered
    broken: list[StoreBroken]
    closed: list[list[Message]]
    dropped: list[Message]

    async def reopen(self) -> Store:
        """Close in order and open again on what is there."""

    async def crash(self) -> Store:
        """Forget whatever is not committed and open again."""

    async def fill(self) -> None:
        """No room from now on."""

    async def make_room(self) -> None:
        """Room again."""

    async def break_it(self) -> None:
        """The next commit fails in a way that cannot be waited out."""


async def put(store: Store, *messages: Message) -> None:
    """Store messages with their parts, and wait until they are committed."""
    for one in messages:
        store.batch.add(one)
        for part in one.parts:
            store.batch.part(part)
    store.wake()
    await store.committed()


def _facts(of: Message) -> tuple[Any, ...]:
    """Everything that the store has to give back."""
    not_stored = {"frame", "free_at", "recipient", "refusal", "worst"}
    return tuple(getattr(of, field.name) for field in fields(of) if field.name not in not_stored)


def ids(messages: list[Message]) -> list[int]:
    return [one.id for one in messages]


async def until_full(store: Store) -> None:
    async with asyncio.timeout(PATIENCE):
        while not store.full:  # noqa: ASYNC110 - the store announces room, not the lack of it
            await asyncio.sleep(0)


class StoreContract:
    """The contract. Every test starts on an empty store."""

    # -- answers -----------------------------------------------------------------------------------------------------

    async def test_an_answer_is_given_after_the_commit_and_not_before(self, chest: Chest) -> None:
        answers = Answers()
        one = message()
        chest.store.batch.add(one)
        chest.store.batch.answer(one, answers)
        chest.store.wake()
        assert answers.given == []
        await chest.store.committed()
        assert answers.given == [(one, pdu.ESME_ROK)]
        assert ids(await (await chest.crash()).get([one.id])) == [one.id]

    async def test_all_answers_of_a_batch_come_before_anything_that_follows_from_it(self, chest: Chest) -> None:
        told: list[str] = []
        for number in (1, 2):
            one = message(number)
            chest.store.batch.add(one)
            chest.store.batch.then(one, lambda m: told.append(f"then {m.id}"))
            chest.store.batch.answer(one, lambda m, _status: told.append(f"answer {m.id}"))
        chest.store.wake()
        await chest.store.committed()
        assert told == ["answer 1", "answer 2", "then 1", "then 2"]

    async def test_what_is_gathered_together_shares_one_commit(self, chest: Chest) -> None:
        await put(chest.store, *[message() for _ in range(150)])
        assert sum(chest.counters.batches.counts) == 1
        assert chest.counters.batches.total == 150

    async def test_committed_waits_for_what_was_gathered_before_it_was_asked(self, chest: Chest) -> None:
        one = message()
        chest.store.batch.add(one)
        await chest.store.committed()
        assert ids(await chest.store.get([one.id])) == [one.id]

    async def test_committed_returns_at_once_when_there_is_nothing_to_write(self, chest: Chest) -> None:
        async with asyncio.timeout(PATIENCE):
            await chest.store.committed()

    async def test_what_the_answer_of_one_batch_gathers_is_in_the_next(self, chest: Chest) -> None:
        first, second = message(), message()
        chest.store.batch.add(first)
        chest.store.batch.answer(first, lambda _m, _s: chest.store.batch.add(second))
        chest.store.wake()
        await chest.store.committed()
        await chest.store.committed()
        assert ids(await chest.store.get([first.id, second.id])) == [first.id, second.id]

    async def test_a_read_that_gathered_much_is_on_its_way_when_the_next_peer_is_read_from(self, chest: Chest) -> None:
        for _ in range(commit.ENOUGH - 1):
            chest.store.batch.add(message())
        chest.store.wake()
        chest.store.read_ended()
        assert len(chest.store.batch.new) == commit.ENOUGH - 1
        chest.store.batch.add(message())
        chest.store.read_ended()
        assert not chest.store.batch
        await chest.store.committed()
        assert chest.counters.batches.total == commit.ENOUGH

    async def test_a_read_begins_nothing_that_nobody_asked_for(self, chest: Chest) -> None:
        for _ in range(commit.ENOUGH):
            chest.store.batch.add(message())
        chest.store.read_ended()
        assert len(chest.store.batch.new) == commit.ENOUGH

    async def test_the_next_batch_is_on_its_way_before_the_answers_of_the_last_are_given(self, chest: Chest) -> None:
        gathered: list[int] = []
        for _ in range(commit.ENOUGH):
            chest.store.batch.add(message())
        first, later = message(), message()
        chest.store.batch.add(first)
        chest.store.batch.answer(first, lambda _m, _s: gathered.append(len(chest.store.batch.new)))
        chest.store.wake()
        chest.store.read_ended()
        chest.store.batch.add(later)
        chest.store.wake()
        await chest.store.committed()
        assert gathered == [0]
        assert ids(await (await chest.crash()).get([first.id, later.id])) == [first.id, later.id]

    async def test_only_one_batch_is_on_its_way(self, chest: Chest) -> None:
        for _ in range(2):
            for _ in range(commit.ENOUGH):
                chest.store.batch.add(message())
            chest.store.wake()
            chest.store.read_ended()
        assert len(chest.store.batch.new) == commit.ENOUGH
        await chest.store.committed()
        assert chest.counters.batches.total == 2 * commit.ENOUGH

    @pytest.mark.parametrize(
        ("messages", "order"), [(1, ["answer", "write", "then"]), (commit.MANY, ["answer", "then", "write"])]
    )
    async def test_few_answers_leave_before_anything_follows_and_many_messages_before_others_are_let_in(
        self, chest: Chest, messages: int, order: list[str]
    ) -> None:
        seen: list[str] = []
        loop, batch, new = asyncio.get_running_loop(), chest.store.batch, [message() for _ in range(messages)]

        def answer(_messages: list[Message], _status: int) -> None:
            seen.append("answer")
            loop.call_soon(seen.append, "write")  # as a link does with what is answered in one turn

        batch.add_all({one.id: one for one in new})
        batch.answer_all(new, answer)
        batch.then_all_of(new, lambda _messages: seen.append("then"))
        chest.store.wake()
        await chest.store.committed()
        await asyncio.sleep(0)
        assert seen == order

    async def test_what_cannot_be_written_ends_the_store_and_not_the_peer_that_was_read_from(
        self, chest: Chest
    ) -> None:
        for _ in range(commit.ENOUGH):
            chest.store.batch.add(message())
        unheard_of = message()
        del unheard_of.content
        chest.store.batch.add(unheard_of)
        chest.store.wake()
        chest.store.read_ended()
        assert len(chest.broken) == 1

    async def test_what_still_comes_after_the_end_is_not_written_and_breaks_nothing(self, chest: Chest) -> None:
        """A start that fails closes the store under upstreams that deliver already: its own fault has to be told."""
        await chest.store.close()
        for _ in range(commit.ENOUGH):
            chest.store.batch.add(message())
        chest.store.wake()
        chest.store.read_ended()
        assert chest.broken == []

    async def test_what_nobody_waits_for_goes_with_the_next_that_somebody_waits_for(
        self, chest: Chest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commit, "LULL", 1000.0)
        one, other = message(), message()
        await put(chest.store, one)
        one.stage = Stage.CLOSED
        chest.store.batch.close(one)
        chest.store.wake_later()
        for _ in range(20):
            await asyncio.sleep(0)
        assert chest.closed == []
        await put(chest.store, other)
        assert chest.closed == [[one]]
        assert sum(chest.counters.batches.counts) == 2

    async def test_what_nobody_waits_for_is_written_in_a_lull_by_itself(
        self, chest: Chest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commit, "LULL", 0.001)
        written = asyncio.Event()
        chest.store.batch.add(message())
        chest.store.batch.once_written(written.set)
        chest.store.wake_later()
        async with asyncio.timeout(PATIENCE):
            await written.wait()

    async def test_many_that_nobody_waits_for_are_committed_without_waiting_for_others(
        self, chest: Chest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commit, "LULL", 1000.0)
        written = asyncio.Event()
        chest.store.wake_later()
        for _ in range(commit.LEISURELY):
            chest.store.batch.add(message())
        chest.store.batch.once_written(written.set)
        chest.store.wake_later()
        async with asyncio.timeout(PATIENCE):
            await written.wait()

    async def test_who_asks_whether_all_is_committed_does_not_wait_for_leisure(
        self, chest: Chest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commit, "LULL", 1000.0)
        one = message()
        chest.store.batch.add(one)
        chest.store.wake_later()
        async with asyncio.timeout(PATIENCE):
            await chest.store.committed()
        assert ids(await chest.store.get([one.id])) == [one.id]

    async def test_what_a_callback_gathers_and_tells_nobody_is_committed_all_the_same(
        self, chest: Chest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(commit, "LULL", 0.001)
        first, second, written = message(), message(), asyncio.Event()

        def gather(_messages: list[Message]) -> None:
            chest.store.batch.add(second)
            chest.store.batch.once_written(written.set)

        chest.store.batch.add(first)
        chest.store.batch.then_all(first, gather)
        chest.store.wake()
        async with asyncio.timeout(PATIENCE):
            await written.wait()
        assert ids(await chest.store.get([first.id, second.id])) == [first.id, second.id]

    async def test_closing_writes_what_nobody_waits_for(self, chest: Chest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(commit, "LULL", 1000.0)
        one = message()
        chest.store.batch.add(one)
        chest.store.wake_later()
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            store = await chest.reopen()
        assert ids(await store.get([one.id])) == [one.id]

    async def test_an_answer_that_fails_stops_the_store_instead_of_leaving_it_dead_and_silent(
        self, chest: Chest
    ) -> None:
        one = message()
        chest.store.batch.add(one)
        chest.store.batch.answer(one, lambda _m, _s: 1 / 0)  # type: ignore[arg-type]
        chest.store.wake()
        async with asyncio.timeout(PATIENCE):
            while not chest.broken:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert "ZeroDivisionError" in str(chest.broken[0])

    # -- facts and how they fold -------------------------------------------------------------------------------------

    async def test_a_message_comes_back_as_it_went_in(self, chest: Chest) -> None:
        content = submit_sm(
            b"\x00\xff\n'\"", source_addr=b"caf\xe9", source_addr_ton=5, esm_class=0x40, registered_delivery=0x11,
            tlvs=[(0x1400, b"\x00vendor"), (0x0204, b"\x00\x07"), (0x1400, b"twice")],
        )  # fmt: skip
        one = message(
            (1 << 63) - 1, content=content, message_id="0" * 64, kind=Kind.MT, stage=Stage.HELD, message_state=6,
            error_code=65535, attempts=3, final_at=NOON + 5, segments=255, in_doubt=2, original=7, receipt=8,
            group_id=9, alias=0xFFFFFFFF, owner=1023, lease_until=NOON + 6,
        )  # fmt: skip
        with_part(one, Stage.SENT, "upstream'1").parts[0].command_status = 0x58
        await put(chest.store, one)
        (back,) = await (await chest.reopen()).get([one.id])
        for name in one.__slots__:
            if name not in {"content", "parts"}:
                assert getattr(back, name) == getattr(one, name), name
        assert back.content == content
        assert [[getattr(part, n) for n in Part.__slots__] for part in back.parts] == [
            [getattr(part, n) for n in Part.__slots__] for part in one.parts
        ]

    async def test_a_message_added_and_changed_in_one_batch_is_stored_as_it_ended(self, chest: Chest) -> None:
        one = message()
        chest.store.batch.add(one)
        one.stage, one.attempts = Stage.HELD, 7
        chest.store.batch.change(one)
        chest.store.wake()
        await chest.store.committed()
        (back,) = await chest.store.get([one.id])
        assert (back.stage, back.attempts) == (Stage.HELD, 7)

    async def test_a_message_added_and_closed_in_one_batch_is_stored_closed_and_recorded_once(
        self, chest: Chest
    ) -> None:
        one = message(stage=Stage.DEAD, message_state=int(pdu.MessageState.UNDELIVERABLE), final_at=NOON)
        chest.store.batch.add(one)
        chest.store.batch.close(one)
        chest.store.wake()
        await chest.store.committed()
        (back,) = await chest.store.get([one.id])
        assert (back.stage, back.final_at) == (Stage.DEAD, NOON)
        assert chest.closed == [[one]]

    async def test_a_closed_message_is_recorded_only_when_its_end_is_committed(self, chest: Chest) -> None:
        one = message()
        await put(chest.store, one)
        one.stage, one.message_state, one.final_at, one.receipt = Stage.CLOSED, 2, NOON + 1, 99
        chest.store.batch.close(one)
        chest.store.wake()
        assert chest.closed == []
        await chest.store.committed()
        assert chest.closed == [[one]]
        (back,) = await (await chest.crash()).get([one.id])
        assert (back.stage, back.message_state, back.final_at, back.receipt) == (Stage.CLOSED, 2, NOON + 1, 99)

    async def test_the_last_of_several_changes_in_a_batch_holds(self, chest: Chest) -> None:
        one = message()
        await put(chest.store, one)
        one.due += SECOND
        chest.store.batch.change(one)
        one.due += SECOND
        chest.store.batch.change(one)
        chest.store.wake()
        await chest.store.committed()
        assert (await chest.store.get([one.id]))[0].due == NOON + 2 * SECOND

    async def test_change_leaves_the_content_alone_and_rewrite_replaces_it(self, chest: Chest) -> None:
        one = message()
        await put(chest.store, one)
        one.content = submit_sm(b"new")
        one.connector = "elsewhere"
        chest.store.batch.change(one)
        chest.store.wake()
        await chest.store.committed()
        (back,) = await chest.store.get([one.id])
        assert (octets_of(back.content), back.connector) == (b"hello", "elsewhere")
        chest.store.batch.rewrite(one)
        chest.store.wake()
        await chest.store.committed()
        (back,) = await chest.store.get([one.id])
        assert octets_of(back.content) == b"new"

    async def test_a_rewritten_message_keeps_its_parts(self, chest: Chest) -> None:
        one = with_part(message(), Stage.QUEUED, "7")
        await put(chest.store, one)
        one.content = submit_sm(b"new")
        chest.store.batch.change(one)
        chest.store.batch.rewrite(one)
        chest.store.wake()
        await chest.store.committed()
        (back,) = await chest.store.get([one.id])
        assert [part.upstream_message_id for part in back.parts] == ["7"]

    async def test_parts_come_back_in_order_and_the_last_word_on_each_holds(self, chest: Chest) -> None:
        one = message()
        one.parts = [Part(one.id, number, "network") for number in (3, 1, 2)]
        await put(chest.store, one)
        one.parts[1].stage, one.parts[1].attempt = Stage.SENT, 4
        chest.store.batch.part(one.parts[1])
        chest.store.wake()
        await chest.store.committed()
        (back,) = await chest.store.get([one.id])
        assert [(part.number, part.stage, part.attempt) for part in back.parts] == [
            (1, Stage.SENT, 4), (2, Stage.LEASED, 1), (3, Stage.LEASED, 1)
        ]  # fmt: skip

    @pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 85, 86, 128, 200])
    async def test_every_row_of_a_batch_of_any_size_is_written(self, chest: Chest, count: int) -> None:
        messages = [with_part(message(number)) for number in range(1, count + 1)]
        await put(chest.store, *messages)
        for one in messages:
            one.error_code, one.content = one.id, submit_sm(b"%d" % one.id)
            one.parts[0].attempt = one.id
            chest.store.batch.change(one)
            chest.store.batch.rewrite(one)
            chest.store.batch.part(one.parts[0])
        chest.store.wake()
        await chest.store.committed()
        for one in messages:
            one.stage, one.final_at = Stage.CLOSED, NOON + one.id
            chest.store.batch.close(one)
        chest.store.wake()
        await chest.store.committed()
        back = await chest.store.get(range(1, count + 1))
        assert [(m.id, m.error_code, octets_of(m.content), m.final_at - NOON, m.parts[0].attempt) for m in back] == [
            (n, n, b"%d" % n, n, n) for n in range(1, count + 1)
        ]

    @pytest.mark.parametrize("count", [1, 2, 5, 21, 64, 85, 150])
    @pytest.mark.parametrize("unlike", ["none", "shared", "closed", "group", "one_left_out"])
    async def test_what_comes_in_together_is_stored_as_if_each_came_alone(
        self, chest: Chest, count: int, unlike: str
    ) -> None:
        """Alike or not when they came, and whatever became of one of them before it was written."""
        some = [
            message(n, content=submit_sm(b"%d" % n, source_addr=b"%d" % (n + 7)), original=n * 3, owner=4, stage=1)
            for n in range(1, count + 1)
        ]
        chest.store.batch.add_all({one.id: one for one in some})
        odd = some[count // 2]
        match unlike:
            case "shared":
                odd.lease_until, odd.connector = NOON, "another"
            case "closed":
                odd.stage, odd.final_at, odd.message_state = Stage.CLOSED, NOON + 5, 2
                chest.store.batch.close(odd)
            case "group":
                odd.group_id, odd.alias = some[0].id, 77
            case "one_left_out":
                some.append(message(count + 1, content=submit_sm(b"alone", source_addr=b"1"), attempts=2))
                chest.store.batch.add(some[-1])
        chest.store.wake()
        await chest.store.committed()
        back = await chest.store.get(range(1, count + 3))
        assert [_facts(one) for one in back] == [_facts(one) for one in some]

    # -- what is due -------------------------------------------------------------------------------------------------

    async def test_due_is_what_is_queued_for_the_connector_and_whose_time_has_come(self, chest: Chest) -> None:
        await put(
            chest.store, message(1, due=NOON), message(2, due=NOON + 1), message(3, connector="other"),
            message(4, stage=Stage.LEASED), message(5, stage=Stage.CLOSED), message(6, stage=Stage.HELD),
            message(7, stage=Stage.DEAD),
        )  # fmt: skip
        assert ids(await chest.store.due("network", NOON, 10)) == [1]
        assert ids(await chest.store.due("network", NOON + 1, 10)) == [1, 2]
        assert ids(await chest.store.due("nowhere", NOON + 1, 10)) == []

    async def test_the_longest_due_comes_first_and_among_equals_the_oldest(self, chest: Chest) -> None:
        await put(chest.store, message(1, due=NOON), message(2, due=NOON - 9), message(4, due=NOON - 5),
                  message(3, due=NOON - 5))  # fmt: skip
        assert ids(await chest.store.due("network", NOON, 3)) == [2, 3, 4]

    async def test_next_due_is_the_earliest_that_is_later(self, chest: Chest) -> None:
        await put(chest.store, message(due=NOON), message(due=NOON + 5), message(due=NOON + 3),
                  message(due=NOON + 1, connector="other"), message(due=NOON + 1, stage=Stage.HELD))  # fmt: skip
        assert await chest.store.next_due("network", NOON) == NOON + 3
        assert await chest.store.next_due("network", NOON + 3) == NOON + 5
        assert await chest.store.next_due("network", NOON + 5) is None

    async def test_queued_for_each_counts_and_finds_the_earliest(self, chest: Chest) -> None:
        await put(chest.store, message(due=NOON + 2), message(due=NOON + 1), message(connector="other", due=NOON),
                  message(stage=Stage.LEASED, connector="third"))  # fmt: skip
        states = {state.connector: (state.queued, state.next_due) for state in await chest.store.queued_for_each()}
        assert states == {"network": (2, NOON + 1), "other": (1, NOON)}

    async def test_expired_is_what_is_queued_and_no_longer_valid(self, chest: Chest) -> None:
        await put(
            chest.store,
            message(1, expires=NOON),
            message(2, expires=NOON + 1),
            message(3, expires=NOON, stage=Stage.LEASED),
            message(4, expires=NOON - 1, connector="other"),
        )
        assert sorted(ids(await chest.store.expired(NOON, 10))) == [1, 4]
        assert len(await chest.store.expired(NOON, 1)) == 1

    async def test_attempts_are_written_down_alone_and_with_everything_else(self, chest: Chest) -> None:
        every = [message(n, attempts=n % 2, stage=Stage.LEASED) for n in range(1, 90)]
        await put(chest.store, *every)
        for one in every:
            one.attempts += 1
            one.error_code = 9  # nobody says so
        batch = chest.store.batch
        batch.attempt_all(every)
        every[0].stage, every[0].final_at, every[0].message_state = Stage.CLOSED, NOON, 2
        batch.close(every[0])
        every[1].due = NOON + 7
        batch.change(every[1])
        new = message(100, attempts=3)
        batch.add(new)
        batch.attempt_all([new])
        chest.store.wake()
        await chest.store.committed()
        back = {one.id: one for one in await chest.store.get(range(1, 101))}
        assert [back[one.id].attempts for one in every] == [one.attempts for one in every]
        assert (back[1].stage, back[2].due, back[100].attempts) == (Stage.CLOSED, NOON + 7, 3)
        assert {back[n].error_code for n in range(3, 90)} == {0}

    async def test_leased_pages_through_one_connector_by_id(self, chest: Chest) -> None:
        await put(chest.store, *[with_part(message(n, stage=Stage.LEASED)) for n in range(1, 6)],
                  message(6), message(7, stage=Stage.LEASED, connector="other"))  # fmt: skip
        first = await chest.store.leased("network", 0, 3)
        assert ids(first) == [1, 2, 3]
        assert [part.message for one in first for part in one.parts] == [1, 2, 3]
        assert ids(await chest.store.leased("network", 3, 3)) == [4, 5]
        assert await chest.store.leased("network", 5, 3) == []

    async def test_requeue_leases_queues_again_what_one_connector_had(self, chest: Chest) -> None:
        await put(chest.store, message(1, stage=Stage.LEASED), message(2, stage=Stage.LEASED, connector="other"),
                  message(3, stage=Stage.CLOSED), message(4))  # fmt: skip
        assert await chest.store.requeue_leases("network") == 1
        assert ids(await chest.store.due("network", NOON, 10)) == [1, 4]
        assert ids(await chest.store.leased("other", 0, 10)) == [2]

    async def test_overdue_is_what_left_as_mt_and_whose_validity_ended_long_ago(self, chest: Chest) -> None:
        await put(
            chest.store, with_part(message(1, stage=Stage.LEASED, expires=NOON - DAY), Stage.SENT),
            message(2, stage=Stage.LEASED, expires=NOON), message(3, expires=NOON - DAY),
            message(4, stage=Stage.LEASED, expires=NOON - DAY, kind=Kind.RECEIPT, content=deliver_sm()),
            message(5, stage=Stage.LEASED, expires=NOON - DAY, connector="other"),
        )  # fmt: skip
        found, after = await chest.store.overdue("network", NOON - DAY, 0, 10)
        assert (ids(found), after) == ([1], None)
        assert found[0].parts[0].stage == Stage.SENT
        assert await chest.store.leased_to() == ["network", "other"]

    async def test_what_is_overdue_is_looked_for_a_portion_at_a_time(self, chest: Chest) -> None:
        await put(chest.store, *[message(n, stage=Stage.LEASED, expires=NOON + n) for n in range(10, 0, -1)])
        walk: list[tuple[list[int], int | None]] = []
        after: int | None = 0
        while after is not None:
            found, after = await chest.store.overdue("network", NOON + 5, after, 3)
            walk.append((ids(found), after))
        assert walk == [([1, 2, 3], 3), ([4, 5], 6), ([], 9), ([], None)]
        assert await chest.store.overdue("network", NOON + 5, 7, 3) == ([], 10)
        assert await chest.store.overdue("network", NOON + 5, 10, 3) == ([], None)

    async def test_queued_pages_through_what_waits_whenever_it_is_due(self, chest: Chest) -> None:
        await put(
            chest.store, message(1, due=NOON + DAY), message(2, due=NOON), message(3, due=NOON),
            message(4, due=NOON - 1),
            message(5, connector="other"), message(6, stage=Stage.HELD), with_part(message(7, due=NOON + DAY)),
        )  # fmt: skip
        seen: list[int] = []
        after = (-(1 << 62), 0)
        while page := await chest.store.queued("network", after, 2):
            seen += ids(page)
            after = (page[-1].due, page[-1].id)
        assert seen == [4, 2, 3, 1, 7]
        assert len((await chest.store.get([7]))[0].parts) == 1

    async def test_set_back_moves_what_waits_and_leaves_alone_what_was_given_a_time(self, chest: Chest) -> None:
        hour = 3600 * SECOND
        await put(
            chest.store, message(1, due=NOON, accepted_at=NOON), message(2, due=NOON + 10, attempts=1),
            message(3, due=NOON + hour, accepted_at=NOON),  # scheduled: its time is the wall clock's
            message(4, due=NOON - 2 * hour, accepted_at=NOON - 2 * hour), message(5, due=NOON, connector="other"),
            message(6, due=NOON, stage=Stage.LEASED),
        )  # fmt: skip
        await chest.store.set_back("network", hour, NOON - hour)
        due = {one.id: one.due - NOON for one in await chest.store.get(range(1, 7))}
        assert due == {1: -hour, 2: 10 - hour, 3: hour, 4: -2 * hour, 5: 0, 6: 0}

    async def test_undecided_is_what_left_for_a_provider_and_has_no_outcome(self, chest: Chest) -> None:
        def out(number: int, *stages: int, provider: str = "carrier", connector: str = "network") -> Message:
            one = message(number, stage=Stage.LEASED, connector=connector)
            one.parts = [Part(number, n, connector, stage, provider=provider) for n, stage in enumerate(stages, 1)]
            return one

        await put(
            chest.store, out(1, Stage.LEASED), out(2, Stage.SENT), out(3, Stage.SENT, Stage.LEASED),
            out(4, Stage.LEASED, provider=""), out(5, Stage.LEASED, connector="other"), out(6, Stage.LEASED),
        )  # fmt: skip
        first = await chest.store.undecided("network", 0, 2)
        assert ids(first) == [1, 3]
        assert [part.number for part in first[1].parts] == [1, 2]
        assert ids(await chest.store.undecided("network", 3, 2)) == [6]
        assert await chest.store.requeue_leases("network") == 1
        assert ids(await chest.store.due("network", NOON, 9)) == [4]

    async def test_parts_come_back_as_they_were_last_whether_they_are_alike_or_not(self, chest: Chest) -> None:
        def parts_of(number: int) -> list[Part]:
            odd = Part(number, 2, "other", Stage.SENT, f"A{number}", 3, 69, 5, NOON + 9, NOON + number, "carrier",
                       f"a{number}", 5, 17, 4)  # fmt: skip
            return [Part(number, 1, "network", Stage.SENT, f"B{number}", upstream_key="b", provider="carrier"), odd]

        every = [message(number) for number in range(1, 71)]
        for one in every:
            one.parts = parts_of(one.id)
        await put(chest.store, *every)
        for one in every[::3]:
            one.parts[0].stage, one.parts[0].message_state, one.parts[0].error_code = Stage.CLOSED, 2, one.id
            chest.store.batch.part(one.parts[0])
        chest.store.wake()
        await chest.store.committed()
        back = {one.id: one for one in await (await chest.crash()).get(range(1, 71))}
        for one in every:
            for ours, theirs in zip(one.parts, back[one.id].parts, strict=True):
                assert [getattr(ours, name) for name in rows.PART] == [getattr(theirs, name) for name in rows.PART]

    async def test_a_message_leased_as_one_part_needs_no_row_of_it_before_it_is_answered(self, chest: Chest) -> None:
        def out(number: int, **fields: Any) -> Message:
            one = message(number, attempts=2, **fields)
            one.lease_whole(one.connector, "carrier", 3, NOON + 7 + LEASE)
            return one

        answered, unanswered, waited = out(1), out(2), message(3)
        store = chest.store
        for one in (answered, unanswered, waited):
            store.batch.add(one)
        store.wake()
        await store.committed()
        waited.lease_whole("network", "carrier", 3, NOON + 7 + LEASE)
        store.batch.change(waited)
        answered.parts[0].stage, answered.parts[0].upstream_message_id, answered.parts[0].upstream_key = 2, "A1", "a1"
        store.batch.part(answered.parts[0])
        await put(store, message(4, stage=Stage.LEASED, lease_until=NOON), out(5, connector="other"), out(6))
        store = await chest.crash()
        assert ids(await store.undecided("network", 0, 2)) == [2, 3]
        assert ids(await store.undecided("network", 3, 9)) == [6]
        back = {one.id: one for one in await store.get(range(1, 7))}
        assert [back[number].attempts for number in (1, 2, 3, 5, 6)] == [3, 2, 0, 2, 2]  # the answer ends an attempt
        for one in (answered, unanswered, waited):
            ours, theirs = one.parts[0], back[one.id].parts[0]
            assert [getattr(ours, name) for name in rows.PART] == [getattr(theirs, name) for name in rows.PART]
        assert back[4].parts == []
        assert await store.requeue_leases("network") == 1
        assert ids(await store.due("network", NOON, 9)) == [4]

    @pytest.mark.parametrize("indexed", [False, True])
    async def test_what_was_sent_to_a_number_is_found_by_connector_with_its_parts_the_oldest_first(
        self, chest: Chest, indexed: bool
    ) -> None:
        await chest.store.index_recipients(indexed)

        def to(number: int, address: bytes, stage: int = Stage.LEASED, connector: str = "network") -> Message:
            content = submit_sm(destination_addr=address)
            one = message(number, content=content, stage=stage, connector=connector)
            return with_part(one)

        await put(
            chest.store,
            to(3, b"44"),
            to(2, b"+44"),
            to(1, b"45"),
            to(4, b"44", Stage.CLOSED),
            to(5, b"44", connector="b"),
        )
        found = await chest.store.sent_to(["network"], {b"44", b"+44"})
        assert ids(found) == [2, 3]
        assert [len(one.parts) for one in found] == [1, 1]
        assert ids(await chest.store.sent_to(["network", "b"], [b"44"])) == [3, 5]
        assert await chest.store.sent_to([], [b"44"]) == []
        assert await chest.store.sent_to(["network"], []) == []
        await chest.store.index_recipients(False)
        assert ids(await chest.store.sent_to(["network"], [b"+44"])) == [2]

    async def test_a_provider_s_key_finds_the_newest_message_first_with_all_its_parts(self, chest: Chest) -> None:
        def known(number: int, *keys: str, provider: str = "carrier") -> Message:
            one = message(number, stage=Stage.LEASED)
            one.parts = [Part(number, n, "network", Stage.SENT, key, provider=provider, upstream_key=key)
                         for n, key in enumerate(keys, 1)]  # fmt: skip
            return one

        await put(chest.store, known(1, "a"), known(2, "b", "c"), known(3, "a", provider="other"), known(4, "a", "a"),
                  known(5, ""))  # fmt: skip
        assert ids(await chest.store.sent("carrier", ["a"])) == [4, 1]
        (two,) = await chest.store.sent("carrier", {"c", "nobody's"})
        assert [part.upstream_key for part in two.parts] == ["b", "c"]
        assert ids(await chest.store.sent("carrier", ["a", "c"])) == [4, 2, 1]
        assert await chest.store.sent("carrier", [""]) == []
        assert await chest.store.sent("carrier", []) == []
        assert ids(await chest.store.sent("carrier", [*(f"k{n}" for n in range(1200)), "b"])) == [2]

    async def test_whatever_is_read_to_be_acted_on_brings_its_parts(self, chest: Chest) -> None:
        one = with_part(message(1, expires=NOON), Stage.QUEUED, "77")
        await put(chest.store, one)
        readings = [
            await chest.store.due("network", NOON, 9), await chest.store.expired(NOON, 9),
            await chest.store.find("1"), await chest.store.get([1]),
            await chest.store.pending("test", "12345", "447700900001"),
        ]  # fmt: skip
        assert [[part.upstream_message_id for part in found[0].parts] for found in readings] == [["77"]] * 5

    # -- looking something up ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("issued", ["4503599627370496", "0010000000000000"], ids=["decimal", "hex"])
    async def test_a_message_is_found_by_its_id_in_the_notation_it_was_issued_in(
        self, chest: Chest, issued: str
    ) -> None:
        number = int(issued) if issued[0] == "4" else int(issued, 16)
        await put(chest.store, message(number, message_id=issued), message(5))
        assert ids(await chest.store.find(issued)) == [number]
        other = f"{number:016x}" if issued[0] == "4" else str(number)
        assert await chest.store.find(other) == []

    async def test_the_newest_of_two_messages_with_the_same_3_3_alias_is_found(self, chest: Chest) -> None:
        await put(chest.store, message(1, message_id="0000000a", alias=10), message(2, message_id="0000000a", alias=10))
        assert ids(await chest.store.find("0000000a")) == [2]

    @pytest.mark.parametrize(
        "asked",
        ["", " ", "1 ", "+1", "-1", "0x1", "1_0", "01", "١", "\xff", "nonsense", "9" * 20, "9" * 65, "f" * 20,
         "-fffffffffffffffffff", "-FFFFFFF", "00000001"],
    )  # fmt: skip
    async def test_an_id_that_was_never_issued_finds_nothing_and_breaks_nothing(self, chest: Chest, asked: str) -> None:
        await put(chest.store, message(1, message_id="1"), message(10, message_id="10"))
        assert await chest.store.find(asked) == []
        assert chest.broken == []

    async def test_one_id_finds_every_message_of_a_submit_multi(self, chest: Chest) -> None:
        await put(chest.store, *[message(n, message_id="7", group_id=7) for n in (7, 8, 9)], message(10))
        assert ids(await chest.store.find("7")) == [7, 8, 9]

    async def test_a_submit_multi_is_found_after_its_first_message_was_forgotten(self, chest: Chest) -> None:
        await put(chest.store, message(7, message_id="7", group_id=7, stage=Stage.CLOSED, final_at=NOON),
                  message(8, message_id="7", group_id=7))  # fmt: skip
        await chest.store.purge(NOON + 1, 0, 100)
        assert ids(await chest.store.find("7")) == [8]

    async def test_get_returns_those_that_exist_in_order(self, chest: Chest) -> None:
        await put(chest.store, message(3), message(1))
        assert ids(await chest.store.get([3, 2, 1])) == [1, 3]
        assert await chest.store.get([]) == []

    async def test_pending_is_what_one_esme_has_queued_between_two_addresses(self, chest: Chest) -> None:
        await put(
            chest.store, message(1), message(2, system_id="other"), message(3, stage=Stage.LEASED),
            message(4, content=submit_sm(source_addr=b"54321")), message(5, content=submit_sm(destination_addr=b"1")),
            message(6, kind=Kind.MO, content=deliver_sm(source_addr=b"12345", destination_addr=b"447700900001")),
            message(7, connector="other"),
        )  # fmt: skip
        assert ids(await chest.store.pending("test", "12345", "447700900001")) == [1, 7]

    async def test_a_listing_is_newest_first_and_pages_without_gap_or_repetition(self, chest: Chest) -> None:
        await put(chest.store, *[message(n) for n in range(1, 8)])
        seen: list[int] = []
        before = None
        while page := await chest.store.listing(Listing(before=before, limit=3)):
            seen += ids(page)
            before = page[-1].id
        assert seen == [7, 6, 5, 4, 3, 2, 1]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (Listing(stage=int(Stage.HELD)), [2]), (Listing(message_state=5), [3]), (Listing(kind=int(Kind.MO)), [4]),
            (Listing(system_id="other"), [5]), (Listing(source_addr="ACME"), [6]), (Listing(destination_addr="1"), [7]),
            (Listing(stage=int(Stage.QUEUED), system_id="test", kind=int(Kind.MT), limit=2), [7, 6]),
            (Listing(stage=int(Stage.IN_DOUBT)), []), (Listing(limit=0), []),
        ],
    )  # fmt: skip
    async def test_a_listing_filters(self, chest: Chest, wanted: Listing, found: list[int]) -> None:
        await put(
            chest.store, message(1), message(2, stage=Stage.HELD), message(3, stage=Stage.CLOSED, message_state=5),
            message(4, kind=Kind.MO, content=deliver_sm()), message(5, system_id="other"),
            message(6, content=submit_sm(source_addr=b"ACME")), message(7, content=submit_sm(destination_addr=b"1")),
        )  # fmt: skip
        assert ids(await chest.store.listing(wanted)) == found

    async def test_a_listing_finds_what_is_rare_among_many(self, chest: Chest) -> None:
        one = submit_sm(destination_addr=b"1")
        await put(chest.store, *[message(n, content=one if n % 40 == 0 else None) for n in range(1, 201)])
        seen: list[int] = []
        before = None
        while page := await chest.store.listing(Listing(before=before, limit=2, destination_addr="1")):
            seen += ids(page)
            before = page[-1].id
        assert seen == [200, 160, 120, 80, 40]

    async def test_a_listing_leaves_out_what_has_no_message_id_if_asked_to(self, chest: Chest) -> None:
        await put(chest.store, message(1), message(2, message_id=""), message(3))
        assert ids(await chest.store.listing(Listing(named=True))) == [3, 1]
        assert ids(await chest.store.listing(Listing())) == [3, 2, 1]

    # -- forgetting, counting, opening again -------------------------------------------------------------------------

    async def test_purge_forgets_in_portions_what_was_closed_long_ago_and_nothing_else(self, chest: Chest) -> None:
        await put(
            chest.store,
            *[with_part(message(n, stage=Stage.CLOSED, final_at=NOON - DAY)) for n in range(1, 8)],
            message(8, stage=Stage.CLOSED, final_at=NOON), message(9), message(10, stage=Stage.LEASED),
            message(11, stage=Stage.HELD), message(12, stage=Stage.DEAD, final_at=NOON - DAY),
        )  # fmt: skip
        portions = []
        while forgotten := await chest.store.purge(NOON, 0, 3):
            portions.append(forgotten)
        assert portions == [3, 3, 1]
        assert ids(await chest.store.get(range(1, 20))) == [8, 9, 10, 11, 12]
        await put(chest.store, message(1))  # its parts went with it
        assert (await chest.store.get([1]))[0].parts == []

    async def test_dead_letters_are_forgotten_at_their_own_time(self, chest: Chest) -> None:
        await put(
            chest.store,
            *[with_part(message(n, stage=Stage.DEAD, final_at=NOON - DAY * n)) for n in (1, 2, 3)],
            message(4, stage=Stage.CLOSED, final_at=NOON - DAY * 3),
        )  # fmt: skip
        assert await chest.store.purge(NOON - DAY * 4, NOON - DAY, 100) == 2
        assert ids(await chest.store.get(range(1, 9))) == [1, 4]
        assert await chest.store.purge(NOON - DAY * 4, NOON - DAY, 100) == 0

    async def test_what_is_written_whole_is_there_again_if_it_was_forgotten_before(self, chest: Chest) -> None:
        await put(chest.store, message(1, stage=Stage.DEAD, final_at=NOON - DAY))
        (again,) = await chest.store.get([1])
        assert await chest.store.purge(NOON, NOON, 9) == 1
        again.stage, again.final_at = Stage.QUEUED, 0
        chest.store.batch.change(again)
        chest.store.batch.rewrite(again)
        chest.store.wake()
        await chest.store.committed()
        store = await chest.crash()
        assert await store.purge(NOON, NOON, 9) == 0
        assert ids(await store.due("network", NOON, 9)) == [1]

    async def test_what_could_be_forgotten_is_counted_up_to_a_number(self, chest: Chest) -> None:
        await put(
            chest.store, *[message(n, stage=Stage.CLOSED, final_at=NOON - DAY) for n in (1, 2, 3)],
            *[message(n, stage=Stage.DEAD, final_at=NOON - DAY) for n in (4, 5)], message(6),
            message(7, stage=Stage.CLOSED, final_at=NOON), message(8, stage=Stage.DEAD, final_at=NOON),
        )  # fmt: skip
        assert [await chest.store.forgettable(NOON, NOON, most) for most in (9, 2, 0)] == [5, 4, 0]
        assert await chest.store.forgettable(NOON, 0, 9) == 3
        assert await chest.store.forgettable(0, NOON, 9) == 2

    async def test_the_oldest_are_forgotten_first(self, chest: Chest) -> None:
        await put(chest.store, *[message(n, stage=Stage.CLOSED, final_at=NOON - DAY * n) for n in (1, 2, 3)])
        assert await chest.store.purge(NOON, NOON, 2) == 2
        assert ids(await chest.store.get(range(1, 9))) == [1]

    async def test_numbers_do_not_come_back_whatever_was_forgotten(self, chest: Chest) -> None:
        await put(chest.store, message(50), message(100, stage=Stage.CLOSED, final_at=NOON - DAY, alias=8))
        await chest.store.purge(NOON, 0, 100)
        (first,) = await chest.store.get([50])
        first.stage, first.final_at = Stage.CLOSED, NOON - DAY
        chest.store.batch.close(first)
        await chest.store.committed()
        await chest.store.purge(NOON, 0, 100)
        await chest.reopen()
        assert chest.recovered.highest_id == 100
        assert chest.recovered.highest_alias == 8

    async def test_a_counter_is_what_it_was_last_set_to_even_after_a_crash(self, chest: Chest) -> None:
        assert await chest.store.counter("arrivals:handsets") == 0
        await chest.store.set_counter("arrivals:handsets", 5)
        await chest.store.set_counter("arrivals:handsets", (1 << 62) + 1)
        await chest.store.set_counter("other", 1)
        assert await chest.store.counter("arrivals:handsets") == (1 << 62) + 1
        assert await (await chest.crash()).counter("arrivals:handsets") == (1 << 62) + 1

    async def test_opening_tells_what_was_under_way(self, chest: Chest) -> None:
        assert chest.recovered == Recovered()
        await put(
            chest.store, message(5, alias=3), message(9, stage=Stage.LEASED), message(7, stage=Stage.LEASED),
            message(8, stage=Stage.LEASED, connector="esme:test"), message(6, stage=Stage.DEAD),
            message(4, connector="other"),
        )  # fmt: skip
        await chest.reopen()
        recovered = chest.recovered
        assert (recovered.highest_id, recovered.highest_alias, recovered.dead) == (9, 3, 1)
        assert sorted(recovered.leased) == ["esme:test", "network"]

    async def test_closing_writes_what_was_gathered(self, chest: Chest) -> None:
        one, answers = message(), Answers()
        chest.store.batch.add(one)
        chest.store.batch.answer(one, answers)
        assert ids(await (await chest.reopen()).get([one.id])) == [one.id]
        assert answers.given == [(one, pdu.ESME_ROK)]

    async def test_a_crash_loses_nothing_that_was_answered(self, chest: Chest) -> None:
        answers = Answers()
        for number in range(1, 300):
            one = message(number)
            chest.store.batch.add(one)
            chest.store.batch.answer(one, answers)
            chest.store.wake()
            if number % 7 == 0:
                await asyncio.sleep(0)
        answered = ids(answers.of(pdu.ESME_ROK))
        store = await chest.crash()
        assert set(answered) <= set(ids(await store.get(range(1, 300))))

    # -- no room -----------------------------------------------------------------------------------------------------

    async def test_without_room_who_waits_is_told_so_and_nothing_of_theirs_is_stored(self, chest: Chest) -> None:
        await chest.fill()
        one, answers, followed = with_part(message()), Answers(), Answers()
        chest.store.batch.add(one)
        chest.store.batch.part(one.parts[0])
        chest.store.batch.answer(one, answers)
        chest.store.batch.then(one, lambda m: followed(m, 0))
        await chest.store.committed()
        assert answers.given == [(one, pdu.ESME_RMSGQFUL)]
        assert chest.dropped == [one]
        assert followed.given == []
        assert chest.counters.full == 1
        await chest.make_room()
        await put(chest.store, message())
        assert await chest.store.get([one.id]) == []
        assert chest.broken == []

    async def test_without_room_receipts_and_closings_wait_and_are_written_when_there_is_some(
        self, chest: Chest, short_pause: None
    ) -> None:
        old, held = with_part(message()), message()
        await put(chest.store, old, held)
        await chest.fill()
        refused, receipt = message(), message(kind=Kind.RECEIPT, content=deliver_sm(), connector="esme:test")
        answers, followed = Answers(), Answers()
        chest.store.batch.add(refused)
        chest.store.batch.answer(refused, answers)
        old.stage, old.final_at = Stage.CLOSED, NOON
        chest.store.batch.close(old)
        chest.store.batch.then(old, lambda m: followed(m, 0))
        chest.store.batch.add(receipt)
        held.stage, held.content = Stage.HELD, submit_sm(b"new")
        chest.store.batch.change(held)
        chest.store.batch.rewrite(held)
        chest.store.wake()
        await until_full(chest.store)
        assert answers.given == [(refused, pdu.ESME_RMSGQFUL)]
        assert (chest.closed, followed.given) == ([], [])
        await chest.make_room()
        await chest.store.committed()
        assert not chest.store.full
        back = await chest.store.get([old.id, held.id, refused.id, receipt.id])
        assert [(m.id, m.stage) for m in back] == [
            (old.id, Stage.CLOSED), (held.id, Stage.HELD), (receipt.id, Stage.QUEUED)
        ]  # fmt: skip
        assert octets_of(back[1].content) == b"new"
        assert followed.given == [(old, 0)]
        assert chest.closed == [[old]]

    async def test_what_is_gathered_while_there_is_no_room_is_told_so_or_waits_in_its_turn(
        self, chest: Chest, short_pause: None
    ) -> None:
        receipt, later, refused = message(kind=Kind.RECEIPT, content=deliver_sm()), message(), message()
        await chest.fill()
        chest.store.batch.add(receipt)
        chest.store.wake()
        await until_full(chest.store)
        receipt.attempts = 5
        chest.store.batch.change(receipt)
        chest.store.batch.add(later)
        answers = Answers()
        chest.store.batch.add(refused)
        chest.store.batch.answer(refused, answers)
        chest.store.wake()
        async with asyncio.timeout(PATIENCE):
            while not answers.given:  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert answers.given == [(refused, pdu.ESME_RMSGQFUL)]
        await chest.make_room()
        await chest.store.committed()
        back = await chest.store.get([receipt.id, later.id, refused.id])
        assert [(m.id, m.attempts) for m in back] == [(receipt.id, 5), (later.id, 0)]

    async def test_a_stop_without_room_ends_and_keeps_what_was_there(self, chest: Chest, short_pause: None) -> None:
        old = message(stage=Stage.LEASED)
        await put(chest.store, old)
        await chest.fill()
        chest.store.batch.add(message(kind=Kind.RECEIPT, content=deliver_sm()))
        chest.store.wake()
        await until_full(chest.store)
        async with asyncio.timeout(PATIENCE):
            store = await chest.reopen()
        assert ids(await store.leased("network", 0, 9)) == [old.id]

    async def test_purge_and_counters_without_room_raise_and_harm_nothing(self, chest: Chest) -> None:
        await put(chest.store, message(1, stage=Stage.CLOSED, final_at=NOON - DAY))
        await chest.fill()
        for work in (chest.store.purge(NOON, 0, 9), chest.store.set_counter("one", 1)):
            try:
                await work
            except Exception as fault:  # noqa: BLE001 - whether deleting needs room is the store's business
                assert "full" in str(fault)  # noqa: PT017
        await chest.make_room()
        await put(chest.store, message(2))
        assert chest.broken == []
        assert ids(await chest.store.get([2])) == [2]

    # -- broken ------------------------------------------------------------------------------------------------------

    async def test_a_broken_store_answers_nobody_and_says_so_once(self, chest: Chest) -> None:
        await chest.break_it()
        answers = Answers()
        for _ in range(3):
            one = message()
            chest.store.batch.add(one)
            chest.store.batch.answer(one, answers)
            chest.store.wake()
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            while not chest.broken:  # noqa: ASYNC110
                await asyncio.sleep(0)
        chest.store.batch.add(message())
        chest.store.wake()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(chest.broken) == 1
        assert answers.given == []
        assert chest.closed == []
        assert chest.dropped == []

    # -- opt-outs ----------------------------------------------------------------------------------------------------

    async def test_an_opt_out_survives_a_crash_with_the_message_that_made_it(self, chest: Chest) -> None:
        mo = message(kind=Kind.MO, content=deliver_sm())
        chest.store.batch.opt_out([stop(NOON, message=mo.id)])
        await put(chest.store, mo)
        store = await chest.crash()
        assert [row.entry for row in await store.opt_outs.rows(None, 10)] == [PAIR]
        ((_, event),) = await store.opt_outs.journal(PAIR.recipient, 1 << 60, 10)
        assert event == stop(NOON, message=mo.id)
        assert await loaded(store) == [PAIR]
        assert await store.opt_outs.heard(NOON, 10) == [event]
        assert await store.opt_outs.heard(NOON + 1, 10) == []
        assert ids(await store.arrived(mo.id - 1, 10)) == [mo.id]

    async def test_a_second_stop_keeps_the_time_of_the_first_and_a_start_ends_it(self, chest: Chest) -> None:
        opt_outs = chest.store.opt_outs
        for at in (NOON, NOON + SECOND):
            chest.store.batch.opt_out([stop(at)])
            chest.store.wake()
            await chest.store.committed()
        assert [row.since for row in await opt_outs.rows(None, 10)] == [NOON]
        chest.store.batch.opt_out([stop(NOON + 2), Event(NOON + 3, "start", PAIR)])
        chest.store.wake()
        await chest.store.committed()
        assert await opt_outs.rows(None, 10) == []
        kinds = [event.kind for _, event in await opt_outs.journal(None, 1 << 60, 10)]
        assert kinds == ["start", "stop", "stop", "stop"]
        for recipient in (None, PAIR.recipient):
            ((number, event),) = await opt_outs.journal(recipient, 1 << 60, 10, "start")
            assert (event.kind, await opt_outs.journal(recipient, number, 10, "start")) == ("start", [])
            assert len(await opt_outs.journal(recipient, 1 << 60, 2, "stop")) == 2
            assert await opt_outs.journal(recipient, 1 << 60, 2, "import") == []

    async def test_an_import_is_in_force_when_its_generation_is(self, chest: Chest) -> None:
        opt_outs = chest.store.opt_outs
        abandoned = await opt_outs.new_generation()
        await opt_outs.write(imported(PAIR, PAIR), abandoned)
        store = await chest.reopen()
        assert await loaded(store) == []
        generation = await store.opt_outs.new_generation()
        assert generation > abandoned
        await store.opt_outs.write(imported(PAIR), generation)
        assert await loaded(store) == []
        await store.opt_outs.put_in_force(generation, NOON)
        assert await loaded(store) == [PAIR]
        store = await chest.crash()
        assert store.opt_outs.generation == generation
        assert await loaded(store) == [PAIR]
        (row,) = await store.opt_outs.rows(None, 10)
        assert (row.since, row.source, row.keyword, row.reason) == (NOON, "import", "", "as é said")
        lines = [event for _, event in await store.opt_outs.journal(None, 1 << 60, 10)]
        assert lines == [Event(NOON, "import", PAIR, source="import", reason="as é said")] * 3

    async def test_an_import_leaves_what_is_in_force_as_it_is(self, chest: Chest) -> None:
        chest.store.batch.opt_out([stop(NOON)])
        chest.store.wake()
        await chest.store.committed()
        generation = await chest.store.opt_outs.new_generation()
        await chest.store.opt_outs.write(imported(PAIR, at=NOON + 1), generation)
        assert [(row.since, row.source) for row in await chest.store.opt_outs.rows(None, 10)] == [(NOON, "mo")]

    async def test_an_erased_number_is_in_no_row_and_no_line_and_what_blocks_still_does(self, chest: Chest) -> None:
        elsewhere = Entry("account", b"test", PAIR.recipient)
        abandoned = await chest.store.opt_outs.new_generation()
        await chest.store.opt_outs.write(imported(elsewhere), abandoned)
        chest.store.batch.opt_out([stop(NOON)])
        await written(chest.store)
        erased = Event(NOON + 2, "erase", Entry("global", b"", GONE), source="verb", actor="ann", reason="asked")
        erased.erases, erased.glance = PAIR.recipient, 0xABCDEF
        pool = Entry("pool", b"x", PAIR.recipient)
        chest.store.batch.opt_out([Event(NOON + 1, "add", pool), erased, Event(NOON + 3, "start", named(pool))])
        await written(chest.store)
        store = await chest.crash()
        opt_outs = store.opt_outs
        assert await opt_outs.known(PAIR.recipient) == []
        assert await opt_outs.journal(PAIR.recipient, 1 << 60, 10) == []
        assert await loaded(store) == [named(PAIR)]
        assert sorted(await opt_outs.known(GONE)) == sorted(map(named, (PAIR, elsewhere, pool)))
        lines = [event for _, event in await opt_outs.journal(GONE, 1 << 60, 10)]
        assert [line.kind for line in lines] == ["start", "erase", "add", "stop", "import"]
        assert (lines[1].actor, lines[1].reason, lines[1].erases) == ("ann", "asked", b"")
        assert await opt_outs.erased() == [(GONE, 0xABCDEF)]
        compared = [one async for page in opt_outs.audit.compared() for one in page]
        assert all(one.blocks == one.should_block for one in compared)

    async def test_keys_from_before_an_erasure_are_told_from_those_after_it(self, chest: Chest) -> None:
        keys = chest.store.opt_outs.keys
        assert await keys.erasures(-1) == 0
        chest.store.batch.opt_out([Event(NOON, "erase", Entry("global", b"", GONE), erases=PAIR.recipient)])
        await written(chest.store)
        last = await keys.position()
        assert (await keys.erasures(-1), await keys.erasures(last - 1), await keys.erasures(last)) == (1, 1, 0)

    async def test_a_full_disk_keeps_opt_outs_for_when_there_is_room(self, chest: Chest) -> None:
        await put(chest.store, message())
        await chest.fill()
        answers, mo = Answers(), message(kind=Kind.MO, content=deliver_sm())
        chest.store.batch.opt_out([stop(NOON)])
        chest.store.batch.add(mo)
        chest.store.batch.answer(mo, answers)
        chest.store.wake()
        await until_full(chest.store)
        await chest.make_room()
        await chest.store.committed()
        assert answers.of(pdu.ESME_RMSGQFUL) == [mo]
        assert await loaded(chest.store) == [PAIR]


PAIR = Entry("pair", b"12345", b"447700900001")
GONE = b"ERASED-0123456789ABCDEF01234567"


def imported(*entries: Entry, at: int = NOON) -> Imported:
    rows = [[one.recipient.decode(), one.scope, one.party.decode(), "as \u00e9 said"] for one in entries]
    return Imported(json.dumps(rows), at)


def named(entry: Entry) -> Entry:
    return entry._replace(recipient=GONE)


async def written(store: Store) -> None:
    store.wake()
    await store.committed()


def stop(at: int, **fields: Any) -> Event:
    return Event(at, "stop", PAIR, keyword="stop", rule="exact", number=b"12345", answered=True, **fields)


async def loaded(store: Store) -> list[Entry]:
    return [entry async for page in store.opt_outs.load() for entry in page]
