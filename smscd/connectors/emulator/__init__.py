"""An emulated network with imaginary handsets: a connector like any other.

It keeps nothing in memory that a real network would remember: what becomes of a message is a function of the seed and
of the number under which it arrived, and that number is stored with the message.
"""

from __future__ import annotations

from smscd.connectors.emulator.behaviour import Network, Verdict
from smscd.connectors.emulator.connector import CAPACITY, Emulator

__all__ = ["CAPACITY", "Emulator", "Network", "Verdict"]
