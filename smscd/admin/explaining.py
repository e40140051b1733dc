"""Which way a message would take: the rules asked as the journey asks them, and what they say for themselves."""

from __future__ import annotations

from typing import Any

from smscd import pdu, text
from smscd.connectors import Upstream
from smscd.connectors.smpp.content import Composer
from smscd.journey import Journey
from smscd.message import MT, Content, Message
from smscd.routing import Rule


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
        "ways": [_way(journey, taken, name, system_id, content) for name in taken.connectors]
        if taken and not refused else [],
        "rules": [{"number": one.number, "place": one.place, "taken": one.taken, "why": one.why} for one in story],
    }  # fmt: skip


def _way(journey: Journey, rule: Rule, name: str, system_id: str, content: Content) -> dict[str, Any]:
    """One of the connectors, and how the message would look on it: what `rule` and connector put on it included."""
    way = journey.connectors.get(name)
    story: dict[str, Any] = {"connector": name, "takes_messages": journey.is_alive(name)}
    if not isinstance(way, Upstream):
        shown = way.shows if way is not None else b""
        return {**story, "sender": (shown or content.source_addr).decode("latin-1"), "ton_npi": None, "adds_tlvs": {}}
    composer = Composer(way.settings, lambda _system_id: "gsm7", lambda _message: rule.dress)
    message = Message(0, "", MT, system_id, name, content, 0, 0, 0, recipient=rule.recipient(content))
    first = composer.compose(message)[0]
    given = {*(rule.dress.tlvs if rule.dress is not None else ()), *pdu.tlv.from_notation(way.settings.tlvs)}
    return {
        **story,
        "sender": first.source_addr.decode("latin-1"),
        "ton_npi": f"{first.source_addr_ton}/{first.source_addr_npi}",
        "adds_tlvs": {pdu.tlv.tlv_name(tag): _written(octets) for tag, octets in first.tlvs if (tag, octets) in given},
    }


def _written(octets: bytes) -> str:
    characters = octets.removesuffix(b"\0").decode("latin-1")
    return characters if characters and characters.isascii() and characters.isprintable() else f"0x{octets.hex()}"
