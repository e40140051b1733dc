"""Rules as data, the first match wins; `explain` says why.

The room is pure: it knows patterns, hours, numbers and names of connectors, and neither links nor queues.
"""

from __future__ import annotations

from smscd.routing.receivers import Receivers
from smscd.routing.rules import Explanation, Rule, Ruleset
from smscd.routing.settings import GroupSettings, RouteSettings
from smscd.routing.way import circle

__all__ = ["Explanation", "GroupSettings", "Receivers", "RouteSettings", "Rule", "Ruleset", "circle"]
