"""The PDUs of cell broadcast, which only SMPP 5.0 has (§4.4, §4.6)."""

# ruff: noqa: RUF009 - the field specifiers return dataclasses.field(...), which is what a default should be

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from smscd.pdu.fields import (
    Tlv,
    c_octet_string,
    octet,
    optional_parameters,
    response_string,
    time_string,
)
from smscd.pdu.pdus_session import Pdu
from smscd.pdu.status import (
    ESME_RINVEXPIRY,
    ESME_RINVMSGID,
    ESME_RINVSCHED,
    ESME_RINVSERTYP,
    ESME_RINVSRCADR,
)


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

    tlvs: list[Tlv] = optional_parameters()
