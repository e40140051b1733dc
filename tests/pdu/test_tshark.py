"""Wireshark's decoder, which nobody here wrote, reads what we write and finds our tables right."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from smscd import pdu
from smscd.pdu import tlv
from smscd.pdu.fields import Field, Kind, wire_fields
from tests.pdu import pcap
from tests.vectors import Vector, load

pytestmark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed: an independent decoder cannot check our frames"
)

ITS_NAMES = {
    "esm_class": "esm.submit.msg_mode",
    "registered_delivery": "regdel.receipt",
    "short_message": "message",
}
"""Where Wireshark's field is not called as the specification calls it."""


def dissect(tmp_path: Path, frames: list[bytes]) -> list[ET.Element]:
    path = tmp_path / "frames.pcap"
    pcap.write(path, frames)
    packets = pcap.dissect(path)
    assert len(packets) == len(frames)
    return packets


def is_malformed(packet: ET.Element) -> bool:
    return any(proto.get("name") == "_ws.malformed" for proto in packet.iter("proto"))


def octets(element: ET.Element) -> bytes:
    return bytes.fromhex(element.get("unmaskedvalue") or element.get("value") or "")


def named(packet: ET.Element, name: str) -> list[ET.Element]:
    return [field for field in packet.iter("field") if field.get("name") in {f"smpp.{name}", f"smpp.{name}_r"}]


def is_regular(vector: Vector) -> bool:
    """Not one of the vectors that are odd on purpose."""
    if vector.expected.tail or vector.frame == pdu.header(0x80000005, 0, 8):
        return False
    if vector.expected.command_status:
        return len(vector.frame) == pdu.HEADER_LENGTH  # to Wireshark an error has no body
    # Wireshark 4.0 reads one octet of broadcast_rep_num where 5.0 §4.8.4.13 has two, and loses its place.
    return not isinstance(vector.expected, pdu.BroadcastSm)


def expected_octets(field: Field, value: int | bytes | None) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(field.size, "big")
    return value or b""


def test_wireshark_finds_no_malformed_frame_and_the_same_values(tmp_path: Path) -> None:
    vectors = [vector for vector in load() if is_regular(vector)]
    compared = 0
    for vector, packet in zip(vectors, dissect(tmp_path, [v.frame for v in vectors]), strict=True):
        assert not is_malformed(packet), vector
        if len(vector.frame) == pdu.HEADER_LENGTH:
            continue
        for name, field in wire_fields(type(vector.expected)).items():
            if field.kind in {Kind.LIST, Kind.TLVS}:
                continue
            expected = expected_octets(field, getattr(vector.expected, name))
            if expected:
                seen = [octets(found).rstrip(b"\0") for found in named(packet, ITS_NAMES.get(name, name))]
                assert expected.rstrip(b"\0") in seen, (vector.meaning, name, seen)
                compared += 1
        if all(field.kind is Kind.TLVS for field in wire_fields(type(vector.expected)).values()):
            continue  # to Wireshark these are headers only; 5.0 §2.9 allows congestion_state in any response
        tlvs = getattr(vector.expected, "tlvs", [])
        tags = [int.from_bytes(octets(found), "big") for found in named(packet, "opt_param_tag")]
        lengths = [int.from_bytes(octets(found), "big") for found in named(packet, "opt_param_len")]
        assert list(zip(tags, lengths, strict=True)) == [(tag, len(value)) for tag, value in tlvs], vector.meaning
    assert compared > 150


def test_wireshark_counts_the_destinations_we_count(tmp_path: Path) -> None:
    dests: list[pdu.SmeAddress | pdu.DistributionList] = [
        pdu.SmeAddress(1, 1, b"447700900123"),
        pdu.DistributionList(b"friends"),
        pdu.SmeAddress(5, 0, b"ACME"),
    ]
    request = pdu.SubmitMulti(source_addr=b"1", dest_address=dests, short_message=b"hi")
    (packet,) = dissect(tmp_path, [pdu.encode(request)])
    assert not is_malformed(packet)
    assert [octets(found).rstrip(b"\0") for found in named(packet, "destination_addr")] == [b"447700900123", b"ACME"]
    assert [octets(found).rstrip(b"\0") for found in named(packet, "dl_name")] == [b"friends"]


def test_wireshark_knows_our_statuses_and_no_others(tmp_path: Path) -> None:
    statuses = list(range(0x113))
    packets = dissect(tmp_path, [pdu.header(0x80000000, status, 1) for status in statuses])
    known = set()
    for status, packet in zip(statuses, packets, strict=True):
        # A status it has never heard of makes it take the packet for another protocol.
        if any("[Reserved]" not in (field.get("showname") or "") for field in named(packet, "command_status")):
            known.add(status)
    assert known == {int(member) for member in pdu.CommandStatus}


def test_wireshark_knows_our_commands(tmp_path: Path) -> None:
    packets = dissect(tmp_path, [pdu.header(int(member), 0, 1) for member in pdu.CommandId])
    for member, packet in zip(pdu.CommandId, packets, strict=True):
        (operation,) = named(packet, "command_id")
        assert (operation.get("showname") or "").lower().replace(" - ", "_").startswith(f"operation: {member.name} ")


def test_wireshark_calls_every_tag_as_we_do(tmp_path: Path) -> None:
    rows = list(tlv.DEFINITIONS.values())
    frames = [
        pdu.encode(pdu.SubmitSm(destination_addr=b"2", tlvs=[(row.tag, bytes(row.longest & 0xFF))])) for row in rows
    ]
    for row, packet in zip(rows, dissect(tmp_path, frames), strict=True):
        shown = named(packet, "opt_param")[0].get("showname") or ""
        name = shown.removeprefix("Optional parameter: ").partition(" ")[0]
        assert pdu.tag_from_name(name) == row.tag
