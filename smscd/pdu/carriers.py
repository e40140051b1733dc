"""Which PDU may carry which optional parameter: the lists of both versions, joined.

The codec takes any TLV anywhere and passes it on; this is for those who are to be as strict as the paper
(ESME_ROPTPARNOTALLWD), and for the documentation.
"""

from __future__ import annotations

from typing import Final

from smscd.pdu.constants import RESPONSE, CommandId
from smscd.pdu.tlv import DEFINITIONS, Tag

# 5.0 table 4-20. The lists of 3.4 (tables 4-10, 4-12 and 4-20) are parts of it.
_SUBMISSION: Final = frozenset(
    {
        Tag.alert_on_message_delivery, Tag.billing_identification, Tag.callback_num, Tag.callback_num_atag,
        Tag.callback_num_pres_ind, Tag.dest_addr_np_country, Tag.dest_addr_np_information,
        Tag.dest_addr_np_resolution, Tag.dest_addr_subunit, Tag.dest_bearer_type, Tag.dest_network_id,
        Tag.dest_network_type, Tag.dest_node_id, Tag.dest_subaddress, Tag.dest_telematics_id, Tag.destination_port,
        Tag.display_time, Tag.its_reply_type, Tag.its_session_info, Tag.language_indicator, Tag.message_payload,
        Tag.more_messages_to_send, Tag.ms_msg_wait_facilities, Tag.ms_validity, Tag.number_of_messages,
        Tag.payload_type, Tag.privacy_indicator, Tag.qos_time_to_live, Tag.sar_msg_ref_num, Tag.sar_segment_seqnum,
        Tag.sar_total_segments, Tag.set_dpf, Tag.sms_signal, Tag.source_addr_subunit, Tag.source_bearer_type,
        Tag.source_network_id, Tag.source_network_type, Tag.source_node_id, Tag.source_port, Tag.source_subaddress,
        Tag.source_telematics_id, Tag.user_message_reference, Tag.user_response_code, Tag.ussd_service_op,
    }
)  # fmt: skip

# 5.0 table 4-24. The list of 3.4 (table 4-18) is a part of it.
_DELIVERY: Final = frozenset(
    {
        Tag.callback_num, Tag.callback_num_atag, Tag.callback_num_pres_ind, Tag.dest_addr_np_country,
        Tag.dest_addr_np_information, Tag.dest_addr_np_resolution, Tag.dest_addr_subunit, Tag.dest_network_id,
        Tag.dest_node_id, Tag.dest_subaddress, Tag.destination_port, Tag.dpf_result, Tag.its_reply_type,
        Tag.its_session_info, Tag.language_indicator, Tag.message_payload, Tag.message_state, Tag.network_error_code,
        Tag.payload_type, Tag.privacy_indicator, Tag.receipted_message_id, Tag.sar_msg_ref_num,
        Tag.sar_segment_seqnum, Tag.sar_total_segments, Tag.source_addr_subunit, Tag.source_network_id,
        Tag.source_node_id, Tag.source_port, Tag.source_subaddress, Tag.user_message_reference,
        Tag.user_response_code, Tag.ussd_service_op,
    }
)  # fmt: skip

# 5.0 tables 4-21 and 4-25; 3.4 table 4-21.
_SUBMISSION_RESULT: Final = frozenset(
    {Tag.additional_status_info_text, Tag.delivery_failure_reason, Tag.dpf_result, Tag.network_error_code}
)
_DELIVERY_RESULT: Final = _SUBMISSION_RESULT - {Tag.dpf_result}

# 5.0 tables 4-26 and 4-28.
_BROADCAST: Final = frozenset(
    {
        Tag.broadcast_area_identifier, Tag.broadcast_content_type, Tag.broadcast_rep_num,
        Tag.broadcast_frequency_interval, Tag.alert_on_message_delivery, Tag.broadcast_channel_indicator,
        Tag.broadcast_content_type_info, Tag.broadcast_message_class, Tag.broadcast_service_group, Tag.callback_num,
        Tag.callback_num_atag, Tag.callback_num_pres_ind, Tag.dest_addr_subunit, Tag.dest_subaddress,
        Tag.destination_port, Tag.display_time, Tag.language_indicator, Tag.message_payload, Tag.ms_validity,
        Tag.payload_type, Tag.privacy_indicator, Tag.sms_signal, Tag.source_addr_subunit, Tag.source_port,
        Tag.source_subaddress, Tag.user_message_reference,
    }
)  # fmt: skip

# 5.0 table 4-39 and §4.6.1.4.
_BROADCAST_STATE: Final = frozenset(
    {
        Tag.message_state, Tag.broadcast_area_identifier, Tag.broadcast_area_success, Tag.broadcast_end_time,
        Tag.user_message_reference,
    }
)  # fmt: skip

_BIND_RESULT: Final = frozenset({Tag.sc_interface_version})

CARRIED: Final[dict[int, frozenset[Tag]]] = {
    CommandId.bind_transmitter_resp: _BIND_RESULT,
    CommandId.bind_receiver_resp: _BIND_RESULT,
    CommandId.bind_transceiver_resp: _BIND_RESULT,
    CommandId.alert_notification: frozenset({Tag.ms_availability_status}),
    CommandId.submit_sm: _SUBMISSION,
    CommandId.submit_sm_resp: _SUBMISSION_RESULT,
    CommandId.submit_multi: _SUBMISSION - {Tag.dest_subaddress},  # 5.0 §4.8.4.28: not in submit_multi
    CommandId.submit_multi_resp: _SUBMISSION_RESULT,
    CommandId.deliver_sm: _DELIVERY,
    CommandId.deliver_sm_resp: _DELIVERY_RESULT,
    CommandId.data_sm: _SUBMISSION | _DELIVERY,
    CommandId.data_sm_resp: _SUBMISSION_RESULT,
    CommandId.replace_sm: frozenset({Tag.message_payload}),
    CommandId.broadcast_sm: _BROADCAST,
    CommandId.broadcast_sm_resp: frozenset({Tag.broadcast_error_status, Tag.broadcast_area_identifier}),
    CommandId.query_broadcast_sm: frozenset({Tag.user_message_reference}),
    CommandId.query_broadcast_sm_resp: _BROADCAST_STATE,
    CommandId.cancel_broadcast_sm: frozenset({Tag.broadcast_content_type, Tag.user_message_reference}),
}
"""By command_id; a command that is not here carries none, but for congestion_state in every response (5.0 §2.9)."""


def may_carry(command_id: int, tag: int) -> bool:
    """Whether the specifications let a PDU carry a TLV; of a tag they do not define nobody can say no."""
    if tag not in DEFINITIONS:
        return True
    if tag == Tag.congestion_state:
        return bool(command_id & RESPONSE)
    return tag in CARRIED.get(command_id, frozenset())
