"""Facts gathered for one transaction, and who is told when it is on stable storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from smscd.message import Message, Part
from smscd.optout import Event
from smscd.pdu import ESME_RMSGQFUL, ESME_ROK

Answer = Callable[[Message, int], None]
"""Called with the message and its command_status: ESME_ROK after the commit, ESME_RMSGQFUL when there was no room."""

AnswerAll = Callable[[list[Message], int], None]
"""The same for messages that came in together."""

Then = Callable[[Message], None]
"""Called with the message once the commit is on stable storage."""

ThenAll = Callable[[list[Message]], None]
"""Called with all the messages of one commit that it was named for."""


class Batch:
    """One transaction in the making. The rows are read off the objects when it is taken to be written."""

    __slots__ = (
        "_answers", "_answers_all", "_then", "_then_all", "at_leisure", "attempted", "changed", "closing", "new",
        "once", "opt_outs", "parts", "rewritten", "together",
    )  # fmt: skip

    def __init__(self) -> None:
        self.at_leisure = False
        """Nobody waits for it: it need not be synced as soon as it is written."""
        self.new: dict[int, Message] = {}
        self.together: list[list[Message]] = []
        """Those of `new` that came in as one: what the store has to know of them is likely to be the same."""
        self.attempted: dict[int, Message] = {}
        self.changed: dict[int, Message] = {}
        self.rewritten: dict[int, Message] = {}
        self.parts: dict[tuple[int, int], Part] = {}
        self._answers: list[tuple[Message, Answer]] = []
        self._answers_all: list[tuple[list[Message], AnswerAll]] = []
        self._then: list[tuple[Message, Then]] = []
        self._then_all: dict[ThenAll, list[Message]] = {}
        self.closing: dict[int, Message] = {}
        self.opt_outs: list[Event] = []
        self.once: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return bool(
            self.new or self.closing or self.changed or self.attempted or self.rewritten or self.parts or self._answers
            or self._answers_all or self._then or self._then_all or self.opt_outs or self.once
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.new) + len(self.closing) + len(self.changed) + len(self.attempted) + len(self.rewritten)

    def add(self, message: Message) -> None:
        """A message to be stored for the first time."""
        self.new[message.id] = message

    def add_all(self, messages: dict[int, Message]) -> None:
        """Messages by their ids that came in together, to be stored for the first time."""
        if messages:
            self.new.update(messages)
            self.together.append(list(messages.values()))

    def change(self, message: Message) -> None:
        """Stage, state, times or connector of a stored message changed."""
        if message.id not in self.new:
            self.changed[message.id] = message

    def change_all(self, messages: list[Message]) -> None:
        """`change` for many."""
        self.changed.update({message.id: message for message in messages if message.id not in self.new})

    def attempt_all(self, messages: list[Message]) -> None:
        """Of stored messages nothing changed but how often they were handed over."""
        self.attempted.update({message.id: message for message in messages if message.id not in self.new})

    def rewrite(self, message: Message) -> None:
        """The content of a stored message was replaced, or it may have been forgotten since it was read."""
        if message.id not in self.new:
            self.rewritten[message.id] = message

    def part(self, part: Part) -> None:
        """A part came into being or moved on."""
        self.parts[part.message, part.number] = part

    def all_parts(self, message: Message) -> None:
        """Every part of a message moved on."""
        for part in message.parts:
            self.part(part)

    def close(self, message: Message) -> None:
        """A message has become final: it is recorded once this is committed. Its parts are final with it."""
        self.closing[message.id] = message

    def close_all(self, messages: list[Message]) -> None:
        """`close` for many."""
        closing = self.closing
        for message in messages:
            closing[message.id] = message

    def opt_out(self, events: Iterable[Event]) -> None:
        """Lines for the opt-out journal, and what they say about the rows of the list. They survive a full disk."""
        self.opt_outs += events

    def answer(self, message: Message, answer: Answer) -> None:
        """Somebody waits to hear that `message` is on disk; where there is no room it is dropped and they are told."""
        self._answers.append((message, answer))

    def answer_all(self, messages: list[Message], answer: AnswerAll) -> None:
        """`answer` for messages that came in together and wait for the same one."""
        self._answers_all.append((messages, answer))

    def then(self, message: Message, then: Then) -> None:
        """What to do with `message` after the commit, and after every answer of this batch was given."""
        self._then.append((message, then))

    def then_all(self, message: Message, then: ThenAll) -> None:
        """As `then`, for what is done to many: called once a commit, with all the messages it was named for."""
        named = self._then_all.get(then)
        if named is None:
            self._then_all[then] = [message]
        else:
            named.append(message)

    def then_all_of(self, messages: list[Message], then: ThenAll) -> None:
        """`then_all` for many."""
        if messages:
            self._then_all.setdefault(then, []).extend(messages)

    def once_written(self, act: Callable[[], None]) -> None:
        """What to do when this batch is on stable storage, whatever became of the messages in it."""
        self.once.append(act)

    # -- the end of a batch, called by `commit.GroupCommit` ------------------------------------------------------------

    @property
    def oldest(self) -> int:
        """When the first message that waits for an answer was accepted: microseconds UTC, 0 if none waits."""
        waiting = [self._answers[0][0]] if self._answers else []
        if self._answers_all:
            waiting.append(self._answers_all[0][0][0])
        return min([message.accepted_at for message in waiting], default=0)

    @property
    def waiting(self) -> int:
        """How many messages wait for an answer."""
        return len(self._answers) + sum(len(messages) for messages, _ in self._answers_all)

    def answered(self) -> None:
        """Give every answer."""
        for act in self.once:
            act()
        for message, answer in self._answers:
            answer(message, ESME_ROK)
        for messages, answer_all in self._answers_all:
            answer_all(messages, ESME_ROK)

    def committed(self) -> list[Message]:
        """Hand every message on; return what became final."""
        for message, then in self._then:
            then(message)
        for then_all, messages in self._then_all.items():
            then_all(messages)
        return list(self.closing.values())

    def refused(self) -> tuple[Batch, list[Message]]:
        """No room: tell those who wait. Return what must be written all the same once there is room, and what not."""
        unanswered = [message for message, _ in self._answers]
        for messages, _ in self._answers_all:
            unanswered += messages
        dropped = {message.id for message in unanswered}
        reports = [message for message in self.new.values() if message.original in dropped]  # on what was not accepted
        dropped |= {report.id for report in reports}
        dropped |= {
            message.id for message in self.changed.values() if message.receipt in dropped
        }  # joined in such a one
        for message, answer in self._answers:
            answer(message, ESME_RMSGQFUL)
        for messages, answer_all in self._answers_all:
            answer_all(messages, ESME_RMSGQFUL)
        rest = Batch()
        rest.new = {number: message for number, message in self.new.items() if number not in dropped}
        rest.changed = {number: message for number, message in self.changed.items() if number not in dropped}
        rest.attempted = {number: message for number, message in self.attempted.items() if number not in dropped}
        rest.rewritten = {number: message for number, message in self.rewritten.items() if number not in dropped}
        rest.parts = {key: part for key, part in self.parts.items() if key[0] not in dropped}
        rest._then = [(message, then) for message, then in self._then if message.id not in dropped]
        for then_all, messages in self._then_all.items():
            if kept := [message for message in messages if message.id not in dropped]:
                rest._then_all[then_all] = kept
        rest.closing = {number: message for number, message in self.closing.items() if number not in dropped}
        rest.opt_outs, rest.once = self.opt_outs, self.once
        return rest, [*unanswered, *reports]

    def absorb(self, later: Batch) -> None:
        """Append what was gathered meanwhile; the later fact about a row wins."""
        self.new |= later.new
        self.together += later.together
        self.changed |= {number: message for number, message in later.changed.items() if number not in self.new}
        self.attempted |= {number: message for number, message in later.attempted.items() if number not in self.new}
        self.rewritten |= {number: message for number, message in later.rewritten.items() if number not in self.new}
        self.parts |= later.parts
        self._answers += later._answers
        self._answers_all += later._answers_all
        self._then += later._then
        for then_all, messages in later._then_all.items():
            self._then_all.setdefault(then_all, []).extend(messages)
        self.closing |= later.closing
        self.opt_outs += later.opt_outs
        self.once += later.once
