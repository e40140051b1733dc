"""Wireshark reads everything that smscd said to all the clients of this run. Runs last: see conftest.py."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.interop import wireshark
from tests.interop.tape import Recorded, Tape

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        not wireshark.installed(), reason="NO PDU WAS CHECKED BY AN INDEPENDENT DECODER: tshark is not installed"
    ),
]


def frame(command_id: int, body: bytes) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, 0, 1) + body


SUBMIT_SM_RESP = frame(0x80000004, b"4200\0")
DELIVER_SM = frame(
    0x00000005,
    b"\0\x01\x014477\0\x03\x0012\0\x04\0\0\0\0\0\0\0\0\x04id:7" + bytes.fromhex("001e0002370004270001 02"),
)


def read(tmp_path: Path, recorded: list[Recorded]) -> wireshark.Reading:
    return wireshark.read(tmp_path / "said.pcap", recorded)


def test_it_finds_nothing_malformed_in_what_smscd_said(tape: Tape, tmp_path: Path) -> None:
    recorded = [one for one in tape.recorded if one.said]
    if not recorded:
        pytest.skip("no foreign ESME has run")
    frames = [frame for one in recorded for frame in wireshark.frames(one.said)]
    reading = read(tmp_path, recorded)
    assert not reading.findings, "\n".join(map(str, reading.findings))
    assert reading.pdus == len(frames)


def test_it_would_have_found_a_pdu_that_is_too_short(tmp_path: Path) -> None:
    sound = Recorded("sound", [(True, SUBMIT_SM_RESP + DELIVER_SM), (False, SUBMIT_SM_RESP)])
    cut = DELIVER_SM[:40]
    broken = Recorded("broken", [(True, len(cut).to_bytes(4, "big") + cut[4:])])
    reading = read(tmp_path, [sound, broken])
    assert reading.pdus >= 2
    assert {finding.title for finding in reading.findings} == {"broken"}


def test_it_counts_pdus_that_were_cut_and_joined_on_their_way(tmp_path: Path) -> None:
    said = (SUBMIT_SM_RESP + DELIVER_SM) * 5
    pieces = [(True, said[start : start + 50]) for start in range(0, len(said), 50)]
    reading = read(tmp_path, [Recorded("in pieces", pieces), Recorded("in one", [(True, said)])])
    assert not reading.findings
    assert reading.pdus == 20
