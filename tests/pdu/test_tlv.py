"""Optional parameters: the table against implementations that are not ours, and the typed access."""

from __future__ import annotations

from typing import Any

import aiosmpplib.state
import pytest
import smpplib.command
import smpplib.consts

from smscd import pdu
from smscd.pdu import tlv


def test_smpplib_has_the_same_tags_by_the_same_names() -> None:
    assert len(smpplib.consts.OPTIONAL_PARAMS) > 40
    for name, tag in smpplib.consts.OPTIONAL_PARAMS.items():
        assert pdu.tag_from_name(name) == tag, name


def test_aiosmpplib_has_the_same_tags_by_the_same_names() -> None:
    theirs = {
        name.lower(): value
        for name, value in vars(aiosmpplib.state).items()
        if name.isupper() and isinstance(value, int) and name.lower() in pdu.Tag.__members__
    }
    assert len(theirs) > 40
    for name, tag in theirs.items():
        assert pdu.Tag[name] == tag


def test_the_table_has_a_row_for_every_tag() -> None:
    assert set(tlv.DEFINITIONS) == {int(tag) for tag in pdu.Tag}
    assert all(row.shortest <= row.longest for row in tlv.DEFINITIONS.values())


def test_what_is_new_in_5_0_is_marked() -> None:
    new = {row.tag for row in tlv.DEFINITIONS.values() if row.since == 0x50}
    assert new == {pdu.Tag.congestion_state} | {tag for tag in pdu.Tag if 0x0600 <= tag <= 0x0613}


@pytest.mark.parametrize(
    ("tag", "lengths"),
    [
        (pdu.Tag.message_state, {1}),
        (pdu.Tag.network_error_code, {3}),
        (pdu.Tag.qos_time_to_live, {4}),
        (pdu.Tag.dest_telematics_id, {2}),
        (pdu.Tag.source_telematics_id, {1}),
        (pdu.Tag.alert_on_message_delivery, {0, 1}),
        (pdu.Tag.source_subaddress, set(range(2, 24))),
        (pdu.Tag.callback_num, set(range(4, 20))),
        (pdu.Tag.receipted_message_id, set(range(1, 66))),
    ],
)
def test_a_value_fits_in_the_lengths_the_specification_gives(tag: pdu.Tag, lengths: set[int]) -> None:
    assert {n for n in range(80) if tlv.fits(tag, bytes(n))} == lengths


def test_an_unknown_tag_always_fits() -> None:
    assert tlv.fits(0x1400, b"x" * 999)


def test_a_pdu_carries_what_its_list_says_and_what_nobody_defined() -> None:
    assert pdu.may_carry(pdu.SubmitSm.command_id, pdu.Tag.message_payload)
    assert not pdu.may_carry(pdu.SubmitSm.command_id, pdu.Tag.receipted_message_id)
    assert pdu.may_carry(pdu.DeliverSm.command_id, pdu.Tag.receipted_message_id)
    assert pdu.may_carry(pdu.BindTransceiverResp.command_id, pdu.Tag.sc_interface_version)
    assert not pdu.may_carry(pdu.SubmitMulti.command_id, pdu.Tag.dest_subaddress)
    assert not pdu.may_carry(pdu.EnquireLink.command_id, pdu.Tag.message_payload)
    assert pdu.may_carry(pdu.EnquireLink.command_id, 0x1401)


def test_congestion_state_is_allowed_in_responses_only() -> None:
    for cls in pdu.PDUS:
        allowed = pdu.may_carry(cls.command_id, pdu.Tag.congestion_state)
        assert allowed == bool(cls.command_id & pdu.RESPONSE)


def test_every_tag_is_carried_by_something_that_has_room_for_it() -> None:
    by_command = {cls.command_id: cls for cls in pdu.PDUS}
    for command_id in pdu.CommandId:
        carries = any(pdu.may_carry(command_id, tag) for tag in pdu.Tag)
        has_room = "tlvs" in by_command[int(command_id)].__dataclass_fields__
        assert has_room or not carries or command_id == pdu.CommandId.generic_nack, command_id
    for tag in pdu.Tag:
        assert any(pdu.may_carry(command_id, tag) for command_id in pdu.CommandId), tag


@pytest.mark.parametrize(
    ("command", "theirs"),
    [
        (pdu.CommandId.submit_sm, smpplib.command.SubmitSM),
        (pdu.CommandId.data_sm_resp, smpplib.command.DataSMResp),
        (pdu.CommandId.alert_notification, smpplib.command.AlertNotification),
    ],
)
def test_smpplib_lets_the_same_pdus_carry_them(command: pdu.CommandId, theirs: Any) -> None:
    optional = [name for name in theirs.params_order if name in smpplib.consts.OPTIONAL_PARAMS]
    assert optional
    for name in optional:
        if name != "message_state":  # smpplib offers it in submit_sm, where neither version has it
            assert pdu.may_carry(command, pdu.tag_from_name(name)), name


TLVS = [(0x0427, b"\2"), (0x1400, b"pe"), (0x0427, b"\5"), (0x001E, b"17\0"), (0x0204, b"\1\0"), (0x0420, b"")]


def test_the_first_of_several_is_given() -> None:
    assert tlv.get(TLVS, pdu.Tag.message_state) == b"\2"
    assert tlv.get(TLVS, pdu.Tag.callback_num) is None


def test_integers_are_read_at_any_sane_length() -> None:
    assert tlv.get_int(TLVS, pdu.Tag.user_message_reference) == 256
    assert tlv.get_int(TLVS, pdu.Tag.dpf_result) is None
    assert tlv.get_int(TLVS, pdu.Tag.set_dpf) is None
    assert tlv.get_int([(0x0427, b"\0\0\0\2")], pdu.Tag.message_state) == 2
    assert tlv.get_int([(0x0427, b"\1" * 9)], pdu.Tag.message_state) is None


@pytest.mark.parametrize(("value", "text"), [(b"17\0", b"17"), (b"17", b"17"), (b"17\0\0\0", b"17"), (b"", b"")])
def test_a_c_octet_string_ends_at_its_nul_or_with_its_value(value: bytes, text: bytes) -> None:
    assert tlv.get_cstring([(0x001E, value)], pdu.Tag.receipted_message_id) == text


def test_builders_write_what_the_table_says() -> None:
    assert tlv.octet(pdu.Tag.message_state, 2) == (0x0427, b"\2")
    assert tlv.integer(pdu.Tag.user_message_reference, 258) == (0x0204, b"\1\2")
    assert tlv.integer(pdu.Tag.qos_time_to_live, 1) == (0x0017, b"\0\0\0\1")
    assert tlv.cstring(pdu.Tag.receipted_message_id, b"17") == (0x001E, b"17\0")
    assert tlv.octets(pdu.Tag.message_payload, b"hi") == (0x0424, b"hi")
    assert all(type(tag) is int for tag, _ in (tlv.octet(pdu.Tag.set_dpf, 1), tlv.cstring(pdu.Tag.callback_num, b"")))


def test_builders_refuse_what_does_not_fit() -> None:
    with pytest.raises(OverflowError):
        tlv.octet(pdu.Tag.message_state, 256)
    with pytest.raises(OverflowError):
        tlv.integer(pdu.Tag.user_message_reference, 65536)
    with pytest.raises(ValueError, match="receipted_message_id"):
        tlv.cstring(pdu.Tag.receipted_message_id, b"1\x007")


@pytest.mark.parametrize(
    ("tag", "value", "text"),
    [
        (0x0427, b"\2", "message_state=2"),
        (0x001E, b"17\0", "receipted_message_id='17'"),
        (0x001E, b"1\x1b[2J\0", r"receipted_message_id='1\x1b[2J'"),
        (0x001E, b"\xff\0", r"receipted_message_id='\\xff'"),
        (0x1400, b"pe", "0x1400=7065"),
        (0x0427, b"\0\2", "message_state=0002"),
        (0x0424, b"", "message_payload="),
    ],
)
def test_a_tlv_is_described_for_a_person_without_control_characters(tag: int, value: bytes, text: str) -> None:
    assert tlv.describe(tag, value) == text


def test_names_and_tags_go_both_ways() -> None:
    for tag in pdu.Tag:
        assert pdu.tag_from_name(pdu.tlv_name(tag)) == tag
    assert pdu.tag_from_name("dest_port") == pdu.Tag.destination_port
    assert pdu.tag_from_name("0x1401") == 0x1401
    for wrong in ("", "pe_id", "65536", "-1"):
        with pytest.raises(ValueError, match=r"optional parameter|tag"):
            pdu.tag_from_name(wrong)
