"""A running smscd: a foreign ESME on one side, an emulated handset on the other, an operator beside them."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import smpplib.client
import smpplib.exceptions
import typer
from typer.testing import CliRunner

from smscd import pdu
from smscd.cli.optout import app
from smscd.errors import ControlError
from tests.machine import PATIENCE
from tests.optout.stage import import_of
from tests.running import EMULATOR, Running, until

HANDSET = "447700900001"
CONFIG = f"""\
{EMULATOR}
[[esme]]
system_id = "legacy"
password = "secret"
opt_out = "receipt"

[opt_out]
enabled = true
"""


class Esme:
    """smpplib, bound as a transceiver."""

    def __init__(self, smscd: Running, system_id: str = "test", interface_version: int = 0x34) -> None:
        self.client = smpplib.client.Client("127.0.0.1", smscd.port, allow_unknown_opt_params=True)
        self.sent: list[Any] = []
        self.received: list[Any] = []
        self.client.set_message_sent_handler(self._sent)
        self.client.set_message_received_handler(self._received)
        self.client.connect()
        self.client.bind_transceiver(system_id=system_id, password="secret", interface_version=interface_version)

    def _sent(self, pdu: Any) -> None:
        self.sent.append(pdu)

    def _received(self, pdu: Any) -> None:
        self.received.append(pdu)

    def submit(self, to: str = HANDSET, source: str = "12345") -> str | int:
        """The message_id, or the command_status of a refusal."""
        answered = len(self.sent)
        try:
            self.client.send_message(
                source_addr=source, destination_addr=to, short_message=b"hello", registered_delivery=True
            )
            self.read_until(lambda: len(self.sent) > answered)
        except smpplib.exceptions.PDUError as refused:
            return int(refused.args[1])
        return str(self.sent[-1].message_id.decode())

    def read_until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.client.read_once()

    def receive(self, beginning: bytes) -> Any:
        """The deliver_sm whose text begins so."""
        self.read_until(lambda: [pdu for pdu in self.received if pdu.short_message.startswith(beginning)])
        return next(pdu for pdu in self.received if pdu.short_message.startswith(beginning))

    def close(self) -> None:
        self.client._socket.close()
        self.client._socket = None


@pytest.fixture
def smscd(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path, CONFIG) as running:
        yield running


@pytest.fixture
def bind(smscd: Running) -> Iterator[Callable[..., Esme]]:
    bound: list[Esme] = []

    def bound_as(system_id: str = "test") -> Esme:
        bound.append(Esme(smscd, system_id))
        return bound[-1]

    yield bound_as
    for esme in bound:
        esme.close()


def writes(smscd: Running, text: str, *, handset: str = HANDSET, to: str = "12345") -> None:
    smscd.ask("mo", **{"from": handset, "to": to, "text": text})


def confirmations(smscd: Running) -> list[dict[str, Any]]:
    found = smscd.ask("message.list", kind="MT", to=HANDSET, limit=100)["messages"]
    shown = [smscd.ask("message.show", message_id=one["message_id"], text=True) for one in found]
    return [one for one in shown if "unsubscribed" in one["text"]]


def test_stop_survives_kill_9_and_is_confirmed_once(smscd: Running, bind: Callable[..., Esme]) -> None:
    esme = bind()
    assert isinstance(esme.submit(), str)
    writes(smscd, "Stop. Thank you")
    assert esme.receive(b"Stop.").source_addr == HANDSET.encode()
    assert esme.submit() == 0x45
    smscd.restart()
    esme = bind()
    assert esme.submit() == 0x45
    assert isinstance(esme.submit("447700900002"), str)
    writes(smscd, "stop")
    until(lambda: [one["stage"] for one in confirmations(smscd)] == ["CLOSED"])
    writes(smscd, "START")
    assert isinstance(esme.submit(), str)
    smscd.restart()
    assert isinstance(bind().submit(), str)


def test_an_esme_that_retries_errors_gets_a_receipt_instead(smscd: Running, bind: Callable[..., Esme]) -> None:
    esme = bind("legacy")
    writes(smscd, "STOP")
    assert isinstance(esme.submit(), str)
    said = esme.receive(b"id:").short_message
    assert b"stat:REJECTD err:407 text:Sender blocked for given recipient." in said


def test_a_peer_of_5_0_is_told_why_and_one_of_3_4_is_not(smscd: Running) -> None:
    writes(smscd, "STOP")
    said = {}
    for version in (0x34, 0x50):
        with socket.create_connection(("127.0.0.1", smscd.port)) as peer:
            peer.sendall(pdu.encode(pdu.BindTransmitter(
                sequence_number=1, system_id=b"test", password=b"secret", interface_version=version
            )))  # fmt: skip
            _read(peer)
            submit = pdu.SubmitSm(sequence_number=2, source_addr=b"12345", destination_addr=HANDSET.encode())
            peer.sendall(pdu.encode(submit))
            response = _read(peer)
            assert isinstance(response, pdu.SubmitSmResp)
            assert response.command_status == 0x45
            said[version] = pdu.tlv.get(response.tlvs, pdu.Tag.additional_status_info_text)
    assert said == {0x34: None, 0x50: b"Sender blocked for given recipient.\0"}


def _read(peer: socket.socket) -> pdu.Pdu:
    head = peer.recv(4, socket.MSG_WAITALL)
    return pdu.decode(head + peer.recv(int.from_bytes(head, "big") - 4, socket.MSG_WAITALL))


def test_a_submit_multi_refuses_only_who_has_stopped(smscd: Running) -> None:
    writes(smscd, "STOP")
    addresses = [pdu.SmeAddress(destination_addr=number) for number in (HANDSET.encode(), b"447700900002")]
    with socket.create_connection(("127.0.0.1", smscd.port)) as peer:
        peer.sendall(pdu.encode(pdu.BindTransmitter(sequence_number=1, system_id=b"test", password=b"secret")))
        _read(peer)
        peer.sendall(pdu.encode(pdu.SubmitMulti(
            sequence_number=2, source_addr=b"12345", dest_address=list(addresses), short_message=b"hello"
        )))  # fmt: skip
        response = _read(peer)
    assert isinstance(response, pdu.SubmitMultiResp)
    refused = [(one.destination_addr, one.error_status_code) for one in response.unsuccess_sme]
    assert (response.command_status, refused) == (0, [(HANDSET.encode(), 0x45)])


def test_a_reload_can_switch_it_off_and_on(smscd: Running, bind: Callable[..., Esme]) -> None:
    esme = bind()
    writes(smscd, "STOP")
    smscd.reload(CONFIG.replace("enabled = true", "enabled = false"))
    smscd.wait_for("reloaded")
    assert isinstance(esme.submit(), str)
    smscd.reload(CONFIG)
    smscd.wait_for("reloaded", count=2)
    assert esme.submit() == 0x45


# --- the operator -----------------------------------------------------------------------------------------------------


def run(smscd: Running, *words: str, expect: int = 0) -> Any:
    """`smscd optout …`: what it prints as JSON."""
    result = CliRunner().invoke(app, [*words, "--data-dir", str(smscd.data_dir)])
    assert result.exit_code == expect, result.output
    return json.loads(result.stdout) if result.stdout.startswith(("{", "[")) else result.stdout


def test_rows_are_added_checked_listed_and_removed_for_a_reason(smscd: Running, bind: Callable[..., Esme]) -> None:
    one = ("--to", "+44 7700 900001", "--from", "12345")
    assert run(smscd, "check", *one)["may_send"]
    assert run(smscd, "add", *one, "--reason", "by letter")["changed"]
    assert not run(smscd, "add", *one)["changed"]
    assert run(smscd, "check", *one, expect=1)["row"]["scope"] == "pair"
    assert bind().submit() == 0x45
    assert [row["reason"] for row in run(smscd, "list")["rows"]] == ["by letter"]
    assert CliRunner().invoke(app, ["remove", *one, "--data-dir", str(smscd.data_dir)]).exit_code == 2
    assert run(smscd, "remove", *one, "--reason", "wrote again")["changed"]
    assert not run(smscd, "remove", *one, "--reason", "twice")["changed"]
    assert isinstance(bind().submit(), str)
    journal = run(smscd, "audit", "--to", HANDSET)["events"]
    assert [(line["event"], line["reason"]) for line in journal] == [("remove", "wrote again"), ("add", "by letter")]


def test_what_blocks_an_account_forbids_its_number_without_the_account_being_named(smscd: Running) -> None:
    """STOPALL to 12345 reaches the account that receives it: asked about 12345 alone, "yes" would be wrong."""
    assert smscd.ask("mo", **{"from": HANDSET, "to": "12345", "text": "STOPALL"})["delivered_to"] == "test"
    asked = ("--from", "12345", "--to", HANDSET)
    assert run(smscd, "check", *asked, expect=1)["row"] == {"recipient": HANDSET, "scope": "account", "party": "test"}
    assert run(smscd, "check", *asked, "--esme", "test", expect=1)["row"]["scope"] == "account"
    assert run(smscd, "check", *asked, "--esme", "legacy")["may_send"]


def test_an_account_that_is_not_there_is_told_for_its_block_blocks_nobody(smscd: Running) -> None:
    with pytest.raises(ControlError, match="no ESME is called tset; did you mean test"):
        smscd.ask("optout.check", **{"from": "12345", "to": HANDSET, "esme": "tset"})
    there = ["--data-dir", str(smscd.data_dir)]
    slip = CliRunner().invoke(app, ["add", "--to", HANDSET, "--scope", "account", "--esme", "tset", *there])
    assert (slip.exit_code, slip.stderr) == (0, "warning: no ESME is called tset; did you mean test?\n")
    meant = CliRunner().invoke(app, ["add", "--to", HANDSET, "--scope", "account", "--esme", "test", *there])
    assert (meant.exit_code, meant.stderr) == (0, "")


def test_other_scopes_can_be_added(smscd: Running, bind: Callable[..., Esme]) -> None:
    run(smscd, "add", "--to", HANDSET, "--scope", "account", "--esme", "test")
    assert bind().submit(source="99999") == 0x45
    run(smscd, "add", "--to", "447700900002", "--scope", "global")
    assert bind().submit("447700900002", "99999") == 0x45
    with pytest.raises(ControlError, match="is missing"):
        smscd.ask("optout.add", to=HANDSET)
    with pytest.raises(ControlError, match="is no scope"):
        smscd.ask("optout.add", to=HANDSET, scope="planet")


def test_an_erased_number_stays_blocked_and_is_nowhere_in_the_database(
    smscd: Running, bind: Callable[..., Esme], tmp_path: Path
) -> None:
    one = ("--to", HANDSET, "--from", "12345")
    run(smscd, "add", *one, "--reason", "by letter")
    run(smscd, "add", "--to", "447700900002", "--from", "12345")
    said = run(smscd, "erase", "--to", "+44 7700 900001", "--reason", "asked, art. 17")
    stands = said["recipient"]
    assert (said["changed"], stands[:7]) == (True, "ERASED-")
    for _ in range(2):
        assert run(smscd, "check", *one, expect=1)["row"]["recipient"] == stands
        assert bind().submit() == bind().submit("447700900002") == 0x45
        assert [(row["recipient"], row["reason"]) for row in run(smscd, "list", "--to", HANDSET)["rows"]] == [
            (stands, "by letter")
        ]
        lines = run(smscd, "audit", "--to", HANDSET)["events"]
        assert [(line["event"], line["recipient"]) for line in lines] == [("erase", stands), ("add", stands)]
        assert (lines[0]["reason"], bool(lines[0]["actor"])) == ("asked, art. 17", True)
        assert not run(smscd, "erase", "--to", HANDSET, "--reason", "again")["changed"]
        assert run(smscd, "audit", "--rebuild")["is_same"]
        smscd.restart()
    smscd.stop()
    octets = b"".join(file.read_bytes() for file in smscd.data_dir.glob("smscd.db*"))
    assert b"447700900002" in octets
    assert HANDSET.encode() not in octets.replace(stands.encode(), b"")


def test_what_is_exported_of_an_erased_number_can_be_imported_here_and_nowhere_else(
    smscd: Running, tmp_path: Path
) -> None:
    one = ("--to", HANDSET, "--from", "12345")
    file = tmp_path / "list.jsonl"
    run(smscd, "add", *one)
    run(smscd, "erase", "--to", HANDSET, "--reason", "asked")
    run(smscd, "export", str(file))
    assert HANDSET not in file.read_text()
    run(smscd, "remove", *one, "--reason", "asked again")
    assert run(smscd, "check", *one)["may_send"]
    assert run(smscd, "import", str(file))["rows"] == 1
    assert not run(smscd, "check", *one, expect=1)["may_send"]
    file.write_text('{"recipient": "447700900001", "party": "777"}\n')
    assert run(smscd, "import", str(file))["rows"] == 1
    assert run(smscd, "audit", "--rebuild")["keys"] == 2
    assert {row["recipient"] for row in run(smscd, "list")["rows"]} == {run(smscd, "list")["rows"][0]["recipient"]}
    file.write_text('{"recipient": "ERASED-0123456789ABCDEF01234567", "party": "777"}\n')
    result = CliRunner().invoke(app, ["import", str(file), "--data-dir", str(smscd.data_dir)])
    assert "row 1: ERASED-0123456789ABCDEF01234567 is no number that was erased here" in str(result.exception)
    smscd.ask("optout.import.begin")
    with pytest.raises(ControlError, match="another import is under way"):
        smscd.ask("optout.erase", to=HANDSET, reason="meanwhile")


def test_kill_9_after_an_erasure_keeps_block_and_hash_and_start_lifts_it(
    smscd: Running, bind: Callable[..., Esme]
) -> None:
    writes(smscd, "STOP")
    assert bind().submit() == 0x45
    assert run(smscd, "erase", "--to", HANDSET, "--reason", "asked")["changed"]
    smscd.restart()
    assert bind().submit() == 0x45
    writes(smscd, "STOP")
    writes(smscd, "START")
    until(lambda: run(smscd, "list")["rows"] == [])
    assert isinstance(bind().submit(), str)
    smscd.restart()
    assert isinstance(bind().submit(), str)
    assert len(confirmations(smscd)) == 1
    lines = run(smscd, "audit")["events"]
    assert [line["event"] for line in lines] == ["start", "stop", "erase", "stop"]
    assert len({line["recipient"] for line in lines}) == 1
    assert run(smscd, "audit", "--rebuild")["is_same"]


def test_what_nobody_knows_and_who_is_nobody_are_not_erased(smscd: Running) -> None:
    said = run(smscd, "erase", "--to", HANDSET, "--reason", "asked")
    assert not said["changed"]
    assert run(smscd, "audit")["events"] == []
    with pytest.raises(ControlError, match="is nobody's number"):
        smscd.ask("optout.erase", to="ACME", reason="asked")
    with pytest.raises(ControlError, match="reason is missing"):
        smscd.ask("optout.erase", to=HANDSET)


def test_the_journal_has_the_evidence_of_a_stop(smscd: Running) -> None:
    writes(smscd, "Stop. Thank you")
    (line,) = run(smscd, "audit")["events"]
    assert line["message_id"] == smscd.ask("message.list", kind="MO")["messages"][0]["message_id"]
    expected = {
        "event": "stop", "keyword": "stop", "rule": "exact-polite", "source": "mo", "connector": "handsets",
        "answered": True, "system_id": "test", "number_written_to": "12345", "party": "12345",
    }  # fmt: skip
    assert {name: line[name] for name in expected} == expected


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_what_was_exported_can_be_imported(smscd: Running, tmp_path: Path, suffix: str) -> None:
    for number in range(3):
        run(smscd, "add", "--to", f"44770090000{number}", "--from", "12345", "--reason", "moved, here")
    run(smscd, "add", "--to", HANDSET, "--scope", "account", "--esme", "test")
    file = tmp_path / f"list{suffix}"
    run(smscd, "export", str(file))
    before = run(smscd, "list")["rows"]
    if suffix == ".csv":  # a table for people: a spreadsheet makes nothing of microseconds
        with file.open(newline="") as written:
            shown = [row["since"] for row in csv.DictReader(written)]
        assert all(re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ", since) for since in shown)
    for row in before:
        smscd.ask("optout.remove", **(row | {"reason": "moved away"}))
    assert run(smscd, "list")["rows"] == []
    assert run(smscd, "import", str(file))["rows"] == 4
    bare = [{key: row[key] for key in ("recipient", "scope", "party", "reason")} for row in before]
    assert [{key: row[key] for key in bare[0]} for row in run(smscd, "list")["rows"]] == bare


def test_a_faulty_import_changes_nothing_and_says_where(smscd: Running, tmp_path: Path) -> None:
    file = tmp_path / "list.jsonl"
    file.write_text('{"recipient": "447700900001"}\n{"number": "447700900002"}\n')
    result = CliRunner().invoke(app, ["import", str(file), "--from", "12345", "--data-dir", str(smscd.data_dir)])
    assert isinstance(result.exception, ControlError)
    assert "row 2: recipient is missing" in str(result.exception)
    assert run(smscd, "check", "--to", HANDSET, "--from", "12345")["may_send"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.csv", "\ufeffRecipient,Party,Note\r\n+44 7700 900001,12345,by letter\r\n"),
        ("LIST.CSV", "recipient;party\n447700900001;12345\n"),
        ("list.csv", "recipient\tparty\n447700900001\t12345\n"),
    ],
)
def test_what_a_spreadsheet_makes_of_a_list_can_be_imported(
    smscd: Running, tmp_path: Path, name: str, text: str
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8", newline="")
    assert run(smscd, "import", str(file))["rows"] == 1
    assert not run(smscd, "check", "--to", HANDSET, "--from", "12345", expect=1)["may_send"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("phone,party\n447700900001,12345\n", "the header names no recipient: phone,party"),
        ("recipient,party\n447700900001,12345\nBob Smith,12345\n", "row 2: Bob Smith is no number"),
        ("recipient\n447700900001\n", "row 1: from is missing"),
        (f"recipient,party\n{'4' * 21},12345\n", "row 1: a number of 21 digits would block nobody"),
        (f"recipient,party\n447700900001,{'x' * 65}\n", "row 1: from has 65 characters"),
    ],
)
def test_a_file_that_would_block_nobody_is_refused_whole(smscd: Running, tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text)
    result = CliRunner().invoke(app, ["import", str(file), "--data-dir", str(smscd.data_dir)])
    assert isinstance(result.exception, ControlError)
    assert why in str(result.exception)
    assert run(smscd, "list")["rows"] == []


def test_a_name_cannot_be_opted_out(smscd: Running) -> None:
    with pytest.raises(ControlError, match="ACME is no number"):
        smscd.ask("optout.add", **{"to": "ACME", "from": "12345"})


def begin(smscd: Running, rows: list[dict[str, Any]]) -> int:
    """An import of which only the end is missing."""
    begun = smscd.ask("optout.import.begin")
    number: int = begun["import"]
    text, keys = import_of(begun, rows)
    smscd.ask("optout.import.rows", **{"import": number, "rows": text if rows else None})
    for portions in keys:
        smscd.ask("optout.import.keys", **{"import": number, "portions": portions})
    return number


@pytest.mark.parametrize(
    ("command", "said", "why"),
    [
        ("rows", {"rows": [["447700900001", "pair", "12345", ""]]}, "these are not up to 5000 rows"),
        ("rows", {"rows": '[["447700900001", "planet", "12345", ""]]'}, "these are not up to 5000 rows"),
        ("rows", {"rows": '[["447700900001", "pair", "12345"]]'}, "these are not up to 5000 rows"),
        ("rows", {"rows": "[[["}, "these are not up to 5000 rows"),
        ("rows", {"rows": "[" * 50_000}, "these are not up to 5000 rows"),
        ("rows", {"rows": '[["447700900001", "pair", "\\u4e00", ""]]'}, "these are not up to 5000 rows"),
        ("rows", {"rows": '[["447700900001", "pair", "1", ""], ["4", "pair", "\\ud800", ""]]'}, "these are not"),
        ("rows", {"rows": '[["447700900001", "pair", "12345", "\\ud800"]]'}, "these are not up to 5000 rows"),
        ("rows", {"rows": '[["+447700900001", "pair", "12345", ""]]'}, "is not in canonical form"),
        ("keys", {"portions": [[256, ""]]}, "these are no keys"),
        ("keys", {"portions": [[0, "AAAA"]]}, "these are no keys"),
        ("keys", {"portions": [[0]]}, "these are no keys"),
        ("keys", {"portions": [["0", "a"]]}, "these are no keys"),
    ],
)
def test_what_is_neither_rows_nor_keys_is_refused(smscd: Running, command: str, said: Any, why: str) -> None:
    begun = {"import": smscd.ask("optout.import.begin")["import"]}
    with pytest.raises(ControlError, match=why):
        smscd.ask(f"optout.import.{command}", **begun, **said)
    smscd.ask("optout.import.end", **begun)
    assert run(smscd, "list")["total"] == 0


def test_rows_without_their_keys_do_not_come_into_force(smscd: Running) -> None:
    begun = smscd.ask("optout.import.begin")
    text, _ = import_of(begun, [{"recipient": HANDSET, "from": "12345"}])
    _, others = import_of(begun, [{"recipient": HANDSET, "from": "54321"}])
    smscd.ask("optout.import.rows", **{"import": begun["import"], "rows": text})
    smscd.ask("optout.import.keys", **{"import": begun["import"], "portions": others[0]})
    with pytest.raises(ControlError, match="the keys are not those of the rows"):
        smscd.ask("optout.import.end", **{"import": begun["import"]})
    smscd.restart()
    assert run(smscd, "audit", "--rebuild")["keys"] == 0


def test_an_import_takes_effect_at_its_end_and_not_after_a_crash_before(smscd: Running) -> None:
    rows = [{"recipient": HANDSET, "from": "12345"}]
    asked = {"to": HANDSET, "from": "12345"}
    begun = begin(smscd, rows)
    assert smscd.ask("optout.check", **asked)["may_send"]
    with pytest.raises(ControlError, match="another import"):
        smscd.ask("optout.import.begin")
    smscd.restart()
    assert smscd.ask("optout.check", **asked)["may_send"]
    again = begin(smscd, [])
    assert again > begun
    smscd.ask("optout.import.end", **{"import": again})
    assert smscd.ask("optout.check", **asked)["may_send"], "rows of the import that never ended"
    third = begin(smscd, rows)
    smscd.ask("optout.import.end", **{"import": third})
    assert not smscd.ask("optout.check", **asked)["may_send"]
    smscd.restart()
    assert not smscd.ask("optout.check", **asked)["may_send"]


def test_traffic_goes_on_while_a_list_is_imported(smscd: Running, bind: Callable[..., Esme], tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["recipient", "scope", "party"])
        writer.writerows([f"1202{number:07}", "pair", "12345"] for number in range(20_000))
    esme = bind()
    importing = threading.Thread(target=run, args=(smscd, "import", str(file)))
    importing.start()
    accepted = 0
    while importing.is_alive():
        assert isinstance(esme.submit("447700900009"), str)
        accepted += 1
    importing.join()
    assert accepted > 20
    assert esme.submit("12020019999") == esme.submit("12020000000") == 0x45
    assert run(smscd, "list", "--limit", "1")["total"] == 20_000


def test_numbers_with_new_owners_are_lifted_and_what_the_new_owner_asked_for_is_not(
    smscd: Running, bind: Callable[..., Esme], tmp_path: Path
) -> None:
    for number in range(4):
        run(smscd, "add", "--to", f"44770090000{number}", "--from", "12345")
    run(smscd, "add", "--to", HANDSET, "--scope", "global")
    run(smscd, "erase", "--to", "447700900003", "--reason", "asked")
    file = tmp_path / "recycled.csv"
    file.write_text("recipient,date\n+447700900001,\n447700900002,2020-01-01\n447700900003,2099-01-01\n447700900009,\n")
    result = CliRunner().invoke(app, ["import", "--recycled", str(file), "--data-dir", str(smscd.data_dir)])
    assert "row 1: reason is missing" in str(result.exception)
    assert run(smscd, "list")["total"] == 5
    words = ("import", "--recycled", str(file), "--reason", "reassigned")
    assert run(smscd, *words) == {"numbers": 4, "lifted": 3}
    assert run(smscd, *words) == {"numbers": 4, "lifted": 0}
    assert isinstance(bind().submit(), str)
    assert isinstance(bind().submit("447700900003"), str)
    assert bind().submit("447700900002") == 0x45, "asked for after that date"
    assert bind().submit("447700900000") == 0x45
    lines = run(smscd, "audit", "--event", "recycle")["events"]
    assert [line["recipient"][:7] for line in lines] == ["ERASED-", "4477009", "4477009"]
    assert {(line["source"], line["reason"], bool(line["actor"])) for line in lines} == {
        ("recycled", "reassigned", True)
    }
    writes(smscd, "STOP")
    assert bind().submit() == 0x45
    smscd.restart()
    assert bind().submit() == 0x45
    assert run(smscd, "audit", "--rebuild")["is_same"]


def test_what_was_flagged_can_be_listed(smscd: Running) -> None:
    for text in ("please take me off your list", "STOP", "hello"):
        writes(smscd, text)
    (line,) = run(smscd, "audit", "--event", "flag")["events"]
    assert (line["rule"], line["recipient"]) == ("phrase", HANDSET)
    assert run(smscd, "audit", "--event", "flag", "--to", "447700900002")["events"] == []
    result = CliRunner().invoke(app, ["audit", "--event", "flagged", "--data-dir", str(smscd.data_dir)])
    assert "flagged is no event" in str(result.exception)


def test_with_opt_out_off_the_commands_say_so(tmp_path: Path) -> None:
    with Running(tmp_path, EMULATOR) as plain, pytest.raises(ControlError, match="opt-out is off here"):
        plain.ask("optout.list")


def test_the_commands_are_all_there() -> None:
    command: Any = typer.main.get_command(app)
    assert set(command.commands) == {"add", "remove", "check", "list", "import", "export", "audit", "erase"}


def test_the_list_is_rebuilt_from_the_journal_and_compared(smscd: Running) -> None:
    for number in range(4):
        writes(smscd, "STOP", handset=f"44770090000{number}")
    writes(smscd, "START", handset="447700900001")
    row = {"recipient": "447700900001", "from": "12345"}
    abandoned = begin(smscd, [row, {**row, "recipient": "447700900009"}])
    smscd.ask("optout.import.abandon", **{"import": abandoned})
    run(smscd, "remove", "--to", "447700900002", "--from", "12345", "--reason", "asked")
    said = run(smscd, "audit", "--rebuild")
    assert (said["is_same"], said["rows"], said["blocking"], said["keys"]) == (True, 5, 2, 2)
    smscd.stop()
    with contextlib.closing(sqlite3.connect(smscd.data_dir / "smscd.db")) as database, database:
        database.execute("UPDATE opt_out SET state = 0 WHERE recipient = '447700900003'")
        database.execute("DELETE FROM opt_out WHERE recipient = '447700900000'")
    smscd.start()
    said = run(smscd, "audit", "--rebuild", expect=1)
    assert {(one["recipient"], one["journal"], one["row"], one["list"]) for one in said["differences"]} == {
        ("447700900003", True, False, False),
        ("447700900000", True, False, False),
    }


def test_an_import_that_was_given_up_leaves_nothing_and_makes_room(smscd: Running, tmp_path: Path) -> None:
    file = tmp_path / "list.jsonl"
    file.write_text("".join(json.dumps({"recipient": f"4477009{n:05}", "row": 1}) + "\n" for n in range(1500)) + "{}\n")
    for _ in range(2):
        result = CliRunner().invoke(app, ["import", str(file), "--from", "12345", "--data-dir", str(smscd.data_dir)])
        assert "row 1501: recipient is missing" in str(result.exception)
    file.write_text('{"recipient": "447700900001"}\nnot json\n')
    result = CliRunner().invoke(app, ["import", str(file), "--from", "12345", "--data-dir", str(smscd.data_dir)])
    assert "line 2 is no JSON object" in str(result.exception)
    file.write_text('{"recipient": "447700900001"}\n' + "[" * 100_000)
    result = CliRunner().invoke(app, ["import", str(file), "--from", "12345", "--data-dir", str(smscd.data_dir)])
    assert "line 2 is no JSON object" in str(result.exception)
    assert run(smscd, "list")["rows"] == []
    file.write_text('{"recipient": "+44 7700 900001"}\n{"recipient": "447700900001"}\n')
    assert run(smscd, "import", str(file), "--from", "12345")["rows"] == 2
    assert run(smscd, "list")["total"] == 1
    assert run(smscd, "import", str(file), "--from", "12345")["rows"] == 2
    assert run(smscd, "list")["total"] == 1


def test_kill_9_in_the_middle_of_an_import_and_after_it(smscd: Running) -> None:
    rows = [{"recipient": f"4477009{number:05}", "from": "12345"} for number in range(2000)]
    begin(smscd, rows)
    smscd.restart()
    assert run(smscd, "list")["total"] == 0
    second = begin(smscd, rows)
    smscd.ask("optout.import.end", **{"import": second})
    smscd.restart()
    assert run(smscd, "audit", "--rebuild")["keys"] == 2000
    assert not smscd.ask("optout.check", **{"to": rows[7]["recipient"], "from": "12345"})["may_send"]
