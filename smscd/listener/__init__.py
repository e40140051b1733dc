"""Accepts ESMEs: binds, limits, and one pump per link.

The pump gives the peer's requests to the journey and its responses to the ESME's connector. The room knows links and
sessions; it decides nothing about a message, and it never waits for a disk.
"""

from __future__ import annotations

from smscd.listener.binding import Binding
from smscd.listener.pump import Desk, Pump
from smscd.listener.reception import Reception
from smscd.listener.settings import ListenerSettings

__all__ = ["Binding", "Desk", "ListenerSettings", "Pump", "Reception"]
