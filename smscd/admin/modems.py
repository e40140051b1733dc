"""`smscd modem` as the daemon sees it: how its modems are, and what one of them says when it is asked."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from smscd.admin.arguments import optional, required
from smscd.connectors import Modem
from smscd.connectors.modem import errands
from smscd.connectors.modem.port import ModemGone
from smscd.connectors.modem.tpdu import TpduError
from smscd.errors import ControlError
from smscd.journey import Journey

_CODE = re.compile(r"[0-9*#]{1,40}")
_NUMBER = re.compile(r"\+?[0-9]{3,20}")


class ModemCommands:
    """What may be asked of the modems."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey

    def table(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Every command by its name."""
        return {
            "modem.list": self.listing,
            "modem.show": self.show,
            "modem.test": self.test,
            "modem.ussd": self.ussd,
        }

    async def listing(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        """All of them, and how they are."""
        return {"modems": [self._shown(modem) for modem in self._modems()]}

    async def show(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """One of them."""
        modem = self._named(required(arguments, "name"))
        counters = self._journey.counters.connector(modem.name)
        return {
            **self._shown(modem),
            "revision": modem.keeper.facts.revision,
            "iccid": modem.keeper.facts.iccid,
            "service_centre": modem.settings.smsc or modem.keeper.facts.smsc,
            "announcements": modem.keeper.facts.routing,
            "profile": modem.keeper.facts.profile.name,
            "outcomes": dict(counters.outcomes),
            "receipts": dict(counters.receipts),
            "mo_accepted": counters.mo_accepted,
            "in_doubt": counters.in_doubt,
        }

    async def test(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Ask it everything that matters; with `to`, let it send a message."""
        modem = self._named(required(arguments, "name"))
        to = optional(arguments, "to")
        if to is not None and not _NUMBER.fullmatch(to):
            raise ControlError(f"{to} is no number", "digits, with a + if it is international")
        try:
            return {"name": modem.name, "answers": await errands.examine(modem, to)}
        except (ModemGone, TpduError) as fault:
            raise self._away(modem, fault) from fault

    async def ussd(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """What the network says to a code."""
        modem, code = self._named(required(arguments, "name")), required(arguments, "code")
        if not _CODE.fullmatch(code):
            raise ControlError(f"{code} is no USSD code", "digits, * and #: '*100#'")
        try:
            return {"name": modem.name, "code": code, **await errands.ussd(modem, code)}
        except ModemGone as fault:
            raise self._away(modem, fault) from fault
        except TimeoutError:
            raise ControlError("the network has not answered", "another code, or once more") from None

    # -- which -------------------------------------------------------------------------------------------------------

    def _modems(self) -> list[Modem]:
        return [one for one in self._journey.connectors.values() if isinstance(one, Modem)]

    def _named(self, name: str) -> Modem:
        modem = next((one for one in self._modems() if one.name == name), None)
        if modem is None:
            known = ", ".join(one.name for one in self._modems())
            raise ControlError(
                f"there is no modem {name}", f"one of {known}" if known else 'a [[connector]] with kind = "modem"'
            )
        return modem

    def _shown(self, modem: Modem) -> dict[str, Any]:
        lanes = self._journey.scheduler.lanes
        queued = lanes[modem.name].queued if modem.name in lanes else 0
        return {"name": modem.name, "queued": queued, **modem.status()}

    @staticmethod
    def _away(modem: Modem, fault: Exception) -> ControlError:
        return ControlError(f"{modem.name}: {fault}", f"smscd modem show {modem.name}")
