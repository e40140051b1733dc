"""The opt-out list between memory and disk: read at a start, tidied and kept for the next one while smscd runs.

A start takes the keys that were kept and the rows that the journal says have changed since (`store.optout_keys`). Where
those keys are missing or damaged it reads every row, which takes a minute for ten million.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from smscd.clock import Clock
from smscd.errors import StoreFull
from smscd.optout import OptOutList
from smscd.optout.keys import PORTIONS
from smscd.store import Store
from smscd.store.optout_keys import Kept, Portion

log = structlog.get_logger("smscd.optout")

SINGLES = 20_000
"""Changes one by one after which the list is kept anew: a start looks at each of them, in 20 µs."""
LAYERS = 16
"""Imports after which it is."""
SHARE = 8
"""Or those that are an eighth of the list."""
OCTETS = 1 << 17
"""Octets of keys written in one transaction, about: half a millisecond of the writer."""
SLICE = 0.002
"""Seconds of the loop that tidying takes at a time."""
PAUSE = 0.008
"""Seconds that it leaves to others after that, at least."""
TOLD = 5.0
"""Seconds between two lines of the log while rows are read."""


class Keeping:
    """Reads the list, folds imports into it, makes its filter, and keeps its keys, in slices that nobody notices."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._must_keep = False
        self.turn = asyncio.Lock()
        """Held while the list is tidied, and while an import takes effect: its layer is kept before or after."""

    async def load(self) -> OptOutList:
        """The list of the store, ready to be asked."""
        async with self.turn:  # a reload may ask while an import takes effect
            return await self._load()

    async def _load(self) -> OptOutList:
        stored = self._store.opt_outs
        generation = stored.generation
        found, erased = OptOutList(stored.keys.salt), await stored.erased()
        if not await _from_keys(found, self._store):
            self._must_keep = True
            log.warning(
                "the opt-out list is read row by row: its keys are not kept yet, damaged, or of before an erasure"
            )
            found = OptOutList(stored.keys.salt)
            await _from_rows(found, self._store, self._clock)
        found.know(erased)
        for _ in found.filtering():  # before the doors open there is nobody to give way to
            pass
        found.settle(generation)
        return found

    async def tidy(self, opt_outs: OptOutList) -> None:
        """All of it that is worth doing now."""
        async with self.turn:
            await self.gently(opt_outs.folding())
            if opt_outs.wants_filter:
                await self.gently(opt_outs.filtering())
            try:
                await self._keep(opt_outs)
            except StoreFull as full:  # what was kept before, and the journal since, are as good; only slower to read
                log.warning("no room to keep the keys of the opt-out list", why=str(full))

    async def gently(self, steps: Iterable[object]) -> None:
        """Take `steps` a slice at a time."""
        until = self._clock.monotonic() + SLICE
        for _ in steps:
            if self._clock.monotonic() >= until:
                await asyncio.sleep(PAUSE)
                until = self._clock.monotonic() + SLICE

    async def _keep(self, opt_outs: OptOutList) -> None:
        keys = self._store.opt_outs.keys
        before = await keys.kept()
        if not self._must_keep and not await self._is_due(opt_outs, before):
            return
        position = await keys.position()
        await self._store.committed()  # what was lifted up to there no longer blocks
        kept = Kept(opt_outs.generation or 0, position)
        await self.write(opt_outs, 0)
        await keys.keep(kept)
        self._must_keep = False

    async def _is_due(self, opt_outs: OptOutList, before: Kept) -> bool:
        keys = self._store.opt_outs.keys
        layers = await keys.layers(before.generation)
        imported = sum(rows for _, rows in layers)
        return (
            len(layers) >= LAYERS
            or imported * SHARE > len(opt_outs)
            or await keys.singles(before.journal) >= SINGLES
            or await keys.erasures(before.journal) > 0
        )

    async def write(self, opt_outs: OptOutList, layer: int) -> int:
        """Write its keys as those of `layer`, all portions of layer 0 and of others what is not empty. How many."""
        some: list[Portion] = []
        octets = total = 0
        for number, keys in opt_outs.portions():
            if keys or not layer:
                some.append(Portion(number, keys))
                octets += len(keys)
            if octets >= OCTETS:
                await self._write(layer, some)
                some, octets, total = [], 0, total + octets
        await self._write(layer, some)
        return (total + octets) // 8

    async def _write(self, layer: int, portions: list[Portion]) -> None:
        await self._store.committed()  # a STOP that is among them, and lost in a crash, must not block
        await self._store.opt_outs.keys.write(layer, portions)
        await asyncio.sleep(PAUSE)


async def _from_keys(into: OptOutList, store: Store) -> bool:
    """Whether all of them were there."""
    keys = store.opt_outs.keys
    kept = await keys.kept()
    if await keys.erasures(kept.journal):
        return False
    if kept.journal >= 0:
        whole = 0
        async for portion in keys.portions(0):
            into.put(*portion)
            whole += 1
        if whole != PORTIONS:
            return False
    for layer, expected in await keys.layers(kept.generation):
        octets = 0
        async for portion in keys.portions(layer):
            into.put(*portion)
            octets += len(portion.keys)
        if octets != 8 * expected:
            return False
    async for page in keys.changed(kept.journal):
        for entry, blocks in page:
            (into.add if blocks else into.discard)(entry)
    return True


async def _from_rows(into: OptOutList, store: Store, clock: Clock) -> None:
    rows, told = 0, clock.monotonic()
    async for page in store.opt_outs.load():
        into.load(page)
        rows += len(page)
        if clock.monotonic() - told > TOLD:
            told = clock.monotonic()
            log.info("reading the opt-out list", rows=rows)
    into.sort()
