"""The plain receipt, many at once: what nearly every receipt is, taken together with all that one read brought.

The facts are those that `reports.Reports` finds for one receipt (a test compares the two). It is quick because nothing
has to be looked for: the id is, letter for letter, one that a part in memory was given, the number is its recipient's,
and the provider's receipts have always been so. Whatever is unusual is left to `reports.Reports`.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

from smscd import pdu
from smscd.connectors import Upstream
from smscd.connectors.smpp.correlation import Learned, Report, key_of, same_number
from smscd.journey import Journey
from smscd.message import CLOSED, LEASED, SENT, Message
from smscd.parking import Key

ENROUTE = int(pdu.MessageState.ENROUTE)


def settle_all(
    journey: Journey, lately: MutableMapping[Key, Message], learned: Learned, reports: Iterable[Report]
) -> tuple[list[Report], list[Report]]:
    """Close the messages that final receipts of one provider are about: those that were, and those that were not.

    `lately` is what was sent a short while ago, by the ids that it was given; what is settled leaves it.
    """
    settled: list[Report] = []
    rest: list[Report] = []
    later: set[str] = set()  # what these are about: further receipts about it must not overtake them
    ended: dict[tuple[int, int], list[Message]] = {}
    now, is_same = journey.clock.wall(), learned.rule == "same"
    own, forget = journey.scheduler.own, journey.scheduler.forget
    for report in reports:
        message = _message_of(journey, lately, report) if is_same else None
        if message is None or message.parts[0].upstream_key in later:
            rest.append(report)
            later.update(map(key_of, report.ids))
            continue
        part = message.parts[0]
        part.stage, part.changed_at = CLOSED, now  # its row is not written once more: its message is closed
        part.message_state, part.error_code = report.message_state, report.error_code
        if report.error_code:
            listen(journey, message, report.error_code)
        own(message)
        forget(message)
        lately.pop((part.provider, part.upstream_key), None)
        ended.setdefault((report.message_state, report.error_code), []).append(message)
        settled.append(report)
    if settled:
        learned.note("same")
        journey.counters.connector(settled[0].connector).receipts["final"] += len(settled)
    for (message_state, error_code), messages in ended.items():
        journey.close_all(messages, message_state, error_code)
    return settled, rest


def _message_of(journey: Journey, lately: MutableMapping[Key, Message], report: Report) -> Message | None:
    """The message of one part that `report` is about, if no other could be meant and this very object is the truth."""
    if report.intermediate or report.sent_by or len(report.ids) != 1 or report.base not in {"auto", "same"}:
        return None
    (upstream_message_id,) = report.ids
    message = lately.get((report.provider, key_of(upstream_message_id)))
    if message is None or message.stage != LEASED or len(message.parts) != 1:
        return None
    part = message.parts[0]
    scheduler = journey.scheduler
    is_plain = (
        part.upstream_message_id == upstream_message_id
        and part.stage == SENT
        and part.message_state == ENROUTE
        and scheduler.remembered.get(message.id) is message
        and scheduler.owned.get(message.id, message) is message
        and same_number(report.source_addr, message.content.destination_addr)
    )
    return message if is_plain else None


def listen(journey: Journey, message: Message, error_code: int) -> None:
    """An error code by which some providers say that the recipient has opted out there."""
    way = journey.connectors.get(message.connector)
    if isinstance(way, Upstream) and error_code in way.settings.opted_out_errors:
        way.on_opted_out(message, f"err:{error_code}")
