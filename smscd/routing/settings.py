"""What `[[route]]` and `[[group]]` may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from smscd.pdu.notation import TlvsNotation
from smscd.routing.hours import HoursNotation, TimeZoneNotation
from smscd.routing.numbers import CallingCodeNotation
from smscd.units import AddressPattern, Between, Example, Octets, TextPattern

StrategyName = Annotated[
    Literal["failover", "round-robin", "weighted", "least-cost", "least-busy"],
    "which one is taken of those that are bound: the first, each in turn, each as often as its weight says, the"
    " cheapest, or the one with the fewest messages waiting and under way",
]
Weights = Annotated[
    list[Annotated[int, Between(0, 1_000_000)]],
    Example([3, 1]),
    "with strategy weighted: one number per connector, in their order; 0 = only if no other is bound; empty = all"
    " alike",
]
Costs = Annotated[
    list[Annotated[float, Between(0)]],
    Example([0.031, 0.028]),
    "with strategy least-cost: one price per connector, in their order; the first among equals",
]


@dataclass(slots=True)
class GroupSettings:
    """Several ways out under one name, which a route or another group names like a connector."""

    name: Annotated[str, Octets(64), Example("uk-carriers"), "what routes call it; no connector has the same name"]
    connectors: Annotated[list[str], Example(["carrier-a", "carrier-b"]), "names of connectors or of other groups"]
    strategy: StrategyName = "failover"
    weights: Weights = field(default_factory=list)
    cost: Costs = field(default_factory=list)


@dataclass(slots=True)
class RouteSettings:
    """One rule: whom it meets and which connectors then take the message.  The first match wins."""

    connectors: Annotated[
        list[str],
        Example(["handsets"]),
        "names of connectors or groups; `esme:SYSTEM_ID` delivers to another bound ESME as MO",
    ]
    destination_addr: Annotated[AddressPattern, "the recipient"] = "*"
    source_addr: Annotated[AddressPattern, "the sender"] = "*"
    esme: Annotated[list[str], Example(["test"]), "messages of these ESMEs; empty = of all"] = field(
        default_factory=list
    )
    text: Annotated[TextPattern | None, Example("/.*urgent.*/"), "what the text has to look like"] = None
    hours: Annotated[
        list[Annotated[str, HoursNotation()]], Example(["mon-fri 08:00-18:00"]), "when it holds; empty = always"
    ] = field(default_factory=list)
    time_zone: Annotated[str, TimeZoneNotation(), "whose clock `hours` are read on"] = "UTC"
    e164: Annotated[
        Literal["off", "possible", "valid"],
        "match and send the recipient in E.164 form. ESME_RINVDSTADR for a number of impossible length (possible), or"
        " outside its country's numbering plan as well (valid)",
    ] = "off"
    default_country: Annotated[
        str | None, CallingCodeNotation(), Example("44"), "calling code of numbers that come without one, for `e164`"
    ] = None
    strategy: StrategyName = "failover"
    weights: Weights = field(default_factory=list)
    cost: Costs = field(default_factory=list)
    sender: Annotated[
        str | None,
        Octets(20),
        Example("ACME"),
        "by an upstream SMSC the handset sees this sender, whatever ESME and connector say; a name leaves with TON 5",
    ] = None
    tlvs: Annotated[
        dict[str, str],
        TlvsNotation(),
        Example({"0x1400": "1201159000000000001", "0x1401": "1207161000000000002"}),
        "optional parameters added upstream where the ESME gave none of that tag; from 0x1400 on are vendors' tags",
    ] = field(default_factory=dict)
