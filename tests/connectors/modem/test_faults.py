"""What modems do to those who drive them, and what becomes of a message meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from smscd import pdu
from smscd.connectors.modem import connector as connector_room
from smscd.connectors.modem import keeper
from smscd.connectors.modem.keeper import Notes
from smscd.connectors.modem.tpdu import Submit
from smscd.message import SENT, Accepted, Deferred, Rejected, Unanswered
from tests.connectors.modem.desk import at
from tests.connectors.modem.fake import FakeModem


@pytest.fixture
async def modem(tmp_path: Path) -> Iterator[FakeModem]:  # type: ignore[misc]
    fake = FakeModem(tmp_path / "modem").plug()
    yield fake
    fake.unplug()


# --- manners ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["\r\n> ", "\r\n>\r\n", ">", "> \r\n"])
@pytest.mark.parametrize("one_by_one", [False, True])
async def test_prompts_echoes_pieces_and_noise_do_not_matter(modem: FakeModem, prompt: str, one_by_one: bool) -> None:
    modem.prompt, modem.echo, modem.one_by_one = prompt, True, one_by_one
    modem.noise = ("^RSSI:18", "+CREG: 1", "RING", '+CIEV: "MESSAGE",1', "+CBM: 2\r\n000102")
    async with at(modem.link) as desk:
        (message,) = await desk.sent(b"hello")
        assert isinstance(desk.of(message)[0], Accepted)
        assert [submit.text for submit in modem.submits] == ["hello"]
        modem.report(modem.submits[0])
        modem.receive(b"from afar")
        await desk.until(lambda: desk.reports and desk.heard)
        await desk.until(lambda: not modem.stored)


async def test_where_no_prompt_comes_the_command_is_given_up_and_tried_once_more(
    modem: FakeModem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smscd.connectors.modem.dialogue.PROMPT_WAIT", 0.1)
    lost = iter(["", "\r\n> "])
    written = modem.write

    def write(text: str) -> None:
        written(next(lost, text) if text == "\r\n> " else text)

    monkeypatch.setattr(modem, "write", write)
    async with at(modem.link) as desk:
        (message,) = await desk.sent(b"hello")
        assert isinstance(desk.of(message)[0], Accepted)
        assert len(modem.submits) == 1
        assert sum(one.startswith("AT+CMGS") for one in modem.asked) == 2


async def test_a_modem_that_restarts_is_told_everything_again(modem: FakeModem) -> None:
    async with at(modem.link) as desk:
        await desk.up()
        modem.say("RDY")
        await modem.until(lambda: modem.asked.count("AT+CMGF=0") == 2)
        (message,) = await desk.sent(b"hello")
        assert isinstance(desk.of(message)[0], Accepted)


async def test_a_modem_that_is_gone_is_not_counted_as_registered(modem: FakeModem) -> None:
    async with at(modem.link) as desk:
        await desk.up()
        assert desk.counters.modem["registered"] == 1
        modem.unplug()
        await desk.until(lambda: desk.modem.status()["state"] == "absent")
        assert desk.counters.modem["registered"] == 0


# --- doubt ------------------------------------------------------------------------------------------------------------


async def test_silence_after_the_message_has_left_is_doubt_and_nothing_is_sent_twice(modem: FakeModem) -> None:
    def swallow(submit: Submit) -> None:
        modem.submits.append(submit)

    modem.on_submit = swallow
    async with at(modem.link, send_timeout=1.0) as desk:
        (message,) = await desk.sent(b"hello")
        assert desk.of(message) == [Unanswered()]
        modem.on_submit = modem.take
        (other,) = await desk.sent(b"next")
        assert isinstance(desk.of(other)[0], Accepted)
        assert [submit.text for submit in modem.submits] == ["hello", "next"]


async def test_a_hang_up_after_the_message_has_left_is_doubt_and_the_port_is_opened_again(modem: FakeModem) -> None:
    def swallow(submit: Submit) -> None:
        modem.submits.append(submit)
        modem.unplug()

    modem.on_submit = swallow
    async with at(modem.link) as desk:
        (message,) = await desk.sent(b"hello")
        assert desk.of(message) == [Unanswered()]
        modem.on_submit = modem.take
        modem.plug()  # under another name, behind the same link
        (other,) = await desk.sent(b"next")
        assert isinstance(desk.of(other)[0], Accepted)


async def test_a_hang_up_before_the_message_has_left_is_no_doubt(modem: FakeModem) -> None:
    async with at(modem.link) as desk:
        await desk.up()
        modem.answers["AT+CMGS="] = lambda _command: modem.unplug()
        message = desk.submit()
        (outcome,) = await desk.ended(message)
        assert isinstance(outcome, Deferred)
        assert not outcome.counts
        assert modem.submits == []


async def test_a_stop_waits_for_the_answer_and_then_calls_it_doubt(
    modem: FakeModem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_room, "DRAIN", 0.1)
    modem.on_submit = modem.submits.append
    async with at(modem.link) as desk:
        await desk.up()
        message = desk.submit()
        await modem.until(lambda: modem.submits)
        await desk.modem.stop()
        assert desk.of(message) == [Unanswered()]


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("+CMS ERROR: 38", Deferred),
        ("+CMS ERROR: Network out of order", Deferred),
        ("+CMS ERROR: 42", Deferred),
        ("ERROR", Deferred),
        ("+CMS ERROR: 500", Deferred),
        ("+CMS ERROR: 21", Rejected),
        ("+CMS ERROR: 304", Rejected),
        ("+CMS ERROR: 1", Rejected),
        ("+CMS ERROR: SIM failure", Deferred),
    ],
)
async def test_an_error_says_whether_it_is_later_or_never(modem: FakeModem, said: str, kind: type) -> None:
    modem.on_submit = lambda _submit: said
    async with at(modem.link) as desk:
        (message,) = await desk.sent(b"hello")
        (outcome,) = desk.of(message)
        assert isinstance(outcome, kind), outcome


async def test_what_says_nothing_certain_is_tried_three_times(modem: FakeModem) -> None:
    modem.on_submit = lambda _submit: "+CMS ERROR: 513"
    async with at(modem.link) as desk:
        await desk.up()
        message = desk.submit()
        await desk.ended(message)
        for attempts in (1, 2):
            message.attempts = attempts
            desk.give(message)
            await desk.ended(message)
        assert [type(outcome) for outcome in desk.of(message)] == [Deferred, Deferred, Rejected]


async def test_a_busy_sim_is_asked_again_until_it_is_not(modem: FakeModem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector_room, "BUSY_PAUSE", 0.01)
    busy = iter(["+CMS ERROR: 314", "+CMS ERROR: SIM busy"])
    modem.on_submit = lambda submit: next(busy, None) or modem.take(submit)
    async with at(modem.link) as desk:
        (message,) = await desk.sent(b"hello")
        assert isinstance(desk.of(message)[0], Accepted)


async def test_failures_in_a_row_are_the_modems_and_it_is_left_alone(modem: FakeModem) -> None:
    modem.on_submit = lambda _submit: "+CMS ERROR: 38"
    async with at(modem.link, failures=3) as desk:
        await desk.sent(b"1", b"2")
        assert desk.modem.alive
        message = desk.submit(b"3")
        await desk.ended(message)
        assert not desk.modem.alive
        assert desk.modem.status()["state"] == "quarantined"
        assert "38" in desk.modem.status()["trouble"]
        modem.on_submit = modem.take
        (later,) = await desk.sent(b"4")
        assert isinstance(desk.of(later)[0], Accepted)


async def test_a_sim_that_may_not_send_is_left_alone_at_once_and_no_attempt_is_burnt(modem: FakeModem) -> None:
    modem.on_submit = lambda _submit: "+CMS ERROR: 8"
    async with at(modem.link, quarantine=60.0) as desk:
        (message,) = await desk.sent(b"hello")
        (outcome,) = desk.of(message)
        assert isinstance(outcome, Deferred)
        assert (outcome.counts, outcome.retry_after) == (False, 0.0)
        assert outcome.command_status  # another connector of the route is better
        assert not desk.modem.alive


async def test_a_long_message_goes_on_with_the_part_that_failed(modem: FakeModem) -> None:
    failing = iter([None, "+CMS ERROR: 42"])
    modem.on_submit = lambda submit: next(failing, None) or modem.take(submit)
    async with at(modem.link) as desk:
        await desk.up()
        message = desk.submit(b"", tlvs=[(int(pdu.Tag.message_payload), b"x" * 400)])
        await desk.ended(message)
        assert [part.stage == SENT for part in message.parts] == [True, False, False]
        desk.give(message)
        await desk.ended(message)
        assert [part.stage == SENT for part in message.parts] == [True, True, True]
        assert [submit.user_data[5] for submit in modem.submits] == [1, 2, 3]
        assert len({submit.user_data[3] for submit in modem.submits}) == 1  # the reference


# --- the SIM ----------------------------------------------------------------------------------------------------------


def locked(modem: FakeModem, right: str) -> None:
    """A SIM that wants its PIN."""
    modem.answers["AT+CPIN?"] = "+CPIN: SIM PIN"

    def entered(command: str) -> str:
        if command != f'AT+CPIN="{right}"':
            return "+CME ERROR: 16"
        modem.answers["AT+CPIN?"] = "+CPIN: READY"
        return "OK"

    modem.answers["AT+CPIN="] = entered


async def test_a_right_pin_opens_the_sim(modem: FakeModem) -> None:
    locked(modem, "1234")
    async with at(modem.link, pin="1234") as desk:
        await desk.up()
        assert not desk.notes.pin_refused


async def test_a_wrong_pin_is_never_tried_twice_not_even_by_the_next_process(modem: FakeModem) -> None:
    locked(modem, "1234")
    notes = Notes()
    for _ in range(2):
        async with at(modem.link, notes, pin="4321") as desk:
            await desk.until(lambda: desk.modem.status()["state"] == "parked")
            assert not desk.modem.alive
    assert sum(one.startswith("AT+CPIN=") for one in modem.asked) == 1


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("AT+CPIN?", "+CPIN: SIM PUK"),
        ("AT+CPIN?", "+CME ERROR: 12"),
        ("AT+CPINR", "+CPINR: SIM PIN,2,3\r\n+CPINR: SIM PUK,10,10"),
    ],
)
async def test_a_sim_that_is_in_danger_is_parked(modem: FakeModem, question: str, answer: str) -> None:
    locked(modem, "1234")
    modem.answers[question] = answer
    async with at(modem.link, pin="1234") as desk:
        await desk.until(lambda: desk.modem.status()["state"] == "parked")
        assert not any(one.startswith("AT+CPIN=") for one in modem.asked)


async def test_another_modem_or_another_sim_is_not_used(modem: FakeModem) -> None:
    for other, value in (("imei", "111111111111111"), ("imsi", "999999999999999")):
        async with at(modem.link, None, **{other: value}) as desk:
            await desk.until(lambda: "another" in desk.modem.status().get("trouble", ""))
            assert not desk.modem.alive


async def test_a_daily_quota_is_kept_over_restarts(modem: FakeModem) -> None:
    notes = Notes()
    async with at(modem.link, notes, daily_quota=3) as desk:
        await desk.sent(b"1", b"2")
        assert desk.modem.alive
    async with at(modem.link, notes, daily_quota=3) as desk:
        await desk.sent(b"3")
        assert not desk.modem.alive
        assert desk.modem.credit() == 0
        assert desk.modem.status()["sent_today"] == 3


# --- the network, the port --------------------------------------------------------------------------------------------


async def test_without_a_network_nothing_is_sent_and_nothing_fails(
    modem: FakeModem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "UNREGISTERED", 0.05)
    async with at(modem.link, health=0.05) as desk:
        await desk.up()
        modem.answers |= {"AT+CREG?": "+CREG: 0,2", "AT+CEREG?": "+CEREG: 0,0", "AT+CGREG?": "+CGREG: 0,4"}
        await desk.until(lambda: not desk.modem.alive)
        assert desk.modem.status()["state"] == "no network"
        modem.answers["AT+CEREG?"] = "+CEREG: 0,5"  # LTE only
        (message,) = await desk.sent(b"hello")
        assert isinstance(desk.of(message)[0], Accepted)


async def test_a_modem_that_is_not_there_yet_is_found_when_it_comes(tmp_path: Path) -> None:
    async with at(tmp_path / "modem") as desk:
        await desk.until(lambda: desk.modem.status()["state"] == "absent")
        fake = FakeModem(tmp_path / "modem").plug()
        await desk.up()
        fake.unplug()


async def test_who_does_not_answer_is_reset_by_the_operators_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "DESPERATE", 2)
    program = ["touch", str(tmp_path / "was reset")]
    async with at(tmp_path / "modem", reconnect=0.01, recover_command=program) as desk:
        await desk.until((tmp_path / "was reset").exists)


async def test_a_port_is_opened_by_one_only(modem: FakeModem) -> None:
    async with at(modem.link) as first:
        await first.up()
        async with at(modem.link) as second:
            await second.until(lambda: "lock" in second.modem.status().get("trouble", ""))
            assert first.modem.alive


# --- what comes in ----------------------------------------------------------------------------------------------------


async def test_what_is_not_committed_stays_on_the_sim_until_it_is(modem: FakeModem) -> None:
    async with at(modem.link, drain=0.1) as desk:
        await desk.up()
        desk.status = pdu.ESME_RX_T_APPN
        modem.receive(b"hello")
        await desk.until(lambda: len(desk.heard) >= 2)  # it is read again and again
        assert modem.stored
        desk.status = pdu.ESME_ROK
        await desk.until(lambda: not modem.stored)


async def test_nothing_is_deleted_before_the_commit(modem: FakeModem) -> None:
    async with at(modem.link, drain=0.1) as desk:
        await desk.up()
        desk.answers = []
        modem.receive(b"hello")
        await desk.until(lambda: desk.heard)
        before = modem.asked.count("AT+CMGL=4")
        await modem.until(lambda: modem.asked.count("AT+CMGL=4") >= before + 2)
        assert modem.stored
        assert len(desk.heard) == 1
        desk.answers[0](pdu.ESME_ROK)
        await desk.until(lambda: not modem.stored)


async def test_a_message_handed_over_directly_is_acknowledged_after_its_commit(modem: FakeModem) -> None:
    async with at(modem.link) as desk:
        await desk.up()
        desk.answers = []
        modem.say("+CMT: ,30\r\n07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")
        await desk.until(lambda: desk.heard)
        assert desk.heard[0].short_message == b"How are you?"
        assert "AT+CNMA" not in modem.asked
        desk.answers[0](pdu.ESME_ROK)
        await modem.until(lambda: "AT+CNMA" in modem.asked)


async def test_what_somebody_keeps_on_the_sim_is_left_alone(modem: FakeModem) -> None:
    modem.stored[1] = "0001000C91447700091032000005E8329BFD06"  # an SMS-SUBMIT
    modem.stored[2] = "00FF"  # no TPDU at all
    async with at(modem.link, drain=0.1) as desk:
        await modem.until(lambda: modem.asked.count("AT+CMGL=4") >= 4)
        assert desk.heard == []
        assert sorted(modem.stored) == [1, 2]


async def test_a_full_store_is_emptied(modem: FakeModem) -> None:
    full = iter(["+CMS ERROR: 322"])
    modem.on_submit = lambda submit: next(full, None) or modem.take(submit)
    async with at(modem.link, drain=3600.0) as desk:
        await desk.up()
        modem.stored[7] = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"  # unannounced
        await desk.sent(b"hello")
        await desk.until(lambda: desk.heard)
        await desk.until(lambda: not modem.stored)


async def test_a_modem_that_answers_but_does_not_work_is_told_to_restart(
    modem: FakeModem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RESET_PAUSE", 0.01)

    def restarts(_command: str) -> str:
        modem.answers["AT+CMGF=0"] = "OK"
        return "OK"

    modem.answers |= {"AT+CMGF=0": "ERROR", "AT+CFUN=1,1": restarts}
    async with at(modem.link) as desk:
        await desk.up()
        assert modem.asked.count("AT+CFUN=1,1") == 1


async def test_a_phone_that_wants_no_service_centre_gets_none(modem: FakeModem) -> None:
    heard: list[str] = []
    decoded = modem._submitted

    def submitted(octets: str) -> None:
        heard.append(octets)
        decoded(f"00{octets}")

    modem._submitted = submitted  # type: ignore[method-assign]
    async with at(modem.link, profile="no-smsc") as desk:
        await desk.sent(b"hello")
        assert heard[0].startswith("31")
        assert f"AT+CMGS={len(heard[0]) // 2}" in modem.asked


async def test_the_log_shows_the_dialogue_without_pins_and_messages(
    modem: FakeModem, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    configured = structlog.get_config()  # perhaps by a test before this one
    request.addfinalizer(lambda: structlog.configure(**configured))
    structlog.reset_defaults()
    locked(modem, "1234")
    async with at(modem.link, pin="1234") as desk:
        await desk.up()
        modem.receive(b"a secret")
        await desk.until(lambda: desk.heard)
        await desk.until(lambda: not modem.stored)
    said = capsys.readouterr().out
    assert "AT+CSQ" in said
    assert "AT+CPIN=***" in said
    assert "1234" not in said.replace("234150999999999", "")
    assert b"a secret".hex() not in said
    assert not any(len(word.strip("'[],")) > 60 for word in said.split())  # no PDU
