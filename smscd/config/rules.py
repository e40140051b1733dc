"""Rules that name what is not there, or that an earlier rule leaves nothing to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from smscd.config.fault import Fault, Path, nearest, value_text
from smscd.config.overlap import first_cover
from smscd.config.schema import Parsed, names_written
from smscd.connectors.settings import Behaviour, EmulatorSettings
from smscd.routing.settings import RouteSettings

TO_ESME = "esme:"
"""What a route puts before the system_id of an ESME that is to get the message as MO."""


def check_rules(parsed: Parsed, document: dict[str, Any]) -> Iterator[Fault]:
    """Every fault of the routes and of the emulators' behaviours."""
    connectors = [name for _, name in names_written(document, "connector", "name")]
    accounts = [name for _, name in names_written(document, "esme", "system_id")]
    for route in parsed.config.routes:
        path = parsed.path_of(route)
        yield from _names(route.esme, (*path, "esme"), accounts, "is no [[esme]] of this file")
        yield from _ways_out(route, path, connectors, accounts)
    yield from _unreachable_routes(parsed)
    for connector in parsed.config.connectors:
        if isinstance(connector, EmulatorSettings):
            yield from _behaviours(connector, parsed.path_of(connector), accounts)


def _names(used: Sequence[str], path: Path, known: list[str], what: str) -> Iterator[Fault]:
    for at, name in enumerate(used):
        if name not in known:
            close = nearest(name, known)
            allowed = "" if close else ", ".join(known) or "nothing: there is none"
            yield Fault(what, (*path, at), value=value_text(name), allowed=allowed, nearest=close)


def _ways_out(route: RouteSettings, path: Path, connectors: list[str], accounts: list[str]) -> Iterator[Fault]:
    path = (*path, "connectors")
    if not route.connectors:
        yield Fault("leads nowhere", path, value="[]", allowed="one or more names of connectors")
    if route.weights and (len(route.weights) != len(route.connectors) or not any(route.weights)):
        yield Fault("does not fit the connectors", (*path[:-1], "weights"), value=str(route.weights),
                    allowed="as many numbers as there are connectors, not all of them 0")  # fmt: skip
    known = connectors + [f"{TO_ESME}{system_id}" for system_id in accounts]
    yield from _names(route.connectors, path, known, "is no [[connector]] of this file")


def _unreachable_routes(parsed: Parsed) -> Iterator[Fault]:
    routes = parsed.config.routes
    for at, route in enumerate(routes):
        first = first_cover(routes[:at], route)
        if first is not None:
            what = f"is never reached: route number {first + 1} of the file takes everything it could meet"
            yield Fault(what, parsed.path_of(route), severity="warning")


def _behaviours(connector: EmulatorSettings, path: Path, accounts: list[str]) -> Iterator[Fault]:
    certain: list[Behaviour] = []
    for at, behaviour in enumerate(connector.behaviour):
        where = (*path, "behaviour", at)
        yield from _names(behaviour.esme, (*where, "esme"), accounts, "is no [[esme]] of this file")
        first = first_cover(certain, behaviour)
        if first is not None:
            yield Fault(
                "is never reached: an earlier behaviour takes everything it could meet", where, severity="warning"
            )
        if behaviour.probability == 1:
            certain.append(behaviour)
