"""Which way a message would take: the rules asked as the journey asks them, and what they say for themselves."""

from __future__ import annotations

from typing import Any

from smscd import pdu, text
from smscd.journey import Journey
from smscd.message import Content


def asked(sender: str, to: str, characters: str) -> pdu.SubmitSm:
    """The submit_sm that an ESME might send. Raises TextError for what no alphabet holds."""
    alphabet, data_coding = text.choose(characters)
    payload = (int(pdu.Tag.message_payload), text.encode(characters, alphabet))
    return pdu.SubmitSm(
        source_addr=sender.encode(), destination_addr=to.encode(), data_coding=data_coding, tlvs=[payload]
    )


def explained(journey: Journey, system_id: str, content: Content, at: int | None) -> dict[str, Any]:
    """What `journey` would do with `content` of that ESME at `at`, microseconds UTC (now if None), and why."""
    routes, now = journey.routes, journey.clock.wall() if at is None else at
    story = routes.explain(system_id, content, "gsm7", now)
    taken = routes.rules[story[-1].number - 1] if story and story[-1].taken else None
    refused = taken is None or taken.refuses(content)
    return {
        "route": taken.number if taken else None,
        "place": taken.place if taken else None,
        "answer": "ESME_RINVDSTADR" if refused else None,
        "connectors": list(taken.connectors) if taken and not refused else [],
        "leaves_to": taken.recipient(content).decode() or None if taken else None,
        "ways": [
            {"connector": name, "takes_messages": journey.is_alive(name)}
            for name in (taken.connectors if taken and not refused else ())
        ],
        "rules": [{"number": one.number, "place": one.place, "taken": one.taken, "why": one.why} for one in story],
    }
