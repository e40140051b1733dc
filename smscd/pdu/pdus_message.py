"""The PDUs that carry, ask after, withdraw and change messages (SMPP 3.4 §4.4-4.10).

sm_length, number_of_dests and no_unsuccess are derived on encode and therefore not fields.
"""

# ruff: noqa: RUF009 - the field specifiers return dataclasses.field(...), which is what a default should be

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from smscd.pdu.constants import DEST_FLAG_DISTRIBUTION_LIST, DEST_FLAG_SME_ADDRESS
from smscd.pdu.fields import (
    Tlv,
    address,
    c_octet_string,
    counted,
    integer,
    octet,
    optional_parameters,
    response_string,
    sized_octets,
    time_string,
)
from smscd.pdu.pdus_session import Pdu
from smscd.pdu.status import (
    ESME_RINVDLNAME,
    ESME_RINVDSTADR,
    ESME_RINVEXPIRY,
    ESME_RINVMSGID,
    ESME_RINVMSGLEN,
    ESME_RINVNUMDESTS,
    ESME_RINVSCHED,
    ESME_RINVSERTYP,
    ESME_RINVSRCADR,
)

DELIVERED_SERVICE_TYPE: Final = 21
"""Octets that a message centre may put into the service_type of a deliver_sm: simulators write their whole name there,
and who refuses that loses the receipt."""


@dataclass(slots=True)
class SubmitSm(Pdu):
    """SMPP 3.4 §4.4.1."""

    command_id: ClassVar[int] = 0x00000004

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = address(ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = address(ESME_RINVDSTADR)
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
    frame: bytes = field(default=b"", init=False, repr=False, compare=False)
    """As it came, where it was read off the wire; what is changed since is not in it."""


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
    """SMPP 3.4 §4.6.1: the table of submit_sm. The times are unused: whatever fits in them is accepted."""

    command_id: ClassVar[int] = 0x00000005

    service_type: bytes = c_octet_string(6, ESME_RINVSERTYP, accepts=DELIVERED_SERVICE_TYPE)
    source_addr_ton: int = octet()
    source_addr_npi: int = octet()
    source_addr: bytes = address(ESME_RINVSRCADR)
    dest_addr_ton: int = octet()
    dest_addr_npi: int = octet()
    destination_addr: bytes = address(ESME_RINVDSTADR)
    esm_class: int = octet()
    protocol_id: int = octet()
    priority_flag: int = octet()
    schedule_delivery_time: bytes = c_octet_string(17, ESME_RINVSCHED)
    validity_period: bytes = c_octet_string(17, ESME_RINVEXPIRY)
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

    message_id: bytes | None = response_string(65, ESME_RINVMSGID, default=b"")
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
    tlvs: list[Tlv] = optional_parameters()


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

    tlvs: list[Tlv] = optional_parameters()


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

    tlvs: list[Tlv] = optional_parameters()
