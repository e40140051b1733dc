"""What an upstream delivers: a receipt in whatever dialect, or a message from a handset."""

from __future__ import annotations

from smscd import pdu
from smscd.connectors.esme import as_deliver_sm, readable
from smscd.connectors.smpp.correlation import Base, Report, trimmed
from smscd.message import Content, octets_of
from smscd.pdu.plain_receipt import PlainReceipt
from smscd.text import read_udh

UNKNOWN, ENROUTE = int(pdu.MessageState.UNKNOWN), int(pdu.MessageState.ENROUTE)
STATES = frozenset(int(state) for state in pdu.MessageState)
FINAL = STATES - {ENROUTE, int(pdu.MessageState.SCHEDULED)}

LONGEST_SERVICE_TYPE = 5
"""Octets without the NUL (SMPP 3.4 §5.2.11)."""


def read_report(
    delivered: Content, connector: str, provider: str, base: Base, *, sniff: bool, by_address: bool = False
) -> Report | None:
    """The report in a deliver_sm or data_sm; None if it is a message from a handset.

    The TLVs win for the state and the id, the text for the error code; ids that differ are both tried. Whatever
    data_coding says, the text is read as ASCII first.
    """
    octets = octets_of(delivered)
    if not pdu.receipt.is_receipt(delivered.esm_class, delivered.tlvs, octets, sniff=sniff):
        return None
    said = pdu.receipt.outline(octets)
    if said is None and delivered.esm_class & pdu.ESM_UDHI:  # 0x44 is seen: the text begins behind the header
        said = pdu.receipt.outline(read_udh(octets)[1])
    if said is None and b"\0" in octets:  # UCS-2 of what is ASCII
        said = pdu.receipt.outline(octets.replace(b"\0", b""))
    message_id, message_state, err = said or (b"", UNKNOWN, "")
    ids = [trimmed(message_id)]
    if delivered.tlvs:
        ids.insert(0, trimmed(pdu.tlv.get(delivered.tlvs, pdu.Tag.receipted_message_id) or b""))
        if state := pdu.tlv.get(delivered.tlvs, pdu.Tag.message_state):
            message_state = _stated(state[0], message_state if said else ENROUTE)
    kind = delivered.esm_class & pdu.ESM_TYPE_MASK
    return Report(
        connector=connector,
        provider=provider,
        ids=tuple(dict.fromkeys(one for one in ids if one)),
        message_state=message_state,
        error_code=_error_code(err, delivered.tlvs),
        source_addr=delivered.source_addr,
        intermediate=message_state not in FINAL or kind == pdu.ESM_TYPE_INTERMEDIATE_NOTIFICATION,
        delivered=delivered,
        base=base,
        by_address=by_address,
    )


def _stated(number: int, otherwise: int) -> int:
    """The message_state `number`; `otherwise` where it is none (SMPP 5.0 §4.7.15): an ESME is told no such thing."""
    return number if number in STATES else otherwise


def plain_report(receipt: PlainReceipt, connector: str, provider: str, base: Base, by_address: bool) -> Report:
    """What `read_report` finds in the whole of `receipt`."""
    state = receipt.message_state
    return Report(
        connector, provider, (receipt.message_id.decode("latin-1"),), state, receipt.error_code, receipt.source_addr,
        state not in FINAL, receipt, base, 0, by_address,
    )  # fmt: skip


def _error_code(err: str, tlvs: list[pdu.Tlv]) -> int:
    """`err:` where it says something that we can pass on, else the network_error_code (SMPP 3.4 §5.3.2.31)."""
    if err.isascii() and err.isdigit() and len(err) <= 5 and 0 < int(err) <= 0xFFFF:
        return int(err)
    network = pdu.tlv.get(tlvs, pdu.Tag.network_error_code)
    return int.from_bytes(network[1:], "big") if network and len(network) == 3 else 0


def refused_mo(delivered: pdu.DeliverSm | pdu.DataSm) -> int:
    """The command_status for a message from a handset that no deliver_sm could pass on; 0 for any other.

    data_sm has room for addresses of 64 octets (SMPP 3.4 §4.7.1); an ESME could not read the deliver_sm made of it.
    """
    if len(delivered.source_addr) > pdu.MAX_ADDRESS:
        return pdu.ESME_RINVSRCADR
    return pdu.ESME_RINVDSTADR if len(delivered.destination_addr) > pdu.MAX_ADDRESS else 0


def read_mo(delivered: pdu.DeliverSm | pdu.DataSm) -> pdu.DeliverSm:
    """A message from a handset as the deliver_sm that our ESME will get: with no service_type longer than it may be.

    command_status means nothing in a request (SMPP 3.4 §3.2), but some libraries take any other than 0 for a fault.
    """
    mo = readable(delivered) if isinstance(delivered, pdu.DeliverSm) else as_deliver_sm(delivered)
    mo.command_status = 0
    if len(mo.service_type) > LONGEST_SERVICE_TYPE:
        mo.service_type = b""
    return mo
