"""A link that rests is always woken: the moment at which the rest ends may fall between any two looks at the clock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from smscd import pdu
from smscd.clock import FakeClock
from smscd.connectors.settings import SmppSettings
from smscd.connectors.smpp.connector import Upstream
from smscd.connectors.smpp.line import Sending
from smscd.counters import ConnectorCounters
from smscd.link import Link, Links
from smscd.message import Kind, Message
from tests.session.pair import SessionPair, message

LOOK = 0.000_002
"""Seconds that pass between two looks."""


class Creeping(FakeClock):
    """Each look at it finds it later."""

    def monotonic(self) -> float:
        self._monotonic += LOOK
        return self._monotonic


@pytest.mark.parametrize("looks", range(6))
async def test_what_waits_for_the_end_of_a_rest_leaves_or_is_come_back_for(looks: int) -> None:
    clock = Creeping()
    pair = SessionPair(now=clock.monotonic())
    pair.bind(pdu.BindTransceiver)
    nobody = cast("Any", SimpleNamespace(has_credit=lambda _name: None))
    upstream = Upstream(
        SmppSettings("carrier-a", "127.0.0.1:1", "gw"), b"", None, nobody, nobody, Links(clock), clock,
        ConnectorCounters("carrier-a"), lambda _esme: "gsm7",
    )  # fmt: skip
    (line,) = upstream._lines
    line.link = cast("Link", SimpleNamespace(session=pair.esme.session, writing_paused=False, flush_soon=int))
    submit = message()
    line.put(Sending(1, Message(1, "1", Kind.MT, "test", "carrier-a", submit, 0, 0, clock.wall() + 1), 1, submit))
    upstream._pace.resting_until = clock.monotonic() + looks * LOOK
    upstream._write(line)
    assert not line.waiting or upstream._timer is not None
    assert upstream._timer is None or not upstream._timer.cancelled()
    if upstream._timer is not None:
        upstream._timer.cancel()
