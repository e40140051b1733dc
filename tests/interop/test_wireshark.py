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


SUBMIT_SM_RESP_ID = 0x80000004
SUBMIT_SM_RESP = frame(SUBMIT_SM_RESP_ID, b"4200\0")
DELIVER_SM = frame(
    0x00000005,
    b"\0\x01\x014477\0\x03\x0012\0\x04\0\0\0\0\0\0\0\0\x04id:7" + bytes.fromhex("001e0002370004270001 02"),
)


def read(tmp_path: Path, recorded: list[Recorded]) -> wireshark.Reading:
    return wireshark.read(tmp_path / "said.pcap", recorded)


@pytest.fixture(scope="module")
def recorded(tape: Tape) -> list[Recorded]:
    """All connections of this run in which smscd said anything."""
    recorded = [one for one in tape.recorded if one.said]
    if not recorded:
        pytest.skip("no foreign ESME has run")
    return recorded


@pytest.fixture(scope="module")
def reading(recorded: list[Recorded], tmp_path_factory: pytest.TempPathFactory) -> wireshark.Reading:
    return read(tmp_path_factory.mktemp("wireshark"), recorded)


BIND_TRANSCEIVER = 9


def interface_version(connection: Recorded) -> int | None:
    """What the ESME's first bind said, 0x34 for a bind_transceiver that said nothing; None if it never tried."""
    asked = wireshark.frames(b"".join(octets for from_smscd, octets in connection.pieces if not from_smscd))
    binds = [one for one in asked if int.from_bytes(one[4:8], "big") in {1, 2, BIND_TRANSCEIVER}]
    if not binds:
        return None
    said = binds[0][16:].split(b"\0", 3)[3][0]
    return 0x34 if not said and binds[0][7] == BIND_TRANSCEIVER else said


def test_it_finds_nothing_malformed_in_what_smscd_said(recorded: list[Recorded], reading: wireshark.Reading) -> None:
    assert not reading.findings, "\n".join(map(str, reading.findings))
    assert reading.pdus == sum(len(wireshark.frames(one.said)) for one in recorded)


def test_it_sees_tlvs_only_where_the_peers_version_knows_them(reading: wireshark.Reading) -> None:
    """None at all before 3.4 (SMPP 3.4 §3.4); none in a submit_sm_resp of 3.4, where three client libraries break."""
    versions = {interface_version(connection) for connection, _ in reading.with_tlvs}
    if not versions & {0x34, 0x50}:
        pytest.skip("no ESME of 3.4 or 5.0 has run")
    assert all(version is not None and version >= 0x34 for version in versions)
    assert SUBMIT_SM_RESP_ID not in {
        command for connection, command in reading.with_tlvs if interface_version(connection) != 0x50
    }


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
