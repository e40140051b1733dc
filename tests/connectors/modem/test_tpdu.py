"""TPDUs: vectors that foreign programs wrote, what the clauses say, and round trips of whatever can be said."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smscd import text
from smscd.connectors.modem.addresses import decode_address, encode_address
from smscd.connectors.modem.times import LONGEST_VALIDITY, decode_relative, encode_relative, encode_timestamp
from smscd.connectors.modem.tpdu import (
    Deliver,
    StatusReport,
    Submit,
    Timestamp,
    TpAddress,
    TpduError,
    decode_deliver,
    decode_received,
    decode_status_report,
    decode_submit,
    encode_deliver,
    encode_status_report,
    encode_submit,
    parse_number,
    smsc_prefix,
    split_smsc,
)
from smscd.connectors.modem.user_data import coding_of

HANDSET = parse_number("+447700900123")


def moment(*fields: int) -> int:
    year, month, day, hour, minute, second = fields
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000


def after_smsc(hexadecimal: str) -> bytes:
    return split_smsc(bytes.fromhex(hexadecimal))[1]


SUBMITS = {  # who wrote it: (with SMSC prefix, what it says)
    "python-gsmmodem": (
        "00 21000C91447700091032000005E8329BFD06",
        Submit(HANDSET, b"hello", status_report=True),
    ),
    "python-messaging": ("00 01000C91447700091032000005E8329BFD06", Submit(HANDSET, b"hello")),
    "python-messaging in UCS-2": (
        "00 21000C9144770009103200080C041F04400438043204350442",
        Submit(HANDSET, "Привет".encode("utf-16-be"), tp_dcs=8, status_report=True),
    ),
    "kannel": (
        "00 31000C814477000910320000A70FE8329BFD06ADC36E77990D0AD301",
        Submit(TpAddress("447700900123"), b"hello kannel at", validity=86_400, status_report=True),
    ),
    "python-gsmmodem with a day's validity": (
        "00 31000C914477000910320000A702E834",
        Submit(HANDSET, b"hi", validity=86_400, status_report=True),
    ),
    "gammu": (
        "07915155214365F7 11000891515521430000FF12E8329BFD06D9D361101CFD7697E7E936",
        Submit(parse_number("+15551234"), b"hello via phonesim", validity=LONGEST_VALIDITY),
    ),
    "gammu, escaped characters": (
        "00 11000C91447700091032000000149BF286B7F16D509BD486B2796D809B1E2000",
        Submit(HANDSET, text.encode("€[]{}^\\|~@£", "gsm7"), validity=300),
    ),
    "gammu, surrogates": (
        "00 11000C9144770009103200080012041F044004380432043504420020D83DDE00",
        Submit(HANDSET, "Привет 😀".encode("utf-16-be"), tp_dcs=8, validity=300),
    ),
    "gammu, a part": (
        "00 51000C9144770009103200000C0C050003A50201D06536FB0D",
        Submit(HANDSET, b"\x05\x00\x03\xa5\x02\x01hello", udhi=True, validity=3900),
    ),
}


@pytest.mark.parametrize("who", SUBMITS)
def test_what_foreign_programs_submit_is_read_and_written_the_same(who: str) -> None:
    wire, submit = SUBMITS[who]
    tpdu = after_smsc(wire)
    assert decode_submit(tpdu) == submit
    assert encode_submit(submit) == tpdu


def test_a_message_delivered_by_a_network_is_read() -> None:
    smsc, tpdu = split_smsc(
        bytes.fromhex("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")
    )
    deliver = decode_deliver(tpdu)
    assert (str(smsc), str(deliver.source_addr), deliver.text) == ("+31624000000", "+31641600986", "How are you?")
    assert deliver.scts == Timestamp(moment(2002, 8, 26, 19, 37, 41))
    assert not deliver.more_messages
    assert encode_deliver(deliver) == tpdu[:17] + b"\0" + tpdu[18:]  # that network wrote the zone as minus zero


@pytest.mark.parametrize(
    ("wire", "source_addr", "body"),
    [
        ("200CD0D4E2945A940200006211129143900005E8329BFD06", "TESTER", "hello"),
        ("200CD0D4E2945A94020008621112914301000C041F04400438043204350442", "TESTER", "Привет"),
        ("200CD0D4E2945A9402000462111291430100 03000102", "TESTER", "\0\1\2"),
    ],
)
def test_what_osmo_msc_delivers_is_read(wire: str, source_addr: str, body: str) -> None:
    deliver = decode_deliver(bytes.fromhex(wire))
    assert deliver.source_addr == TpAddress(source_addr, ton=5, npi=0)
    assert deliver.text == body
    assert deliver.status_report


def test_a_seven_letter_sender_keeps_its_seven_letters() -> None:
    tpdu = after_smsc("0791448720003023240DD0E474D81C0EBB010000111011315214000BE474D81C0EBB5DE3771B")
    assert decode_deliver(tpdu).source_addr.addr == "diafaan"
    as_octets, _ = decode_address(b"\x0e" + tpdu[2:10], 0)  # 14: twice the octets, as many write it
    assert as_octets.addr == "diafaan"
    in_eights, _ = decode_address(encode_address(TpAddress("diafaan!", 5, 0)), 0)
    assert in_eights.addr == "diafaan!"


@pytest.mark.parametrize(("characters", "semi_octets"), [(1, 2), (4, 7), (6, 11), (7, 13), (8, 14), (11, 20)])
def test_an_alphanumeric_address_counts_useful_semi_octets(characters: int, semi_octets: int) -> None:
    assert encode_address(TpAddress("S" * characters, 5, 0))[0] == semi_octets


def test_status_reports_are_read_and_written() -> None:
    tpdu = after_smsc("07914477000900F006A50C914477000910326211219124254062112191242540" + "00")
    when = Timestamp(moment(2026, 11, 12, 18, 42, 52), 4)  # 19:42:52 an hour east of UTC
    report = StatusReport(0xA5, HANDSET, 0, scts=when, discharge_time=when)
    assert decode_status_report(tpdu) == report
    assert encode_status_report(report) == tpdu
    assert decode_received(tpdu + b"\x07\x00\x00\x00") == report  # optional fields, or padding
    assert decode_status_report(tpdu[:-1] + b"\x45").tp_st == 0x45


@pytest.mark.parametrize(
    ("stamp", "wire"),
    [
        (Timestamp(moment(2026, 11, 12, 18, 42, 52), -13), "62 11 21 51 72 25 39"),  # 15:27:52 in that zone
        (Timestamp(moment(1999, 12, 31, 23, 59, 59)), "99 21 13 32 95 95 00"),
        (None, "00" * 7),
    ],
)
def test_time_stamps_carry_their_zone(stamp: Timestamp | None, wire: str) -> None:
    assert encode_timestamp(stamp) == bytes.fromhex(wire)


def test_a_time_that_is_none_does_not_cost_the_message() -> None:
    tpdu = bytearray(after_smsc("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"))
    tpdu[12] = 0xFF  # the month
    deliver = decode_deliver(bytes(tpdu))
    assert deliver.scts is None
    assert deliver.text == "How are you?"


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        *((0, 0), (300, 0), (301, 1), (43_200, 143), (43_201, 144), (86_400, 167), (86_401, 168), (172_800, 168)),
        *((30 * 86_400, 196), (30 * 86_400 + 1, 197), (63 * 604_800, 255), (10**9, 255)),
    ],
)
def test_a_relative_validity_is_never_shorter_than_asked_for(seconds: int, value: int) -> None:
    assert encode_relative(seconds) == value


def test_every_relative_validity_comes_back() -> None:
    assert [encode_relative(decode_relative(value)) for value in range(256)] == list(range(256))


@pytest.mark.parametrize(
    ("tp_dcs", "alphabet"),
    [
        *((0x00, "gsm7"), (0x01, "gsm7"), (0x03, "gsm7"), (0x04, "octet"), (0x08, "ucs2"), (0x0C, "gsm7")),
        *((0x10, "gsm7"), (0x18, "ucs2"), (0x20, "octet"), (0x80, "gsm7"), (0xC8, "gsm7"), (0xD0, "gsm7")),
        *((0xE0, "ucs2"), (0xF0, "gsm7"), (0xF4, "octet")),
    ],
)
def test_the_coding_scheme_is_that_of_23_038_and_not_of_smpp(tp_dcs: int, alphabet: str) -> None:
    assert coding_of(tp_dcs).alphabet == alphabet
    assert not coding_of(tp_dcs).auto_delete


@pytest.mark.parametrize("other", [(), (text.InformationElement(0x05, b"\x0b\x84\x23\xf0"),)])
def test_septets_start_on_a_septet_boundary_after_any_header(other: text.Elements) -> None:
    for length in range(8):
        header = text.build_udh((*other, text.InformationElement(0x70, bytes(length))))
        submit = Submit(HANDSET, header + b"septets", udhi=True)
        assert decode_submit(encode_submit(submit)) == submit


def test_national_tables_of_the_header_are_used() -> None:
    (part,) = text.segment("ğüşıöç", "gsm7", locking=1)
    assert decode_deliver(encode_deliver(Deliver(HANDSET, part.octets, udhi=part.udhi))).text == "ğüşıöç"


def test_every_part_that_the_text_room_cuts_fits_a_tpdu() -> None:
    cases: list[tuple[str, text.Alphabet, int]] = [("A" * 161, "gsm7", 0), ("€" * 200, "gsm7", 0)]
    for message, alphabet, tp_dcs in [*cases, ("Ж😀" * 90, "ucs2", 8)]:
        parts = text.segment(message, alphabet, 7)
        back = [decode_submit(encode_submit(Submit(HANDSET, part.octets, tp_dcs, part.udhi))) for part in parts]
        assert "".join(submit.text for submit in back) == message


def test_a_header_longer_than_the_user_data_is_text() -> None:
    tpdu = bytearray(encode_deliver(Deliver(HANDSET, b"\x7fabc", tp_dcs=4)))
    tpdu[0] |= 0x40
    assert decode_deliver(bytes(tpdu)) == Deliver(HANDSET, b"\x7fabc", tp_dcs=4)


def test_the_smsc_address_may_be_absent_empty_or_there() -> None:
    assert split_smsc(b"\x00\x11") == (None, b"\x11")
    assert split_smsc(b"\x01\x81\x11") == (None, b"\x11")  # gammu
    prefix = smsc_prefix(parse_number("+447785016005"))
    assert split_smsc(prefix + b"\x11") == (parse_number("+447785016005"), b"\x11")
    assert smsc_prefix() == b"\0"


@pytest.mark.parametrize(
    "submit",
    [
        Submit(TpAddress("1" * 21)),
        Submit(TpAddress("12x4")),
        Submit(TpAddress("Привет", 5, 0)),
        Submit(HANDSET, b"A" * 161),
        Submit(HANDSET, b"A" * 141, tp_dcs=4),
        Submit(HANDSET, b"\xe4"),
        Submit(HANDSET, b"\x05\x00\x03", udhi=True),
        Submit(HANDSET, validity=b"\x00"),
    ],
)
def test_what_does_not_fit_is_refused(submit: Submit) -> None:
    with pytest.raises(TpduError):
        encode_submit(submit)


def test_no_tpdu_ends_early() -> None:
    whole = Submit(
        HANDSET, b"\x05\x00\x03\x01\x02\x01" + b"hello", udhi=True, validity=Timestamp(moment(*[2026] + [1] * 5))
    )
    when = Timestamp(moment(2026, 1, 1, 1, 1, 1))
    reads = (
        (decode_submit, encode_submit(whole)),
        (decode_deliver, encode_deliver(Deliver(HANDSET, b"hello", scts=when))),
        (decode_status_report, encode_status_report(StatusReport(1, HANDSET, 0, when, when))),
    )
    for decode, octets in reads:
        decode(octets)
        for end in range(len(octets)):
            with pytest.raises(TpduError):
                decode(octets[:end])


def test_one_kind_of_tpdu_is_not_taken_for_another() -> None:
    submit = encode_submit(Submit(HANDSET, b"hello"))
    for decode in (decode_deliver, decode_status_report, decode_received):
        with pytest.raises(TpduError, match="TP-MTI is 01"):
            decode(submit)


@given(st.integers(0, 255), st.binary(max_size=200))
def test_any_octets_are_read_or_refused(first: int, octets: bytes) -> None:
    for decode in (decode_submit, decode_deliver, decode_status_report, decode_received, split_smsc):
        with suppress(TpduError):
            decode(bytes((first,)) + octets)


addresses = st.one_of(
    st.builds(TpAddress, st.text("0123456789*#abc", max_size=20), st.sampled_from([0, 1, 2, 3]), st.integers(0, 15)),
    st.builds(TpAddress, st.text("ABCxyz 019", min_size=1, max_size=11), st.just(5), st.just(0)),
)
stamps = st.builds(
    Timestamp, st.integers(946_684_800, 2_140_000_000).map(lambda second: second * 1_000_000), st.integers(-79, 79)
)
bodies = st.one_of(
    st.tuples(st.binary(max_size=160).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.just(0)),
    st.tuples(st.binary(max_size=140), st.sampled_from([4, 8, 0xF5])),
)
validities = st.one_of(st.none(), st.integers(0, 255).map(decode_relative), stamps, st.binary(min_size=7, max_size=7))


@given(addresses, bodies, validities, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 255))
def test_whatever_a_submit_says_comes_back(
    destination_addr: TpAddress,
    body: tuple[bytes, int],
    validity: int | Timestamp | bytes | None,
    status_report: bool,
    reject_duplicates: bool,
    reply_path: bool,
    octet: int,
) -> None:
    submit = Submit(
        destination_addr, *body, False, validity, status_report, reject_duplicates, reply_path, octet, octet
    )
    assert decode_submit(encode_submit(submit)) == submit


@given(addresses, bodies, stamps, st.booleans(), st.booleans(), st.integers(0, 255))
def test_whatever_is_delivered_or_reported_comes_back(
    address: TpAddress, body: tuple[bytes, int], stamp: Timestamp, one: bool, other: bool, octet: int
) -> None:
    deliver = Deliver(address, *body, False, stamp, one, other, one, other, octet)
    assert decode_received(encode_deliver(deliver)) == deliver
    report = StatusReport(octet, address, 255 - octet, stamp, stamp, one, other, one)
    assert decode_received(encode_status_report(report)) == report
