"""Octets into frames: whatever the pieces, the frames are the same; a broken length ends it without losing a frame."""

from __future__ import annotations

import struct

import pytest

from smscd import pdu

FRAMES = [
    pdu.header(0x15, 0, 1),
    pdu.encode(pdu.SubmitSm(sequence_number=2, destination_addr=b"2", short_message=b"x" * 160)),
    pdu.submit_sm_resp(3, b"0a1b2c"),
    pdu.header(0x80000015, 0, 4),
]
STREAM = b"".join(FRAMES)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 15, 16, 17, 64, len(STREAM)])
def test_frames_do_not_depend_on_how_the_octets_arrive(size: int) -> None:
    framer = pdu.Framer()
    frames = [f for i in range(0, len(STREAM), size) for f in framer.feed(STREAM[i : i + size])]
    assert frames == FRAMES
    assert all(type(frame) is bytes for frame in frames)
    assert framer.pending == 0
    assert framer.error is None


def test_a_thousand_frames_in_one_read_come_out_at_once() -> None:
    assert pdu.Framer().feed(STREAM * 250) == FRAMES * 250


@pytest.mark.parametrize("octets", [bytearray(STREAM), memoryview(STREAM)])
def test_any_buffer_will_do(octets: bytearray | memoryview) -> None:
    assert pdu.Framer().feed(octets) == FRAMES


def test_a_frame_comes_out_with_its_last_octet_and_not_before() -> None:
    framer = pdu.Framer()
    assert framer.feed(FRAMES[1][:-1]) == []
    assert framer.pending == len(FRAMES[1]) - 1
    assert framer.feed(FRAMES[1][-1:] + FRAMES[2][:7]) == [FRAMES[1]]
    assert framer.pending == 7


@pytest.mark.parametrize("length", [0, 1, 8, 15, 1025, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_broken_length_is_told_at_once_and_the_frames_before_it_are_kept(length: int) -> None:
    framer = pdu.Framer(max_length=1024)
    assert framer.feed(STREAM + struct.pack(">I", length)) == FRAMES
    assert framer.error is not None
    assert framer.error.command_length == length
    assert framer.feed(STREAM) == []


def test_the_sequence_number_of_a_broken_frame_is_told_where_it_can_be_read() -> None:
    framer = pdu.Framer()
    framer.feed(struct.pack(">IIII", 0x7FFFFFFF, 4, 0, 99))
    assert framer.error is not None
    assert framer.error.sequence_number == 99


def test_the_longest_frame_allowed_passes_and_one_octet_more_does_not() -> None:
    whole = struct.pack(">IIII", 1024, 0x15, 0, 1) + b"x" * 1008
    assert pdu.Framer(max_length=1024).feed(whole) == [whole]
    framer = pdu.Framer(max_length=1023)
    assert framer.feed(whole) == []
    assert framer.error is not None


def test_the_limit_may_grow_after_a_bind() -> None:
    framer = pdu.Framer(max_length=1024)
    assert framer.feed(FRAMES[0]) == [FRAMES[0]]
    framer.max_length = pdu.DEFAULT_MAX_LENGTH
    payload = pdu.encode(pdu.SubmitSm(destination_addr=b"2", tlvs=[(0x0424, b"x" * 65535)]))
    assert framer.feed(payload) == [payload]


@pytest.mark.parametrize(
    ("octets", "hint"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP"),
        (b"POST /", "HTTP"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP"),
        (b"PRI * HTTP/2.0\r\n", "HTTP"),
        (bytes.fromhex("16030102000100"), "TLS"),
    ],
)
def test_http_and_tls_on_the_smpp_port_are_named(octets: bytes, hint: str) -> None:
    framer = pdu.Framer()
    assert framer.feed(octets) == []
    assert framer.error is not None
    assert hint in framer.error.reason


def test_no_octet_is_kept_beyond_an_unfinished_frame() -> None:
    framer = pdu.Framer(max_length=65536)
    big = struct.pack(">IIII", 65536, 5, 0, 1)
    framer.feed(big)
    for _ in range(100):
        framer.feed(b"x" * 600)
    assert framer.pending == 16 + 60_000
    assert len(framer.feed(b"x" * 5520)) == 1
    assert framer.pending == 0
