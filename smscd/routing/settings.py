"""What `[[route]]` may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from smscd.pdu.notation import TlvsNotation
from smscd.units import AddressPattern, Between, Example, Octets, TextPattern


@dataclass(slots=True)
class RouteSettings:
    """One rule: whom it meets and which connectors then take the message.  The first match wins."""

    connectors: Annotated[
        list[str],
        Example(["handsets"]),
        "names of connectors; `esme:SYSTEM_ID` delivers to another bound ESME as MO",
    ]
    destination_addr: Annotated[AddressPattern, "the recipient"] = "*"
    source_addr: Annotated[AddressPattern, "the sender"] = "*"
    esme: Annotated[list[str], Example(["test"]), "messages of these ESMEs; empty = of all"] = field(
        default_factory=list
    )
    text: Annotated[TextPattern | None, Example("/.*urgent.*/"), "what the text has to look like"] = None
    strategy: Annotated[
        Literal["failover", "round-robin", "weighted"],
        "which connector is taken: the first that is bound, each in turn, or each as often as its weight says",
    ] = "failover"
    weights: Annotated[
        list[Annotated[int, Between(0, 1_000_000)]],
        Example([3, 1]),
        "with strategy weighted: one number per connector, in their order; empty = all alike",
    ] = field(default_factory=list)
    sender: Annotated[
        str | None,
        Octets(20),
        Example("ACME"),
        "sender the handset sees, whatever the ESME and the connector say; a name leaves as alphanumeric (TON 5)",
    ] = None
    tlvs: Annotated[
        dict[str, str],
        TlvsNotation(),
        Example({"0x1400": "1201159000000000001", "0x1401": "1207161000000000002"}),
        "optional parameters added upstream where the ESME gave none of that tag; from 0x1400 on are vendors' tags",
    ] = field(default_factory=dict)
