"""What `[retry]` may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from smscd.units import CENTURY, Between, NeedsRestart, Seconds


@dataclass(slots=True)
class RetrySettings:
    """The retry ladder and how long things are worth keeping."""

    schedule: Annotated[
        list[Annotated[Seconds, Between(0.001, CENTURY)]],
        "pauses after temporary failures; the last repeats until validity ends",
    ] = field(default_factory=lambda: [10.0, 60.0, 300.0, 1800.0, 7200.0])
    validity: Annotated[Seconds, Between(1, CENTURY), "when the ESME gave none; also the maximum"] = 48 * 3600.0
    receipt_validity: Annotated[
        Seconds,
        Between(1, CENTURY),
        "how long receipts and MO wait for an ESME; attempts count only while it is bound",
    ] = 7 * 86400.0
    reassembly: Annotated[
        Seconds,
        Between(1, 86400),
        NeedsRestart(),
        "how long parts of a long MO are waited for where it is delivered whole; then they are delivered as they came",
    ] = 600.0
