"""What a receipt says: Appendix B in its text, the same in its TLVs, the addresses the other way round."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd import pdu, receipts
from smscd.admission.fields import common_status
from smscd.clock import SECOND
from smscd.message import Kind
from smscd.pdu import MessageState
from smscd.text import Alphabet
from tests.cast import NOON, message, submit_sm, with_part


def receipt(state: int = int(MessageState.DELIVERED), error_code: int = 0, *, kind: int = Kind.RECEIPT,
            segments: int = 1, content: pdu.SubmitSm | None = None) -> pdu.DeliverSm:  # fmt: skip
    about = message(77, content=content or submit_sm(), segments=segments)
    return receipts.deliver_sm(about, kind, state, error_code, NOON + 90 * SECOND)


def test_it_goes_from_the_recipient_to_the_sender_with_ton_and_npi_as_submitted() -> None:
    content = submit_sm(source_addr=b"ACME", source_addr_ton=5, source_addr_npi=0, dest_addr_ton=1, dest_addr_npi=1,
                        service_type=b"WAP")  # fmt: skip
    made = receipt(content=content)
    assert (made.source_addr, made.source_addr_ton, made.source_addr_npi) == (b"447700900001", 1, 1)
    assert (made.destination_addr, made.dest_addr_ton, made.dest_addr_npi) == (b"ACME", 5, 0)
    assert made.service_type == b"WAP"


def test_a_receipt_and_an_intermediate_notification_say_by_esm_class_which_they_are() -> None:
    assert receipt().esm_class == 0x04
    assert receipt(kind=Kind.NOTIFICATION).esm_class == 0x20


@pytest.mark.parametrize("state", [state for state in MessageState if state != MessageState.SCHEDULED])
def test_text_and_tlvs_tell_the_same(state: MessageState) -> None:
    made = receipt(int(state), 11)
    told = pdu.receipt.parse_receipt(made.short_message)
    assert told is not None
    assert told.message_id == b"77"
    assert told.message_state == state
    assert pdu.tlv.get(made.tlvs, pdu.Tag.receipted_message_id) == b"77\0"
    assert pdu.tlv.get_int(made.tlvs, pdu.Tag.message_state) == state
    assert pdu.tlv.get(made.tlvs, pdu.Tag.network_error_code) == b"\x03\x00\x0b"
    assert b" err:011 " in made.short_message


def test_an_error_code_names_whose_it_is() -> None:
    """SMPP 5.0 §4.8.4.42: 3 = GSM, 7 = SMPP Error, 8 = Message Center Specific."""
    refused = with_part(message(1))
    refused.parts[0].command_status = 0x0B
    dropped = message(2, refusal="opted out")
    for of, network in ((message(3), 3), (refused, 7), (dropped, 8)):
        made = receipts.deliver_sm(of, Kind.RECEIPT, int(MessageState.REJECTED), 0x0B, NOON)
        assert pdu.tlv.get(made.tlvs, pdu.Tag.network_error_code) == bytes((network, 0, 0x0B))


def test_without_an_error_there_is_no_network_error_code() -> None:
    assert pdu.tlv.get(receipt().tlvs, pdu.Tag.network_error_code) is None


def test_the_dates_are_those_of_accepting_and_of_the_end() -> None:
    minute = "%y%m%d%H%M"
    accepted = datetime.fromtimestamp(NOON / SECOND, UTC).strftime(minute).encode()
    done = datetime.fromtimestamp(NOON / SECOND + 90, UTC).strftime(minute).encode()
    assert b"submit date:%b done date:%b " % (accepted, done) in receipt().short_message


@pytest.mark.parametrize(
    ("state", "segments", "counts"),
    [
        (MessageState.DELIVERED, 1, b"sub:001 dlvrd:001"), (MessageState.DELIVERED, 3, b"sub:003 dlvrd:003"),
        (MessageState.UNDELIVERABLE, 3, b"sub:003 dlvrd:000"),
    ],
)  # fmt: skip
def test_it_counts_segments(state: MessageState, segments: int, counts: bytes) -> None:
    assert counts in receipt(int(state), segments=segments).short_message


@pytest.mark.parametrize(
    ("content", "beginning"),
    [
        (submit_sm(b"A very long text that goes on"), b"A very long text tha"),
        (submit_sm(b"plainlettersonlyandmanymore"), b"plainlettersonlyandm"),
        (submit_sm(b"\x00\x02"), b"@$"),
        (submit_sm("\u20ac \u4f60".encode("utf-16-be"), data_coding=8), b"? ?"),
        (submit_sm(b"\x05\x00\x03\x07\x02\x01Part", esm_class=0x40), b"Part"),
        (submit_sm(b"", tlvs=[(int(pdu.Tag.message_payload), b"payload")]), b"payload"),
        (submit_sm(b""), b""),
    ],
)
def test_it_quotes_the_first_twenty_characters_in_ascii(content: pdu.SubmitSm, beginning: bytes) -> None:
    assert receipt(content=content).short_message.endswith(b" text:" + beginning)


def test_the_sender_s_own_reference_comes_back() -> None:
    reference = (int(pdu.Tag.user_message_reference), b"\x12\x34")
    assert reference in receipt(content=submit_sm(tlvs=[reference])).tlvs


@pytest.mark.parametrize("registered_delivery", range(256))
def test_it_is_wanted_as_the_two_low_bits_say_and_nothing_else_counts(registered_delivery: int) -> None:
    wanted = {state.name for state in MessageState if receipts.wanted(registered_delivery, int(state))}
    success = {"DELIVERED", "ACCEPTED"}
    everything = {state.name for state in MessageState}
    assert wanted == [set(), everything, everything - success, success][registered_delivery & 3]


@given(
    st.fixed_dictionaries({
        "source_addr": st.binary(max_size=20).map(lambda octets: octets.replace(b"\0", b"")),
        "destination_addr": st.from_regex(rb"\A\+?[0-9*#a-fA-F]{1,19}\Z"),
        "source_addr_ton": st.integers(0, 6), "dest_addr_ton": st.integers(0, 4),
        "short_message": st.binary(max_size=254), "data_coding": st.integers(0, 255),
        "esm_class": st.sampled_from([0, 0x40, 0x43, 0x80]),
        "tlvs": st.lists(st.tuples(st.sampled_from([0x0204, 0x0424, 0x1400]), st.binary(max_size=9)), max_size=3),
    }),
    st.sampled_from(list(MessageState)), st.integers(0, 1 << 32),
)  # fmt: skip
def test_whatever_is_let_in_can_be_reported_on(fields: dict[str, Any], state: MessageState, error_code: int) -> None:
    content = pdu.SubmitSm(**fields)
    assert common_status(content) == 0
    made = receipt(int(state), error_code, content=content)
    assert pdu.decode(pdu.encode(made)) == made


CONTENTS = st.fixed_dictionaries({
    "service_type": st.sampled_from([b"", b"WAP"]),
    "source_addr": st.sampled_from([b"12345", b"", b"ACME"]),
    "destination_addr": st.sampled_from([b"447700900001", b""]),
    "source_addr_ton": st.sampled_from([0, 5]), "dest_addr_ton": st.sampled_from([1, 255]),
    "short_message": st.one_of(st.binary(max_size=60), st.text("ab \x1b\x1be@", max_size=60).map(str.encode)),
    "data_coding": st.sampled_from([0, 0, 0, 8, 3]), "esm_class": st.sampled_from([0, 0, 0, 0x40]),
    "tlvs": st.sampled_from([[], [], [], [(0x0204, b"\0\1")], [(0x0424, b"payload")]]),
})  # fmt: skip
OTHERWISE: list[dict[str, Any]] = [{}, {}, {}, {"segments": 3}, {"refusal": "opted out"}, {"message_id": "0123abcd"}]


@given(
    st.lists(st.tuples(CONTENTS, st.sampled_from(OTHERWISE)), min_size=1, max_size=4),
    st.sampled_from([Kind.RECEIPT, Kind.RECEIPT, Kind.NOTIFICATION]), st.sampled_from(list(MessageState)),
    st.sampled_from([0, 0, 11]), st.sampled_from(["gsm7", "gsm7", "latin1", "ucs2"]), st.integers(0, 1 << 50),
)  # fmt: skip
def test_many_are_made_as_each_would_be_alone(
    told: list[tuple[dict[str, Any], dict[str, Any]]], kind: Kind, state: MessageState, error_code: int,
    alphabet: Alphabet, accepted_at: int,
) -> None:  # fmt: skip
    about = [message(content=pdu.SubmitSm(**of), accepted_at=accepted_at, **otherwise) for of, otherwise in told]
    made = receipts.deliver_sms(about, int(kind), int(state), error_code, NOON, alphabet)
    alone = [receipts.deliver_sm(one, int(kind), int(state), error_code, NOON, alphabet) for one in about]
    assert [content for content, _frame in made] == alone
    assert [pdu.encode(content) for content, frame in made if frame] == [frame for _content, frame in made if frame]


def test_the_receipt_of_a_plain_message_comes_with_its_frame() -> None:
    ((_content, frame),) = receipts.deliver_sms([message()], int(Kind.RECEIPT), 2, 0, NOON, "gsm7")
    assert frame
