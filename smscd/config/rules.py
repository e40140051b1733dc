"""Rules that name what is not there, or that an earlier rule leaves nothing to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from smscd.config.fault import Fault, Path, nearest, value_text
from smscd.config.overlap import first_cover, first_covers
from smscd.config.schema import Parsed, names_written
from smscd.connectors.settings import Behaviour, EmulatorSettings
from smscd.queueing import JOINED, NOBODY
from smscd.routing import MOST_NESTED, circle, nested
from smscd.routing.settings import GroupSettings, RouteSettings

TO_ESME = "esme:"
"""What a route puts before the system_id of an ESME that is to get the message as MO."""

_TAKEN = frozenset({NOBODY, JOINED})
"""Connectors of rows that no connector may have."""


def check_rules(parsed: Parsed, document: dict[str, Any]) -> Iterator[Fault]:
    """Every fault of the routes and of the emulators' behaviours."""
    connectors = [name for _, name in names_written(document, "connector", "name")]
    groups = [name for _, name in names_written(document, "group", "name")]
    accounts = [name for _, name in names_written(document, "esme", "system_id")]
    known = [*connectors, *groups, *(f"{TO_ESME}{system_id}" for system_id in accounts)]
    yield from _taken(document)
    yield from _groups(parsed, connectors, known)
    for route in parsed.config.routes:
        path = parsed.path_of(route)
        yield from _names(route.esme, (*path, "esme"), accounts, "is no [[esme]] of this file")
        yield from _ways_out(route, path, known)
        yield from _numbers(route, path)
    yield from _unreachable_routes(parsed)
    for connector in parsed.config.connectors:
        if isinstance(connector, EmulatorSettings):
            yield from _behaviours(connector, parsed.path_of(connector), accounts)


def _taken(document: dict[str, Any]) -> Iterator[Fault]:
    """A connector under one of these names would be given what smscd keeps, or what an ESME waits for."""
    for at, name in names_written(document, "connector", "name"):
        if name in _TAKEN or name.startswith(TO_ESME):
            yield Fault("is a name that smscd uses itself", ("connector", at, "name"), value=value_text(name))


def _names(used: Sequence[str], path: Path, known: list[str], what: str) -> Iterator[Fault]:
    for at, name in enumerate(used):
        if name not in known:
            close = nearest(name, known)
            allowed = "" if close else ", ".join(known) or "nothing: there is none"
            yield Fault(what, (*path, at), value=value_text(name), allowed=allowed, nearest=close)


def _groups(parsed: Parsed, connectors: list[str], known: list[str]) -> Iterator[Fault]:
    groups = parsed.config.groups
    for group in groups:
        path = parsed.path_of(group)
        if group.name in connectors or group.name.startswith(TO_ESME):
            yield Fault("is the name of a connector already", (*path, "name"), value=value_text(group.name))
        yield from _ways_out(group, path, known)
    circles = list(circle(groups))
    for at, name in circles:
        path = (*parsed.path_of(groups[at]), "connectors", groups[at].connectors.index(name))
        yield Fault("leads back to this group", path, value=value_text(name))
    for at in () if circles else nested(groups):
        what = f"leads through more than {MOST_NESTED} groups, one in the other"
        yield Fault(what, (*parsed.path_of(groups[at]), "name"), value=value_text(groups[at].name))


def _ways_out(way: RouteSettings | GroupSettings, path: Path, known: list[str]) -> Iterator[Fault]:
    count = len(way.connectors)
    if not count:
        yield Fault("leads nowhere", (*path, "connectors"), value="[]", allowed="one or more names of connectors")
    if len(set(way.connectors)) < count:
        yield Fault("names one of them twice", (*path, "connectors"), value=value_text(way.connectors))
    if way.weights and (len(way.weights) != count or not any(way.weights)):
        yield Fault("does not fit the connectors", (*path, "weights"), value=str(way.weights),
                    allowed="as many numbers as there are connectors, not all of them 0")  # fmt: skip
    if len(way.cost) != count and (way.cost or way.strategy == "least-cost"):
        yield Fault("does not fit the connectors", (*path, "cost"), value=str(way.cost),
                    allowed="as many prices as there are connectors")  # fmt: skip
    for key, strategy in (("weights", "weighted"), ("cost", "least-cost")):
        if getattr(way, key) and way.strategy != strategy:
            what = f'says nothing without strategy = "{strategy}"'
            yield Fault(what, (*path, key), severity="warning", value=str(getattr(way, key)))
    yield from _names(way.connectors, (*path, "connectors"), known, "is no [[connector]] or [[group]] of this file")


def _numbers(route: RouteSettings, path: Path) -> Iterator[Fault]:
    if route.default_country is not None and route.e164 == "off":
        what = "says nothing without `e164`"
        yield Fault(what, (*path, "default_country"), severity="warning", value=value_text(route.default_country))


def _unreachable_routes(parsed: Parsed) -> Iterator[Fault]:
    routes = parsed.config.routes
    for route, first in zip(routes, first_covers(routes, _route_covers), strict=True):
        if first is not None:
            what = f"is never reached: route number {first + 1} of the file takes everything it could meet"
            yield Fault(what, parsed.path_of(route), severity="warning")


def _route_covers(earlier: RouteSettings, later: RouteSettings) -> bool:
    """Of what routes have beside whom they meet. A number may read otherwise once it has its country."""
    same_form = (earlier.e164, earlier.default_country) == (later.e164, later.default_country)
    same_hours = (earlier.hours, earlier.time_zone) == (later.hours, later.time_zone)
    return (not earlier.hours or same_hours) and (same_form or earlier.destination_addr == "*")


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
