"""The dialogue by itself: whatever comes in whatever pieces, an answer is an answer and the rest is the rest."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smscd.connectors.modem import dialogue, lines
from smscd.connectors.modem.dialogue import (
    Command,
    Dialogue,
    Event,
    Reply,
    Restarted,
    Silent,
    Synchronised,
    Unsolicited,
)
from smscd.errors import SessionError

PDU = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"
REPORT = "0006A50C914477000910326211219112424062112191242540" + "00"
NOISE = [
    ('+CMTI: "SM",3', ""), ("^RSSI:18", ""), ("RING", ""), (f"+CDS: {len(REPORT) // 2 - 1}", REPORT),
    ("+CMT: ,30", PDU), ("+CIEV: 2,3", ""), ('+CUSD: 0,"Balance: 5",15', ""), ("+CREG: 1", ""),
]  # fmt: skip
SEND = Command("AT+CMGS=18", ("+CMGS:",), 60.0, b"0021000C91", one_line=True)
ASKED = [
    (Command("AT+CSQ", ("+CSQ:",), one_line=True), ["+CSQ: 20,0", "OK"]),
    (Command("AT+CGMI", ("",)), ["Some Maker", "OK"]),
    (Command("AT+CMGR=3", ("+CMGR:",)), ["+CMGR: 0,,30", PDU, "OK"]),
    (Command("AT+CMGL=4", ("+CMGL:",)), ["+CMGL: 1,1,,30", PDU, "+CMGL: 2,1,,30", PDU, "OK"]),
    (Command("AT+CMGD=3"), ["+CMS ERROR: 321"]),
    (Command("AT+CPIN?", ("+CPIN:",), one_line=True), ["+CPIN: READY", "OK"]),
]


def fed(octets: bytes, cuts: list[int], dialogue: Dialogue, now: float = 1.0) -> list[Event]:
    """Events of octets that come in pieces."""
    places = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        dialogue.receive(octets[start:end], now)
    return dialogue.events()


def wired(said: list[str]) -> bytes:
    return "".join(f"\r\n{line}\r\n" for line in said).encode()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ASKED), st.data(), st.lists(st.integers(0, 2000), max_size=60), st.booleans())
def test_an_answer_is_told_from_whatever_comes_in_its_midst(
    asked: tuple[Command, list[str]], data: st.DataObject, cuts: list[int], echo: bool
) -> None:
    command, answer = asked
    said: list[str] = [command.text] if echo else []
    expected: list[Unsolicited] = []
    for line in answer:
        # a head and its PDU come together; whatever else comes, comes between
        if not lines.is_hex(line):
            for head, pdu in data.draw(st.lists(st.sampled_from(NOISE), max_size=2)):
                expected.append(Unsolicited(head, pdu))
                said += [head, *([pdu] if pdu else [])]
        said.append(line)
    talk = Dialogue()
    talk.start(command, 0.0)
    assert talk.output() == command.text.encode() + b"\r"
    events = fed(wired(said), cuts, talk)
    (reply,) = [event for event in events if isinstance(event, Reply)]
    assert reply.final == answer[-1]
    assert reply.lines == answer[:-1]
    assert [event for event in events if isinstance(event, Unsolicited)] == expected


@pytest.mark.parametrize("prompt", ["\r\n> ", "\r\n>\r\n", ">", "\r\n>", "> \r\n"])
@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=30), echo=st.booleans(), noisy=st.booleans())
def test_a_message_is_handed_over_after_any_prompt(prompt: str, cuts: list[int], echo: bool, noisy: bool) -> None:
    talk = Dialogue()
    talk.start(SEND, 0.0)
    talk.output()
    noise = wired(['+CMTI: "SM",3']) if noisy else b""
    assert fed((b"AT+CMGS=18\r" if echo else b"") + noise + prompt.encode(), cuts, talk) == (
        [Unsolicited('+CMTI: "SM",3')] if noisy else []
    )
    assert talk.output() == b""  # not at once: some drop what comes with the prompt
    talk.tick(talk.deadline or 0.0)
    assert talk.output() == SEND.payload + b"\x1a"
    repeated = (b"> " if prompt == ">" else b"") + SEND.payload + b"\x1a\r\n" if echo else b""
    events = fed(repeated + noise + wired(["+CMGS: 165", "OK"]), cuts, talk)
    (reply,) = [event for event in events if isinstance(event, Reply)]
    assert (reply.final, reply.line, reply.left) == ("OK", "+CMGS: 165", True)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20), st.lists(st.floats(0, 30), max_size=20))
def test_no_noise_raises_or_is_kept_for_ever(pieces: list[bytes], pauses: list[float]) -> None:
    talk, now = Dialogue(), 0.0
    for at, piece in enumerate(pieces):
        if talk.state is dialogue.State.IDLE:
            talk.start(SEND if at % 2 else ASKED[at % len(ASKED)][0], now)
        talk.receive(piece * 50, now)
        now += pauses[at] if at < len(pauses) else 1.0
        talk.tick(now)
        talk.output()
        talk.events()
        assert len(talk._buffer) <= dialogue.LONGEST_LINE + 2000


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([wired(["OK"]), wired(["ERROR"]), b"\r\n> ", b"junk", wired(["RDY"])]), max_size=6))
def test_every_command_comes_to_one_end(pieces: list[bytes]) -> None:
    for command in (SEND, *(asked for asked, _ in ASKED)):
        talk, now, replies = Dialogue(), 0.0, 0
        talk.start(command, now)
        for piece in [*pieces, *[b""] * 30]:
            talk.receive(piece, now)
            now = max(now, talk.deadline or now)
            talk.tick(now)
            replies += sum(isinstance(event, Reply) for event in talk.events())
        assert replies == 1
        assert talk.state is dialogue.State.IDLE


def test_one_command_at_a_time() -> None:
    talk = Dialogue()
    talk.start(Command("AT"), 0.0)
    with pytest.raises(SessionError, match="busy"):
        talk.start(Command("AT"), 0.0)


def test_without_an_answer_the_modem_is_woken_and_what_comes_late_answers_nothing_else() -> None:
    talk = Dialogue()
    talk.start(Command("AT+CSQ", ("+CSQ:",), 5.0), 0.0)
    talk.output()
    talk.tick(5.0)
    (reply,) = talk.events()
    assert isinstance(reply, Reply)
    assert (reply.final, reply.left) == (lines.TIMEOUT, False)
    assert talk.output() == dialogue.WAKE
    talk.receive(wired(["+CSQ: 20,0", "OK"]), 5.1)  # the late one
    talk.receive(wired(["OK"]), 5.2)  # that of AT
    assert talk.events() == [Unsolicited("+CSQ: 20,0")]
    talk.tick(5.2 + dialogue.QUIET)
    assert talk.events() == [Synchronised()]
    talk.start(Command("AT"), 6.0)


def test_who_never_answers_is_silent() -> None:
    talk = Dialogue()
    talk.wake(0.0)
    for second in range(dialogue.WAKE_ATTEMPTS):
        assert talk.output() == dialogue.WAKE
        talk.tick(second + 1.0)
    assert talk.events() == [Silent()]


@pytest.mark.parametrize("said", ["OK", "ERROR", "+CME ERROR: 100"])
def test_any_result_says_that_somebody_is_there(said: str) -> None:
    """phonesim, a modem emulator that foreign software is tested with, knows no bare AT: ERROR."""
    talk = Dialogue()
    talk.wake(0.0)
    talk.receive(wired([said]), 0.1)
    talk.tick(0.1 + dialogue.QUIET)
    assert talk.events() == [Synchronised()]


def test_silence_after_ctrl_z_says_that_it_has_left() -> None:
    talk = Dialogue()
    talk.start(SEND, 0.0)
    talk.receive(b"\r\n> ", 0.1)
    talk.tick(0.2)
    talk.tick(70.0)
    (reply,) = talk.events()
    assert isinstance(reply, Reply)
    assert (reply.final, reply.left) == (lines.TIMEOUT, True)


def test_a_prompt_that_somebody_left_behind_is_escaped_from() -> None:
    talk = Dialogue()
    talk.receive(b"\r\n> ", 0.0)
    assert talk.output() == dialogue.ESCAPE


def test_an_answer_without_its_ok_and_an_ok_before_its_answer_are_answers() -> None:
    for said in (["+CPIN: READY"], ["OK", "+CPIN: READY"]):
        talk = Dialogue()
        talk.start(Command("AT+CPIN?", ("+CPIN:",), 5.0, one_line=True), 0.0)
        talk.receive(wired(said), 0.1)
        talk.tick(0.1 + dialogue.GRACE)
        (reply,) = talk.events()
        assert isinstance(reply, Reply)
        assert (reply.final, reply.line) == ("OK", "+CPIN: READY")


def test_a_restart_ends_what_was_asked() -> None:
    talk = Dialogue()
    talk.start(Command("AT+COPS?", ("+COPS:",), 30.0), 0.0)
    talk.receive(wired(["RDY", "+CPIN: READY"]), 1.0)
    reply, started, ready = talk.events()
    assert isinstance(reply, Reply)
    assert reply.final == lines.GONE
    assert started == Restarted("RDY", just_ready=False)
    assert ready == Restarted("+CPIN: READY", just_ready=True)


def test_a_line_glued_before_an_echo_is_both() -> None:
    talk = Dialogue()
    talk.start(Command("AT+CPMS?", ("+CPMS:",), one_line=True), 0.0)
    talk.receive(b'+CMTI: "SM",1AT+CPMS?\r\r\n+CPMS: "SM",1,20\r\nOK\r\n', 0.1)
    urc, reply = talk.events()
    assert urc == Unsolicited('+CMTI: "SM",1')
    assert isinstance(reply, Reply)
    assert reply.line == '+CPMS: "SM",1,20'


def test_free_text_is_an_answer_and_a_line_with_another_name_is_none() -> None:
    for own in ("Some Maker", "+CGMI: Some Maker"):
        talk = Dialogue()
        talk.start(Command("AT+CGMI", ("",)), 0.0)
        talk.receive(wired(["+CREG: 1", own, "OK"]), 0.1)
        urc, reply = talk.events()
        assert urc == Unsolicited("+CREG: 1")
        assert isinstance(reply, Reply)
        assert reply.lines == [own]
