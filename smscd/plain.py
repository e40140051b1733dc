"""The plain case, many at once: what nearly every submit is, put together for all that one read brought.

The facts are those that `Journey.accept` finds for one message (a test compares the two); it is quick because what is
the same for all of them is asked once. Whatever is unusual is left to `Journey.accept`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from smscd import pdu
from smscd.admission import Esme
from smscd.connectors import Connector
from smscd.interception import Interception
from smscd.message import MT, Message
from smscd.queueing import Queueing
from smscd.routing import Rule
from smscd.store import AnswerAll

Enter = Callable[[str, list[Message], int], None]
"""Puts new messages for one connector, by its name, into the batch; the time in microseconds."""


def accept_all(
    queueing: Queueing, interception: Interception, enter: Enter, submissions: list[pdu.SubmitSm], esme: Esme,
    version: int, answer: AnswerAll,
) -> list[pdu.SubmitSm]:  # fmt: skip
    """Accept `submissions` of `esme`, all of them plain (see `admission.is_plain`), in their order.

    Those that are left have to be asked for one by one, and nothing has happened to them: whom an opt-out forbids, or
    all of them. `version` is the interface_version of the bind; `answer` is called once, with all that were accepted.
    """
    store = queueing.store
    if store.full or not esme.is_open or version < pdu.INTERFACE_VERSION_3_4:
        return submissions
    if 0 < queueing.queue_limit < queueing.queued + len(submissions):
        return submissions
    rules = _rules(queueing, submissions, esme)
    if rules is None:
        return submissions
    suspects = interception.perhaps(submissions) if interception.optout else ()
    if suspects:
        forbidden = _forbidden(interception, suspects, queueing.connectors, submissions, rules, esme)
        if forbidden:
            others = [one for at, one in enumerate(submissions) if at not in forbidden]
            left = accept_all(queueing, interception, enter, others, esme, version, answer) if others else []
            return [*left, *(submissions[at] for at in sorted(forbidden))]
    now = queueing.clock.wall()
    messages = _messages(queueing, submissions, rules, esme, now, interception.standing)
    for at in suspects:
        messages[at].free_at = None
    for name, some in _by_connector(messages, rules).items():
        enter(name, some, now)
    store.batch.answer_all(messages, answer)
    store.wake()
    return []


def _rules(queueing: Queueing, submissions: list[pdu.SubmitSm], esme: Esme) -> list[Rule] | None:
    """The rule that takes each, where every rule leaves no choice and its connector looks at nothing."""
    alphabet = esme.settings.default_alphabet
    rules = queueing.routes.resolve_all(esme.system_id, submissions, alphabet, queueing.clock.wall())
    if rules is None:
        return None
    for rule in set(rules):
        if not rule.only or rule.numbers is not None or queueing.connectors[rule.only].screens:
            return None
        if queueing.connectors[rule.only].parts_within and any(one.esm_class & pdu.ESM_UDHI for one in submissions):
            return None  # some may have to wait for each other
    return rules


def _forbidden(
    interception: Interception, suspects: Sequence[int], connectors: Mapping[str, Connector],
    submissions: list[pdu.SubmitSm], rules: list[Rule], esme: Esme,
) -> set[int]:  # fmt: skip
    return {
        at
        for at in suspects
        if interception.blocking(submissions[at], esme.system_id, esme, (connectors[rules[at].only],), rules[at].shows)
    }


def _messages(
    queueing: Queueing, submissions: list[pdu.SubmitSm], rules: list[Rule], esme: Esme, now: int, free_at: object
) -> list[Message]:
    """As `message.submitted` and `Journey.accept` make them."""
    numbers = queueing.ids.next_all(now, len(submissions))
    names = queueing.ids.issue_all(numbers)
    system_id, expires = esme.system_id, now + esme.validity
    connectors = queueing.connectors
    messages = []
    for number, name, content, rule in zip(numbers, names, submissions, rules, strict=True):
        message = Message(number, name, MT, system_id, rule.only, content, now, now, expires)
        message.in_doubt = connectors[rule.only].in_doubt
        message.frame = content.frame
        message.free_at = free_at
        messages.append(message)
    return messages


def _by_connector(messages: list[Message], rules: list[Rule]) -> dict[str, list[Message]]:
    if len(set(rules)) == 1:
        return {rules[0].only: messages}
    sorted_out: dict[str, list[Message]] = {}
    for message in messages:
        sorted_out.setdefault(message.connector, []).append(message)
    return sorted_out
