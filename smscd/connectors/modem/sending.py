"""One part on its way through a modem, and what the modem's answer makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from smscd import pdu
from smscd.connectors.modem import faults, lines
from smscd.connectors.modem.addresses import parse_number, smsc_prefix
from smscd.connectors.modem.dialogue import Reply
from smscd.connectors.modem.faults import Asks, Trouble
from smscd.connectors.modem.incoming import key
from smscd.connectors.modem.outgoing import address_of
from smscd.connectors.modem.port import Port
from smscd.connectors.modem.profiles import Profile
from smscd.connectors.modem.tpdu import Submit, encode_submit
from smscd.connectors.settings import ModemSettings
from smscd.connectors.smpp.correlation import key_of
from smscd.message import Accepted, Deferred, Message, Outcome, Rejected, Unanswered

_CUT_SHORT = frozenset({lines.TIMEOUT, lines.GONE})


@dataclass(slots=True, eq=False)
class Sending:
    """Part `number` of `message`, one of `total`."""

    message: Message
    number: int
    total: int


async def send(port: Port, submit: Submit, settings: ModemSettings, profile: Profile) -> Reply:
    """Hand `submit` to the modem; TpduError if it cannot be written, ModemGone before anything has left."""
    tpdu = encode_submit(submit)
    smsc = parse_number(settings.smsc) if settings.smsc else None
    prefix = smsc_prefix(smsc) if profile.has_smsc else b""
    octets = (prefix + tpdu).hex().upper().encode()
    within = settings.send_timeout
    return await port.ask(f"AT+CMGS={len(tpdu)}", "+CMGS:", within=within, payload=octets, one_line=True)


def accepted(message: Message, reply: Reply) -> Accepted:
    """The network has it: under the reference that the modem gave it (27.005 §4.3), if it gave one."""
    found = lines.fields(reply.line)[0] if reply.lines else ""
    given = lines.number(found)
    reference = None if given is None else given & 0xFF
    name = key(reference, address_of(message).addr)
    return Accepted(name, key_of(name))


def trouble_of(reply: Reply, profile: Profile) -> Trouble:
    """What a reply that is no success asks for."""
    if reply.final in {lines.TIMEOUT, lines.GONE, lines.OK}:
        return Trouble(Asks.FEW, "no prompt" if reply.final != lines.GONE else "the modem went away")
    return faults.understand(reply.final, profile.cms)


def outcome_of(sending: Sending, reply: Reply, trouble: Trouble) -> Outcome:
    """What became of a part that the modem did not take."""
    if reply.left and reply.final in _CUT_SHORT:
        return Unanswered()
    message, why = sending.message, f"the modem answered {trouble.line}"
    part = message.parts[sending.number - 1]
    if trouble.is_cms and trouble.code == faults.DUPLICATE and part.doubts:
        return accepted(message, reply)  # the attempt that nobody answered for was taken
    match trouble.asks:
        case Asks.NEVER:
            return Rejected(trouble.command_status, why)
        case Asks.FEW if message.attempts + 1 >= faults.FEW_ATTEMPTS and reply.final not in _CUT_SHORT:
            return Rejected(pdu.ESME_RSUBMITFAIL, why)
        case Asks.MODEM:
            return Deferred(why, retry_after=0.0, counts=False, command_status=trouble.command_status)
        case _ if reply.final == lines.GONE:  # nothing of it has left
            return Deferred(why, retry_after=0.0, counts=False)
        case _:
            return Deferred(why, command_status=trouble.command_status)
