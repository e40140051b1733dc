"""Frames as a capture file that Wireshark's own decoder can read: one TCP connection per frame, to port 2775."""

from __future__ import annotations

import shutil
import struct
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

RAW_IPV4 = 228
"""LINKTYPE_IPV4: each packet begins with its IP header."""


def write(path: Path, frames: Iterable[bytes]) -> None:
    """A classic pcap file; checksums are left 0, which Wireshark does not verify unless asked."""
    records = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, RAW_IPV4)]
    for number, frame in enumerate(frames):
        tcp = struct.pack(">HHIIBBHHH", 10000 + number, 2775, 1, 1, 5 << 4, 0x18, 65535, 0, 0)
        address = bytes((127, 0, 0, 1))
        length = 20 + len(tcp) + len(frame)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, length, number & 0xFFFF, 0, 64, 6, 0) + address + address
        records.append(struct.pack("<IIII", number, 0, length, length) + ip + tcp + frame)
    path.write_bytes(b"".join(records))


def dissect(path: Path) -> list[ET.Element]:
    """What tshark sees: one `packet` element of PDML per packet, in order."""
    tshark = shutil.which("tshark")
    assert tshark is not None
    command = [
        tshark,
        "-r",
        str(path),
        "-d",
        "tcp.port==2775,smpp",
        "-o",
        "smpp.reassemble_smpp_over_tcp:FALSE",
        "-T",
        "pdml",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return list(ET.fromstring(done.stdout).iter("packet"))
