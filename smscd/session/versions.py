"""What an older peer must not be sent (SMPP 3.4 §3.4, 5.0 §2.11.2), and what it gets instead."""

from __future__ import annotations

from typing import Final

from smscd import pdu
from smscd.errors import SessionError
from smscd.pdu import CommandId

V3_3: Final = pdu.INTERFACE_VERSION_3_3
V3_4: Final = pdu.INTERFACE_VERSION_3_4
V5_0: Final = pdu.INTERFACE_VERSION_5_0

TAG_SC_INTERFACE_VERSION: Final = 0x0210
_TAG_MESSAGE_PAYLOAD: Final = 0x0424
_TAG_CONGESTION_STATE: Final = 0x0428

FIRST_VERSION: Final[dict[int, int]] = {
    int(CommandId.data_sm): V3_4,
    int(CommandId.alert_notification): V3_4,
    int(CommandId.broadcast_sm): V5_0,
    int(CommandId.query_broadcast_sm): V5_0,
    int(CommandId.cancel_broadcast_sm): V5_0,
}
"""Requests of a bound session that came with a later version than 3.3; an older peer would only generic_nack them."""

_RESPONSES_WITHOUT_TLVS: Final = frozenset({int(CommandId.submit_sm_resp), int(CommandId.submit_multi_resp)})
"""3.4 defines none for these, and three well-known client libraries break on them."""

STATUS_BEFORE_5_0: Final[dict[int, int]] = {
    pdu.ESME_RSERTYPUNAUTH: pdu.ESME_RINVSERTYP,
    pdu.ESME_RPROHIBITED: pdu.ESME_RINVCMDID,  # 5.0 itself: "either because the operation is not supported or unknown"
    pdu.ESME_RSERTYPUNAVAIL: pdu.ESME_RSYSERR,  # an outage: "all or part of the MC is currently unavailable"
    pdu.ESME_RSERTYPDENIED: pdu.ESME_RINVSERTYP,
    pdu.ESME_RINVDCS: pdu.ESME_RSUBMITFAIL,
    pdu.ESME_RINVSRCADDRSUBUNIT: pdu.ESME_RINVSRCADR,
    pdu.ESME_RINVDSTADDRSUBUNIT: pdu.ESME_RINVDSTADR,
    pdu.ESME_RINVBCASTFREQINT: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RINVBCASTALIAS_NAME: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RINVBCASTAREAFMT: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RINVNUMBCAST_AREAS: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RINVBCASTCNTTYPE: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RINVBCASTMSGCLASS: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RBCASTFAIL: pdu.ESME_RSUBMITFAIL,
    pdu.ESME_RBCASTQUERYFAIL: pdu.ESME_RQUERYFAIL,
    pdu.ESME_RBCASTCANCELFAIL: pdu.ESME_RCANCELFAIL,
    pdu.ESME_RINVBCAST_REP: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RINVBCASTSRVGRP: pdu.ESME_RINVOPTPARAMVAL,
    pdu.ESME_RINVBCASTCHANIND: pdu.ESME_RINVOPTPARAMVAL,
}
"""Every command_status that only 5.0 knows, and the nearest one a 3.4 peer knows (0x100-0x3FF are reserved there)."""


def served_version(interface_version: int) -> int:
    """The version whose rules fit a peer's interface_version: 3.3, 3.4 or 5.0, unknown ones the nearest lower.

    3.4 §5.2.4: 0x00 to 0x33 are 3.3 or earlier, 0x34 is 3.4, the rest is reserved. 5.0 §4.7.13 adds 0x50.
    """
    if interface_version >= V5_0:
        return V5_0
    return V3_4 if interface_version >= V3_4 else V3_3


def asked_version(bind: pdu.Bind) -> int:
    """The interface_version of a peer's bind; 3.4 for a bind_transceiver that leaves it at 0x00.

    There was no bind_transceiver before 3.4: who sends one and names no version at all has forgotten to. Served as 3.3,
    such ESMEs refuse every receipt because it has no TLVs.
    """
    if not bind.interface_version and isinstance(bind, pdu.BindTransceiver):
        return V3_4
    return bind.interface_version


def wire_status(command_status: int, interface_version: int) -> int:
    """`command_status` as a peer of that version can understand it."""
    if interface_version >= V5_0:
        return command_status
    return STATUS_BEFORE_5_0.get(command_status, command_status)


def commands_known_to(interface_version: int, commands: frozenset[int]) -> frozenset[int]:
    """Those of `commands` that exist in that version."""
    return frozenset(command for command in commands if FIRST_VERSION.get(command, 0) <= interface_version)


def version_of_mc(bind: pdu.Bind, response: pdu.BindResp, pinned: int) -> int:
    """The rules towards an MC that accepted `bind`: the pinned version, what its bind_resp says, or a sensible guess.

    By 3.4 §3.4 a bind_resp without sc_interface_version means an MC that takes no TLVs. Too many MCs of 3.4 leave it
    out, so that only a bind as 3.3 is taken that way.
    """
    if pinned:
        return served_version(pinned)
    said = dict(response.tlvs).get(TAG_SC_INTERFACE_VERSION, b"")
    theirs = served_version(said[0]) if said else V3_4
    return min(served_version(bind.interface_version), theirs)


def wire_tlvs(message: pdu.Pdu, tlvs: list[pdu.Tlv], interface_version: int) -> list[pdu.Tlv]:
    """Those of a PDU's TLVs that a peer of that version may be sent, in their order.

    Raises SessionError where leaving one out would lose the text: a message_payload for a 3.3 peer.
    """
    if interface_version < V3_4:
        if any(tag == _TAG_MESSAGE_PAYLOAD for tag, _ in tlvs):
            raise SessionError("a 3.3 peer cannot be sent a message_payload: put the text into short_message")
        return []
    if interface_version >= V5_0 or not message.command_id & pdu.RESPONSE:
        return tlvs
    if message.command_id in _RESPONSES_WITHOUT_TLVS:
        return []
    return [(tag, value) for tag, value in tlvs if tag != _TAG_CONGESTION_STATE]


def encode_for(message: pdu.Pdu, interface_version: int) -> bytes:
    """The frame of a PDU without the TLVs that a peer of that version must not be sent; the PDU stays as it is.

    Raises SessionError as `wire_tlvs` does, ValueError as `pdu.encode` does.
    """
    tlvs: list[pdu.Tlv] | None = getattr(message, "tlvs", None)
    if not tlvs:
        return pdu.encode(message)
    try:
        message.tlvs = wire_tlvs(message, tlvs, interface_version)  # type: ignore[attr-defined]  # has them: see above
        return pdu.encode(message)
    finally:
        message.tlvs = tlvs  # type: ignore[attr-defined]  # likewise
