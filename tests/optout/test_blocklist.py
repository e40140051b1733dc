"""The list between memory and disk: whatever happens, in whatever order, and whenever smscd dies, it is the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smscd import blocklist
from smscd.admin.optout_rows import shown
from smscd.admin.optouts import OptOutCommands
from smscd.errors import StoreFull
from smscd.optout import Entry, Event, OptOutList, OptOutSettings
from smscd.optout.keys import PORTIONS
from smscd.optout.list import Scope
from smscd.store import Imported
from smscd.store.optout_keys import Portion
from tests.optout.stage import import_of
from tests.play import Play
from tests.store.chests import MemoryChest, SqliteChest

SENDERS = ("12345", "10001", "ACME")
RECIPIENTS = ("447700900001", "447700900002", "33612345678", "12025550123")
POOLS = {"alerts": ["12345", "ACME"], "offers": ["10001", "ACME"]}
ESMES = ("test", "shop")

Row = tuple[str, str, str]
"""scope, party and recipient, as an operator writes them"""


def _rows() -> st.SearchStrategy[Row]:
    parties = {"pair": SENDERS, "pool": tuple(POOLS), "account": ESMES, "global": ("",)}
    return st.sampled_from(
        [(scope, party, to) for scope, some in parties.items() for party in some for to in RECIPIENTS]
    )


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), _rows()),
        st.tuples(st.just("remove"), _rows()),
        st.tuples(st.just("import"), st.lists(_rows(), max_size=8)),
        st.tuples(st.just("abandoned import"), st.lists(_rows(), min_size=1, max_size=8)),
        st.tuples(st.just("import meets remove"), _rows()),
        st.tuples(st.just("erase"), st.sampled_from(RECIPIENTS)),
        st.tuples(st.just("erase meets add"), _rows()),
        st.tuples(st.just("erase meets remove"), _rows()),
        st.tuples(st.just("tidy"), st.none()),
        st.tuples(st.just("death while it is kept"), st.integers(0, PORTIONS)),
        st.tuples(st.just("death"), st.none()),
    ),
    max_size=25,
)


def named(row: Row) -> dict[str, str]:
    scope, party, to = row
    return {"scope": scope, "party": party, "to": to, "recipient": to}


@pytest.fixture
def often() -> Iterator[None]:
    """Keep the list at every opportunity, and do not wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocklist, "SINGLES", 1)
        patch.setattr(blocklist, "PAUSE", 0.0)
        patch.setattr(blocklist, "OCTETS", 1)
        yield


class Act:
    """Carries out steps on a play and, side by side, on a set."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.commands = OptOutCommands(play.journey)
        self.model: set[Row] = set()

    async def take(self, step: str, what: Any) -> None:
        match step:
            case "add":
                said = await self.commands.add(named(what))
                assert said["changed"] is (what not in self.model)
                self.model.add(what)
            case "remove":
                said = await self.commands.remove({**named(what), "reason": "asked"})
                assert said["changed"] is (what in self.model)
                self.model.discard(what)
            case "import":
                number = await self._begun(what)
                self.compare()
                await self.commands.imports.end({"import": number})
                self.model.update(what)
            case "abandoned import":
                await self._begun(what)
                await self.play.advance(61)
            case "import meets remove":
                number = await self._begun([what])
                await self.commands.remove({**named(what), "reason": "asked"})
                survives = what not in self.model  # there was nothing to remove yet
                await self.commands.imports.end({"import": number})
                (self.model.add if survives else self.model.discard)(what)
            case "erase":
                await self.commands.erase({"to": what, "reason": "asked"})
                assert not await self.play.store.opt_outs.known(what.encode())
                assert not (await self.commands.erase({"to": what, "reason": "twice"}))["changed"]
            case "erase meets add" | "erase meets remove":
                change = self.commands.add if step == "erase meets add" else self.commands.remove
                (self.model.add if step == "erase meets add" else self.model.discard)(what)
                erasing = asyncio.ensure_future(self.commands.erase({"to": what[2], "reason": "asked"}))
                for _ in range(len(what[1])):  # it has come so far, which differs from row to row
                    await asyncio.sleep(0)
                await change({**named(what), "reason": "asked"})
                await erasing
            case "tidy":
                await self.play.journey.interception.tidy()
            case "death while it is kept":
                await self._die_after(what)
            case "death":
                await self._die()
        self.compare()

    async def _begun(self, rows: list[Row]) -> int:
        begun = await self.commands.imports.begin({})
        number: int = begun["import"]
        text, keys = import_of(begun, [named(row) for row in dict.fromkeys(rows)])
        if rows:
            await self.commands.imports.rows({"import": number, "rows": text})
        for portions in keys:
            await self.commands.imports.keys({"import": number, "portions": portions})
        return number

    async def _die_after(self, writes: int) -> None:
        """The process ends when so many portions are written."""
        tidying, written = asyncio.ensure_future(self.play.journey.interception.tidy()), 0
        write = self.play.store.opt_outs.keys.write

        async def counted(layer: int, portions: Any) -> None:
            nonlocal written
            written += 1
            if written > writes:
                tidying.cancel()
                await asyncio.sleep(0)
            await write(layer, portions)

        self.play.store.opt_outs.keys.write = counted  # type: ignore[method-assign]
        await asyncio.wait([tidying])
        self.play.store.opt_outs.keys.write = write  # type: ignore[method-assign]
        await self._die()

    async def _die(self) -> None:
        tidying = list(self.commands.imports.tidying)
        for task in tidying:
            task.cancel()
        if tidying:
            await asyncio.wait(tidying)
        await self.play.crash()
        self.commands = OptOutCommands(self.play.journey)

    def compare(self) -> None:
        """May every sender of every ESME write to everybody whom the model lets it write to, and to nobody else?"""
        optout = self.play.journey.interception.optout
        assert optout is not None
        assert self.play.journey.interception.is_ready
        for sender in SENDERS:
            for to in RECIPIENTS:
                for esme in ESMES:
                    found = optout.blocking(sender.encode(), 0, to.encode(), 1, esme)
                    assert (found is not None) is self.forbids(sender, to, esme), (sender, to, esme)
        assert len(optout.list) >= len(self.model)

    def forbids(self, sender: str, to: str, esme: str) -> bool:
        pools = [name for name, senders in POOLS.items() if sender in senders]
        rows = [("pair", sender, to), ("account", esme, to), ("global", "", to), *(("pool", p, to) for p in pools)]
        return any(row in self.model for row in rows)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_the_list_is_what_a_set_would_be(steps: list[tuple[str, Any]]) -> None:
    async def played() -> None:
        async with Play(opt_out=OptOutSettings(pools=POOLS)) as play:
            act = Act(play)
            for step, what in steps:
                await act.take(step, what)
            await act.take("death", None)
            told = [one async for one in await act.commands.rebuild({})]
            assert told[-1] == {"rows": told[-1]["rows"], "blocking": len(act.model), "keys": len(act.model)}
            assert not any("difference" in one for one in told)
            assert len(play.journey.interception.optout.list) == len(act.model)  # type: ignore[union-attr]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocklist, "SINGLES", 1)
        patch.setattr(blocklist, "PAUSE", 0.0)
        patch.setattr(blocklist, "OCTETS", 1)
        asyncio.run(played())


# --- on disk ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "memory"])
async def chest(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteChest | MemoryChest]:
    made: SqliteChest | MemoryChest = SqliteChest(tmp_path) if request.param == "sqlite" else MemoryChest()
    await made.open()
    yield made
    await made.discard()


def entry(number: int, scope: Scope = "pair") -> Entry:
    return Entry(scope, b"12345", b"44770090%04d" % number)


async def put(chest: SqliteChest | MemoryChest, *events: Event) -> None:
    chest.store.batch.opt_out(events)
    chest.store.wake()
    await chest.store.committed()


async def imported(chest: SqliteChest | MemoryChest, entries: list[Entry], *, with_layer: bool = True) -> None:
    stored = chest.store.opt_outs
    generation = await stored.new_generation()
    text = json.dumps([[*shown(one).values(), ""] for one in entries])
    await stored.write(Imported(text, at=1), generation)
    layer = OptOutList(stored.keys.salt)
    for one in entries:
        layer.add(one)
    keeping = blocklist.Keeping(chest.store, chest.clock)
    keys = await keeping.write(layer, generation) if with_layer else -1
    await stored.put_in_force(generation, 1, keys)


async def started(chest: SqliteChest | MemoryChest, *, by_rows: bool = False) -> OptOutList:
    """The list after a crash; `by_rows` says whether every row may be read for it."""
    store = await chest.crash()
    read: list[Entry] = []
    load = store.opt_outs.load

    async def watched() -> AsyncIterator[list[Entry]]:
        async for page in load():
            read.extend(page)
            yield page

    store.opt_outs.load = watched  # type: ignore[method-assign]
    found = await blocklist.Keeping(store, chest.clock).load()
    store.opt_outs.load = load  # type: ignore[method-assign]
    assert bool(read) is by_rows
    return found


def holds(found: OptOutList, expected: list[Entry]) -> bool:
    return len(found) == len(expected) and all(one in found for one in expected)


async def kept(chest: SqliteChest | MemoryChest) -> None:
    """A process starts, and tidies up."""
    keeping = blocklist.Keeping(chest.store, chest.clock)
    await keeping.tidy(await keeping.load())


async def test_a_first_start_reads_the_journal(chest: SqliteChest | MemoryChest) -> None:
    await put(chest, Event(1, "add", entry(1)), Event(1, "add", entry(2)), Event(2, "remove", entry(1)))
    await put(chest, Event(3, "help", entry(3)))
    assert holds(await started(chest), [entry(2)])


async def test_a_start_reads_what_was_kept_and_what_came_later(chest: SqliteChest | MemoryChest, often: None) -> None:
    await put(chest, *(Event(1, "add", entry(number)) for number in range(100)))
    await kept(chest)
    assert (await chest.store.opt_outs.keys.kept()).journal == 100
    await put(chest, Event(2, "remove", entry(7)), Event(2, "remove", entry(8)), Event(3, "stop", entry(8)))
    await imported(chest, [entry(number, "global") for number in range(50)])
    await put(chest, Event(4, "remove", entry(3, "global")), Event(4, "add", entry(200)))
    expected = [entry(number) for number in (*range(7), *range(8, 100), 200)]
    expected += [entry(number, "global") for number in range(50) if number != 3]
    found = await started(chest)
    assert holds(found, expected)
    await kept(chest)
    assert (await chest.store.opt_outs.keys.kept()).generation == 1
    assert [one async for one in chest.store.opt_outs.keys.portions(1)] == []
    assert holds(await started(chest), expected)


async def test_an_empty_list_that_was_kept_is_empty(chest: SqliteChest | MemoryChest, often: None) -> None:
    await imported(chest, [], with_layer=False)
    await kept(chest)
    assert await chest.store.opt_outs.keys.kept() == (1, 0)
    assert holds(await started(chest), [])
    await put(chest, Event(2, "add", entry(1)))
    assert holds(await started(chest), [entry(1)])


async def test_an_import_without_its_keys_has_every_row_read(chest: SqliteChest | MemoryChest) -> None:
    await put(chest, Event(1, "add", entry(1)))
    await imported(chest, [entry(2)], with_layer=False)
    assert holds(await started(chest, by_rows=True), [entry(1), entry(2)])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE opt_out_keys SET keys = zeroblob(length(keys)) WHERE layer = 0 AND length(keys) > 0",
        "DELETE FROM opt_out_keys WHERE layer = 0 AND portion = 7",
        "UPDATE opt_out_keys SET crc = crc + 1 WHERE layer = 1",
        "DELETE FROM opt_out_keys WHERE layer = 1 AND portion IN (SELECT max(portion) FROM opt_out_keys WHERE layer=1)",
    ],
)
async def test_keys_that_are_damaged_or_missing_have_every_row_read(damage: str, tmp_path: Path, often: None) -> None:
    chest = SqliteChest(tmp_path)
    await chest.open()
    rows = [entry(number) for number in range(200)]
    await put(chest, *(Event(1, "add", one) for one in rows[:100]))
    await kept(chest)
    await imported(chest, rows[100:])
    assert holds(await started(chest), rows)
    await chest.store._aside([(damage, [])])
    assert holds(await started(chest, by_rows=True), rows)
    await kept(chest)
    await put(chest, Event(3, "add", entry(999)))
    assert holds(await started(chest), [*rows, entry(999)]), "kept anew"
    await chest.discard()


async def test_what_was_never_committed_is_not_kept(often: None) -> None:
    async with Play(opt_out=OptOutSettings()) as play:
        optout, store = play.journey.interception.optout, play.store
        assert optout is not None
        store.batch.opt_out([Event(1, "add", entry(1))])
        optout.block([Event(1, "add", entry(1))])
        store.wake()
        await store.committed()
        store._commit._write = _never
        optout.block([Event(1, "add", entry(2))])  # of a STOP whose commit does not come back
        store.batch.opt_out([Event(1, "add", entry(2))])
        store.wake()
        tidying = asyncio.ensure_future(play.journey.interception.tidy())
        for _ in range(50):
            await asyncio.sleep(0)
        tidying.cancel()
        await asyncio.wait([tidying])
        await play.crash()
        assert holds(play.journey.interception.optout.list, [entry(1)])  # type: ignore[union-attr]


async def _never(_batch: Any) -> None:
    await asyncio.Event().wait()


async def test_nothing_is_written_while_nothing_changes(chest: SqliteChest | MemoryChest) -> None:
    await put(chest, Event(1, "add", entry(1)))
    await kept(chest)
    assert await chest.store.opt_outs.keys.kept() == (0, -1)
    await chest.store.opt_outs.keys.write(0, [Portion(1, b"")])
    assert holds(await started(chest), [entry(1)])


async def test_without_room_the_list_is_kept_later(
    chest: SqliteChest | MemoryChest, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(chest, Event(1, "add", entry(1)))

    async def no_room(_layer: int, _portions: Any) -> None:
        raise StoreFull("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(chest.store.opt_outs.keys, "write", no_room)
        await kept(chest)
    assert (await chest.store.opt_outs.keys.kept()).journal == -1
    await kept(chest)
    assert (await chest.store.opt_outs.keys.kept()).journal == 1
    assert holds(await started(chest), [entry(1)])
