"""What the network brings: into memory (+CMTI, +CDSI), or straight to the computer (+CMT, +CDS; 27.005 §3.4).

What finds no room, no coverage or no acknowledgement waits in the network, as at a real SMSC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smscd.connectors.modem.emulated import textmode
from smscd.connectors.modem.emulated.slots import UNREAD, Stored
from smscd.connectors.modem.tpdu import Deliver, decode_received, parse_number, smsc_prefix
from smscd.connectors.modem.user_data import coding_of

if TYPE_CHECKING:
    from smscd.connectors.modem.emulated.modem import EmulatedModem


def arrive(modem: EmulatedModem, tpdu: bytes) -> None:
    """The network has something for this modem; it may have to wait."""
    modem.network.waiting.append(tpdu)
    flush(modem)


def flush(modem: EmulatedModem) -> None:
    """Deliver what waits, in order, as far as the modem takes it."""
    for tpdu in list(modem.network.waiting):
        if not modem.is_registered or modem.gone is not None or modem.unacknowledged is not None:
            return
        if _delivered(modem, tpdu):
            modem.network.waiting.remove(tpdu)


def acknowledge(modem: EmulatedModem) -> bool:
    """AT+CNMA: False if nothing was waiting for it."""
    if modem.unacknowledged is None:
        return False
    modem.unacknowledged = None
    modem.later(0, lambda: flush(modem))
    return True


def _delivered(modem: EmulatedModem, tpdu: bytes) -> bool:
    received = decode_received(tpdu)
    _, mt, _, ds, _ = modem.session.cnmi
    if isinstance(received, Deliver):
        message_class = coding_of(received.tp_dcs).message_class
        if (mt == 2 and message_class != 2) or (mt == 3 and message_class == 3):
            return _direct(modem, tpdu, "+CMT")
        return _stored(modem, tpdu, modem.session.chosen[2], "+CMTI" if mt else "")
    if ds == 1:
        return _direct(modem, tpdu, "+CDS")
    if ds == 2:
        memory = "SR" if "SR" in modem.memories else modem.session.chosen[2]
        return _stored(modem, tpdu, memory, "+CDSI")
    modem.tell("report not routed", tp_mr=received.tp_mr)  # AT+CNMI with ds = 0: nobody asked for it
    return True


def _direct(modem: EmulatedModem, tpdu: bytes, name: str) -> bool:
    if modem.session.cmgf:
        lines = textmode.direct(modem, tpdu, name)
    else:
        lines = [f"{name}: {',' if name == '+CMT' else ''}{len(tpdu)}", (_smsc(modem) + tpdu).hex().upper()]
    modem.announce(lines, message=True)
    modem.tell("delivered", by=name)
    if modem.session.csms == 1:
        modem.unacknowledged = tpdu
        modem.later(modem.profile.ack_timeout, lambda: _unanswered(modem, tpdu))
    return True


def _unanswered(modem: EmulatedModem, tpdu: bytes) -> None:
    """27.005 §3.4.4: without AT+CNMA the routing of messages to the computer ends."""
    if modem.unacknowledged is not tpdu:
        return
    modem.unacknowledged = None
    modem.session.cnmi[1] = modem.session.cnmi[3] = 0
    modem.network.waiting.appendleft(tpdu)
    modem.tell("not acknowledged")


def _stored(modem: EmulatedModem, tpdu: bytes, memory: str, announced: str) -> bool:
    index = modem.memories[memory].put(Stored(UNREAD, _smsc(modem), tpdu))
    if index is None:
        modem.tell("memory full", memory=memory)
        return False
    named = modem.profile.cdsi_memory if announced == "+CDSI" else memory
    if announced:
        modem.announce([f'{announced}: "{named}",{index}'], message=True)
    modem.tell("stored", memory=memory, index=index)
    return True


def _smsc(modem: EmulatedModem) -> bytes:
    return smsc_prefix(parse_number(modem.smsc))
