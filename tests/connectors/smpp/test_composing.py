"""What an upstream is sent, how fast, and what its answers mean. Pure."""

from __future__ import annotations

from typing import Any

import pytest

from smscd import pdu
from smscd.connectors import SmppSettings
from smscd.connectors.smpp.content import Composer
from smscd.connectors.smpp.pace import FIRST_PAUSE, LONGEST_PAUSE, Pace
from smscd.connectors.smpp.reading import read_mo, read_report
from smscd.connectors.smpp.statuses import Answer, table
from smscd.dress import Dress, dress_of
from smscd.message import OPT_OUT
from smscd.text import Alphabet, encode
from tests.cast import DAY, NOON, message, submit_sm


def composed(
    content: pdu.SubmitSm | pdu.DataSm,
    *,
    theirs: Alphabet = "gsm7",
    segments: int = 1,
    dress: Dress | None = None,
    **settings: Any,
) -> list[pdu.SubmitSm]:
    composer = Composer(
        SmppSettings("up", "a.example:1", "gw", **settings), lambda _system_id: theirs, lambda _m: dress
    )
    of = message(content=content, segments=segments)
    made = composer.compose(of)
    assert composer.count(of) == len(made)
    return made


def test_a_plain_message_leaves_as_it_came_with_its_vendor_tlvs() -> None:
    tlvs = [(0x1400, b"entity\0"), (0x1401, b"template\0"), (0x1400, b"again")]
    (submit,) = composed(submit_sm(b"hi", data_coding=4, service_type=b"CMT", tlvs=tlvs, priority_flag=2))
    assert (submit.short_message, submit.data_coding, submit.service_type) == (b"hi", 4, b"CMT")
    assert submit.tlvs == tlvs
    assert submit.priority_flag == 2


def test_whoever_wants_only_failures_has_every_final_state_asked_for() -> None:
    for asked, leaves in ((0, 0), (1, 1), (2, 1), (3, 1), (0x12, 0x11), (0x0C, 0x0C)):
        (submit,) = composed(submit_sm(registered_delivery=asked))
        assert submit.registered_delivery == leaves


def test_a_rewritten_sender_gets_the_type_of_number_that_it_is() -> None:
    for sender, expected in (
        ("ACME", (5, 0, b"ACME")), ("+447700900000", (1, 1, b"447700900000")),
        ("447700900000", (1, 1, b"447700900000")), ("12345", (3, 0, b"12345")),
    ):  # fmt: skip
        (submit,) = composed(submit_sm(), source_addr=sender)
        assert (submit.source_addr_ton, submit.source_addr_npi, submit.source_addr) == expected


def test_what_the_esme_gave_goes_before_what_the_route_adds_and_that_before_the_connector() -> None:
    dress = dress_of(None, {"0x1400": "route", "0x1401": "route", "0x1402": "route"})
    (submit,) = composed(
        submit_sm(tlvs=[(0x1401, b"esme")]), dress=dress,
        tlvs={"0x1402": "connector", "0x1403": "0x00ff", "user_message_reference": "7",
              "source_node_id": "0x010203040506"},
    )  # fmt: skip
    assert submit.tlvs == [
        (0x1401, b"esme"), (0x1400, b"route"), (0x1402, b"route"), (0x1403, b"\x00\xff"), (0x0204, b"\0\7"),
        (0x060F, b"\1\2\3\4\5\6"),
    ]  # fmt: skip


def test_the_sender_of_the_route_goes_before_that_of_the_connector_but_not_on_an_answer_to_stop() -> None:
    dress = dress_of("ACME", {})
    (submit,) = composed(submit_sm(), dress=dress, source_addr="12345")
    assert (submit.source_addr_ton, submit.source_addr_npi, submit.source_addr) == (5, 0, b"ACME")
    composer = Composer(SmppSettings("up", "a.example:1", "gw"), lambda _system_id: "gsm7", lambda _message: dress)
    (answer,) = composer.compose(message(origin=OPT_OUT))
    assert answer.source_addr == b"12345"


def test_a_connector_passes_on_the_tlvs_that_it_is_told_to_and_what_belongs_to_the_text() -> None:
    tlvs = [(0x1400, b"a"), (0x1401, b"b"), (0x0204, b"\0\1"), (0x020C, b"\0\1"), (0x020E, b"\2"), (0x020F, b"\1")]
    (submit,) = composed(submit_sm(tlvs=tlvs), pass_tlvs=["0x1401"], tlvs={"0x1400": "ours"})
    assert submit.tlvs == [(0x1401, b"b"), *tlvs[3:], (0x1400, b"ours")]
    (submit,) = composed(submit_sm(tlvs=tlvs), pass_tlvs=[])
    assert submit.tlvs == tlvs[3:]


def test_every_part_of_a_long_text_wears_the_same() -> None:
    dress = dress_of("ACME", {"0x1400": "entity"})
    parts = composed(submit_sm(b"x" * 200), dress=dress, segments=2, long_messages="udh")
    more = (int(pdu.Tag.more_messages_to_send), b"\1")
    assert [part.tlvs for part in parts] == [[(0x1400, b"entity"), more], [(0x1400, b"entity")]]
    assert [part.source_addr for part in parts] == [b"ACME"] * 2


def test_letters_in_a_sender_make_it_alphanumeric_where_its_own_type_cannot_be() -> None:
    (submit,) = composed(submit_sm(source_addr=b"ACME", source_addr_ton=1, source_addr_npi=1))
    assert (submit.source_addr_ton, submit.source_addr_npi) == (5, 0)
    (submit,) = composed(submit_sm(source_addr=b"ACME", source_addr_ton=3, source_addr_npi=1))
    assert submit.source_addr_ton == 3


def test_data_coding_0_is_rewritten_only_where_it_means_something_else_upstream() -> None:
    at = encode("a@b", "gsm7")
    assert composed(submit_sm(at))[0].short_message == at
    (submit,) = composed(submit_sm(at), default_alphabet="latin1")
    assert (submit.short_message, submit.data_coding) == (b"a@b", 0)
    (submit,) = composed(submit_sm("ł".encode("utf-16-be"), data_coding=8), default_alphabet="latin1")
    assert submit.short_message == "ł".encode("utf-16-be")
    (submit,) = composed(submit_sm("©".encode("latin-1")), theirs="latin1")
    assert (submit.short_message, submit.data_coding) == ("©".encode("utf-16-be"), 8)


def test_a_long_text_is_cut_as_the_connector_says() -> None:
    text = b"x" * 400
    long = submit_sm(b"", tlvs=[(int(pdu.Tag.message_payload), text)])
    (whole,) = composed(long, segments=3)
    assert (whole.short_message, whole.tlvs) == (b"", [(int(pdu.Tag.message_payload), text)])
    udh = composed(long, segments=3, long_messages="udh")
    assert [submit.short_message[3:6] for submit in udh] == [udh[0].short_message[3:5] + bytes((n,)) for n in (1, 2, 3)]
    assert all(submit.esm_class & pdu.ESM_UDHI for submit in udh)
    sar = composed(long, segments=3, long_messages="sar")
    assert b"".join(submit.short_message for submit in sar) == text
    assert [dict(submit.tlvs)[int(pdu.Tag.sar_segment_seqnum)] for submit in sar] == [b"\1", b"\2", b"\3"]


@pytest.mark.parametrize("how", ["as-is", "udh", "payload"])
def test_what_its_sender_has_cut_is_not_cut_again(how: str) -> None:
    part = b"\x05\x00\x03\x07\x02\x01" + b"x" * 153
    (submit,) = composed(submit_sm(part, esm_class=0x40), long_messages=how)
    assert (submit.short_message, submit.esm_class, submit.tlvs) == (part, 0x40, [])


def sar(reference: int, total: int, number: int) -> list[pdu.Tlv]:
    return [
        (int(pdu.Tag.sar_msg_ref_num), reference.to_bytes(2, "big")), (int(pdu.Tag.sar_total_segments), bytes([total])),
        (int(pdu.Tag.sar_segment_seqnum), bytes([number])),
    ]  # fmt: skip


def test_a_header_becomes_sar_tlvs_and_keeps_what_else_it_says() -> None:
    vendor = [(0x1400, b"entity\0")]
    part = submit_sm(b"\x05\x00\x03\x07\x02\x01" + b"x" * 153, esm_class=0x43, tlvs=vendor)
    (submit,) = composed(part, long_messages="sar")
    assert (submit.short_message, submit.esm_class, submit.tlvs) == (b"x" * 153, 0x03, vendor + sar(7, 2, 1))
    ported = submit_sm(b"\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03\x07\x02\x02hi", esm_class=0x40, data_coding=4)
    (submit,) = composed(ported, long_messages="sar")
    assert (submit.short_message, submit.esm_class) == (b"\x06\x05\x04\x0b\x84\x23\xf0hi", 0x40)
    assert submit.tlvs == sar(7, 2, 2)


def test_a_header_that_says_nothing_of_parts_stays_as_it_is() -> None:
    ported = b"\x06\x05\x04\x0b\x84\x23\xf0hi"
    for how in ("sar", "udh"):
        (submit,) = composed(submit_sm(ported, esm_class=0x40, data_coding=4), long_messages=how)
        assert (submit.short_message, submit.esm_class, submit.tlvs) == (ported, 0x40, [])


@pytest.mark.parametrize(
    ("reference", "data_coding", "octets", "header"),
    [
        (7, 0, b"x" * 153, b"\x05\x00\x03\x07\x02\x01"), (0x1234, 0, b"x" * 152, b"\x06\x08\x04\x12\x34\x02\x01"),
        (7, 8, b"\x04\x10" * 67, b"\x05\x00\x03\x07\x02\x01"), (7, 4, b"\xff" * 134, b"\x05\x00\x03\x07\x02\x01"),
    ],
)  # fmt: skip
def test_sar_tlvs_become_a_header_as_wide_as_the_reference(
    reference: int, data_coding: int, octets: bytes, header: bytes
) -> None:
    part = submit_sm(octets, data_coding=data_coding, tlvs=sar(reference, 2, 1))
    (submit,) = composed(part, long_messages="udh")
    assert (submit.short_message, submit.esm_class, submit.tlvs) == (header + octets, 0x40, [])
    (back,) = composed(submit_sm(submit.short_message, data_coding=data_coding, esm_class=0x40), long_messages="sar")
    assert (back.short_message, back.esm_class, back.tlvs) == (octets, 0, part.tlvs)


@pytest.mark.parametrize(
    ("octets", "data_coding", "tlvs"),
    [
        (b"x" * 154, 0, sar(7, 2, 1)), (b"\x04\x10" * 68, 8, sar(7, 2, 1)),  # no room beside a header
        (b"hi", 0, sar(7, 2, 3)), (b"hi", 0, sar(7, 0, 0)),  # no part of anything
    ],
)  # fmt: skip
def test_sar_tlvs_stay_where_a_header_has_no_room_or_makes_no_sense(
    octets: bytes, data_coding: int, tlvs: list[pdu.Tlv]
) -> None:
    (submit,) = composed(submit_sm(octets, data_coding=data_coding, tlvs=list(tlvs)), long_messages="udh")
    assert (submit.short_message, submit.esm_class, submit.tlvs) == (octets, 0, tlvs)


def test_a_rate_holds_within_every_second() -> None:
    pace = Pace(20, 0.0)
    left = 0
    for step in range(1000):
        room = pace.room(step / 1000)
        assert room is not None
        pace.take(room)
        left += room
    assert 20 <= left <= 22


def test_each_refusal_in_a_row_doubles_the_pause_and_those_beside_it_do_not() -> None:
    pace = Pace(0, 0.0)
    now, pauses = 0.0, []
    for _ in range(12):
        pace.refused(now)
        pace.refused(now)
        pauses.append(round(pace.wait(now), 3))
        assert pace.room(now) == 0
        now += pauses[-1]
        assert pace.room(now) is None
    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pauses[-1] == LONGEST_PAUSE


def test_congestion_slows_from_90_and_not_before() -> None:
    pace = Pace(0, 0.0)
    pace.congestion(89, 1.0)
    assert pace.room(1.0) is None
    pace.congestion(90, 1.0)
    assert pace.room(1.0) == 0


def test_an_operator_knows_better_than_the_table() -> None:
    answers = table(temporary=["ESME_RINVDSTADR", "0x00000400"], permanent=["ESME_RSYSERR"])
    assert answers[pdu.ESME_RINVDSTADR] is answers[0x400] is Answer.LATER
    assert answers[pdu.ESME_RSYSERR] is Answer.NEVER
    assert answers[pdu.ESME_RTHROTTLED] is Answer.PAUSE


def test_tlvs_win_for_state_and_id_and_the_text_for_the_error() -> None:
    delivered = pdu.DeliverSm(
        esm_class=4, short_message=b"id:9 stat:DELIVRD err:042 text:",
        tlvs=[(int(pdu.Tag.receipted_message_id), b"8\0"), (int(pdu.Tag.message_state), b"\5")],
    )  # fmt: skip
    report = read_report(delivered, "a", "a", "auto", sniff=False)
    assert report is not None
    assert (report.ids, report.message_state, report.error_code) == (("8", "9"), 5, 42)
    assert not report.intermediate


@pytest.mark.parametrize(("err", "error_code"), [(b"000", 11), (b"0", 11), (b"nul", 11), (b"0A5", 11), (b"042", 42)])
def test_where_the_text_tells_no_error_the_network_error_code_does(err: bytes, error_code: int) -> None:
    delivered = pdu.DeliverSm(
        esm_class=4, short_message=b"id:9 stat:UNDELIV err:%b text:" % err,
        tlvs=[(int(pdu.Tag.network_error_code), b"\3\0\x0b")],
    )  # fmt: skip
    report = read_report(delivered, "a", "a", "auto", sniff=False)
    assert report is not None
    assert report.error_code == error_code


@pytest.mark.parametrize(("short_message", "payload", "text"), [
    (b"short", b"payload", b"payload"), (b"short", b"", b"short"), (b"", b"payload", b"payload"), (b"", b"", b""),
])  # fmt: skip
def test_an_mo_has_its_text_in_short_message_alone_where_that_can_hold_it(
    short_message: bytes, payload: bytes, text: bytes
) -> None:
    """SMPP 3.4 §4.6.1: "either the short_message or the message_payload"; an empty one is no text that supersedes."""
    vendor = (0x1501, b"v")
    tlvs = [(int(pdu.Tag.message_payload), payload), vendor]
    mo = read_mo(pdu.DeliverSm(short_message=short_message, tlvs=tlvs))
    assert (mo.short_message, mo.tlvs) == (text, [vendor])


def test_an_empty_message_payload_does_not_cost_the_text_of_a_submit() -> None:
    (made,) = composed(submit_sm(b"hello", tlvs=[(int(pdu.Tag.message_payload), b"")]))
    assert (made.short_message, made.tlvs) == (b"hello", [])


def test_the_time_that_a_data_sm_is_worth_keeping_is_told_as_that_of_a_submit_sm() -> None:
    """SMPP 3.4 has no qos_time_to_live in submit_sm (table 4-10), and what is left is less than was given."""
    limited = pdu.DataSm(source_addr=b"1", destination_addr=b"447700900001", tlvs=[
        (int(pdu.Tag.message_payload), b"hello"), (int(pdu.Tag.qos_time_to_live), b"\0\0\0\x3c"), (0x1400, b"v"),
    ])  # fmt: skip
    (made,) = composed(limited)
    assert (made.validity_period, made.tlvs) == (pdu.times.format_absolute(NOON + DAY), [(0x1400, b"v")])
    limited.tlvs = limited.tlvs[:1]
    (made,) = composed(limited)
    assert made.validity_period == b""


def test_a_handsets_message_is_no_receipt_unless_sniffing_is_asked_for() -> None:
    delivered = pdu.DeliverSm(short_message=b"id:9 sub:001 dlvrd:001 submit date:2601011200 stat:DELIVRD err:000 text:")
    assert read_report(delivered, "a", "a", "auto", sniff=False) is None
    assert read_report(delivered, "a", "a", "auto", sniff=True) is not None


def test_a_receipt_in_ucs2_of_ascii_is_read() -> None:
    text = "id:77 stat:UNDELIV err:001".encode("utf-16-be")
    report = read_report(pdu.DeliverSm(esm_class=4, data_coding=8, short_message=text), "a", "a", "auto", sniff=False)
    assert report is not None
    assert (report.ids, report.message_state) == (("77",), 5)


@pytest.mark.parametrize(("octets", "how", "can"), [
    (17_085, "udh", True), (17_086, "udh", False), (17_085, "sar", True), (17_086, "sar", False),
    (32_767, "payload", True), (32_768, "payload", False),
])  # fmt: skip
def test_a_text_that_is_too_long_in_ucs2_cannot_be_said_to_an_upstream_whose_alphabet_lacks_it(
    octets: int, how: Any, can: bool
) -> None:
    content = submit_sm(b"", tlvs=[(0x0424, b"\xfe" * octets)])
    composer = Composer(SmppSettings("up", "a.example:1", "gw", long_messages=how), lambda _system_id: "latin1")
    of = message(content=content, segments=100)
    assert composer.can_say(of) is can
    assert composer.count(of) == (len(composer.compose(of)) if can else 1)
