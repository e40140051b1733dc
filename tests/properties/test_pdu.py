"""The codec's properties, over PDUs made from the tables and over frames that are only just frames."""

from __future__ import annotations

import struct
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smscd import pdu
from smscd.errors import MalformedPdu
from smscd.pdu.faults import first_fault
from smscd.pdu.fields import Field, Kind, wire_fields

TLV = st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40))
HEADER_WORD = st.integers(0, 0xFFFFFFFF)


def c_octets(longest: int) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=longest).map(lambda octets: octets.replace(b"\0", b"\1"))


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """What a field of the table may hold."""
    match field.kind:
        case Kind.INTEGER:
            return st.integers(0, 256**field.size - 1)
        case Kind.C_OCTET_STRING:
            return c_octets(field.accepts - 1)
        case Kind.TIME:
            return st.sampled_from([b"", b"000002000000000R", b"261121120000000+"])
        case Kind.SIZED_OCTETS:
            return st.binary(max_size=255)
        case Kind.LIST:
            return st.lists(st.one_of([structures(cls) for cls in field.entries]), min_size=field.at_least, max_size=5)
        case Kind.TLVS:
            return st.lists(TLV, max_size=4)


def structures(cls: type[Any]) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{name: values_of(field) for name, field in wire_fields(cls).items()})


def pdus_of(cls: type[pdu.Pdu]) -> st.SearchStrategy[pdu.Pdu]:
    fields = {name: values_of(field) for name, field in wire_fields(cls).items()}
    return st.builds(cls, sequence_number=HEADER_WORD, command_status=HEADER_WORD, **fields)


PDU = st.sampled_from(pdu.PDUS).flatmap(pdus_of)


@given(PDU)
@settings(max_examples=400, deadline=None)
def test_what_is_written_is_read_as_it_was(written: pdu.Pdu) -> None:
    frame = pdu.encode(written)
    assert struct.unpack_from(">I", frame) == (len(frame),)
    read = pdu.decode(frame)
    assert read == written
    assert pdu.encode(read) == frame


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame of honest length: a header, then a body that is whole, damaged, too long, or nothing but octets."""
    kind = draw(st.sampled_from(["whole", "damaged", "damaged", "tail", "octets"]))
    command_id = draw(st.sampled_from([cls.command_id for cls in pdu.PDUS]))
    if kind == "octets":
        command_id = draw(st.one_of(st.just(command_id), HEADER_WORD))
        body = draw(st.one_of(st.binary(max_size=80), st.lists(st.sampled_from([b"\0", b"\1", b"1"])).map(b"".join)))
    else:
        body = pdu.encode(draw(PDU))[16:]
        if kind == "damaged" and body:
            at = draw(st.integers(0, len(body) - 1))
            body = body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 3)) :]
        if kind == "tail":
            body += draw(st.binary(max_size=8))
    return struct.pack(">IIII", 16 + len(body), command_id, draw(HEADER_WORD), draw(HEADER_WORD)) + body


def read_or_refusal(frame: bytes) -> pdu.Pdu | MalformedPdu:
    try:
        return pdu.decode(frame)
    except MalformedPdu as refused:
        return refused


def test_a_frame_is_read_losslessly_or_refused_by_name_and_nothing_else_happens() -> None:
    seen: Counter[str] = Counter()

    @given(frames())
    @settings(max_examples=800, deadline=None)
    def check(frame: bytes) -> None:
        command_id, _, sequence_number = struct.unpack_from(">III", frame, 4)
        read = read_or_refusal(frame)
        if isinstance(read, MalformedPdu):
            assert (read.command_id, read.sequence_number) == (command_id, sequence_number)
            assert read.command_status in {int(member) for member in pdu.CommandStatus} - {pdu.ESME_ROK}
            assert read.reason
            seen["refused"] += 1
            return
        assert read.command_id == command_id
        assert pdu.encode(read) == frame
        seen["accepted"] += 1
        seen["accepted request with a body"] += len(frame) > 40 and not command_id & pdu.RESPONSE
        seen["TLVs"] += bool(getattr(read, "tlvs", []))
        seen["tail"] += bool(read.tail)

    check()
    # Random octets alone never get inside: the counters prove that this strategy does.
    assert seen["refused"] > 10, seen
    assert seen["accepted request with a body"] > 10, seen
    assert seen["TLVs"] > 10, seen
    assert seen["tail"] > 10, seen


@given(frames())
@settings(max_examples=300, deadline=None)
def test_the_compiled_decoder_and_the_careful_reader_refuse_the_same_frames(frame: bytes) -> None:
    command_id = struct.unpack_from(">I", frame, 4)[0]
    cls = next((cls for cls in pdu.PDUS if cls.command_id == command_id and not command_id & pdu.RESPONSE), None)
    if cls is None:
        return
    if isinstance(read_or_refusal(frame), MalformedPdu):
        first_fault(cls, frame)
    else:
        with pytest.raises(AssertionError, match="refused what its table allows"):
            first_fault(cls, frame)


@given(st.lists(frames(), max_size=6), st.lists(st.integers(1, 40), min_size=1))
@settings(max_examples=100, deadline=None)
def test_the_framer_gives_back_the_frames_whatever_the_pieces(whole: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(whole)
    framer = pdu.Framer()
    got: list[bytes] = []
    position = turn = 0
    while position < len(stream):
        size = sizes[turn % len(sizes)]
        got += framer.feed(stream[position : position + size])
        position += size
        turn += 1
    assert got == whole
    assert framer.pending == 0
    assert framer.error is None


@given(st.lists(st.binary(max_size=60), max_size=20))
@settings(max_examples=300, deadline=None)
def test_the_framer_never_raises_and_never_keeps_more_than_it_allows(pieces: list[bytes]) -> None:
    framer = pdu.Framer(max_length=64)
    for piece in pieces:
        for frame in framer.feed(piece):
            assert 16 <= len(frame) <= 64
        assert framer.pending <= 64 or framer.error is not None


def hostile_bodies(size: int) -> list[bytes]:
    """Bodies that a careless expression or loop would chew on for ever."""
    tlv_heads = b"\x04\x24\0\0" * (size // 4)
    dests = b"\0\0\0\0\xff" + b"\1\1\1" * (size // 3)
    return [
        b"\0" * size,
        b"\1" * size,
        b"1" * size,
        b"1\0" * (size // 2),
        (b"1" * 20 + b"\0") * (size // 21),
        b"\0" * 10 + b"1" * (size - 10),
        b"\0" * 17 + tlv_heads,
        dests,
        b"\0\0\0\0\xff" + b"\2\0" * (size // 2),
        b"id:1 " * (size // 5),
    ]


def test_no_frame_takes_longer_than_its_length_explains() -> None:
    """Each of these 64 KiB frames takes milliseconds; the bound leaves room for a busy machine, not for a square."""
    for body in hostile_bodies(65_536):
        for cls in pdu.PDUS:
            frame = struct.pack(">IIII", 16 + len(body), cls.command_id, 0, 1) + body
            started = time.process_time()
            read = read_or_refusal(frame)
            if isinstance(read, MalformedPdu):
                assert len(read.reason) < 300
            else:
                assert pdu.encode(read) == frame
            assert time.process_time() - started < 0.5, (cls.__name__, body[:20])


def test_a_big_frame_in_single_octets_is_not_copied_for_each() -> None:
    frame = struct.pack(">IIII", 65_536, 5, 0, 1) + b"x" * 65_520
    framer = pdu.Framer()
    started = time.process_time()
    got = [whole for i in range(len(frame)) for whole in framer.feed(frame[i : i + 1])]
    assert got == [frame]
    assert time.process_time() - started < 1.0


RECEIPT_PIECES = st.sampled_from(
    (
        b"id: |id:17 |sub:001 |dlvrd:|submit date:2611211200 |done date:|stat:DELIVRD |err:000 |"
        b"text:| |\0|\xff|:|submitdate:20261121120000,|99|stat:"
    ).split(b"|")
)


@given(st.lists(st.one_of(RECEIPT_PIECES, st.binary(max_size=6)), max_size=25).map(b"".join))
@settings(max_examples=600, deadline=None)
def test_reading_a_receipt_never_raises(octets: bytes) -> None:
    receipt = pdu.parse_receipt(octets)
    if receipt is not None:
        assert receipt.message_id
        assert receipt.message_state in pdu.MessageState
    assert pdu.is_receipt(0, [], octets, sniff=True) in {True, False}


@given(
    st.text("0123456789abcdef-", min_size=1, max_size=64).map(str.encode),
    st.sampled_from(list(pdu.MessageState)),
    st.integers(0, 2_145_916_799),
    st.integers(0, 2_145_916_799),
    st.integers(0, 999),
    st.binary(max_size=20).map(bytes.lstrip),
)
@settings(max_examples=300, deadline=None)
def test_a_receipt_that_is_written_is_read_as_it_was(
    message_id: bytes, state: pdu.MessageState, submitted: int, done: int, err: int, text: bytes
) -> None:
    octets = pdu.format_receipt(message_id, state, submitted * 1_000_000, done * 1_000_000, err=err, text=text)
    receipt = pdu.parse_receipt(octets)
    assert receipt is not None
    assert (receipt.message_id, receipt.message_state, receipt.err) == (message_id, state, f"{err:03}")
    assert receipt.submit_date == submitted // 60 * 60_000_000
    assert receipt.done_date == done // 60 * 60_000_000
    assert receipt.text == text
    # A blank in front keeps the line from being read in one go: the patient way must find the same.
    assert pdu.parse_receipt(b" " + octets) == receipt


@given(
    st.binary(max_size=20),
    st.sampled_from([b"DELIVRD", b"delivrd", b"UNDELIV", b"Sent", b"WHAT", b""]),
    st.sampled_from([b"000", b"0x1F", b"nul", b"A", b""]),
    st.sampled_from([b"id:%b sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:%b err:%b text:x",
                     b"id:%b done date:0 stat:%b err:%b", b"Id:%b Stat:%b ERR:%b", b"%b%b%b"]),
)  # fmt: skip
def test_the_outline_of_a_receipt_is_what_reading_all_of_it_finds(
    message_id: bytes, stat: bytes, err: bytes, how: bytes
) -> None:
    octets = how % (message_id, stat, err)
    receipt = pdu.parse_receipt(octets)
    outline = pdu.receipt.outline(octets)
    assert outline == (None if receipt is None else (receipt.message_id, receipt.message_state, receipt.err))


@pytest.mark.parametrize(
    "octets",
    [b"id:" + b" " * 65_536, b"id:1 stat:X " * 5000, b" submit" * 9000, b"id:" + b"9" * 65_536 + b" stat:DELIVRD"],
)
def test_no_receipt_takes_longer_than_its_length_explains(octets: bytes) -> None:
    started = time.process_time()
    pdu.parse_receipt(octets)
    pdu.is_receipt(0, [], octets, sniff=True)
    assert time.process_time() - started < 0.5


TIME_LIKE = st.text("0123456789+-R", min_size=14, max_size=18).map(str.encode)
MOMENT = st.integers(-1_009_843_200_000_000, 2_145_916_799_999_999)
"""1938 to 2037, in microseconds."""


@given(st.one_of(st.binary(max_size=20), TIME_LIKE), MOMENT)
@settings(max_examples=400, deadline=None)
def test_a_time_is_read_or_refused_by_name(octets: bytes, now: int) -> None:
    try:
        moment = pdu.parse_time(octets, now)
    except pdu.TimeFormatError:
        assert octets != b""
    else:
        assert (moment is None) == (octets == b"")


@given(MOMENT)
@settings(max_examples=300, deadline=None)
def test_a_moment_that_is_written_is_read_to_its_tenth(moment: int) -> None:
    assert pdu.parse_time(pdu.format_absolute(moment), 0) == moment // 100_000 * 100_000
