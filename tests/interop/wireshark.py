"""What Wireshark thinks of recorded connections: an independent reader of every octet that smscd sent."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.interop.tape import Recorded

RAW_IPV4 = 228
"""LINKTYPE_IPV4: each packet begins with its IP header."""
SMPP_PORT = 2775
FIRST_PORT = 10_000
SEGMENT = 16_384
"""Octets per packet at most: far below what an IP header can say."""
ACK_PSH = 0x18
SYN = 0x02
SYN_ACK = 0x12


_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What tshark shows of a text as it is, although XML has no place for it."""


@dataclass
class Finding:
    """Something Wireshark did not like, and in which recorded connection."""

    title: str
    what: str

    def __str__(self) -> str:
        return f"{self.title}: {self.what}"


def installed() -> bool:
    return shutil.which("tshark") is not None


def write(path: Path, recorded: Iterable[Recorded]) -> None:
    """A classic pcap file with one TCP stream per connection; checksums are 0, which Wireshark does not verify."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, RAW_IPV4)]
    clock = 0

    def packet(source: int, destination: int, sequence: tuple[int, int], flags: int, octets: bytes = b"") -> None:
        nonlocal clock
        clock += 1
        tcp = struct.pack(">HHIIBBHHH", source, destination, *sequence, 5 << 4, flags, 65535, 0, 0)
        length = 20 + len(tcp) + len(octets)
        host = bytes((127, 0, 0, 1))
        ip = struct.pack(">BBHHHBBH", 0x45, 0, length, clock & 0xFFFF, 0, 64, 6, 0) + host + host
        records.append(struct.pack("<IIII", clock // 1000, clock % 1000, length, length) + ip + tcp + octets)

    for number, connection in enumerate(recorded):
        port = FIRST_PORT + number
        sent = {False: 1, True: 1}  # next sequence number of each direction
        packet(port, SMPP_PORT, (0, 0), SYN)
        packet(SMPP_PORT, port, (0, 1), SYN_ACK)
        for from_smscd, octets in connection.pieces:
            for start in range(0, len(octets), SEGMENT):
                piece = octets[start : start + SEGMENT]
                here, there = (SMPP_PORT, port) if from_smscd else (port, SMPP_PORT)
                packet(here, there, (sent[from_smscd], sent[not from_smscd]), ACK_PSH, piece)
                sent[from_smscd] += len(piece)
    path.write_bytes(b"".join(records))


def frames(octets: bytes) -> list[bytes]:
    """The PDUs in what smscd sent; AssertionError if it does not end with a whole one."""
    found = []
    while octets:
        (length,) = struct.unpack(">I", octets[:4])
        assert 16 <= length <= len(octets), f"broken frame: {octets[:32].hex()}"
        found.append(octets[:length])
        octets = octets[length:]
    return found


@dataclass
class Reading:
    """What became of a capture: how many PDUs of smscd it saw, what it did not like, and where it saw TLVs."""

    pdus: int
    findings: list[Finding]
    with_tlvs: list[tuple[Recorded, int]]
    """(connection, command_id)"""


def read(path: Path, recorded: list[Recorded]) -> Reading:
    """Write the capture at `path` and have every PDU that smscd sent in it dissected."""
    write(path, recorded)
    command = [
        "tshark", "-r", str(path), "-d", f"tcp.port=={SMPP_PORT},smpp", "-o", "smpp.reassemble_smpp_over_tcp:TRUE",
        "-o", "tcp.analyze_sequence_numbers:FALSE", "-Y", f"tcp.srcport == {SMPP_PORT} and tcp.len > 0", "-T", "pdml",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=True)
    pdus, findings, with_tlvs = 0, [], []
    for packet in ET.fromstring(_NOT_IN_XML.sub("?", done.stdout.decode("utf-8", "replace"))).iter("packet"):
        port = next(int(field.get("show", "0")) for field in packet.iter("field") if field.get("name") == "tcp.dstport")
        connection = recorded[port - FIRST_PORT]
        findings += [Finding(connection.title, what) for what in _complaints(packet)]
        for proto in packet.iter("proto"):
            fields = [] if proto.get("name") != "smpp" else list(proto.iter("field"))
            commands = [int(field.get("show", "0"), 0) for field in fields if field.get("name") == "smpp.command_id"]
            pdus += len(commands)
            if any(field.get("name") == "smpp.opt_param_tag" for field in fields):
                with_tlvs.append((connection, commands[0]))
    return Reading(pdus, findings, with_tlvs)


def _complaints(packet: ET.Element) -> list[str]:
    """Malformed or unreadable parts, and errors and warnings of the SMPP dissector (not those of the made-up TCP)."""
    what = [
        f"{proto.get('name')} in {_summary(packet)}"
        for proto in packet.iter("proto")
        if proto.get("name") in {"_ws.malformed", "_ws.short", "_ws.unreassembled"}
    ]
    for proto in packet.iter("proto"):
        if proto.get("name") == "smpp":
            what += [
                f"{field.get('showname')} in {_summary(packet)}"
                for field in proto.iter("field")
                if field.get("name") == "_ws.expert"
            ]
    return what


def _summary(packet: ET.Element) -> str:
    shown = [
        field.get("showname", "")
        for field in packet.iter("field")
        if field.get("name") in {"smpp.command_id", "smpp.command_status", "smpp.sequence_number"}
    ]
    octets = [field.get("value", "") for field in packet.iter("field") if field.get("name") == "tcp.payload"]
    return f"{'; '.join(shown)} ({''.join(octets)[:400]})"
