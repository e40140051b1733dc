"""Command ids and the small code values of SMPP fields: names exactly as the specifications print them."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

HEADER_LENGTH: Final = 16
"""command_length, command_id, command_status, sequence_number: four octets each."""

RESPONSE: Final = 0x80000000
"""Bit 31 of a command_id: set in every response."""

MAX_SEQUENCE_NUMBER: Final = 0x7FFFFFFF
"""SMPP 3.4 §5.1.4: 1 to 0x7FFFFFFF, then 1 again."""

MAX_ADDRESS: Final = 20
"""Octets of an address in submit_sm and deliver_sm, without the NUL (SMPP 3.4 §4.4.1, §4.6.1).

data_sm has room for 64, but its receipt is a deliver_sm: what could not be reported on, nor read back from the store,
does not come in."""

MAX_SHORT_MESSAGE_3_4: Final = 254
"""SMPP 3.4 §5.2.21: an sm_length of 255 is not allowed. A rule for admission; the codec takes 255."""

MAX_SHORT_MESSAGE: Final = 255
"""SMPP 5.0 §4.7.28, and all that the one octet of sm_length can say."""


class CommandId(IntEnum):
    """SMPP 3.4 table 5-1 and 5.0 table 4-44."""

    bind_receiver = 0x00000001
    bind_transmitter = 0x00000002
    query_sm = 0x00000003
    submit_sm = 0x00000004
    deliver_sm = 0x00000005
    unbind = 0x00000006
    replace_sm = 0x00000007
    cancel_sm = 0x00000008
    bind_transceiver = 0x00000009
    outbind = 0x0000000B
    enquire_link = 0x00000015
    submit_multi = 0x00000021
    alert_notification = 0x00000102
    data_sm = 0x00000103
    broadcast_sm = 0x00000111
    query_broadcast_sm = 0x00000112
    cancel_broadcast_sm = 0x00000113

    generic_nack = 0x80000000
    bind_receiver_resp = 0x80000001
    bind_transmitter_resp = 0x80000002
    query_sm_resp = 0x80000003
    submit_sm_resp = 0x80000004
    deliver_sm_resp = 0x80000005
    unbind_resp = 0x80000006
    replace_sm_resp = 0x80000007
    cancel_sm_resp = 0x80000008
    bind_transceiver_resp = 0x80000009
    enquire_link_resp = 0x80000015
    submit_multi_resp = 0x80000021
    data_sm_resp = 0x80000103
    broadcast_sm_resp = 0x80000111
    query_broadcast_sm_resp = 0x80000112
    cancel_broadcast_sm_resp = 0x80000113


_COMMAND_NAMES: Final[dict[int, str]] = {int(member): member.name for member in CommandId}


def command_name(command_id: int) -> str:
    """`submit_sm` for a command of the specifications, `0x00010203` for any other."""
    return _COMMAND_NAMES.get(command_id) or f"0x{command_id:08X}"


class MessageState(IntEnum):
    """SMPP 3.4 table 5-6 and 5.0 table 4-50; SCHEDULED and SKIPPED are only 5.0's: never to a 3.4 peer."""

    SCHEDULED = 0
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9


# interface_version (SMPP 3.4 §5.2.4, 5.0 §4.7.13)
INTERFACE_VERSION_3_3: Final = 0x33
INTERFACE_VERSION_3_4: Final = 0x34
INTERFACE_VERSION_5_0: Final = 0x50

# esm_class (SMPP 3.4 §5.2.12, 5.0 §4.7.12): bits 1-0 messaging mode, 5-2 message type, 7-6 GSM features
ESM_MODE_MASK: Final = 0x03
ESM_MODE_DEFAULT: Final = 0x00
ESM_MODE_DATAGRAM: Final = 0x01
ESM_MODE_TRANSACTION: Final = 0x02
ESM_MODE_STORE_AND_FORWARD: Final = 0x03
ESM_TYPE_MASK: Final = 0x3C
ESM_TYPE_DEFAULT: Final = 0x00
ESM_TYPE_RECEIPT: Final = 0x04
ESM_TYPE_DELIVERY_ACKNOWLEDGEMENT: Final = 0x08
ESM_TYPE_USER_ACKNOWLEDGEMENT: Final = 0x10
ESM_TYPE_CONVERSATION_ABORT: Final = 0x18
ESM_TYPE_INTERMEDIATE_NOTIFICATION: Final = 0x20
ESM_UDHI: Final = 0x40
ESM_REPLY_PATH: Final = 0x80

# registered_delivery (SMPP 3.4 §5.2.17, 5.0 §4.7.21): bits 1-0 receipt, 3-2 SME acknowledgements, 4 intermediate
REGISTERED_RECEIPT_MASK: Final = 0x03
REGISTERED_RECEIPT_NONE: Final = 0x00
REGISTERED_RECEIPT_FINAL: Final = 0x01
REGISTERED_RECEIPT_FAILURE: Final = 0x02
REGISTERED_RECEIPT_SUCCESS: Final = 0x03
"""Only 5.0 defines it; reserved in 3.4."""
REGISTERED_DELIVERY_ACKNOWLEDGEMENT: Final = 0x04
REGISTERED_USER_ACKNOWLEDGEMENT: Final = 0x08
REGISTERED_INTERMEDIATE_NOTIFICATION: Final = 0x10
"""3.4 prints "bit 5" beside the mask xxx1xxxx; the mask, and 5.0, say bit 4."""

# dest_flag (SMPP 3.4 §5.2.25)
DEST_FLAG_SME_ADDRESS: Final = 1
DEST_FLAG_DISTRIBUTION_LIST: Final = 2
