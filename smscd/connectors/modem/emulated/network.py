"""The network behind an emulated modem, and the handsets in it: which submits fail, and what becomes of the others."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from smscd.connectors.modem.emulated.profile import SettingError
from smscd.connectors.modem.tpdu import Submit


@dataclass(slots=True)
class Rule:
    """What happens to messages to `to` with a text like `text` (shell patterns); the first match counts."""

    to: str = "*"
    text: str = "*"
    cms: int = 0  # +CMS ERROR: code instead of +CMGS
    st: int = 0  # TP-ST of the status report
    delay: float | None = None  # seconds until it; the profile's report_delay otherwise
    report: bool = True
    times: int = 0  # how often the rule works; 0: always

    def applies(self, submit: Submit) -> bool:
        """Whether this message is meant."""
        return fnmatchcase(str(submit.destination_addr), self.to) and fnmatchcase(submit.text, self.text)


@dataclass(slots=True)
class Network:
    """The rules, and the TPDUs (SMS-DELIVER, SMS-STATUS-REPORT) that wait for the modem to have room or coverage."""

    rules: list[Rule] = field(default_factory=list)
    waiting: deque[bytes] = field(default_factory=deque)

    def fate(self, submit: Submit) -> Rule:
        """The rule for a message: one that works a number of times is used up by it."""
        for rule in self.rules:
            if rule.applies(submit):
                if rule.times:
                    rule.times -= 1
                    if not rule.times:
                        self.rules.remove(rule)
                return rule
        return Rule()


def parse_rule(words: list[str]) -> Rule:
    """A rule from words like `to=+4477009*` `cms=38` `st=0x45` `times=2` `report=no`. Raises SettingError."""
    rule = Rule()
    for word in words:
        key, _, value = word.partition("=")
        if not value:
            raise SettingError(f"{word!r} is no KEY=VALUE")
        try:
            match key:
                case "to" | "text":
                    setattr(rule, key, value)
                case "cms" | "st" | "times":
                    setattr(rule, key, int(value, 0))
                case "delay":
                    rule.delay = float(value)
                case "report":
                    rule.report = value in {"yes", "1", "true"}
                case _:
                    raise SettingError(
                        f"{key!r} is nothing that a rule says: to, text, cms, st, delay, report, times are"
                    )
        except ValueError:
            raise SettingError(f"{value!r} is no value of {key}") from None
    return rule
