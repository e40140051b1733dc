"""Keeps one modem working: opens it, sets it up, watches over it, opens it again. The only task that talks to it."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from smscd.clock import Clock
from smscd.connectors.modem.dialogue import Restarted, Unsolicited
from smscd.connectors.modem.health import Health, look
from smscd.connectors.modem.inbox import Inbox
from smscd.connectors.modem.port import ModemGone, Port
from smscd.connectors.modem.setup import Facts, ModemFault, ModemParked, SetUp
from smscd.connectors.settings import ModemSettings
from smscd.counters import ConnectorCounters

log = structlog.get_logger("smscd.connectors")

LONGEST_PAUSE = 60.0
STEADY = 30.0
"""Seconds of work after which the pauses begin anew."""
RESET_AFTER = 2
"""Attempts in a row after which one that answers, but does not work, is told to restart."""
RESET = b"AT+CFUN=1,1\r"
RESET_PAUSE = 0.5
DESPERATE = 4
"""Attempts in a row that came to nothing, after which it is reset the hard way."""
RESET_TIMEOUT = 30.0
UNREGISTERED = 3.0
"""Seconds between two looks while there is no network."""
LAST_COMMITS = 1.0
"""Seconds at a stop for the commit of what was read last."""
UNANNOUNCED = 10.0
"""Seconds between two searches where the modem announces nothing."""
SETTLE = 5.0
"""Seconds after a set-up in which signs of a start are those of the one before it."""


class Notes:
    """What a modem has to remember over restarts; who has a store hands in better ones."""

    used = 0
    pin_refused = False

    def keep_used(self, state: int) -> None:
        """Remember the state of the daily quota."""
        self.used = state

    async def pin_tried(self, is_refused: bool) -> None:
        """Remember, before it is tried, that the configured PIN may be wrong; and afterwards that it was not."""
        self.pin_refused = is_refused


class Worker(Protocol):
    """Who sends: the connector."""

    @property
    def has_work(self) -> bool: ...

    async def work(self, port: Port) -> None: ...

    def give_back(self, why: str) -> None: ...

    def ready(self) -> None: ...


@dataclass(slots=True, eq=False)
class Errand:
    """Something an operator wants of the modem, between two messages."""

    run: Callable[[Port], Awaitable[Any]]
    done: asyncio.Future[Any]


class Keeper:
    """Its task, and what is known of the modem."""

    def __init__(
        self, settings: ModemSettings, clock: Clock, counters: ConnectorCounters, inbox: Inbox, worker: Worker,
        notes: Notes,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._clock = clock
        self._counters = counters
        self._inbox = inbox
        self._worker = worker
        self._notes = notes
        self._task: asyncio.Task[None] | None = None
        self._kicked = asyncio.Event()
        self._stopping = False
        self._port: Port | None = None
        self._errands: deque[Errand] = deque()
        self._listeners: list[Callable[[Unsolicited], None]] = []
        self._set_up_at: float | None = None
        self._again = self._drain = False
        self._look_at = self._drain_at = 0.0
        self._fruitless = 0
        self.facts = Facts()
        self.health = Health()
        self.state, self.trouble = "closed", ""

    # -- what others ask ---------------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        """Set up, and in touch with a network."""
        return self.state == "up"

    def status(self) -> dict[str, Any]:
        facts, health = self.facts, self.health
        shown: dict[str, Any] = {"state": self.state, "device": str(self._settings.device)}
        if self._port is not None and self._set_up_at is not None:
            shown |= {
                "modem": " ".join(word for word in (facts.manufacturer, facts.model) if word),
                "imei": facts.imei, "imsi": facts.imsi, "network": health.network, "registration": health.registration,
                "signal_dbm": health.signal, "stored": f"{health.used}/{health.capacity} {facts.storage}",
                "number": self._settings.number or facts.number or None,
            }  # fmt: skip
        return {**shown, **({"trouble": self.trouble} if self.trouble else {})}

    def kick(self) -> None:
        self._kicked.set()

    def set_up_again(self) -> None:
        """Tell the modem everything once more before anything else is said to it."""
        self._again = True
        self.kick()

    def drain_now(self) -> None:
        self._drain = True
        self.kick()

    async def errand(self, run: Callable[[Port], Awaitable[Any]]) -> Any:
        """Let `run` talk to the modem when it is its turn. Raises ModemGone if there is none."""
        if self._set_up_at is None:
            raise ModemGone(self.trouble or self.state)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._errands.append(Errand(run, done))
        self.kick()
        return await done

    def listen(self, heard: Callable[[Unsolicited], None]) -> Callable[[], None]:
        """Call `heard` with unsolicited lines, until what this returns is called."""
        self._listeners.append(heard)
        return lambda: self._listeners.remove(heard)

    # -- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._stopping = False
        self._task = asyncio.create_task(self._keep(), name=f"connector {self._settings.name}")

    async def stop(self, within: float) -> None:
        """End; what is being said to the modem may take `within` seconds more."""
        self._stopping = True
        self.kick()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=within)
        if self._port is not None:
            self._port.close()  # whatever is asked ends now, and is in doubt if it had left
            await asyncio.wait({self._task}, timeout=1.0)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        pause = self._settings.reconnect
        while not self._stopping:
            began = self._clock.monotonic()
            parked = await self._attempt()
            if self._stopping:
                break
            if self._clock.monotonic() - began >= STEADY:
                pause = self._settings.reconnect
            await self._rest(LONGEST_PAUSE * 60 if parked else pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(pause * 2, LONGEST_PAUSE)
            if self._fruitless >= DESPERATE:
                self._fruitless = 0
                await self._recover()

    async def _rest(self, seconds: float) -> None:
        """A pause that a stop ends."""
        until = self._clock.monotonic() + seconds
        while not self._stopping and (left := until - self._clock.monotonic()) > 0:
            await self._wait(left)

    async def _wait(self, seconds: float) -> None:
        self._kicked.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._kicked.wait()
        except TimeoutError:
            return

    async def _attempt(self) -> bool:
        """Open, set up, work, until that is over. Whether it must not be tried again soon."""
        settings = self._settings
        port = self._port = Port(self._clock, self._counters, self._heard, self.kick)
        self._be("opening")
        parked = False
        try:
            await port.open(settings.device, settings.baudrate, settings.rtscts)
            await self._prepare(port)
            await self._work(port)
        except ModemParked as fault:
            parked = True
            self._in_trouble("parked", str(fault))
        except (ModemFault, ModemGone) as fault:
            self._in_trouble("down", str(fault))
            if isinstance(fault, ModemFault) and fault.may_pass and self._fruitless + 1 == RESET_AFTER:
                log.warning("restarting the modem", connector=settings.name)
                port.shout(RESET)
                await asyncio.sleep(RESET_PAUSE)
        except OSError as fault:
            self._in_trouble("absent", fault.strerror or str(fault))
        except Exception as fault:
            log.error("the modem's task failed; it is opened again", connector=settings.name, exc_info=fault)
            self._in_trouble("down", "a fault inside smscd: the log says which")
        finally:
            self._over(port)
        return parked

    def _over(self, port: Port) -> None:
        if self.state in {"up", "opening", "no network", "setting up"}:
            self._be("closed")
        self._fruitless = 0 if self._set_up_at is not None else self._fruitless + 1
        self._set_up_at = None
        self._counters.sessions = 0
        if self._counters.modem:
            self._counters.modem["registered"] = 0  # whoever is warned by it need not know that there is no port
        port.close()
        self._port = None
        for errand in self._errands:
            if not errand.done.done():
                errand.done.set_exception(ModemGone(self.trouble or "the modem is away"))
        self._errands.clear()
        self._worker.give_back("the modem is away")

    def _in_trouble(self, state: str, why: str) -> None:
        if self._stopping:
            return
        if why != self.trouble or state != self.state:  # once, not at every attempt
            log.warning("modem is away", connector=self._settings.name, state=state, why=why)
        self._be(state, why)

    def _be(self, state: str, trouble: str | None = None) -> None:
        self.state = state
        if trouble is not None:
            self.trouble = trouble

    async def _recover(self) -> None:
        """It does not answer, however often it is opened: whoever can, may switch it off and on."""
        command: Sequence[str] = self._settings.recover_command
        if not command:
            return
        log.warning("resetting the modem", connector=self._settings.name, command=command[0])
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
            async with asyncio.timeout(RESET_TIMEOUT):
                await process.wait()
        except (OSError, TimeoutError) as fault:
            log.warning("the reset failed", connector=self._settings.name, why=str(fault) or "it took too long")

    # -- work --------------------------------------------------------------------------------------------------------

    async def _prepare(self, port: Port) -> None:
        """Tell it everything, and read what has come in meanwhile."""
        self._be("setting up")
        self._again = False
        facts = await SetUp(port, self._settings, self._notes.pin_refused, self._notes.pin_tried).run()
        self.facts = facts
        self._inbox.use(facts)
        self._set_up_at = self._clock.monotonic()
        log.info("modem ready", connector=self._settings.name, manufacturer=facts.manufacturer, model=facts.model,
                 imei=facts.imei, storage=facts.storage, routing=facts.routing)  # fmt: skip
        await self._look(port)
        await self._inbox.drain(port, everywhere=True)
        self._drain_at = self._clock.monotonic() + self._searching

    @property
    def _searching(self) -> float:
        return self._settings.drain if self.facts.routing else min(self._settings.drain, UNANNOUNCED)

    async def _work(self, port: Port) -> None:
        """Until the port is closed or a stop is asked for: the most urgent first."""
        while not self._stopping:
            if port.is_closed:
                raise ModemGone(port.why)
            now = self._clock.monotonic()
            if self._again:
                await self._prepare(port)
            elif self._inbox.has_work:
                await self._inbox.work(port)
                if self._worker.has_work:  # however much comes in, something goes out as well
                    await self._worker.work(port)
            elif self._errands:
                await self._run(port, self._errands.popleft())
            elif now >= self._look_at:
                await self._look(port)
            elif self._worker.has_work:
                await self._worker.work(port)
            elif self._drain or now >= self._drain_at:
                self._drain = False
                self._drain_at = now + self._searching
                await self._inbox.drain(port, everywhere=False)
            else:
                await self._wait(min(self._look_at, self._drain_at) - now)
        await self._finish(port)

    async def _finish(self, port: Port) -> None:
        """The last of what has come in."""
        patience = self._clock.monotonic() + LAST_COMMITS
        while self._inbox.has_work or (self._inbox.is_waiting and self._clock.monotonic() < patience):
            if self._inbox.has_work:  # what is committed is deleted now, or the next start would read it again
                await self._inbox.work(port)
            else:
                await self._wait(LAST_COMMITS)

    async def _run(self, port: Port, errand: Errand) -> None:
        try:
            result = await errand.run(port)
        except ModemGone as fault:
            if not errand.done.done():
                errand.done.set_exception(fault)
            raise
        except Exception as fault:  # noqa: BLE001 - whoever asked is told; the modem is none the worse
            if not errand.done.done():
                errand.done.set_exception(fault)
        else:
            if not errand.done.done():
                errand.done.set_result(result)

    async def _look(self, port: Port) -> None:
        health = self.health
        await look(port, health)
        registered = health.registered
        now = self._clock.monotonic()
        self._look_at = now + (self._settings.health if registered else min(UNREGISTERED, self._settings.health))
        self._counters.modem["registered"] = int(registered)
        self._counters.modem["stored"] = health.used
        self._counters.modem["capacity"] = health.capacity
        if health.signal is not None:
            self._counters.modem["signal_dbm"] = health.signal
        if health.is_full:
            log.warning("the modem's store is full", connector=self._settings.name, stored=health.used)
            self._drain = True
        was_up = self.is_up
        self._be("up" if registered else "no network", "" if registered else f"registration: {health.registration}")
        self._counters.sessions = int(registered)
        if registered and not was_up:
            log.info("modem up", connector=self._settings.name, network=health.network, signal_dbm=health.signal)
            self._worker.ready()
        elif was_up and not registered:
            log.warning("network lost", connector=self._settings.name, registration=health.registration)
            self._worker.give_back("the modem has lost its network")

    def _heard(self, said: Unsolicited | Restarted) -> None:
        if isinstance(said, Restarted):
            since = None if self._set_up_at is None else self._clock.monotonic() - self._set_up_at
            if since is not None and (not said.just_ready or since > SETTLE):
                log.warning("the modem has restarted", connector=self._settings.name, said=said.line)
                self.set_up_again()
            elif since is None and not said.just_ready:
                self._again = True
            return
        self._inbox.heard(said)
        for heard in list(self._listeners):
            heard(said)
