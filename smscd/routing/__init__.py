"""Rules as data, the first match wins; `explain` says why.

The room is pure: it knows patterns and names of connectors, and neither links nor queues.
"""

from __future__ import annotations

from smscd.routing.rules import Explanation, Receivers, Rule, Ruleset
from smscd.routing.settings import RouteSettings

__all__ = ["Explanation", "Receivers", "RouteSettings", "Rule", "Ruleset"]
