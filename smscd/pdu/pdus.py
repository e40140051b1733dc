"""Every PDU of SMPP 3.4 (chapter 4) and 5.0 (chapter 4): each class body is the table of the specification.

Fields are spelled and ordered as printed. The clause beside each class is 3.4's where 3.4 has the PDU, else 5.0's.
Every response takes TLVs: 5.0 §2.9 allows congestion_state in any.
"""

from __future__ import annotations

from typing import Final

from smscd.pdu.pdus_broadcast import (
    BroadcastSm,
    BroadcastSmResp,
    CancelBroadcastSm,
    CancelBroadcastSmResp,
    QueryBroadcastSm,
    QueryBroadcastSmResp,
)
from smscd.pdu.pdus_message import (
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    DistributionList,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    SmeAddress,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    UnsuccessSme,
)
from smscd.pdu.pdus_session import (
    AlertNotification,
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    Unbind,
    UnbindResp,
)

__all__ = [
    "PDUS",
    "AlertNotification",
    "Bind",
    "BindReceiver",
    "BindReceiverResp",
    "BindResp",
    "BindTransceiver",
    "BindTransceiverResp",
    "BindTransmitter",
    "BindTransmitterResp",
    "BroadcastSm",
    "BroadcastSmResp",
    "CancelBroadcastSm",
    "CancelBroadcastSmResp",
    "CancelSm",
    "CancelSmResp",
    "DataSm",
    "DataSmResp",
    "DeliverSm",
    "DeliverSmResp",
    "DistributionList",
    "EnquireLink",
    "EnquireLinkResp",
    "GenericNack",
    "Outbind",
    "Pdu",
    "QueryBroadcastSm",
    "QueryBroadcastSmResp",
    "QuerySm",
    "QuerySmResp",
    "ReplaceSm",
    "ReplaceSmResp",
    "SmeAddress",
    "SubmitMulti",
    "SubmitMultiResp",
    "SubmitSm",
    "SubmitSmResp",
    "Unbind",
    "UnbindResp",
    "UnsuccessSme",
]

PDUS: Final[tuple[type[Pdu], ...]] = (
    BindReceiver, BindReceiverResp, BindTransmitter, BindTransmitterResp, BindTransceiver, BindTransceiverResp,
    Outbind, Unbind, UnbindResp, GenericNack, EnquireLink, EnquireLinkResp, AlertNotification,
    SubmitSm, SubmitSmResp, SubmitMulti, SubmitMultiResp, DeliverSm, DeliverSmResp, DataSm, DataSmResp,
    QuerySm, QuerySmResp, CancelSm, CancelSmResp, ReplaceSm, ReplaceSmResp,
    BroadcastSm, BroadcastSmResp, QueryBroadcastSm, QueryBroadcastSmResp, CancelBroadcastSm, CancelBroadcastSmResp,
)  # fmt: skip
"""Every class that can stand on the wire."""
