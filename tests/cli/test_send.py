"""`smscd send` as typed in a shell, against an SMSC with real habits on a real socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from smscd import pdu, text
from smscd.link import server_context
from smscd.pdu.tlv import Tag
from tests.cli.centre import Centre, Habits, by_data_sm, receipt, running, stranger
from tests.cli.conftest import Smscd
from tests.link.certificates import Authority

Send = Callable[..., Result]
LONG = "All work and no play makes Jack a dull boy. " * 10


@pytest.fixture
def centre() -> Iterator[Callable[..., Centre]]:
    """`centre(habits)` starts an SMSC with those habits."""
    with ExitStack() as stack:

        def start(habits: Habits | None = None, **options: Any) -> Centre:
            return stack.enter_context(running(habits or Habits(), **options))

        yield start


@pytest.fixture
def send(smscd: Smscd) -> Send:
    """`send(centre, "Hello", …)`: one text from 12345 to 447700900001 unless it says otherwise."""

    def typed(to: Centre, *words: str | Path, **options: Any) -> Result:
        recipient = () if "--to" in words or "--to-file" in words else ("--to", "447700900001")
        sender = () if "--from" in words else ("--from", "12345")
        return smscd("send", *sender, *recipient, "--port", str(to.port), *words, **options)

    return typed


def told(result: Result) -> dict[str, Any]:
    """The JSON on standard output."""
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


# --- one message ------------------------------------------------------------------------------------------------------


def test_a_text_is_submitted_and_its_receipt_awaited(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    result = send(there, "Hello")
    assert result.exit_code == 0, result.stderr
    (message,) = told(result)["messages"]
    assert message["message_id"] == "7000000001"
    assert message["command_status"] == "ESME_ROK"
    assert message["message_state"] == "DELIVERED"
    assert message["receipt_s"] >= 0
    (submit,) = there.submits
    assert (submit.source_addr, submit.source_addr_ton, submit.source_addr_npi) == (b"12345", 0, 1)
    assert (submit.destination_addr, submit.dest_addr_ton, submit.dest_addr_npi) == (b"447700900001", 1, 1)
    assert (submit.short_message, submit.data_coding, submit.esm_class) == (b"Hello", 0, 0)
    assert submit.registered_delivery == 1
    assert [answer.command_status for answer in there.acknowledged] == [pdu.ESME_ROK]


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_a_table(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(), "Hello")
    assert result.exit_code == 0
    heading, row = result.stdout.strip().splitlines()
    assert heading.split()[:3] == ["destination_addr", "part", "message_id"]
    assert row.split()[:5] == ["447700900001", "1", "7000000001", "ESME_ROK", "DELIVERED"]


def test_the_bind_says_what_was_asked_for(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    send(there, "Hello", "--system-id", "me", "--system-type", "VMA", "--interface-version", "5.0")
    (bind,) = there.binds
    assert (bind.system_id, bind.password, bind.system_type) == (b"me", b"secret", b"VMA")
    assert bind.interface_version == 0x50


def test_the_password_may_come_from_the_environment(
    centre: Callable[..., Centre], send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSCD_PASSWORD", "hush")
    assert send(centre(Habits(password=b"hush")), "Hello").exit_code == 0


def test_the_text_may_come_from_standard_input(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    assert send(there, "-", input="two\nlines\n").exit_code == 0
    assert there.submits[0].short_message == b"two\nlines"


def test_a_sender_may_be_a_name_and_a_recipient_have_a_plus(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    send(there, "Hello", "--from", "ACME", "--to", "+447700900002")
    (submit,) = there.submits
    assert (submit.source_addr_ton, submit.source_addr_npi, submit.source_addr) == (5, 0, b"ACME")
    assert (submit.dest_addr_ton, submit.dest_addr_npi, submit.destination_addr) == (1, 1, b"447700900002")


def test_numbering_can_be_told(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    send(
        there,
        "Hello",
        "--source-addr-ton",
        "3",
        "--source-addr-npi",
        "0",
        "--dest-addr-ton",
        "2",
        "--dest-addr-npi",
        "8",
    )
    (submit,) = there.submits
    assert (submit.source_addr_ton, submit.source_addr_npi) == (3, 0)
    assert (submit.dest_addr_ton, submit.dest_addr_npi) == (2, 8)


def test_times_travel_as_smpp_times(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    send(there, "Hello", "--schedule", "2h", "--validity", "261201080000004+")
    (submit,) = there.submits
    assert submit.schedule_delivery_time == b"000000020000000R"
    assert submit.validity_period == b"261201080000004+"


# --- alphabets and long texts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "data_coding", "octets"),
    [
        (("£5",), 0, b"\x015"),
        (("Привет",), 8, "Привет".encode("utf-16-be")),
        (("😀",), 8, "😀".encode("utf-16-be")),
        (("é", "--alphabet", "latin1"), 3, b"\xe9"),
        (("é", "--data-coding", "3"), 3, b"\xe9"),
        (("abc", "--alphabet", "ucs2"), 8, b"\0a\0b\0c"),
        (("flash", "--data-coding", "16"), 16, b"flash"),
        (("é", "--alphabet", "latin1", "--data-coding", "0"), 0, b"\xe9"),
    ],
)
def test_the_alphabet_fits_or_is_told(
    centre: Callable[..., Centre], send: Send, words: tuple[str, ...], data_coding: int, octets: bytes
) -> None:
    there = centre()
    assert send(there, *words).exit_code == 0
    (submit,) = there.submits
    assert (submit.data_coding, submit.short_message) == (data_coding, octets)


def test_a_character_outside_the_alphabet_is_wrong_usage(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(), "ж", "--alphabet", "gsm7")
    assert result.exit_code == 2
    assert "U+0436" in result.stderr


def test_a_long_text_goes_in_parts_with_a_user_data_header(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    result = send(there, LONG)
    assert result.exit_code == 0
    assert len(told(result)["messages"]) == len(there.submits) == 3
    pieces = []
    for number, submit in enumerate(there.submits, start=1):
        assert submit.esm_class == pdu.ESM_UDHI
        elements, octets = text.read_udh(submit.short_message)
        found = text.concatenation(elements)
        assert found is not None
        assert (found.total, found.number) == (3, number)
        pieces.append(octets)
    assert text.decode(b"".join(pieces), "gsm7") == LONG


def test_a_long_text_goes_in_parts_with_sar_tlvs(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    assert send(there, LONG, "--sar").exit_code == 0
    assert [pdu.tlv.get_int(submit.tlvs, Tag.sar_segment_seqnum) for submit in there.submits] == [1, 2, 3]
    assert {pdu.tlv.get_int(submit.tlvs, Tag.sar_total_segments) for submit in there.submits} == {3}
    assert len({pdu.tlv.get_int(submit.tlvs, Tag.sar_msg_ref_num) for submit in there.submits}) == 1
    assert text.decode(b"".join(submit.short_message for submit in there.submits), "gsm7") == LONG


def test_a_long_text_goes_in_one_message_payload(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    assert send(there, LONG, "--payload").exit_code == 0
    (submit,) = there.submits
    assert submit.short_message == b""
    assert pdu.tlv.get(submit.tlvs, Tag.message_payload) == text.encode(LONG, "gsm7")


def test_each_long_message_has_a_reference_of_its_own(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    assert send(there, LONG, "--count", "5").exit_code == 0
    references = set()
    for submit in there.submits:
        found = text.concatenation(text.read_udh(submit.short_message)[0])
        assert found is not None
        references.add(found.reference)
    assert len(references) == 5


# --- many -------------------------------------------------------------------------------------------------------------


def test_many_messages_keep_to_the_window_and_end_in_a_summary(centre: Callable[..., Centre], send: Send) -> None:
    there = centre()
    result = send(there, "Hello", "--count", "300", "--window", "7", "--to", "1", "--to", "2")
    assert result.exit_code == 0
    summary = told(result)["summary"]
    assert summary["submitted"] == summary["accepted"] == len(there.submits) == 600
    assert summary["receipts"] == {"DELIVERED": 600}
    assert summary["response_p50_ms"] <= summary["response_p99_ms"]
    assert there.most_at_once <= 7
    assert [submit.destination_addr for submit in there.submits] == [b"1", b"2"] * 300


def test_more_than_a_thousand_are_counted_and_not_listed(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(), "Hello", "--count", "1001", "--window", "100")
    assert result.exit_code == 0
    assert told(result)["messages"] == []
    assert told(result)["summary"]["receipts"] == {"DELIVERED": 1001}


def test_a_rate_is_kept(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(), "Hello", "--count", "11", "--rate", "50")
    assert result.exit_code == 0
    assert told(result)["summary"]["seconds"] >= 10 / 50


def test_recipients_may_come_from_a_file(centre: Callable[..., Centre], send: Send, tmp_path: Path) -> None:
    there = centre()
    numbers = tmp_path / "numbers"
    numbers.write_text("# friends\n447700900001\n\n447700900002  # Bob\n")
    assert send(there, "Hello", "--to-file", numbers).exit_code == 0
    assert [submit.destination_addr for submit in there.submits] == [b"447700900001", b"447700900002"]


def test_a_throttled_message_goes_out_again_before_the_others(centre: Callable[..., Centre], send: Send) -> None:
    throttled = {2: pdu.ESME_RTHROTTLED, 3: pdu.ESME_RMSGQFUL}
    there = centre(Habits(answer=lambda seen: throttled.get(seen, pdu.ESME_ROK)))
    result = send(there, "Hello", "--window", "1", "--to", "1", "--to", "2", "--to", "3")
    assert result.exit_code == 0
    assert [submit.destination_addr for submit in there.submits] == [b"1", b"2", b"2", b"2", b"3"]
    assert told(result)["summary"]["seconds"] >= 0.25 + 0.5, "each pause is twice the one before"


def test_an_smsc_that_only_throttles_is_given_up(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(Habits(answer=lambda _seen: pdu.ESME_RTHROTTLED)), "Hello", "--timeout", "1s")
    assert result.exit_code == 1
    assert told(result)["summary"]["refused"] == {"ESME_RTHROTTLED": 1}


# --- receipts as they come --------------------------------------------------------------------------------------------


def test_a_receipt_may_overtake_its_response(centre: Callable[..., Centre], send: Send) -> None:
    """With ids that could be each other's in the other base: 10 is 16 in hexadecimal, and so on."""
    there = centre(
        Habits(
            message_id=lambda number: b"%d" % number,
            report=lambda submit, message_id, number: [receipt(submit, message_id, err=number)],
            early=True,
        )
    )
    result = send(there, "Hello", "--count", "100", "--window", "20")
    assert result.exit_code == 0
    assert all(int(part["message_id"]) == int(part["err"]) for part in told(result)["messages"])


@pytest.mark.parametrize(
    ("in_response", "in_receipt"),
    [
        (lambda number: b"%X" % (0xDEADBEEF00 + number), lambda number: b"%d" % (0xDEADBEEF00 + number)),
        (lambda number: b"%d" % (7_000_000_000 + number), lambda number: b"%x" % (7_000_000_000 + number)),
        (lambda number: b"%08X" % (0xABC000 + number), lambda number: b"%x" % (0xABC000 + number)),
        (lambda number: b"%010d" % number, lambda number: b"%d" % number),
        (lambda number: b"id-%d_x" % number, lambda number: b"ID-%d_X" % number),
    ],
    ids=["hex-decimal", "decimal-hex", "leading zeros and case", "padded", "no number at all"],
)
@pytest.mark.parametrize("early", [False, True])
def test_a_receipt_may_write_its_id_in_another_way(
    centre: Callable[..., Centre],
    send: Send,
    early: bool,
    in_response: Callable[[int], bytes],
    in_receipt: Callable[[int], bytes],
) -> None:
    there = centre(
        Habits(
            message_id=in_response,
            report=lambda submit, _message_id, number: [receipt(submit, in_receipt(number), err=number)],
            early=early,
        )
    )
    result = send(there, "Hello", "--count", "40")
    assert result.exit_code == 0
    assert [part["err"] for part in told(result)["messages"]] == [f"{number:03}" for number in range(1, 41)]


def test_parts_may_share_one_id(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(Habits(message_id=lambda _number: b"same"))
    result = send(there, LONG)
    assert result.exit_code == 0
    assert told(result)["summary"]["receipts"] == {"DELIVERED": 3}


def test_a_receipt_may_come_by_data_sm_with_nothing_but_tlvs(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(Habits(report=lambda submit, message_id, _number: [by_data_sm(submit, message_id)]))
    assert send(there, "Hello").exit_code == 0
    assert [type(answer) for answer in there.acknowledged] == [pdu.DataSmResp]


def test_an_intermediate_notification_is_not_the_end(centre: Callable[..., Centre], send: Send) -> None:
    def report(submit: pdu.SubmitSm, message_id: bytes, _number: int) -> list[pdu.Pdu]:
        not_yet = receipt(submit, message_id, pdu.MessageState.DELIVERED)
        not_yet.esm_class = pdu.ESM_TYPE_INTERMEDIATE_NOTIFICATION
        return [not_yet, receipt(submit, message_id, pdu.MessageState.ENROUTE), receipt(submit, message_id)]

    result = send(centre(Habits(report=report)), "Hello")
    assert result.exit_code == 0
    assert told(result)["summary"]["receipts"] == {"DELIVERED": 1}


def test_a_receipt_told_twice_counts_once(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(
        Habits(report=lambda submit, message_id, _number: [receipt(submit, message_id) for _twice in range(2)])
    )
    result = send(there, "Hello", "--count", "5")
    assert result.exit_code == 0
    assert told(result)["summary"]["receipts"] == {"DELIVERED": 5}


def test_what_else_waited_for_this_account_is_acknowledged_and_shown(centre: Callable[..., Centre], send: Send) -> None:
    mo = pdu.DeliverSm(source_addr=b"447700900007", destination_addr=b"12345", short_message=b"Hi \x00 there")
    there = centre(Habits(at_bind=[mo, stranger()]))
    result = send(there, "Hello")
    assert result.exit_code == 0
    assert told(result)["received"] == [
        {"source_addr": "447700900007", "destination_addr": "12345", "text": "Hi @ there"}
    ]
    assert told(result)["summary"]["other_receipts"] == 1
    assert [answer.command_status for answer in there.acknowledged] == [pdu.ESME_ROK] * 3


@pytest.mark.usefixtures("terminal")
def test_a_receipt_for_somebody_else_is_counted_for_people_too(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(Habits(at_bind=[stranger()])), "Hello")
    assert result.exit_code == 0
    assert "other receipts" in result.stdout


@pytest.mark.parametrize("words", [("--no-receipt",), ("--bind", "transmitter")])
def test_without_receipts_there_is_nothing_to_wait_for(
    centre: Callable[..., Centre], send: Send, words: tuple[str, ...]
) -> None:
    there = centre(Habits(report=lambda _submit, _message_id, _number: []))
    result = send(there, "Hello", *words)
    assert result.exit_code == 0
    assert told(result)["messages"][0]["message_state"] is None


# --- when it goes wrong -----------------------------------------------------------------------------------------------


def test_a_message_that_is_not_delivered_is_exit_code_1(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(
        Habits(report=lambda submit, mid, _number: [receipt(submit, mid, pdu.MessageState.UNDELIVERABLE, err=27)])
    )
    result = send(there, "Hello")
    assert result.exit_code == 1
    (message,) = told(result)["messages"]
    assert (message["message_state"], message["err"]) == ("UNDELIVERABLE", "027")


def test_a_message_that_is_refused_is_exit_code_1(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(Habits(answer=lambda _seen: pdu.ESME_RINVDSTADR)), "Hello")
    assert result.exit_code == 1
    assert told(result)["messages"][0]["command_status"] == "ESME_RINVDSTADR"
    assert result.stderr.splitlines() == [
        "error: 1 refused: ESME_RINVDSTADR",
        "try: at smscd: smscd route explain, smscd optout check, smscd message show ID",
    ]


def test_a_receipt_that_does_not_come_is_exit_code_1(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(Habits(report=lambda _submit, _message_id, _number: []))
    result = send(there, "Hello", "--timeout", "1s")
    assert result.exit_code == 1
    assert told(result)["summary"]["without_receipt"] == 1
    assert "error: 1 without a receipt: the 1 s of --timeout are over" in result.stderr
    assert "try: at smscd: smscd message show ID" in result.stderr


def test_a_link_that_ends_before_the_receipt_is_told(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(Habits(answer=lambda _seen: -3, report=lambda _submit, _message_id, _number: []))
    result = send(there, "Hello")
    assert result.exit_code == 1
    assert "error: 1 without a receipt: the link ended: " in result.stderr
    assert told(result)["messages"][0]["command_status"] == "ESME_ROK"


def test_failure_receipts_alone_may_stay_away(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(Habits(report=lambda _submit, _message_id, _number: []))
    assert send(there, "Hello", "--registered-delivery", "2", "--timeout", "1s").exit_code == 0


def test_a_submit_that_is_not_answered_is_exit_code_1(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(Habits(answer=lambda _seen: -1)), "Hello", "--timeout", "1s")
    assert result.exit_code == 1
    assert told(result)["summary"]["unanswered"] == 1


def test_a_link_that_ends_in_the_middle_is_told_with_what_was_done(centre: Callable[..., Centre], send: Send) -> None:
    there = centre(Habits(answer=lambda seen: -2 if seen == 3 else pdu.ESME_ROK))
    result = send(there, "Hello", "--count", "10", "--window", "1")
    assert result.exit_code == 1
    assert "error: the link ended while submitting" in result.stderr
    assert "try: look at the 2 parts" in result.stderr
    assert told(result)["summary"]["accepted"] == 2
    assert told(result)["summary"]["unanswered"] == 1


def test_a_wrong_password_says_what_to_check(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(), "Hello", "--password", "nonsense")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: bind refused: ESME_RINVPASWD (0x0000000E)",
        "try: check --password (it is compared exactly) and --system-id",
    ]


def test_an_smsc_of_version_3_3_is_offered_a_transmitter(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(Habits(knows_transceivers=False)), "Hello")
    assert result.exit_code == 1
    assert "try: this SMSC knows no bind_transceiver: try --bind transmitter" in result.stderr


def test_nobody_listening_says_how_to_start_somebody(smscd: Smscd) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        result = smscd("send", "--from", "1", "--to", "2", "--port", str(port), "Hello")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == f"error: nobody listens on 127.0.0.1:{port}"
    assert "scripts/run" in result.stderr


def test_a_host_that_does_not_exist_is_told(smscd: Smscd) -> None:
    result = smscd("send", "--from", "1", "--to", "2", "--host", "smsc.invalid", "Hello")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: cannot connect to smsc.invalid:2775: ")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("Hello", "--from", "1"), "no recipient"),
        (("Hello", "--from", "1", "--to", "2", "--udh", "--sar"), "only one of --udh, --sar and --payload"),
        (("Hello", "--from", "1", "--to", "2", "--timeout", "soon"), '--timeout: "soon" is not a duration'),
        (("Hello", "--from", "1", "--to", "2", "--validity", "soon"), "--validity: 'soon' is neither a duration"),
        (("Hello", "--from", "1", "--to", "2", "--schedule", "261301080000004+"), "--schedule: MM is 13"),
        (("Hello", "--to", "2"), "Missing option '--from'"),
        (("Hello", "--from", "1", "--to", "2", "--bind", "receiver"), "'receiver' is not one of"),
        (("Hello", "--from", "1" * 30, "--to", "2"), "--from: '111111111111111111111111111111' is not 1 to 20 octets"),
        (("Hello", "--from", "1", "--to", "2" * 30), "--to: '222222222222222222222222222222' is not 1 to 20 octets"),
        (("Hello", "--from", "Äcme", "--to", "2"), "--from: 'Äcme' has characters that an address cannot have"),
        (("x" * 40_000, "--from", "1", "--to", "2"), "at most 255"),
    ],
)
def test_wrong_usage_is_exit_code_2(smscd: Smscd, words: tuple[str, ...], complaint: str) -> None:
    result = smscd("send", *words)
    assert result.exit_code == 2
    assert complaint in result.stderr


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_tls_verifies_the_smsc(centre: Callable[..., Centre], send: Send, tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    there = centre(tls=server_context(authority.server()))
    tls = ("--tls", "--host", "localhost")
    assert send(there, "Hello", *tls, "--tls-ca", authority.path).exit_code == 0
    refused = send(there, "Hello", *tls, "--tls-ca", other.path)
    assert refused.exit_code == 1
    assert "is not accepted" in refused.stderr
    assert "try: name its authority with --tls-ca FILE" in refused.stderr
    absent = send(there, "Hello", *tls, "--tls-ca", authority.path.with_name("absent.pem"))
    assert absent.exit_code == 1
    assert absent.stderr.endswith("\ntry: check --tls-ca, --tls-certificate and --tls-key\n")
    assert send(there, "Hello", *tls, "--tls-no-verify").exit_code == 0


def test_mutual_tls_shows_our_certificate(centre: Callable[..., Centre], send: Send, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.issue(common_name="carrier-a")
    there = centre(tls=server_context(authority.server(client_ca=authority.path)))
    shown = ("--tls-certificate", ours.certificate, "--tls-key", ours.key)
    result = send(there, "Hello", "--tls", "--host", "localhost", "--tls-ca", authority.path, *shown)
    assert result.exit_code == 0, result.stderr


def test_tls_towards_a_plain_port_says_so(centre: Callable[..., Centre], send: Send) -> None:
    result = send(centre(), "Hello", "--tls", "--tls-no-verify")
    assert result.exit_code == 1
    assert "try: perhaps that port is without TLS" in result.stderr


def test_a_plain_bind_towards_a_tls_port_hints_at_tls(
    centre: Callable[..., Centre], send: Send, tmp_path: Path
) -> None:
    result = send(centre(tls=server_context(Authority(tmp_path).server())), "Hello")
    assert result.exit_code == 1
    assert "--tls" in result.stderr
