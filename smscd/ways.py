"""Which connector next? The rules asked again, for a message that could not leave by the one it waits for."""

from __future__ import annotations

from collections.abc import Mapping

from smscd.connectors import Connector
from smscd.message import Message, text_of
from smscd.routing import Ruleset
from smscd.text import Alphabet


def is_alive(connectors: Mapping[str, Connector], name: str) -> bool:
    """Whether the connector `name` could take something now, or soon."""
    found = connectors.get(name)
    return found is not None and found.alive


def another(
    message: Message, routes: Ruleset, connectors: Mapping[str, Connector], alphabet: Alphabet, avoid: str
) -> Connector | None:
    """Another connector for `message`, or None where it may as well stay.

    What a provider has a part of stays with it: the parts of a message belong on one link. `avoid` is the one that has
    just failed; it is taken only if there is no other, and avoided only so often as there are others.
    """
    if any(part.is_with_provider for part in message.parts):
        return None
    content = message.content
    rule = routes.resolve(
        message.system_id, content.source_addr, content.destination_addr, lambda: text_of(content, alphabet)
    )
    if rule is None:
        return None
    if message.attempts >= len(rule.connectors):
        avoid = ""
    name = rule.keep_or_choose(message.connector, lambda one: one != avoid and is_alive(connectors, one))
    return connectors.get(name) if name != message.connector else None
