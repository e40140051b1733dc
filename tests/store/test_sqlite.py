"""The SQLite store keeps the contract, and what only SQLite has to prove."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smscd.clock import FakeClock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken
from smscd.message import Message, Part, Stage
from smscd.optout import Entry, Event
from smscd.store import Listing, SqliteStore, forgetting, listing, optouts, rows, wal
from smscd.store import sqlite as sqlite_room
from smscd.store.reader import PORTION
from smscd.store.schema import MIGRATIONS
from tests.cast import NOON, Answers, message, submit_sm, with_part
from tests.machine import PATIENCE
from tests.store.chests import SqliteChest
from tests.store.contract import StoreContract, ids, put


class TestSqliteStore(StoreContract):
    """Every test of the contract."""


async def pragma(chest: SqliteChest, name: str) -> Any:
    return await chest.store._writer.on_writer(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0])


async def test_the_writer_syncs_its_log_with_every_commit_and_checkpoints_by_hand(chest: SqliteChest) -> None:
    assert await pragma(chest, "journal_mode") == "wal"
    assert await pragma(chest, "synchronous") == 2  # FULL
    assert await pragma(chest, "wal_autocheckpoint") == 0


async def test_an_erased_number_is_overwritten_at_any_price_and_what_is_purged_where_it_costs_nothing(
    chest: SqliteChest,
) -> None:
    event = Event(NOON, "erase", Entry("global", b"", b"hash"), erases=b"447700900001")
    held: list[tuple[str, int]] = []

    def erase(connection: sqlite3.Connection) -> None:
        for sql, parameters in optouts.statements([event]):
            connection.execute(sql, parameters)
            held.append((sql.split()[0], connection.execute("PRAGMA secure_delete").fetchone()[0]))

    fast, at_any_price = 2, 1
    assert await pragma(chest, "secure_delete") == fast
    await chest.store._writer.on_writer(erase)
    assert [verb for verb, how in held if how == at_any_price] == ["PRAGMA", "UPDATE", "DELETE", "UPDATE"]
    assert await pragma(chest, "secure_delete") == fast


async def test_the_reader_cannot_write(chest: SqliteChest) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await chest.store._reader.execute("DELETE FROM message")


async def test_one_connection_alone_commits_and_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite up to 3.51.2 can damage a file where two do so at once (see `smscd.store.sqlite`)."""
    monkeypatch.setattr(wal, "LONGEST", 1)
    connect, said = sqlite3.connect, []

    def traced(*arguments: Any, **named: Any) -> sqlite3.Connection:
        statements: list[str] = []
        said.append(statements)
        connection: sqlite3.Connection = connect(*arguments, **named)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    chest = SqliteChest(tmp_path)
    await chest.open()
    for number in (1, 2, 3):
        await put(chest.store, with_part(message(number, final_at=1, stage=Stage.CLOSED)))
        await until_copied(chest.store)
    await chest.store.set_counter("quota:test", 1)
    await chest.store.requeue_leases("network")
    for ask in QUESTIONS.values():
        await ask[0](chest.store)
    assert await chest.store.purge(NOON, NOON, 10) == 3
    await chest.discard()
    writer, reader = said
    assert any("wal_checkpoint" in statement for statement in writer)
    assert any("DELETE" in statement for statement in writer)
    assert {statement.split()[0] for statement in reader} == {"SELECT", "PRAGMA"}
    assert [statement for statement in reader if statement.startswith("PRAGMA")] == ["PRAGMA query_only=ON"]


async def test_the_schema_says_its_version(chest: SqliteChest) -> None:
    assert await pragma(chest, "user_version") == len(MIGRATIONS)


async def test_a_database_of_a_newer_smscd_is_refused_and_not_touched(chest: SqliteChest) -> None:
    await put(chest.store, message(1))
    await chest.store._writer.on_writer(lambda c: c.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}").fetchall())
    await chest.store.close()
    before = chest.store.path.read_bytes()
    newer = SqliteStore(chest.store.path, FakeClock(), StoreCounters(), chest.broken.append)
    with pytest.raises(StoreBroken, match="upgrade smscd"):
        await newer.open()
    assert chest.store.path.read_bytes() == before


async def test_a_database_of_the_first_version_is_brought_up_to_date_with_all_that_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "smscd.db"
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(f"PRAGMA journal_mode=WAL; BEGIN; {MIGRATIONS[0]} PRAGMA user_version=1; COMMIT;")
    one = with_part(message(5, stage=Stage.LEASED), Stage.SENT, "77")
    values = dict(zip(rows.MESSAGE, rows.message_row(one), strict=True))
    del values["origin"], values["provider"]  # they came with the third and the seventh version
    old.execute(f"INSERT INTO message ({','.join(values)}) VALUES ({','.join('?' * len(values))})", [*values.values()])
    first = {"message": 5, "number": 1, "connector": "network", "stage": 2, "upstream_message_id": "77", "attempt": 1,
             "command_status": 0, "owner": 0, "lease_until": 0, "changed_at": NOON}  # fmt: skip
    old.execute(f"INSERT INTO part ({','.join(first)}) VALUES ({','.join('?' * len(first))})", [*first.values()])
    old.close()
    store = SqliteStore(path, FakeClock(), StoreCounters(), lambda _fault: None)
    await store.open()
    (back,) = await store.leased("network", 0, 9)
    assert [getattr(back.parts[0], name) for name in Part.__slots__] == [
        getattr(one.parts[0], name) for name in Part.__slots__
    ]
    await store.close()


async def test_leases_that_an_older_version_left_behind_are_read_by_their_parts(tmp_path: Path) -> None:
    """It ended by kill -9: it wrote a row for every part before the octets left, and nobody copied its log back."""
    path = tmp_path / "smscd.db"
    old = sqlite3.connect(path, isolation_level=None)
    before = "".join(MIGRATIONS[:6])
    old.executescript(f"PRAGMA journal_mode=WAL; BEGIN; {before} PRAGMA user_version=6; COMMIT;")

    def left(number: int, stage: int, *parts: Part) -> None:
        values = dict(zip(rows.MESSAGE, rows.message_row(message(number, stage=stage, lease_until=NOON)), strict=True))
        del values["provider"]  # it came with the seventh version
        old.execute(
            f"INSERT INTO message ({','.join(values)}) VALUES ({','.join('?' * len(values))})", [*values.values()]
        )
        for part in parts:
            (statement,) = rows.parting([part])
            old.execute(*statement)

    def part(number: int, stage: int, provider: str = "carrier", upstream_message_id: str = "") -> Part:
        return Part(
            number, 1, "network", stage, upstream_message_id, provider=provider, upstream_key=upstream_message_id
        )

    left(1, Stage.QUEUED)
    left(2, Stage.QUEUED, part(2, Stage.QUEUED))  # it was put off once
    left(3, Stage.LEASED, part(3, Stage.LEASED))
    left(4, Stage.LEASED, part(4, Stage.SENT, upstream_message_id="77"))
    left(5, Stage.LEASED)  # with an emulated network
    left(6, Stage.LEASED, part(6, Stage.LEASED, "", "8"))  # with one that has rules
    left(7, Stage.LEASED, part(7, Stage.SENT, upstream_message_id="78"), replace(part(7, Stage.LEASED), number=2))
    left(8, Stage.HELD, part(8, Stage.IN_DOUBT))
    left(9, Stage.CLOSED, part(9, Stage.LEASED))
    left(10, Stage.DEAD)
    store = SqliteStore(path, FakeClock(), StoreCounters(), lambda _fault: None)
    assert (await store.open()).leased == ["network"]
    old.close()
    assert ids(await store.undecided("network", 0, 9)) == [3, 7]
    assert ids(await store.sent("carrier", ["77", "78"])) == [7, 4]
    back = {one.id: one for one in await store.get(range(1, 11))}
    assert [len(back[number].parts) for number in range(1, 11)] == [0, 1, 1, 1, 0, 1, 2, 1, 1, 0]
    assert {one.attempts for one in back.values()} == {0}
    assert await store.requeue_leases("network") == 2
    assert ids(await store.leased("network", 0, 9)) == [3, 4, 7]
    await store.close()


async def test_who_was_erased_before_glances_were_kept_is_known_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "smscd.db"
    old = sqlite3.connect(path, isolation_level=None)
    old.executescript(f"PRAGMA journal_mode=WAL; {' '.join(MIGRATIONS[:7])} PRAGMA user_version=7;")
    line = "NULL, 1, 'erase', ?, 'global', '', '', '', 'verb', '', '', 0, '', 0, '', 'asked', 0"
    old.execute(f"INSERT INTO opt_out_journal VALUES ({line})", [f"ERASED-{1:024X}"])
    old.close()
    store = SqliteStore(path, FakeClock(), StoreCounters(), lambda _fault: None)
    await store.open()
    assert await store.opt_outs.erased() == [(b"ERASED-%024X" % 1, None)]
    await store.close()


async def test_what_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "smscd.db"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(StoreBroken, match=r"smscd\.db"):
        await SqliteStore(path, FakeClock(), StoreCounters(), lambda _fault: None).open()


async def test_a_store_that_could_not_be_opened_leaves_no_thread_behind(tmp_path: Path) -> None:
    path = tmp_path / "smscd.db"
    path.write_bytes(b"not a database" * 500)
    before = set(threading.enumerate())
    with pytest.raises(StoreBroken):
        await SqliteStore(path, FakeClock(), StoreCounters(), lambda _fault: None).open()
    for left in set(threading.enumerate()) - before:
        left.join(5)
        assert not left.is_alive()


def copied(database: Path, damage: Callable[[bytes], bytes]) -> Path:
    """The database as it stands on the disk, with a log that something happened to."""
    torn = database.with_name("torn.db")
    torn.write_bytes(database.read_bytes())
    Path(f"{torn}-wal").write_bytes(damage(Path(f"{database}-wal").read_bytes()))
    return torn


@pytest.mark.parametrize("cut", [1, 24, 100, 4096, 5000])
async def test_a_torn_tail_of_the_log_costs_the_last_commit_at_most(chest: SqliteChest, cut: int) -> None:
    """A power cut in the middle of a commit: its frames are there in part, and it was answered to nobody."""
    for number in range(1, 6):
        await put(chest.store, message(number))
    torn = copied(chest.store.path, lambda log: log[:-cut])
    store = SqliteStore(torn, FakeClock(), StoreCounters(), chest.broken.append)
    await store.open()
    found = ids(await store.get(range(1, 9)))
    assert found[:4] == [1, 2, 3, 4]
    await put(store, message(7))  # and it goes on
    assert 7 in ids(await store.get([7]))
    await store.close()


async def test_garbage_at_the_end_of_the_log_is_ignored(chest: SqliteChest) -> None:
    await put(chest.store, message(1))
    torn = copied(chest.store.path, lambda log: log + os.urandom(9000))
    store = SqliteStore(torn, FakeClock(), StoreCounters(), chest.broken.append)
    await store.open()
    assert ids(await store.get([1])) == [1]
    await store.close()


async def test_the_log_is_copied_back_between_batches_and_shrinks_to_its_limit(chest: SqliteChest) -> None:
    big = submit_sm(b"", tlvs=[(0x0424, b"x" * 60_000)])
    for _ in range(5):
        await put(chest.store, *[message(content=big) for _ in range(20)])
    await chest.store._commit.drained()
    await until_copied(chest.store)
    assert chest.store.statistics()["database_octets"] > 1_000_000


async def test_a_log_that_once_grew_is_not_copied_back_again_with_every_commit(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file keeps its size after a checkpoint; taken for pages that wait, it made every idle commit sync twice."""
    done: list[sqlite3.Connection] = []

    def counted(connection: sqlite3.Connection) -> None:
        done.append(connection)
        checkpoint(connection)

    checkpoint = sqlite_room._checkpoint
    monkeypatch.setattr(sqlite_room, "_checkpoint", counted)
    big = submit_sm(b"", tlvs=[(0x0424, b"x" * 60_000)])
    await put(chest.store, *[message(content=big) for _ in range(100)])
    await until_copied(chest.store)
    assert done
    assert chest.store.statistics()["wal_octets"] > wal.IDLE * 4096
    done.clear()
    for _ in range(20):
        await put(chest.store, message())
    assert done == []


async def test_under_load_without_a_pause_the_log_is_copied_back_all_the_same(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "IDLE", 1_000_000)
    monkeypatch.setattr(wal, "BUSY", 100)
    big = submit_sm(b"", tlvs=[(0x0424, b"x" * 40_000)])
    while sum(chest.counters.batches.counts) < 100:
        if not chest.store.batch:  # while one is being written the next gathers: there is never nothing to do
            chest.store.batch.add(message(content=big))
            chest.store.wake()
        await asyncio.sleep(0)
    assert chest.store.statistics()["wal_octets"] < 150 * 4096  # of 100 times 10 pages and more


async def test_a_log_that_has_grown_begins_anew_however_busily_it_is_read(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Question upon question, and the log could never begin anew: one of them was always reading from it."""
    monkeypatch.setattr(wal, "LONGEST", 200)
    begun, gates = [asyncio.Event(), asyncio.Event()], [threading.Event(), threading.Event()]
    loop, log = asyncio.get_running_loop(), chest.store._log
    assert log is not None

    def pause(at: int) -> int:
        loop.call_soon_threadsafe(begun[at].set)
        gates[at].wait(10)
        return at

    await chest.store._reader.create_function("pause", 1, pause)
    big = submit_sm(b"", tlvs=[(0x0424, b"x" * 40_000)])
    await put(chest.store, message(content=big))
    first = asyncio.create_task(chest.store._rows("SELECT pause(0) FROM message"))
    await begun[0].wait()
    for _ in range(30):
        await put(chest.store, message(content=big))
    assert log._index.pages()[0] > 200
    second = asyncio.create_task(chest.store._rows("SELECT pause(1) FROM message LIMIT 1"))
    gates[0].set()
    await first
    await begun[1].wait()
    await put(chest.store, message())
    assert log._index.pages()[0] < 50
    gates[1].set()
    await second


async def test_neither_database_nor_log_grows_while_as_much_is_forgotten_as_comes(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, pages in (("IDLE", 50), ("BUSY", 100), ("LONGEST", 200)):
        monkeypatch.setattr(wal, name, pages)
    log, database, longest = chest.store._log, [], []
    assert log is not None
    for number in range(60):
        come = [with_part(message(stage=Stage.CLOSED, final_at=NOON + number), Stage.SENT, "id") for _ in range(50)]
        for one in come[:5]:
            one.stage = Stage.DEAD
        forgotten = chest.store.purge(NOON + number, NOON + number, 1000)
        read = chest.store.get([one.id for one in come])  # always somebody who reads from the log
        _, gone, _ = await asyncio.gather(put(chest.store, *come), forgotten, read)
        assert gone == 50 * (number > 0)
        database.append(await pragma(chest, "page_count"))
        longest.append(log._index.pages()[0])
    assert max(database[20:]) <= max(database[:20])
    assert max(longest) < 400


async def test_nothing_is_read_in_silence_and_what_was_asked_meanwhile_is_answered_after_it(chest: SqliteChest) -> None:
    await put(chest.store, message(1))
    async with chest.store._reader.silence():
        asked = asyncio.create_task(chest.store.get([1]))
        await put(chest.store, message(2))
        assert not asked.done()
    assert ids(await asked) == [1]


async def test_a_store_is_closed_while_its_log_waits_for_silence(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "LONGEST", 1)
    one, asked = message(), asyncio.Event()

    def busy() -> None:
        asked.set()

    chest.store.batch.once_written(busy)
    chest.store.batch.add(one)
    chest.store.wake()
    await asked.wait()
    async with asyncio.timeout(PATIENCE):
        await chest.reopen()
    assert ids(await chest.store.get([one.id])) == [one.id]


async def until_copied(store: SqliteStore) -> None:
    async with asyncio.timeout(PATIENCE):
        while store._log is None or store._log.copying:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)


async def test_what_is_not_synced_leaves_no_transaction_open_whatever_fails(chest: SqliteChest) -> None:
    await put(chest.store, message(1, stage=Stage.CLOSED, final_at=1))

    def fails(connection: sqlite3.Connection) -> None:
        forgetting.forget(connection, (NOON, NOON), 10, lambda: bool(1 // 0))

    await put(chest.store, *[message(n, stage=Stage.CLOSED, final_at=1) for n in range(2, 121)])
    with pytest.raises(ZeroDivisionError):
        await chest.store._writer.on_writer(fails)
    assert await pragma(chest, "synchronous") == 2  # FULL
    await put(chest.store, message(200))
    assert len(await chest.store.get(range(1, 300))) == 121


@pytest.mark.parametrize(("waiting", "forgotten"), [(True, [50, 50, 20]), (False, [100, 20])])
async def test_a_portion_of_a_purge_that_takes_long_ends_early_for_a_batch_that_waits_and_for_nothing_else(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch, waiting: bool, forgotten: list[int]
) -> None:
    monkeypatch.setattr(forgetting, "ENOUGH", -1.0)
    await put(chest.store, *[message(n, stage=Stage.CLOSED, final_at=1) for n in range(1, 121)])
    if waiting:
        chest.store.batch.add(message(200))  # nobody wakes the store
    assert [await chest.store.purge(NOON, NOON, 100) for _ in forgotten] == forgotten
    assert chest.broken == []


async def test_a_dead_letter_that_is_sent_again_while_a_purge_waits_for_the_writer_stays(chest: SqliteChest) -> None:
    dead = with_part(message(1, stage=Stage.DEAD, final_at=1))
    await put(chest.store, dead)
    free = threading.Event()
    busy = chest.store._on_writer(lambda _connection: free.wait(10))
    dead.stage = Stage.QUEUED
    chest.store.batch.change(dead)
    chest.store.wake()
    while chest.store.batch:  # noqa: ASYNC110 - nobody announces that it was taken to be written
        await asyncio.sleep(0)
    purge = asyncio.create_task(chest.store.purge(NOON, NOON, 10))
    await asyncio.sleep(0)
    free.set()
    assert (await busy, await purge) == (True, 0)
    (back,) = await chest.store.get([1])
    assert (back.stage, len(back.parts)) == (Stage.QUEUED, 1)


async def test_a_long_answer_is_decoded_in_portions(chest: SqliteChest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand rows at once were a third of a second in which nobody was answered."""
    await put(chest.store, *[message(n) for n in range(1, 1001)])
    turn, decoded = 0, Counter[int]()
    decode = rows.message_of

    def counted(row: rows.Row) -> Message:
        decoded[turn] += 1
        return decode(row)

    async def others() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(rows, "message_of", counted)
    beside = asyncio.create_task(others())
    found = await chest.store.listing(Listing(limit=1000))
    beside.cancel()
    assert ids(found) == list(range(1000, 0, -1))
    assert decoded.total() == 1000
    assert max(decoded.values()) <= PORTION


# --- which way the questions take -------------------------------------------------------------------------------------

QUESTIONS: dict[str, tuple[Callable[[SqliteStore], Awaitable[Any]], str]] = {
    "due": (lambda s: s.due("network", NOON, 10), "message_due"),
    "next_due": (lambda s: s.next_due("network", NOON), "message_due"),
    "queued_for_each": (lambda s: s.queued_for_each(), "message_due"),
    "expired": (lambda s: s.expired(NOON, 10), "message_expires"),
    "leased": (lambda s: s.leased("network", 5, 10), "message_leased"),
    "queued": (lambda s: s.queued("network", (NOON, 5), 10), "message_due"),
    "undecided": (lambda s: s.undecided("network", 5, 10), "part_leased"),
    "sent": (lambda s: s.sent("carrier", ["a", "b"]), "part_upstream"),
    "overdue": (lambda s: s.overdue("network", NOON, 5, 10), "message_leased (connector=? AND rowid>?"),
    "sent to, indexed": (lambda s: s.sent_to(["network"], [b"44", b"+44"]), "message_recipient"),
    "sent to": (lambda s: s.sent_to(["network"], [b"44", b"+44"]), "message_leased"),
    "members": (lambda s: s.members([7, 8]), "message_group"),
    "pending": (lambda s: s.pending("test", "12345", "447700900001"), "message_queued_to"),
    "find": (lambda s: s.find("77"), "INTEGER PRIMARY KEY"),
    "find an alias": (lambda s: s.find("0000000a"), "message_alias"),
    "find in a group": (lambda s: s.find("7"), "message_group"),
    "get": (lambda s: s.get([1, 2]), "INTEGER PRIMARY KEY"),
    "listing of dead letters": (lambda s: s.listing(Listing(stage=int(Stage.DEAD))), "message_dead"),
    "listing of what is held": (lambda s: s.listing(Listing(stage=int(Stage.HELD))), "message_held"),
    "forgettable, closed": (lambda s: s.forgettable(NOON, NOON, 10), "message_closed"),
    "forgettable dead letters": (lambda s: s.forgettable(NOON, NOON, 10), "message_dead"),
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_question_reads_more_of_the_table_than_its_answer(chest: SqliteChest, question: str) -> None:
    ask, index = QUESTIONS[question]
    await put(chest.store, with_part(message(7, group_id=7, message_id="7")), message(8, group_id=7, message_id="7"))
    await chest.store.index_recipients("indexed" in question)
    asked: list[str] = []
    await chest.store._reader.set_trace_callback(asked.append)
    await ask(chest.store)
    await chest.store._reader.set_trace_callback(None)  # type: ignore[arg-type]
    assert asked
    plans: list[str] = []
    for sql in asked:
        plans += [str(row[3]) for row in await chest.store._reader.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}")]
    assert any(index in plan for plan in plans), plans
    scans = [plan for plan in plans if plan.startswith("SCAN message") and "USING" not in plan]
    assert not scans, plans


async def test_who_looks_for_what_is_overdue_holds_up_nobody_for_longer_however_much_is_out(chest: SqliteChest) -> None:
    """All that waited was one question: of a million receipts 1.2 s, in which nobody else was answered."""

    async def steps() -> int:
        """Of SQLite's machine, until a portion has been looked at."""
        counted = 0

        def count() -> None:
            nonlocal counted
            counted += 1

        await chest.store._reader.set_progress_handler(count, 1)
        assert await chest.store.overdue("network", NOON, 0, 10) == ([], 10)
        await chest.store._reader.set_progress_handler(None, 0)  # type: ignore[arg-type]
        return counted

    await put(chest.store, *[message(n, stage=Stage.LEASED, expires=NOON + 1) for n in range(1, 21)])
    few = await steps()
    await put(chest.store, *[message(n, stage=Stage.LEASED, expires=NOON + 1) for n in range(21, 1021)])
    assert await steps() == few > 10


@pytest.mark.parametrize("wanted", [
    Listing(destination_addr="nobody"), Listing(stage=int(Stage.LEASED), system_id="nobody"), Listing(stage=5, limit=3),
    Listing(stage=int(Stage.SENT)), Listing(message_state=5), Listing(stage=int(Stage.LEASED)),
])  # fmt: skip
async def test_who_wants_to_see_messages_holds_up_nobody_for_longer_however_many_there_are(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch, wanted: Listing
) -> None:
    """With a million that were out, a list of fifty of them was one question of 4.6 s."""
    monkeypatch.setattr(listing, "LOOKED_AT", 50)
    reader, steps = chest.store._reader, [0]
    ask = reader.ask

    def count() -> None:
        steps[-1] += 1

    async def asked(sql: str, parameters: Any = ()) -> list[rows.Row]:
        steps.append(0)
        return await ask(sql, parameters)

    async def longest() -> int:
        steps[:] = [0]
        await chest.store.listing(wanted)
        return max(steps)

    monkeypatch.setattr(reader, "ask", asked)
    await reader.set_progress_handler(count, 1)
    await put(chest.store, *[message(n, stage=Stage.LEASED) for n in range(1, 301)])
    few = await longest()
    await put(chest.store, *[message(n, stage=Stage.LEASED) for n in range(301, 2001)])
    assert few <= await longest() <= few + 20


async def test_a_purge_reads_what_is_old_and_nothing_else(chest: SqliteChest) -> None:
    plans: list[str] = []
    for statements, index in zip(forgetting.FORGET, ("message_closed", "message_dead"), strict=True):
        for sql in statements:
            work = lambda connection, sql=sql: connection.execute(f"EXPLAIN QUERY PLAN {sql}", (NOON, 10)).fetchall()  # noqa: E731 - run in the writer
            plan = [str(row[3]) for row in await chest.store._writer.on_writer(work)]
            assert any(index in step for step in plan), plan
            plans += plan
    assert [step for step in plans if step.startswith("SCAN")] == []


WAYS_OF_WRITING = {
    **{f"UPDATE_MESSAGE {n}": sql for n, sql in rows.UPDATE_MESSAGE.items()},
    **{f"REPLACE_MESSAGE {n}": sql for n, sql in rows.REPLACE_MESSAGE.items()},
    **{f"CLOSE_MESSAGE {n}": sql for n, sql in rows.CLOSE_MESSAGE.items()},
    **{f"REPLACE_PARTS {n}": sql for n, sql in rows.REPLACE_PARTS.items()},
    **{f"SET_SOME {columns} {n}": sql for columns, some in rows.SET_SOME.items() for n, sql in some.items()},
    **{f"SET_RUN {columns}": sql for columns, sql in rows.SET_RUN.items()},
    "CLOSE_RUN": rows.CLOSE_RUN,
}


@pytest.mark.parametrize("way", WAYS_OF_WRITING)
async def test_every_way_of_writing_finds_its_rows_by_key(chest: SqliteChest, way: str) -> None:
    sql = WAYS_OF_WRITING[way]
    parameters = [0] * (len(set(re.findall(r"\?\d+", sql))) or sql.count("?"))
    work = lambda connection: connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()  # noqa: E731 - run in the writer
    plan = [str(row[3]) for row in await chest.store._writer.on_writer(work)]
    assert not [step for step in plan if step.startswith(("SCAN message", "SCAN part"))], plan


async def test_answers_come_in_the_order_of_asking_across_batches(chest: SqliteChest) -> None:
    answers = Answers()
    for number in range(1, 500):
        one = message(number)
        chest.store.batch.add(one)
        chest.store.batch.answer(one, answers)
        chest.store.wake()
        if number % 11 == 0:
            await asyncio.sleep(0)
    await chest.store.committed()
    assert [one.id for one, _ in answers.given] == list(range(1, 500))
    assert sum(chest.counters.batches.counts) < 499


async def test_a_log_that_was_given_its_length_keeps_what_is_in_it(chest: SqliteChest) -> None:
    before = message()
    await put(chest.store, before)
    await chest.store.make_room()
    assert chest.store.statistics()["wal_octets"] == wal.ROOM
    after = message()
    await put(chest.store, after)
    store = await chest.crash()
    assert ids(await store.get([before.id, after.id])) == [before.id, after.id]
    await store.make_room()
    assert ids(await store.get([before.id, after.id])) == [before.id, after.id]


async def test_a_log_is_given_its_length_in_small_pieces(chest: SqliteChest, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = os.pwrite

    def seen(descriptor: int, octets: bytes, offset: int) -> int:
        written.append(len(octets))
        return write(descriptor, octets, offset)

    await put(chest.store, message())
    length = chest.store.statistics()["wal_octets"]
    monkeypatch.setattr(os, "pwrite", seen)
    await chest.store.make_room()
    assert sum(written) == wal.ROOM - length
    assert max(written) == wal.PIECE <= 1 << 16, "what is written at once is kept, and written back, as one"


async def test_a_log_grows_as_it_goes_where_the_disk_has_little_room(
    chest: SqliteChest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(chest.store, message())
    length = chest.store.statistics()["wal_octets"]
    monkeypatch.setattr(wal, "SPARE", 1 << 40)
    await chest.store.make_room()
    assert chest.store.statistics()["wal_octets"] == length
    monkeypatch.undo()

    def quota(descriptor: int, octets: bytes, offset: int) -> None:
        os.ftruncate(descriptor, offset + len(octets) // 2)
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, "pwrite", quota)
    await chest.store.make_room()
    assert chest.store.statistics()["wal_octets"] == length
