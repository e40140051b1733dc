"""Packing, against vectors of real programs and an independent implementation."""

from __future__ import annotations

import importlib

import pytest

from smscd.errors import TextError
from smscd.text import build_udh, concatenation_element, decode, encode, fill_bits, pack, unpack

# TP-UD of PDUs made by programs that others wrote: gammu, kannel, python-gsmmodem, python-messaging, osmo-msc, smsd
VECTORS = [
    ("hello", "E8329BFD06"),
    ("hello kannel at", "E8329BFD06ADC36E77990D0AD301"),
    ("hello via phonesim", "E8329BFD06D9D361101CFD7697E7E936"),
    ("€[]{}^\\|~@£", "9BF286B7F16D509BD486B2796D809B1E2000"),
    ("How are you?", "C8F71D14969741F977FD07"),
    ("TESTER", "D4E2945A9402"),
    ("diafaan", "E474D81C0EBB01"),
]


@pytest.mark.parametrize(("text", "packed"), VECTORS)
def test_packed_text_is_what_other_programs_make(text: str, packed: str) -> None:
    septets = encode(text, "gsm7")
    octets = bytes.fromhex(packed)
    ours = pack(septets)
    assert octets.startswith(ours)
    assert not octets[len(ours) :].strip(b"\0")  # gammu adds an octet of zeros to its euro vector
    assert decode(unpack(octets, len(septets)), "gsm7") == text


def test_text_after_a_user_data_header_starts_on_a_septet_boundary() -> None:
    # gammu's concatenated part: 05 0003 A5 02 01, one fill bit, "hello"
    header = build_udh((concatenation_element(0xA5, 8, 2, 1),))
    assert header.hex() == "050003a50201"
    assert fill_bits(len(header)) == 1
    assert (header + pack(b"hello", fill_bits(len(header)))).hex().upper() == "050003A50201D06536FB0D"
    assert unpack(bytes.fromhex("D06536FB0D"), 5, 1) == b"hello"


def test_the_second_part_of_161_letters_is_what_python_gsmmodem_makes() -> None:
    assert pack(b"A" * 8, 1).hex().upper() == "82C16030180C0601"


@pytest.mark.parametrize("count", [*range(18), 159, 160, 511, 512, 513, 1024, 2000])
@pytest.mark.parametrize("fill", range(7))
def test_what_is_packed_comes_out_again_at_any_length_and_offset(count: int, fill: int) -> None:
    septets = bytes((7 * at + 1) % 128 for at in range(count))
    packed = pack(septets, fill)
    assert len(packed) == (7 * count + fill + 7) // 8 if count else not packed.strip(b"\0")
    assert unpack(packed, count, fill) == septets


@pytest.mark.parametrize("count", range(1, 40))
def test_packing_agrees_with_smspdudecoder(count: int) -> None:
    try:
        gsm = importlib.import_module("smspdudecoder.codecs").GSM
    except ImportError:
        pytest.skip("NOT CHECKED: smspdudecoder is not installed (pip install smspdudecoder)")
    text = "Thequick€brownfox[jumps]ΩverthelazydogXYZ"[:count]
    septets = encode(text, "gsm7")
    assert pack(septets).hex().upper() == gsm.encode(text)
    assert pack(septets, cr_padding=True).hex().upper() == gsm.encode(text, with_padding=True)
    assert decode(unpack(bytes.fromhex(gsm.encode(text)), len(septets)), "gsm7") == text
    assert decode(unpack(bytes.fromhex(gsm.encode(text, with_padding=True)), cr_padding=True), "gsm7") == text


def test_seven_spare_bits_are_an_at_sign_unless_padded_with_a_carriage_return() -> None:
    assert unpack(pack(b"1234567")) == b"1234567\0"
    assert unpack(pack(b"1234567"), 7) == b"1234567"
    assert pack(b"1234567", cr_padding=True).hex().upper() == "31D98C56B3DD1A"
    assert unpack(bytes.fromhex("31D98C56B3DD1A"), cr_padding=True) == b"1234567"


def test_a_wanted_carriage_return_on_the_boundary_is_doubled() -> None:
    # "The receiving entity will perform the carriage return function twice" (§6.1.2.3.1)
    packed = pack(b"1234567\r", cr_padding=True)
    assert len(packed) == 8
    assert unpack(packed, cr_padding=True) == b"1234567\r\r"


def test_an_octet_that_is_no_septet_cannot_be_packed() -> None:
    with pytest.raises(TextError, match="septets"):
        pack(b"\x80")
