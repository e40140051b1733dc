"""What `[store]` may say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from smscd.units import CENTURY, Between, Seconds


@dataclass(slots=True)
class StoreSettings:
    """How much the store takes and how long it remembers."""

    queue_limit: Annotated[
        int, Between(0), "messages waiting at once, 0 = as many as the disk holds; over it ESME_RMSGQFUL"
    ] = 0
    retention: Annotated[
        Seconds, Between(0, CENTURY), "how long a finished message stays visible to query_sm and `smscd message`"
    ] = 24 * 3600.0
    dead_letters: Annotated[
        Seconds,
        Between(0, CENTURY),
        "how long a dead letter stays visible, and can be sent again with `smscd message retry`",
    ] = 7 * 24 * 3600.0
