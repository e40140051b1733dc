"""The PDUs that open, keep, watch and close a session (SMPP 3.4 §4.1-4.3, §4.11, §4.12).

Where real peers exceed a bound and nothing is lost by understanding them, `accepts` says how far the decoder goes.
"""

# ruff: noqa: RUF009 - the field specifiers return dataclasses.field(...), which is what a default should be

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from smscd.pdu.constants import INTERFACE_VERSION_3_4
from smscd.pdu.fields import (
    Tlv,
    c_octet_string,
    octet,
    optional_parameters,
    response_string,
)
from smscd.pdu.status import (
    ESME_RBINDFAIL,
    ESME_RINVDSTADR,
    ESME_RINVPASWD,
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

    tlvs: list[Tlv] = optional_parameters()


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

    tlvs: list[Tlv] = optional_parameters()


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
