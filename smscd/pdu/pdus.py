"""Every PDU of SMPP 3.4 (chapter 4) and 5.0 (chapter 4): each class body is the table of the specification.

Fields are spelled and ordered as printed. The clause beside each class is 3.4's where 3.4 has the PDU, else 5.0's.
sm_length, number_of_dests and no_unsuccess are derived on encode and therefore not fields.
Where real peers exceed a bound and nothing is lost by understanding them, `accepts` says how far the decoder goes.
"""

# ruff: noqa: RUF009 - the field specifiers return dataclasses.field(...), which is what a default should be

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from smscd.pdu.constants import DEST_FLAG_DISTRIBUTION_LIST, DEST_FLAG_SME_ADDRESS, INTERFACE_VERSION_3_4
from smscd.pdu.fields import (
    Tlv,
    c_octet_string,
    counted,
    integer,
    octet,
    optional_parameters,
    response_string,
    sized_octets,
    time_string,
)
from smscd.pdu.status import (
    ESME_RBINDFAIL,
    ESME_RINVDLNAME,
    ESME_RINVDSTADR,
    ESME_RINVEXPIRY,
    ESME_RINVMSGID,
    ESME_RINVMSGLEN,
    ESME_RINVNUMDESTS,
    ESME_RINVPASWD,
    ESME_RINVSCHED,
    ESME_RINVSERTYP,
    ESME_RINVSRCADR,
    ESME_RINVSYSID,
    ESME_RINVSYSTYP,
)

BIND_FIELD_ACCEPTS: Final = 65
"""Credentials beyond the specification's bounds are common among brokers: 64 octets and the NUL are understood."""


@dataclass(slots=True)
class Pdu:
    """What all PDUs have: the header, and octets behind everything that could be understood (`tail`)."""

    command_id: ClassVar[int]

    sequence_number: int = 0
    command_status: int = 0
    tail: bytes = b""


# --- session management ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Bind(Pdu):
    """SMPP 3.4 §4.1.1, §4.1.3, §4.1.5: the three binds have one table."""

    system_id: bytes = c_octet_string(16, ESME_RINVSYSID, accepts=BIND_FIELD_ACCEPTS)
    password: bytes = c_octet_string(9, ESME_RINVPASWD, accepts=BIND_FIELD_ACCEPTS, secret=True)
    system_type: bytes = c_octet_string(13, ESME_RINVSYSTYP, accepts=BIND_FIELD_ACCEPTS)
    interface_version: int = octet(INTERFACE_VERSION_3_4)
    addr_ton: int = octet()
    addr_npi: int = octet()
    address_range: bytes = c_octet_string(41, ESME_RBINDFAIL, accepts=BIND_FIELD_ACCEPTS)


@dataclass(slots=True)
class BindResp(Pdu):
    """SMPP 3.4 §4.1.2, §4.1.4, §4.1.6: the body is not returned with an error."""

    system_id: bytes | None = response_string(16, ESME_RINVSYSID)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class BindTransmitter(Bind):
    """SMPP 3.4 §4.1.1."""

    command_id: ClassVar[int] = 0x00000002


@dataclass(slots=True)
class BindTransmitterResp(BindResp):
    """SMPP 3.4 §4.1.2."""

    command_id: ClassVar[int] = 0x80000002


@dataclass(slots=True)
class BindReceiver(Bind):
    """SMPP 3.4 §4.1.3."""

    command_id: ClassVar[int] = 0x00000001


@dataclass(slots=True)
class BindReceiverResp(BindResp):
    """SMPP 3.4 §4.1.4."""

    command_id: ClassVar[int] = 0x80000001


@dataclass(slots=True)
class BindTransceiver(Bind):
    """SMPP 3.4 §4.1.5."""

    command_id: ClassVar[int] = 0x00000009


@dataclass(slots=True)
class BindTransceiverResp(BindResp):
    """SMPP 3.4 §4.1.6."""

    command_id: ClassVar[int] = 0x80000009


@dataclass(slots=True)
class Outbind(Pdu):
    """SMPP 3.4 §4.1.7.1. It has no response."""

    command_id: ClassVar[int] = 0x0000000B

    system_id: bytes = c_octet_string(16, ESME_RINVSYSID, accepts=BIND_FIELD_ACCEPTS)
    password: bytes = c_octet_string(9, ESME_RINVPASWD, accepts=BIND_FIELD_ACCEPTS, secret=True)


@dataclass(slots=True)
class Unbind(Pdu):
    """SMPP 3.4 §4.2.1."""

    command_id: ClassVar[int] = 0x00000006


@dataclass(slots=True)
class UnbindResp(Pdu):
    """SMPP 3.4 §4.2.2."""

    command_id: ClassVar[int] = 0x80000006


@dataclass(slots=True)
class GenericNack(Pdu):
    """SMPP 3.4 §4.3.1. sequence_number is 0 where the original PDU could not be decoded."""

    command_id: ClassVar[int] = 0x80000000


@dataclass(slots=True)
class EnquireLink(Pdu):
    """SMPP 3.4 §4.11.1."""

    command_id: ClassVar[int] = 0x00000015


@dataclass(slots=True)
class EnquireLinkResp(Pdu):
    """SMPP 3.4 §4.11.2."""

    command_id: ClassVar[int] = 0x80000015


@dataclass(slots=True)
class AlertNotification(Pdu):
    """SMPP 3.4 §4.12.1. It has no response."""

    command_id: ClassVar[int] = 0x00000102

    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(65, ESME_RINVSRCADR)
    esme_addr_ton: int = octet()
    esme_addr_npi: int = octet()
    esme_addr: bytes = c_octet_string(65, ESME_RINVDSTADR)
    tlvs: list[Tlv] = optional_parameters()


# --- submission and delivery -------------------------------------------------------------------------------------


@dataclass(slots=True)
class SubmitSm(Pdu):
    """SMPP 3.4 §4.4.1."""

    command_id: ClassVar[int] = 0x00000004

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = c_octet_string(21, ESME_RINVDSTADR)
    esm_class: int = octet()
    protocol_id: int = octet()
    priority_flag: int = octet()
    schedule_delivery_time: bytes = time_string(ESME_RINVSCHED)
    validity_period: bytes = time_string(ESME_RINVEXPIRY)
    registered_delivery: int = octet()
    replace_if_present_flag: int = octet()
    data_coding: int = octet()
    sm_default_msg_id: int = octet()
    short_message: bytes = sized_octets("sm_length", ESME_RINVMSGLEN)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class SubmitSmResp(Pdu):
    """SMPP 3.4 §4.4.2: the body is not returned with an error, so `message_id` None encodes as a bare header."""

    command_id: ClassVar[int] = 0x80000004

    message_id: bytes | None = response_string(65, ESME_RINVMSGID)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class SmeAddress:
    """One destination of submit_multi (SMPP 3.4 §4.5.1.1, dest_flag 1)."""

    dest_flag: ClassVar[int] = DEST_FLAG_SME_ADDRESS

    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = c_octet_string(21, ESME_RINVDSTADR)


@dataclass(slots=True)
class DistributionList:
    """One distribution list of submit_multi (SMPP 3.4 §4.5.1.2, dest_flag 2)."""

    dest_flag: ClassVar[int] = DEST_FLAG_DISTRIBUTION_LIST

    dl_name: bytes = c_octet_string(21, ESME_RINVDLNAME)


@dataclass(slots=True)
class UnsuccessSme:
    """One destination that was not submitted (SMPP 3.4 §4.5.2.1)."""

    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = c_octet_string(21, ESME_RINVDSTADR)
    error_status_code: int = integer(4)


@dataclass(slots=True)
class SubmitMulti(Pdu):
    """SMPP 3.4 §4.5.1: 1 to 254 destinations, 255 in 5.0."""

    command_id: ClassVar[int] = 0x00000021

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    dest_address: list[SmeAddress | DistributionList] = counted(
        "number_of_dests", ESME_RINVNUMDESTS, SmeAddress, DistributionList, at_least=1
    )
    esm_class: int = octet()
    protocol_id: int = octet()
    priority_flag: int = octet()
    schedule_delivery_time: bytes = time_string(ESME_RINVSCHED)
    validity_period: bytes = time_string(ESME_RINVEXPIRY)
    registered_delivery: int = octet()
    replace_if_present_flag: int = octet()
    data_coding: int = octet()
    sm_default_msg_id: int = octet()
    short_message: bytes = sized_octets("sm_length", ESME_RINVMSGLEN)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class SubmitMultiResp(Pdu):
    """SMPP 3.4 §4.5.2."""

    command_id: ClassVar[int] = 0x80000021

    message_id: bytes | None = response_string(65, ESME_RINVMSGID)
    unsuccess_sme: list[UnsuccessSme] = counted("no_unsuccess", 0, UnsuccessSme)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class DeliverSm(Pdu):
    """SMPP 3.4 §4.6.1: the table of submit_sm with some fields unused."""

    command_id: ClassVar[int] = 0x00000005

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = c_octet_string(21, ESME_RINVDSTADR)
    esm_class: int = octet()
    protocol_id: int = octet()
    priority_flag: int = octet()
    schedule_delivery_time: bytes = c_octet_string(1, ESME_RINVSCHED, accepts=17)
    validity_period: bytes = c_octet_string(1, ESME_RINVEXPIRY, accepts=17)
    registered_delivery: int = octet()
    replace_if_present_flag: int = octet()
    data_coding: int = octet()
    sm_default_msg_id: int = octet()
    short_message: bytes = sized_octets("sm_length", ESME_RINVMSGLEN)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class DeliverSmResp(Pdu):
    """SMPP 3.4 §4.6.2: message_id is unused and set to NULL."""

    command_id: ClassVar[int] = 0x80000005

    message_id: bytes | None = response_string(1, ESME_RINVMSGID, default=b"")
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class DataSm(Pdu):
    """SMPP 3.4 §4.7.1."""

    command_id: ClassVar[int] = 0x00000103

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(65, ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = c_octet_string(65, ESME_RINVDSTADR)
    esm_class: int = octet()
    registered_delivery: int = octet()
    data_coding: int = octet()
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class DataSmResp(Pdu):
    """SMPP 3.4 §4.7.2."""

    command_id: ClassVar[int] = 0x80000103

    message_id: bytes | None = response_string(65, ESME_RINVMSGID)
    tlvs: list[Tlv] = optional_parameters()


# --- what happens to a message afterwards ------------------------------------------------------------------------


@dataclass(slots=True)
class QuerySm(Pdu):
    """SMPP 3.4 §4.8.1."""

    command_id: ClassVar[int] = 0x00000003

    message_id: bytes = c_octet_string(65, ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)


@dataclass(slots=True)
class QuerySmResp(Pdu):
    """SMPP 3.4 §4.8.2."""

    command_id: ClassVar[int] = 0x80000003

    message_id: bytes | None = response_string(65, ESME_RINVMSGID)
    final_date: bytes = c_octet_string(17, 0)
    message_state: int = octet()
    error_code: int = octet()


@dataclass(slots=True)
class CancelSm(Pdu):
    """SMPP 3.4 §4.9.1."""

    command_id: ClassVar[int] = 0x00000008

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    message_id: bytes = c_octet_string(65, ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = c_octet_string(21, ESME_RINVDSTADR)


@dataclass(slots=True)
class CancelSmResp(Pdu):
    """SMPP 3.4 §4.9.2."""

    command_id: ClassVar[int] = 0x80000008


@dataclass(slots=True)
class ReplaceSm(Pdu):
    """SMPP 3.4 §4.10.1; the TLVs are 5.0's (§4.5.3.3)."""

    command_id: ClassVar[int] = 0x00000007

    message_id: bytes = c_octet_string(65, ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    schedule_delivery_time: bytes = time_string(ESME_RINVSCHED)
    validity_period: bytes = time_string(ESME_RINVEXPIRY)
    registered_delivery: int = octet()
    sm_default_msg_id: int = octet()
    short_message: bytes = sized_octets("sm_length", ESME_RINVMSGLEN)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class ReplaceSmResp(Pdu):
    """SMPP 3.4 §4.10.2."""

    command_id: ClassVar[int] = 0x80000007


# --- broadcast (5.0) ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class BroadcastSm(Pdu):
    """SMPP 5.0 §4.4.1.1; areas, content type, repetitions and interval are mandatory TLVs."""

    command_id: ClassVar[int] = 0x00000111

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    message_id: bytes = c_octet_string(65, ESME_RINVMSGID)
    priority_flag: int = octet()
    schedule_delivery_time: bytes = time_string(ESME_RINVSCHED)
    validity_period: bytes = time_string(ESME_RINVEXPIRY)
    replace_if_present_flag: int = octet()
    data_coding: int = octet()
    sm_default_msg_id: int = octet()
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class BroadcastSmResp(Pdu):
    """SMPP 5.0 §4.4.1.2."""

    command_id: ClassVar[int] = 0x80000111

    message_id: bytes | None = response_string(65, ESME_RINVMSGID)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class QueryBroadcastSm(Pdu):
    """SMPP 5.0 §4.6.1.1."""

    command_id: ClassVar[int] = 0x00000112

    message_id: bytes = c_octet_string(65, ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class QueryBroadcastSmResp(Pdu):
    """SMPP 5.0 §4.6.1.3; message_state and the areas are mandatory TLVs."""

    command_id: ClassVar[int] = 0x80000112

    message_id: bytes | None = response_string(65, ESME_RINVMSGID)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class CancelBroadcastSm(Pdu):
    """SMPP 5.0 §4.6.2.1."""

    command_id: ClassVar[int] = 0x00000113

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    message_id: bytes = c_octet_string(65, ESME_RINVMSGID)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)
    tlvs: list[Tlv] = optional_parameters()


@dataclass(slots=True)
class CancelBroadcastSmResp(Pdu):
    """SMPP 5.0 §4.6.2.3."""

    command_id: ClassVar[int] = 0x80000113


PDUS: Final[tuple[type[Pdu], ...]] = (
    BindReceiver, BindReceiverResp, BindTransmitter, BindTransmitterResp, BindTransceiver, BindTransceiverResp,
    Outbind, Unbind, UnbindResp, GenericNack, EnquireLink, EnquireLinkResp, AlertNotification,
    SubmitSm, SubmitSmResp, SubmitMulti, SubmitMultiResp, DeliverSm, DeliverSmResp, DataSm, DataSmResp,
    QuerySm, QuerySmResp, CancelSm, CancelSmResp, ReplaceSm, ReplaceSmResp,
    BroadcastSm, BroadcastSmResp, QueryBroadcastSm, QueryBroadcastSmResp, CancelBroadcastSm, CancelBroadcastSmResp,
)  # fmt: skip
"""Every class that can stand on the wire."""
