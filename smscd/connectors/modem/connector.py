"""A GSM modem as a connector: one task talks to it, and everything that is to be said waits for that task."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from smscd import message as messages
from smscd import pdu
from smscd.clock import Clock
from smscd.connectors.interface import News, Returns
from smscd.connectors.modem.dialogue import Command, Reply, Unsolicited
from smscd.connectors.modem.faults import Asks
from smscd.connectors.modem.inbox import Inbox
from smscd.connectors.modem.incoming import UNCONFIRMED, kept_report
from smscd.connectors.modem.keeper import Keeper, Notes
from smscd.connectors.modem.outgoing import Composer
from smscd.connectors.modem.port import ModemGone, Port
from smscd.connectors.modem.quota import DailyQuota, Quarantine
from smscd.connectors.modem.sending import Sending, accepted, outcome_of, send, trouble_of
from smscd.connectors.modem.tpdu import TpduError
from smscd.connectors.settings import ModemSettings
from smscd.connectors.smpp.correlation import Report
from smscd.connectors.smpp.pace import Pace
from smscd.counters import ConnectorCounters
from smscd.message import Accepted, Content, Deferred, Message, Outcome, Rejected, Unanswered
from smscd.text import Alphabet

log = structlog.get_logger("smscd.connectors")

DRAIN = 5.0
"""Seconds that the modem gets to answer for what is in flight at a stop (CONTRACT, "Stop")."""
LATE_GRACE = 120.0
"""Seconds for which an answer that comes late is still recognised."""
BUSY_PAUSE = 1.0
BUSY_ATTEMPTS = 20


class Modem:
    """See `connectors.interface.Connector`."""

    kind = "modem"
    stores_lease = True
    screens = divides = True
    parts_within = 0.0

    def __init__(
        self, settings: ModemSettings, news: News, returns: Returns, clock: Clock, counters: ConnectorCounters,
        alphabet_of: Callable[[str], Alphabet], notes: Notes,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.name = self.provider = settings.name
        self.in_doubt = int(messages.InDoubt[settings.in_doubt.upper()])
        self.shows = _digits(settings.number or "")  # no handset ever sees another sender
        self.joins = settings.long_mo == "whole"
        self.window = 1
        self._news = news
        self._returns = returns
        self._clock = clock
        self._counters = counters
        self._notes = notes
        self._composer = Composer(alphabet_of)
        self._inbox = Inbox(settings, returns, counters, self.kick)
        self._pace = Pace(settings.rate, clock.monotonic())
        self._quota = DailyQuota(settings.daily_quota, notes.used)
        self._quarantine = Quarantine(settings.failures, settings.quarantine)
        self._waiting: deque[Sending] = deque()
        self._in_hand: dict[int, int] = {}  # message → parts that have no outcome yet
        self._concatenates = True  # it knows AT+CMMS
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self.keeper = Keeper(settings, clock, counters, self._inbox, self, notes)
        self.keeper.listen(self._heard)
        self._unanswered: tuple[Sending, float] | None = None  # the last part in doubt, and since when
        self.is_stopped: Callable[[Message], bool] = lambda _message: False

    # -- what the journey asks ---------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return self._may_send() and self._quota.left(self._clock.wall()) != 0

    def credit(self) -> int:
        if not self.alive:
            return 0
        room = self._pace.room(self._clock.monotonic())
        if room == 0:
            self._wake_later(self._pace.wait(self._clock.monotonic()))
            return 0
        return max(0, self.window - len(self._in_hand))

    def divide(self, message: Message) -> int:
        return self._composer.count(message)

    def screen(self, message: Message) -> int:
        return self._composer.screen(message)

    def submit(self, messages: list[Message]) -> None:
        for message in messages:
            due = [part.number for part in message.parts if part.stage == _LEASED]
            self._in_hand[message.id] = len(due)
            self._pace.take(len(due))
            self._waiting += [Sending(message, number, len(message.parts)) for number in due]
        if not self._may_send():
            self.give_back("the modem is away")
        self.kick()

    def resume(self, message: Message) -> None:
        raise AssertionError(f"{message.message_id}: what a modem has sent waits in the store for its report")

    def recall(self, message: Message) -> bool:  # noqa: ARG002 - what was handed to the network cannot be taken back
        return False

    def read_report(self, request: Content) -> Report | None:
        """A status report that waits in the store for the part it reports on."""
        return kept_report(request, self.name, UNCONFIRMED[self.settings.unconfirmed])

    def status(self) -> dict[str, Any]:
        now = self._clock.monotonic()
        quarantined = {"trouble": self._quarantine.why} if self._quarantine.holds(now) else {}
        state = "stopped" if self._stopped else "quarantined" if quarantined else self.keeper.state
        quota = {"sent_today": self._quota.used} if self.settings.daily_quota else {}
        return {
            "in_flight": len(self._in_hand), "credit": self.credit(), **self.keeper.status(), "state": state,
            **quarantined, **quota,
        }  # fmt: skip

    # -- its life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._stopped = False
        self.keeper.start()

    async def stop(self) -> None:
        """Send no more, wait for the answer to what was sent, close the port."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self.give_back("smscd is stopping")
        await self.keeper.stop(DRAIN)
        self.give_back("smscd is stopping")

    def kick(self) -> None:
        """There is something to do for the task that talks to the modem."""
        self.keeper.kick()

    # -- what the keeper asks ----------------------------------------------------------------------------------------

    @property
    def has_work(self) -> bool:
        return bool(self._waiting)

    def ready(self) -> None:
        """It was set up, or registered again, or has served its quarantine."""
        self.shows = _digits(self.settings.number or self.keeper.facts.number)
        self._news.has_credit(self.name)
        left = self._quarantine.until - self._clock.monotonic()
        if left > 0:
            self._wake_later(left)

    def give_back(self, why: str) -> None:
        """Parts that have not left wait elsewhere."""
        while self._waiting:
            self._ended(self._waiting.popleft(), Deferred(why, retry_after=0.0, counts=False))

    async def work(self, port: Port) -> None:
        """Send the next part. Raises ModemGone where there is nobody to give it to; it is then given back."""
        sending = self._waiting.popleft()
        try:
            outcome = await self._sent(port, sending)
        except ModemGone:
            self._ended(sending, Deferred("the modem is away", retry_after=0.0, counts=False))
            raise
        except BaseException:  # a fault of ours, or the end: how far it had come nobody knows
            self._ended(sending, Unanswered())
            raise
        if not isinstance(outcome, Accepted):
            self._give_back_rest(sending.message)
        self._ended(sending, outcome)
        self._news.has_credit(self.name)

    # -- how it is done ----------------------------------------------------------------------------------------------

    def _may_send(self) -> bool:
        return not self._stopped and self.keeper.is_up and not self._quarantine.holds(self._clock.monotonic())

    async def _sent(self, port: Port, sending: Sending) -> Outcome:
        message = sending.message
        if message.expires <= self._clock.wall():
            return Deferred("it expired", retry_after=0.0, counts=False)
        if self.is_stopped(message):  # it waited here while its recipient wrote STOP
            return Rejected(pdu.ESME_RSYSERR, "the recipient has opted out")
        more = sending.total - sending.number
        await self._concatenate(port, sending)
        for _ in range(BUSY_ATTEMPTS):
            self._unanswered = None  # the next +CMGS is for this one
            try:
                submit = self._composer.compose(message, self._clock.wall())[sending.number - 1]
                reply = await send(port, submit, self.settings, self.keeper.facts.profile)
            except TpduError as fault:
                return Rejected(pdu.ESME_RSYSERR, str(fault))
            if reply.ok and reply.left:
                await self._went_well(port, more)
                return accepted(message, reply)
            trouble = trouble_of(reply, self.keeper.facts.profile)
            if trouble.asks is not Asks.WAIT or self._stopped:
                break
            await asyncio.sleep(BUSY_PAUSE)
        outcome = outcome_of(sending, reply, trouble)
        if isinstance(outcome, Unanswered):
            self._unanswered = (sending, self._clock.monotonic())
        self._went_wrong(outcome, trouble.asks, trouble.line)
        return outcome

    def _heard(self, said: Unsolicited) -> None:
        """An answer that comes after all, though nobody waits for it any more."""
        if said.line.startswith("+CMGS:") and self._unanswered is not None:
            (sending, since), self._unanswered = self._unanswered, None
            if self._clock.monotonic() - since < LATE_GRACE:
                outcome = accepted(sending.message, Reply(Command(""), lines=[said.line]))
                self._returns.late(self.provider, sending.message, sending.number, outcome)

    async def _concatenate(self, port: Port, sending: Sending) -> None:
        """Keep the radio link open between the parts of one message (27.005 §3.5.6)."""
        if sending.total > 1 and self._concatenates and (sending.number == 1 or not self._held_open):
            self._concatenates = self._held_open = (await port.ask("AT+CMMS=2")).ok

    _held_open = False

    async def _went_well(self, port: Port, more: int) -> None:
        now = self._clock.wall()
        self._quarantine.worked()
        if self.settings.daily_quota:
            self._quota.take(now)
            self._notes.keep_used(self._quota.state)
        if not more and self._held_open:
            self._held_open = False
            with suppress(ModemGone):  # the part has left, whatever happens to the port now
                await port.ask("AT+CMMS=0")

    def _went_wrong(self, outcome: Outcome, asks: Asks, why: str) -> None:
        """A failure that may be the modem's own: enough of them, and it is left alone."""
        log.info("not sent", connector=self.name, why=why, outcome=type(outcome).__name__)
        if isinstance(outcome, Rejected | Accepted) and asks is Asks.NEVER:
            return
        now = self._clock.monotonic()
        if self._quarantine.failed(why, now, surely=asks is Asks.MODEM):
            log.warning("modem in quarantine", connector=self.name, why=why,
                        seconds=round(self._quarantine.until - now, 1))  # fmt: skip
            self.keeper.set_up_again()
            self.give_back("the modem is in quarantine")
            self._wake_later(self._quarantine.until - now)
        if asks is Asks.STORAGE:
            self.keeper.drain_now()

    def _give_back_rest(self, message: Message) -> None:
        """The other parts wait: sent again it goes on with the part that failed."""
        rest = [one for one in self._waiting if one.message is message]
        self._waiting = deque(one for one in self._waiting if one.message is not message)
        for one in rest:
            self._ended(one, Deferred("an earlier part did not leave", retry_after=0.0, counts=False))

    def _ended(self, sending: Sending, outcome: Outcome) -> None:
        message = sending.message
        self._in_hand[message.id] -= 1
        if not self._in_hand[message.id]:
            del self._in_hand[message.id]
        self._news.outcome(message, sending.number, outcome)

    def _wake_later(self, seconds: float) -> None:
        if self._timer is None and not self._stopped:
            self._timer = asyncio.get_running_loop().call_later(max(0.01, seconds), self._rested)

    def _rested(self) -> None:
        self._timer = None
        self._news.has_credit(self.name)
        left = self._quarantine.until - self._clock.monotonic()
        if left > 0:
            self._wake_later(left)


_LEASED = messages.LEASED


def _digits(number: str) -> bytes:
    return number.lstrip("+").encode("latin-1", "replace")
