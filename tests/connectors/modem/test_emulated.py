"""The emulated modem, word by word: what a computer types and what it reads, with a clock that stands still."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smscd.clock import FakeClock
from smscd.connectors.modem.emulated.console import obey
from smscd.connectors.modem.emulated.modem import _COMMANDS, EmulatedModem
from smscd.connectors.modem.emulated.network import Network, Rule
from smscd.connectors.modem.emulated.parsing import Call, parse_line
from smscd.connectors.modem.emulated.profile import NAMED, Profile, SettingError, named, setting
from smscd.connectors.modem.tpdu import (
    StatusReport,
    Submit,
    decode_deliver,
    decode_status_report,
    encode_submit,
    parse_number,
    split_smsc,
)

HANDSET = parse_number("+447700900123")


class Bench:
    """A modem on a bench, its clock in hand."""

    def __init__(self, **settings: object) -> None:
        profile = Profile(echo=False, cmee=1)
        for key, value in settings.items():
            setattr(profile, key, value)
        self.clock = FakeClock()
        self.modem = EmulatedModem(profile, self.clock, Network())

    def type(self, line: str, end: str = "\r") -> str:
        """Type a line and return everything printed at once."""
        self.modem.receive((line + end).encode("latin-1"))
        self.modem.advance()
        return self.modem.take().decode("latin-1")

    def lines(self, line: str) -> list[str]:
        return self.type(line).split("\r\n")[1:-1]

    def wait(self, seconds: float) -> str:
        self.clock.advance(seconds)
        self.modem.advance()
        return self.modem.take().decode("latin-1")

    def send(self, submit: Submit) -> str:
        """Submit in PDU mode and return what is printed until a second later."""
        tpdu = encode_submit(submit)
        assert self.type(f"AT+CMGS={len(tpdu)}") == "\r\n> "
        return self.type("00" + tpdu.hex(), "\x1a") + self.wait(1)

    def events(self, event: str) -> list[dict[str, object]]:
        return [found for found in self.modem.news if found["event"] == event]


def submit(text: bytes = b"hello", *, status_report: bool = False) -> Submit:
    return Submit(HANDSET, text, status_report=status_report)


def test_answers_are_framed_as_v_250_says() -> None:
    bench = Bench()
    assert bench.type("AT") == "\r\nOK\r\n"
    assert bench.type("AT+CSQ") == "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"
    assert bench.type("ATE1") == "\r\nOK\r\n"
    assert bench.type("at+nonsense") == "at+nonsense\r\r\nERROR\r\n"
    assert bench.type("ATE0V0") == "ATE0V0\r0\r"
    assert bench.type("AT+CSQ") == "+CSQ: 20,99\r\n0\r"
    assert bench.type("ATQ1") == ""


def test_several_commands_share_a_line_and_the_first_error_ends_it() -> None:
    bench = Bench()
    assert bench.lines("AT+CMEE=1;+CREG=2;+CREG?") == ['+CREG: 2,1,"00C3","00001A2B"', "", "OK"]
    assert bench.lines('AT+CGSN;+CPMS="XX";+CIMI') == ["490154203237518", "", "+CMS ERROR: 302"]
    assert bench.type("not a command") == ""


@pytest.mark.parametrize(
    ("line", "calls"),
    [
        ("AT", []),
        ("ate0v1", [("E", "set", ("0",)), ("V", "set", ("1",))]),
        ("AT&FE1", [("&F", "set", ("",)), ("E", "set", ("1",))]),
        ('AT+CPMS="SM","ME",', [("+CPMS", "set", ("SM", "ME", ""))]),
        ('AT+CUSD=1,"*100;1#",15;+CSQ', [("+CUSD", "set", ("1", "*100;1#", "15")), ("+CSQ", "run", ())]),
        ("AT+CNMI=?;+CNMI?", [("+CNMI", "test", ()), ("+CNMI", "read", ())]),
        ("ATD+4477;", [("D", "run", ())]),
        ("ATS0=1", [("S", "set", ("0", "1"))]),
        ("\0\0AT+CSQ", [("+CSQ", "run", ())]),
    ],
)
def test_command_lines_are_taken_apart(line: str, calls: list[tuple[str, str, tuple[str, ...]]]) -> None:
    parsed = parse_line(line)
    assert parsed is not None
    assert [(call.name, call.form, call.args) for call in parsed] == calls


def test_an_argument_left_out_has_its_default() -> None:
    call = Call("+CNMI", "set", ("2", "", "0"))
    assert [call.number(at, 7) for at in range(4)] == [2, 7, 0, 7]


@pytest.mark.parametrize(("prompt", "octets"), [("space", "\r\n> "), ("line", "\r\n>\r\n"), ("bare", ">")])
def test_the_prompt_has_three_forms_and_esc_leaves_it(prompt: str, octets: str) -> None:
    bench = Bench(prompt=prompt)
    assert bench.type("AT+CMGS=18") == octets
    assert bench.type("0011", "\x1b") == "\r\nOK\r\n"
    assert bench.type("AT") == "\r\nOK\r\n"


def test_a_message_is_sent_and_numbered_and_the_number_wraps() -> None:
    bench = Bench(mr=254)
    for mr in (254, 255, 0):
        assert bench.send(submit()) == f"\r\n+CMGS: {mr}\r\n\r\nOK\r\n"
    assert [event["text"] for event in bench.events("submit")] == ["hello"] * 3


@pytest.mark.parametrize("typed", ["zz", "00" + encode_submit(submit())[:-1].hex(), "07"])
def test_a_pdu_of_another_length_or_kind_is_refused(typed: str) -> None:
    bench = Bench()
    bench.type(f"AT+CMGS={len(encode_submit(submit()))}")
    assert bench.type(typed, "\x1a") == "\r\n+CMS ERROR: 304\r\n"


def test_rules_decide_who_fails_and_how_often() -> None:
    bench = Bench()
    bench.modem.network.rules += [Rule(to="+447700900123", cms=38, times=1), Rule(text="*rude*", cms=21)]
    assert bench.send(submit()) == "\r\n+CMS ERROR: 38\r\n"
    assert "+CMGS: 0" in bench.send(submit())
    assert bench.send(submit(b"a rude word")) == "\r\n+CMS ERROR: 21\r\n"


def test_a_status_report_comes_directly_or_into_memory() -> None:
    bench = Bench()
    bench.type("AT+CNMI=2,1,0,1,0")
    printed = bench.send(submit(status_report=True))
    answer, _, report = printed.partition("+CDS: ")
    assert "+CMGS: 0" in answer
    length, hexadecimal = report.split()
    _, tpdu = split_smsc(bytes.fromhex(hexadecimal))
    assert len(tpdu) == int(length)
    found = decode_status_report(tpdu)
    assert isinstance(found, StatusReport)
    assert (found.tp_mr, found.recipient_addr, found.tp_st) == (0, HANDSET, 0)
    bench.type("AT+CNMI=2,1,0,2,0")
    assert '+CDSI: "SR",1' in bench.send(submit(status_report=True))
    assert "+CDSI" not in bench.send(submit())


def test_a_status_report_may_overtake_the_answer() -> None:
    bench = Bench(report_first=True)
    bench.type("AT+CNMI=2,1,0,1,0")
    printed = bench.send(submit(status_report=True))
    assert printed.index("+CDS: ") < printed.index("+CMGS: 0")


def test_a_message_arrives_is_read_and_deleted() -> None:
    bench = Bench(first_index=0)
    bench.type("AT+CNMI=2,1,0,1,0")
    assert obey(bench.modem, "mo +447700900777 Grüße") == "1 part"
    assert bench.wait(0) == '\r\n+CMTI: "SM",0\r\n'
    header, hexadecimal, *rest = bench.lines("AT+CMGR=0")
    assert rest == ["", "OK"]
    tpdu = split_smsc(bytes.fromhex(hexadecimal))[1]
    assert header == f"+CMGR: 0,,{len(tpdu)}"
    assert decode_deliver(tpdu).text == "Grüße"
    assert bench.lines("AT+CMGL=1")[0] == f"+CMGL: 0,1,,{len(tpdu)}"  # read by now
    assert bench.lines("AT+CPMS?")[0] == '+CPMS: "SM",1,30,"SM",1,30,"SM",1,30'
    bench.type("AT+CMGD=0")
    assert bench.lines("AT+CMGR=0") == ["+CMS ERROR: 321"]


def test_what_finds_no_room_waits_in_the_network_until_a_slot_is_free() -> None:
    bench = Bench(slots=2)
    bench.type("AT+CNMI=2,1,0,1,0")
    for number in range(3):
        obey(bench.modem, f"mo INFO {number}")
    assert bench.modem.take().count(b"+CMTI") == 2
    assert bench.events("memory full")
    assert '+CMTI: "SM",1' in bench.type("AT+CMGD=1")


def test_direct_messages_stop_when_they_are_not_acknowledged() -> None:
    bench = Bench(ack_timeout=10)
    bench.type("AT+CSMS=1;+CNMI=2,2,0,1,0")
    obey(bench.modem, "mo INFO one")
    obey(bench.modem, "mo INFO two")
    assert bench.wait(0).count("+CMT: ,") == 1
    assert bench.type("AT+CNMA").startswith("\r\nOK\r\n\r\n+CMT: ,")  # the next one comes when the first is taken
    assert bench.wait(11) == ""
    assert bench.lines("AT+CNMI?")[0] == "+CNMI: 2,0,0,0,0"
    assert len(bench.modem.network.waiting) == 1
    assert bench.lines("AT+CNMA") == ["+CMS ERROR: 340"]


def test_what_was_not_acknowledged_before_a_restart_comes_again() -> None:
    bench = Bench()
    bench.type("AT+CSMS=1;+CNMI=2,2,0,1,0")
    obey(bench.modem, "mo INFO once more")
    _, hexadecimal = bench.wait(0).split("\r\n")[1:3]
    obey(bench.modem, "restart")
    assert bench.lines("AT+CMGR=1")[1] == hexadecimal  # nobody has asked for it directly yet: onto the SIM
    bench.type("AT+CSMS=1;+CNMI=2,2,0,1,0")
    obey(bench.modem, "mo INFO another")
    bench.type("AT+CNMA")
    obey(bench.modem, "restart")
    assert bench.lines("AT+CPMS?")[0].startswith('+CPMS: "SM",1,30,')


def test_nothing_comes_or_goes_without_a_network() -> None:
    bench = Bench()
    bench.type("AT+CNMI=2,1,0,1,0")
    bench.type("AT+CREG=1")
    obey(bench.modem, "registration 2")
    assert bench.wait(0) == "\r\n+CREG: 2\r\n"
    obey(bench.modem, "mo INFO later")
    assert bench.send(submit()) == "\r\n+CMS ERROR: 331\r\n"
    obey(bench.modem, "registration 5")
    assert bench.wait(0) == '\r\n+CREG: 5\r\n\r\n+CMTI: "SM",1\r\n'


def test_a_wrong_pin_costs_an_attempt_and_the_third_the_sim() -> None:
    bench = Bench(pin="1234", registration_delay=2.0)
    assert bench.lines("AT+CPIN?") == ["+CPIN: SIM PIN", "", "OK"]
    assert bench.lines("AT+CMGL=4") == ["+CMS ERROR: 311"]
    assert bench.lines('AT+CPIN="0000"') == ["+CME ERROR: 16"]
    assert bench.lines("AT+CPINR")[0] == "+CPINR: SIM PIN,2,3"
    assert bench.lines('AT+CPIN="1234"') == ["OK"]
    assert bench.lines("AT+CREG?")[0] == "+CREG: 0,2"
    bench.wait(2)
    assert bench.lines("AT+CREG?")[0] == "+CREG: 0,1"
    locked = Bench(pin="1234")
    for _ in range(3):
        locked.type('AT+CPIN="0000"')
    assert locked.lines("AT+CPIN?")[0] == "+CPIN: SIM PUK"
    assert locked.modem.pins_tried == ["0000"] * 3


def test_a_restart_forgets_the_manners_and_keeps_the_sim() -> None:
    bench = Bench(boot=("RDY", "SMS Ready"), boot_delay=1.0)
    bench.type("AT+CNMI=2,1,0,1,0;+CMEE=0")
    obey(bench.modem, "mo INFO kept")
    bench.modem.take()
    assert "OK" in bench.type("AT+CFUN=1,1")
    assert bench.modem.gone == 1.0
    assert bench.type("AT") == ""
    bench.modem.power_on(boot=True)
    assert bench.wait(1) == "\r\nRDY\r\n"
    assert bench.wait(1) == "\r\nSMS Ready\r\n"
    assert bench.lines("AT+CNMI?")[0] == "+CNMI: 0,0,0,0,0"
    assert bench.lines("AT+CPMS?")[0].startswith('+CPMS: "SM",1,')


@pytest.mark.parametrize(("accident", "sent"), [("prompt", 0), ("ctrl-z", 0), ("sent", 1)])
def test_a_hang_up_in_the_middle_of_sending(accident: str, sent: int) -> None:
    bench = Bench(accident="hangup", accident_at=accident, away=3.0)
    tpdu = encode_submit(submit())
    printed = bench.type(f"AT+CMGS={len(tpdu)}")
    if accident != "prompt":
        printed = bench.type("00" + tpdu.hex(), "\x1a") + bench.wait(5)
    assert printed == ""
    assert bench.modem.gone == 3.0
    assert len(bench.events("submit")) == sent


def test_silence_after_sending_leaves_the_modem_ready_for_the_next_command() -> None:
    bench = Bench(accident="silence", accident_at="sent")
    tpdu = encode_submit(submit())
    bench.type(f"AT+CMGS={len(tpdu)}")
    assert bench.type("00" + tpdu.hex(), "\x1a") + bench.wait(5) == ""
    assert bench.type("AT") == "\r\nOK\r\n"
    assert "+CMGS: 1" in bench.send(submit())  # the accident happens once


def test_unsolicited_lines_come_in_the_middle_of_responses() -> None:
    bench = Bench(interrupt=("^RSSI:18", "^SRVST:2"), glued=True)
    assert bench.lines("AT+CPIN?") == [
        *("^RSSI:18", "", "^SRVST:2", "", "+CPIN: READY"),
        *("", "^SRVST:2", "", "^RSSI:18", "", "OK"),
    ]
    bench.type("AT+CNMI=2,1,0,1,0")
    obey(bench.modem, "mo INFO x")
    assert bench.type("AT").startswith('+CMTI: "SM",1\r\n')


def test_answers_may_come_late_and_what_is_typed_meanwhile_waits() -> None:
    bench = Bench(response_delay=2.0)
    assert bench.type("AT+CSQ") == ""
    assert bench.type("AT") == ""
    assert bench.wait(2) == "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"
    assert bench.wait(2) == "\r\nOK\r\n"


def test_a_modem_that_hangs_says_nothing_until_told_so() -> None:
    bench = Bench()
    obey(bench.modem, "hang")
    assert bench.type("AT") == ""
    obey(bench.modem, "resume")
    assert bench.type("AT") == "\r\nOK\r\n"


def test_ussd_answers_come_as_a_line_of_their_own() -> None:
    bench = Bench(ussd="ucs2", ussd_answer="12€")
    assert bench.lines('AT+CUSD=1,"*100#",15') == ["OK"]
    assert bench.wait(1) == '\r\n+CUSD: 0,"0031003220AC",72\r\n'


def test_a_message_to_its_own_number_comes_back() -> None:
    bench = Bench()
    bench.type("AT+CNMI=2,1,0,1,0")
    assert '+CMTI: "SM",1' in bench.send(Submit(parse_number("+447700900000"), b"echo"))


def test_text_mode_sends_and_reads() -> None:
    bench = Bench()
    bench.type("AT+CMGF=1;+CSMP=49,167,0,0;+CNMI=2,1,0,1,0")
    assert bench.type('AT+CMGS="+447700900123"') == "\r\n> "
    printed = bench.type("hello there", "\x1a") + bench.wait(1)
    assert "+CMGS: 0" in printed
    assert '+CDS: 6,0,"+447700900123",145,"' in printed
    assert bench.events("submit")[0]["text"] == "hello there"
    obey(bench.modem, "mo +447700900777 hi")
    bench.modem.take()
    header, body, *_ = bench.lines("AT+CMGR=1")
    assert header.startswith('+CMGR: "REC UNREAD","+447700900777",,"')
    assert body == "hi"
    bench.type('AT+CSCS="UCS2";+CSMP=17,167,0,8')
    bench.type('AT+CMGS="' + "+447700900123".encode("utf-16-be").hex() + '"')
    bench.type("Ж".encode("utf-16-be").hex(), "\x1a")
    assert bench.events("submit")[1]["text"] == "Ж"


@pytest.mark.parametrize("name", NAMED)
def test_every_named_profile_sends_and_receives(name: str) -> None:
    bench = Bench()
    profile = named(name)
    profile.echo = False
    bench.modem = EmulatedModem(profile, bench.clock)
    bench.wait(5)
    bench.type("AT+CNMI=2,1,0,2,0")
    bench.wait(1)
    tpdu = encode_submit(submit())
    bench.type(f"AT+CMGS={len(tpdu)}")
    bench.wait(1)
    bench.type("00" + tpdu.hex(), "\x1a")
    assert "+CMGS: 0" in bench.wait(5)
    obey(bench.modem, "mo INFO hi")
    assert "+CMTI: " in bench.wait(1)


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("echo", "no", False),
        ("slots", "3", 3),
        ("away", "0.5", 0.5),
        ("memories", "SM|ME", ("SM", "ME")),
        ("interrupt", "", ()),
        ("accident-at", "ctrl-z", "ctrl-z"),
        ("pin", "0000", "0000"),
    ],
)
def test_settings_are_read_from_words(key: str, value: str, read: object) -> None:
    profile = Profile()
    setting(profile, key, value)
    assert getattr(profile, key.replace("-", "_")) == read


@pytest.mark.parametrize(
    "line",
    [
        "set slots many",
        "set nothing 1",
        "set prompt >",
        "rule to",
        "rule cms=x",
        "mo INFO",
        "hangup soon",
        "dance",
        "'",
    ],
)
def test_a_line_that_says_nothing_is_refused(line: str) -> None:
    with pytest.raises(SettingError):
        obey(Bench().modem, line)


def test_the_console_tells_what_it_can_and_how_things_are() -> None:
    bench = Bench()
    assert "hangup" in obey(bench.modem, "help")
    assert "stored SM 0/30" in obey(bench.modem, "status")
    assert obey(bench.modem, "") == ""


LENGTH = len(encode_submit(submit(status_report=True)))
words = st.sampled_from([*_COMMANDS, "+X", "&Z", "S0"])
arguments = st.lists(
    st.sampled_from(["0", "1", "2", "-1", "999", '"SM"', '"ME"', '""', "", "x", '"+4477"', "²"]), max_size=5
)
commands = st.builds(
    lambda word, form, rest: word + form + (",".join(rest) if form == "=" else ""),
    words,
    st.sampled_from(["", "=", "?", "=?"]),
    arguments,
)
typed = st.one_of(
    st.lists(commands, min_size=1, max_size=3).map(lambda several: "AT" + ";".join(several) + "\r"),
    st.sampled_from(
        [
            "\x1a",
            "\x1b",
            "00" + encode_submit(submit(status_report=True)).hex() + "\x1a",
            "AT\r",
            "AT+CMGF=1\r",
            f"AT+CMGS={LENGTH}\r",
            f"AT+CMGW={LENGTH}\r",
            f"AT+CMGW={LENGTH},0\r",
        ]
    ),
    st.text(st.characters(max_codepoint=255), max_size=20),
)
told = st.sampled_from(
    ["mo INFO hi", "mo +447700900123 " + "long " * 40, "registration 2", "registration 1", "restart"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(typed, told.map(lambda line: (line,))), max_size=12))
def test_whatever_is_typed_the_modem_lives_on(pieces: list[str | tuple[str]]) -> None:
    bench = Bench(registration_delay=0.5)
    for piece in pieces:
        if isinstance(piece, tuple):
            obey(bench.modem, piece[0])
        else:
            bench.type(piece, "")
        bench.wait(0.3)
    if bench.modem.gone is not None:
        bench.modem.power_on()
    bench.wait(1)
    assert bench.type("\x1b\rATV1Q0E0", "\r") is not None
    assert bench.type("AT").endswith("\r\nOK\r\n")
