"""What modems say, read: stores, registration, signal, USSD, errors, references. Pure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from smscd import pdu
from smscd.connectors.interface import Returns
from smscd.connectors.modem import faults, health, lines, quota
from smscd.connectors.modem.dialogue import Unsolicited
from smscd.connectors.modem.errands import read_ussd
from smscd.connectors.modem.faults import Asks
from smscd.connectors.modem.inbox import MOST_ANNOUNCED, Inbox
from smscd.connectors.modem.incoming import Deliver, data_coding_of, deliver_sm, key, message_state
from smscd.connectors.modem.profiles import profile_of
from smscd.connectors.modem.setup import memories, usable
from smscd.connectors.modem.tpdu import TpAddress
from smscd.connectors.settings import ModemSettings
from smscd.connectors.smpp.correlation import Report
from smscd.counters import ConnectorCounters


@pytest.mark.parametrize(
    ("line", "first", "good"),
    [
        ('+CPMS: ("ME","SM","SR"),("ME","SM"),("ME","SM")', ("ME", "SM", "SR"), ("ME", "SM")),
        ('+CPMS: ("SM","ME"),("SM","ME"),("SM")', ("SM", "ME"), ("SM",)),  # received in the SIM only
        ('+CPMS: ("SM")', ("SM",), ("SM",)),
        ("", (), ()),
    ],
)
def test_a_store_is_good_if_it_is_read_written_and_received_in(
    line: str, first: tuple[str, ...], good: tuple[str, ...]
) -> None:
    assert memories(line)[0] == first
    assert usable(line) == good


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("+CREG: 0,1", 1), ("+CREG: 1", 1), ('+CREG: 2,5,"00C3","1234",7', 5), ('+CREG: 1,"00C3","1234"', 1),
        ("+CEREG: 0,6", 6), ("+CREG: ", None),
    ],
)  # fmt: skip
def test_registration_is_read_from_answers_and_from_what_looks_like_them(line: str, state: int | None) -> None:
    assert health.registration(line) == state


def test_signal_is_dbm_and_unknown_is_unknown() -> None:
    assert [health.dbm(f"+CSQ: {value},99") for value in (0, 20, 31, 99)] == [-113, -73, -51, None]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('+CUSD: 0,"Your balance is 5.00, thank you",15', "Your balance is 5.00, thank you"),
        ('+CUSD: 0,"00550053005300440020007300740072",72', "USSD str"),
        ('+CUSD: 0,"5553534420737472",68', "USSD str"),
        ('+CUSD: 0,"C8329BFD065DDF723619",15', "Hello World"),  # packed septets
        ("+CUSD: 4", ""),
    ],
)
def test_ussd_is_read_in_every_writing(line: str, said: str) -> None:
    answer = read_ussd(line)
    assert answer["text"] == said
    assert answer["status"] in {"no further action", "not supported"}


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("+CMS ERROR: 38", Asks.LATER), ("+CMS ERROR: network out of order", Asks.LATER),
        ("+CMS ERROR: 310", Asks.MODEM),
        ("+CMS ERROR: 314", Asks.WAIT), ("+CMS ERROR: 322", Asks.STORAGE), ("+CMS ERROR: 21", Asks.NEVER),
        ("+CMS ERROR: 140", Asks.NEVER), ("+CME ERROR: 14", Asks.WAIT), ("+CME ERROR: SIM busy", Asks.WAIT),
        ("+CME ERROR: 100", Asks.FEW), ("ERROR", Asks.FEW), ("+CMS ERROR: 515", Asks.FEW),
        ("+CMS ERROR: whatever", Asks.FEW),
    ],
)  # fmt: skip
def test_errors_ask_for_what_the_tables_say(line: str, asks: Asks) -> None:
    assert faults.understand(line).asks is asks


def test_a_vendors_code_means_what_the_vendor_means() -> None:
    assert faults.understand("+CMS ERROR: 515", profile_of("auto", "WAVECOM MODEM").cms).asks is Asks.WAIT
    assert faults.understand("+CMS ERROR: 515", profile_of("siemens", "").cms).asks is Asks.NEVER
    assert profile_of("auto", "Somebody").name == "generic"


def test_a_wrong_number_is_called_one() -> None:
    assert faults.understand("+CMS ERROR: 1").command_status == pdu.ESME_RINVDSTADR
    assert faults.understand("+CMS ERROR: 21").command_status == pdu.ESME_RSUBMITFAIL


@pytest.mark.parametrize(
    ("tp_st", "state"),
    [
        (0x00, "DELIVERED"), (0x01, "DELIVERED"), (0x02, "DELETED"), (0x10, "DELIVERED"), (0x20, "ENROUTE"),
        (0x3F, "ENROUTE"), (0x40, "UNDELIVERABLE"), (0x42, "REJECTED"), (0x45, "UNDELIVERABLE"), (0x46, "EXPIRED"),
        (0x47, "DELETED"), (0x48, "DELETED"), (0x49, "UNDELIVERABLE"), (0x60, "UNDELIVERABLE"), (0x03, "UNDELIVERABLE"),
        (0xFF, "UNDELIVERABLE"),
    ],
)  # fmt: skip
def test_a_status_is_a_message_state(tp_st: int, state: str) -> None:
    assert pdu.MessageState(message_state(tp_st)).name == state


def test_a_key_is_the_same_for_both_forms_of_a_number() -> None:
    assert key(165, "447700900123") == key(165, "07700900123") == key(165, "+447700900123") != key(166, "447700900123")


def test_data_coding_of_what_came_in_is_plain_where_it_can_be() -> None:
    assert {dcs: data_coding_of(dcs) for dcs in (0x00, 0x04, 0x08, 0x10, 0x11, 0x14, 0x18, 0xC8, 0xF0, 0xF5)} == {
        0x00: 0x00, 0x04: 0x04, 0x08: 0x08, 0x10: 0xF0, 0x11: 0xF1, 0x14: 0xF4, 0x18: 0x08, 0xC8: 0xC8, 0xF0: 0xF0,
        0xF5: 0xF5,
    }  # fmt: skip


def test_fields_keep_commas_in_quotes() -> None:
    assert lines.fields('+CUSD: 0,"a, b",15') == ["0", "a, b", "15"]
    assert lines.announced("+CMGR: 0,,30") == lines.announced("+CDS: 30") == 30
    assert lines.announced("+CMT: ,") is None


def test_a_quota_is_a_days_and_survives_as_one_number() -> None:
    day = quota.DAY
    used = quota.DailyQuota(2)
    assert used.left(day) == 2
    used.take(day)
    used.take(day + 1)
    assert used.left(day + 2) == 0
    assert quota.DailyQuota(2, used.state).left(day + 3) == 0
    assert used.left(2 * day) == 2
    assert quota.DailyQuota(0).left(day) is None


def test_a_quarantine_doubles_and_a_success_forgives() -> None:
    one = quota.Quarantine(2, 10.0)
    assert not one.failed("x", 0.0)
    assert one.failed("x", 1.0)
    assert (one.holds(10.9), one.holds(11.0)) == (True, False)
    assert one.failed("sim", 20.0, surely=True)
    assert one.until == 40.0
    one.worked()
    assert not one.holds(21.0)
    assert one.failed("sim", 50.0, surely=True)
    assert one.until == 60.0


@pytest.mark.parametrize("digits", ["\u00b2", "9" * 5000, "1\u00b9", ""])
def test_what_only_looks_like_a_number_is_none(digits: str) -> None:
    """A superscript two is a digit to `str.isdigit`, and 5000 digits are too many for `int`: a noisy line says both."""
    assert lines.number(digits) is None
    assert health.registration(f"+CREG: {digits}") is None
    assert health.dbm(f"+CSQ: {digits},99") is None
    assert health.counted(f'+CPMS: "SM",{digits},10,"SM",3,10') == (3, 10)
    assert read_ussd(f'+CUSD: {digits},"4142",{digits}')["status"] == "unknown"
    assert faults.understand(f"+CMS ERROR: {digits}").asks is Asks.FEW
    assert lines.announced(f"+CMT: ,{digits}") is None


@pytest.mark.parametrize(("ton", "npi", "said"), [(7, 15, (0, 0)), (1, 5, (1, 0)), (5, 1, (5, 0)), (6, 9, (6, 9))])
def test_an_esme_is_told_no_type_of_number_or_plan_that_smpp_does_not_have(
    ton: int, npi: int, said: tuple[int, int]
) -> None:
    mo = deliver_sm(Deliver(TpAddress("1234", ton, npi), b"hi"), "+447700900000")
    assert (mo.source_addr_ton, mo.source_addr_npi) == said


def test_user_data_that_no_short_message_holds_goes_into_the_payload() -> None:
    mo = deliver_sm(Deliver(TpAddress("1234"), b"x" * 255, tp_dcs=4), "+447700900000")
    assert (mo.short_message, pdu.tlv.get(mo.tlvs, pdu.Tag.message_payload)) == (b"", b"x" * 255)


class Nobody:
    """Hears what an inbox hands on."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def report(self, report: Report, _answer: Callable[[int], None]) -> None:
        self.reports.append(report)


def inbox(returns: Nobody) -> Inbox:
    settings = ModemSettings(name="m", device=Path("/dev/null"))
    return Inbox(settings, cast("Returns", returns), ConnectorCounters("m"), lambda: None)


def test_announcements_without_end_or_sense_are_noted_once_and_not_without_end() -> None:
    noting = inbox(Nobody())
    for said in ("\u00b2", "9" * 5000, "", "-1", *map(str, range(2 * MOST_ANNOUNCED)), *["7"] * 5000):
        noting.heard(Unsolicited(f'+CMTI: "SM",{said}'))
    assert len(noting._announced) == MOST_ANNOUNCED


def test_a_report_on_a_number_that_no_network_has_is_passed_over() -> None:
    """It could not be kept, and was a fault of the task that talks to the modem."""
    returns, length = Nobody(), 60
    noting = inbox(returns)
    for octets in (f"00060{1}{length:02X}91" + "21" * (length // 2), f"0006{2:02X}0B91447700900012F0"):
        noting._take(octets + "11" * 14 + "00", None, lambda _status: None)
    assert len(returns.reports) == 1
    assert noting._pending == 1
