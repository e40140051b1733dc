"""What `[opt_out]` may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from smscd.pdu.notation import StatusNotation
from smscd.units import CENTURY, Between, Example, Octets, Seconds, TextNotation

PackName = Literal["us", "ca", "fr", "es", "pt", "de", "nl", "it"]


class CountryNotation(TextNotation):
    """A country's calling code."""

    allowed = 'a calling code in digits ("1", "44"), or "" for none'

    def inspect(self, text: str) -> None:
        if text and not (text.isascii() and text.isdigit() and len(text) <= 3 and text[0] != "0"):
            raise ValueError("is no calling code")


class ManagedNotation(TextNotation):
    """An address pattern that may begin with a plus sign, as numbers of carriers are written."""

    allowed = 'a number ("+18005550100"), or a prefix ("+1800*")'

    def inspect(self, text: str) -> None:
        if not text.removeprefix("+").removesuffix("*").isdigit():
            raise ValueError("is neither a number nor a prefix")


@dataclass(slots=True)
class CategorySettings:
    """Some of the messages of a sender, which people can stop and start alone."""

    name: Annotated[str, Octets(64), Example("offers"), "what the list calls it (as a pool), and the confirmation"]
    words: Annotated[list[str], Example(["offers", "12345"]), 'what names it beside a keyword: "STOP OFFERS"'] = field(
        default_factory=list
    )
    senders: Annotated[list[str], Example(["12345"]), "its messages come from these; empty = from any"] = field(
        default_factory=list
    )
    esme: Annotated[list[str], Example(["shop"]), "and from these ESMEs; empty = from any"] = field(
        default_factory=list
    )
    service_type: Annotated[
        list[Annotated[str, Octets(5, 0)]], Example(["PROMO"]), "and with one of these service_types; empty = with any"
    ] = field(default_factory=list)
    exempt: Annotated[
        bool,
        "a STOP that does not name it does not reach it, if not for the whole account; what passes so is logged",
    ] = False
    stop_text: Annotated[
        str | None,
        Example("ACME: no more offers. STOP to end all messages."),
        "answer to a STOP that names it; one segment; the pack's text if absent",
    ] = None


@dataclass(slots=True)
class OptOutSettings:
    """STOP, START and HELP: what counts, how far it reaches, what is answered."""

    enabled: Annotated[bool, "understand STOP before anybody else sees it, and block what was opted out"] = True
    packs: Annotated[list[PackName], "keyword packs; de, nl and it are proposals that nobody has reviewed yet"] = field(
        default_factory=lambda: ["us"]
    )
    stop: Annotated[list[str], Example(["baja"]), "further stop keywords, beside those of the packs"] = field(
        default_factory=list
    )
    start: Annotated[list[str], Example(["subscribe"]), "further start keywords"] = field(default_factory=list)
    help: Annotated[list[str], Example(["support"]), "further help keywords"] = field(default_factory=list)
    phrases: Annotated[list[str], Example(["no more texts"]), "further phrases that ask to stop"] = field(
        default_factory=list
    )
    without: Annotated[list[str], Example(["end", "cancel"]), "keywords and phrases of the packs that do not count"] = (
        field(default_factory=list)
    )
    polite: Annotated[bool, 'words like "please" do not hide a keyword: "Stop. Thank you" stops'] = True
    first_word: Annotated[
        int, Between(0, 10), "a message of up to so many words that begins with STOP or its like stops; 0 = off"
    ] = 3
    phrase_action: Annotated[
        Literal["off", "flag", "ask", "stop"],
        'what a phrase like "take me off" does; flag: the ESME is told, no block; ask: blocked, and the answer says how'
        " to undo it",
    ] = "flag"
    fuzzy_action: Annotated[Literal["off", "flag", "ask", "stop"], 'what a mistyped keyword does ("STPO", "STOPP")'] = (
        "flag"
    )
    scope: Annotated[Literal["pair", "pool", "account", "global"], "how far a STOP reaches"] = "pair"
    us_revoke_all: Annotated[
        bool, "a STOP from a number of the North American plan reaches the whole account, whatever `scope` says"
    ] = False
    pools: Annotated[
        dict[str, list[str]], Example({"brand-x": ["12345", "+447700900000"]}), "named sets of senders"
    ] = field(default_factory=dict)
    reply_number: Annotated[
        dict[str, str], Example({"ACME": "36123"}), "where STOP for an alphanumeric sender arrives"
    ] = field(default_factory=dict)
    default_country: Annotated[
        str, CountryNotation(), Example("44"), "calling code of numbers that come without one"
    ] = ""
    carrier_managed: Annotated[
        list[Annotated[str, ManagedNotation()]], Example(["+1800*"]), "recorded, not answered"
    ] = field(default_factory=list)
    reject_status: Annotated[str, StatusNotation(), "what a blocked submit is answered where the ESME has `reject`"] = (
        "ESME_RSUBMITFAIL"
    )
    receipt_error: Annotated[int, Between(0, 999), "`err:` of the receipt of a blocked message"] = 407
    confirm: Annotated[bool, "answer a STOP once"] = True
    answer: Annotated[bool, "answer START and HELP"] = True
    confirm_again: Annotated[
        Seconds, Between(3600, 30 * 86400), "a further STOP of somebody who is blocked is not answered before"
    ] = 86400.0
    answer_limit: Annotated[
        int, Between(1, 100), "answers that one handset gets from one number a day: a guard against auto-responders"
    ] = 5
    expire_after: Annotated[
        Seconds | None,
        Between(86400, CENTURY),
        Example(3 * 365 * 86400.0),
        "a row lapses so long after the last STOP: numbers find new owners; absent: never",
    ] = None
    yes_within: Annotated[
        Seconds, Between(0, 365 * 86400), "YES starts again only so long after a STOP: it is an ordinary word"
    ] = 30 * 86400.0
    stop_text: Annotated[
        dict[str, str],
        Example({"12345": "ACME: you get no more messages. START to resubscribe."}),
        "answer to STOP by sender, `others` for the rest; one segment; the pack's text if absent",
    ] = field(default_factory=dict)
    start_text: Annotated[
        dict[str, str], Example({"others": "ACME: welcome back. STOP to unsubscribe."}), "answer to START by sender"
    ] = field(default_factory=dict)
    help_text: Annotated[
        dict[str, str],
        Example({"others": "ACME alerts. Call +1 800 555 0100. STOP to unsubscribe."}),
        "answer to HELP by sender",
    ] = field(default_factory=dict)
    ask_text: Annotated[
        dict[str, str],
        Example({"others": "ACME: we read that as STOP. START if you want to go on."}),
        "answer to what `ask` takes for a STOP, by sender",
    ] = field(default_factory=dict)
    relay: Annotated[bool, "also deliver the STOP to the ESME"] = True
    category: Annotated[list[CategorySettings], "kinds of messages that can be stopped alone"] = field(
        default_factory=list
    )
