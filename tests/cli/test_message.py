"""`smscd message`, `smscd mo` and `smscd route`, against a scripted daemon."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smscd.errors import ControlError
from tests.cli.conftest import Serve, Smscd, scripted

MESSAGE: dict[str, Any] = {
    "message_id": "8123456789",
    "kind": "mt",
    "system_id": "test",
    "connector": "handsets",
    "stage": "closed",
    "message_state": "DELIVERED",
    "error_code": 0,
    "source_addr": "12345",
    "destination_addr": "447700900001",
    "accepted_at": 1_800_000_000_000_000,
    "due": 1_800_000_000_000_000,
    "expires": 1_800_172_800_000_000,
    "final_at": 0,
    "attempts": 1,
    "segments": 2,
}
STORY = MESSAGE | {
    "parts": [
        {"number": 1, "connector": "handsets", "upstream_message_id": "a1", "changed_at": 1_800_000_001_000_000},
        {"number": 2, "connector": "handsets", "upstream_message_id": "a2", "changed_at": 1_800_000_002_000_000},
    ],
    "receipt": {"message_id": "8123456790", "stage": "closed"},
    "pdu": {"command": "submit_sm", "short_message": None, "tlvs": [{"tag": 0x1400}]},
}


def test_the_newest_fifty_are_asked_for_and_nothing_else(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    data_dir = serve({"message.list": scripted([{"messages": [MESSAGE]}], heard)})
    result = smscd("message", "list", "--data-dir", data_dir)
    assert heard == [{"limit": 50}]
    assert json.loads(result.stdout) == {"messages": [MESSAGE]}


def test_every_filter_reaches_the_daemon(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    data_dir = serve({"message.list": scripted([{"messages": []}], heard)})
    filters = {
        "--state": "EXPIRED",
        "--stage": "dead",
        "--system-id": "test",
        "--from": "1",
        "--to": "2",
        "--kind": "MO",
    }
    words = [word for option in filters.items() for word in option]
    words += ["--limit", "3", "--before", "99"]
    assert smscd("message", "list", *words, "--data-dir", data_dir).exit_code == 0
    assert heard == [
        {
            "state": "EXPIRED", "stage": "dead", "system_id": "test", "from": "1", "to": "2", "limit": 3,
            "before": "99", "kind": "MO",
        }
    ]  # fmt: skip


@pytest.mark.usefixtures("terminal")
def test_a_list_on_a_terminal_shows_numbers_in_full_and_how_to_go_on(serve: Serve, smscd: Smscd) -> None:
    data_dir = serve({"message.list": scripted([{"messages": [MESSAGE]}])})
    shown = smscd("message", "list", "--limit", "1", "--data-dir", data_dir).stdout
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("8123456789")]
    assert row == [
        "8123456789", "2027-01-15", "08:00:00Z", "mt", "test", "12345", "447700900001", "handsets", "closed",
        "DELIVERED", "0", "1", "2",
    ]  # fmt: skip
    assert "older ones: smscd message list --before 8123456789" in shown


@pytest.mark.usefixtures("terminal")
def test_a_narrow_terminal_gets_fewer_columns_and_no_broken_ones(
    serve: Serve, smscd: Smscd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    data_dir = serve({"message.list": scripted([{"messages": [MESSAGE]}])})
    shown = smscd("message", "list", "--data-dir", data_dir).stdout.splitlines()
    assert [line.split() for line in shown] == [
        ["message_id", "source_addr", "destination_addr", "stage", "message_state"],
        ["8123456789", "12345", "447700900001", "closed", "DELIVERED"],
        ["7", "more", "columns", "in", "a", "wider", "terminal", "or", "with", "--json"],
    ]
    assert max(map(len, shown)) <= 80


@pytest.mark.usefixtures("terminal")
def test_an_empty_list_says_so(serve: Serve, smscd: Smscd) -> None:
    data_dir = serve({"message.list": scripted([{"messages": []}])})
    assert smscd("message", "list", "--data-dir", data_dir).stdout == "no messages\n"


def test_the_text_is_asked_for_only_with_its_option(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    data_dir = serve({"message.show": scripted([STORY, STORY], heard)})
    smscd("message", "show", "8123456789", "--data-dir", data_dir)
    smscd("message", "show", "8123456789", "--text", "--data-dir", data_dir)
    assert heard == [{"message_id": "8123456789", "text": False}, {"message_id": "8123456789", "text": True}]


@pytest.mark.usefixtures("terminal")
def test_the_story_of_a_message_has_its_parts_its_receipt_and_its_pdu(serve: Serve, smscd: Smscd) -> None:
    shown = smscd("message", "show", "8123456789", "--data-dir", serve({"message.show": scripted([STORY])})).stdout
    lines = [line.split() for line in shown.splitlines() if line.strip()]
    for title in ("Message", "Parts", "Receipt", "Pdu"):
        assert [title] in lines
    assert ["expires", "2027-01-17", "08:00:00Z"] in lines
    assert ["final_at"] in lines
    assert ["2", "handsets", "a2", "2027-01-15", "08:00:02Z"] in lines
    assert ["message_id", "8123456790"] in lines
    assert ["tlvs", '[{"tag":', "5120}]"] in lines


def test_a_message_nobody_knows_is_exit_code_1(serve: Serve, smscd: Smscd) -> None:
    data_dir = serve({"message.show": scripted([ControlError("no message 42", "smscd message list")])})
    result = smscd("message", "show", "42", "--data-dir", data_dir)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: no message 42\ntry: smscd message list\n"


def test_a_cancelled_message_is_counted(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    data_dir = serve({"message.cancel": scripted([{"cancelled": 1}], heard)})
    result = smscd("message", "cancel", "8123456789", "--data-dir", data_dir)
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"cancelled": 1})
    assert heard == [{"message_id": "8123456789"}]


def test_a_message_that_is_gone_cannot_be_cancelled(serve: Serve, smscd: Smscd) -> None:
    data_dir = serve({"message.cancel": scripted([{"cancelled": 0}])})
    result = smscd("message", "cancel", "8123456789", "--data-dir", data_dir)
    assert result.exit_code == 1
    assert result.stderr == (
        "error: message 8123456789 cannot be cancelled any more\ntry: smscd message show 8123456789\n"
    )


@pytest.mark.usefixtures("terminal")
def test_a_retry_says_what_will_happen(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    data_dir = serve({"message.retry": scripted([{"retried": 1}], heard)})
    result = smscd("message", "retry", "8123456789", "--data-dir", data_dir)
    assert result.stdout == "message 8123456789 will be tried again now\n"
    assert heard == [{"message_id": "8123456789"}]


def test_a_handset_sends_what_was_typed(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    answer = {"message_id": "1", "parts": 1, "delivered_to": "test"}
    data_dir = serve({"mo": scripted([answer], heard)})
    result = smscd("mo", "--from", "447700900001", "--to", "12345", "Grüße, 😀", "--data-dir", data_dir)
    assert json.loads(result.stdout) == answer
    assert heard == [{"from": "447700900001", "to": "12345", "text": "Grüße, 😀"}]


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"message_id": "1", "parts": 1, "delivered_to": "[red]test"}, "message 1, 1 part, for [red]test\n"),
        ({"message_id": "1", "parts": ["1", "2"], "delivered_to": "test"}, "message 1, 2 parts, for test\n"),
        (
            {"message_id": "1", "parts": 1, "delivered_to": None},
            "message 1, 1 part, that no ESME receives: a dead letter\n",
        ),
    ],
)
def test_on_a_terminal_an_mo_is_told_in_a_sentence(
    answer: dict[str, Any], told: str, serve: Serve, smscd: Smscd
) -> None:
    data_dir = serve({"mo": scripted([answer])})
    assert smscd("mo", "hello", "--from", "1", "--to", "2", "--data-dir", data_dir).stdout == told


def test_a_route_is_explained_for_exactly_what_was_given(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    data_dir = serve({"route.explain": scripted([{"connector": "handsets"}, {"connector": "handsets"}], heard)})
    result = smscd("route", "explain", "--from", "1", "--to", "2", "--data-dir", data_dir)
    assert json.loads(result.stdout) == {"connector": "handsets"}
    smscd("route", "explain", "--from", "1", "--to", "2", "--esme", "test", "--text", "hi", "--data-dir", data_dir)
    assert heard == [{"from": "1", "to": "2"}, {"from": "1", "to": "2", "esme": "test", "text": "hi"}]


@pytest.mark.parametrize(("answer", "code"), [(None, 0), ("ESME_RINVDSTADR", 1)])
def test_a_message_that_would_be_refused_is_told_by_the_exit_code(
    serve: Serve, smscd: Smscd, answer: str | None, code: int
) -> None:
    data_dir = serve({"route.explain": scripted([{"answer": answer}])})
    assert smscd("route", "explain", "--from", "1", "--to", "2", "--data-dir", data_dir).exit_code == code


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_every_rule_that_was_tried_has_its_line(serve: Serve, smscd: Smscd) -> None:
    answer = {
        "route": 2,
        "connectors": ["a", "b"],
        "rules": [{"number": 1, "taken": False, "why": "destination_addr"}, {"number": 2, "taken": True, "why": ""}],
    }
    data_dir = serve({"route.explain": scripted([answer])})
    shown = smscd("route", "explain", "--from", "1", "--to", "2", "--data-dir", data_dir).stdout
    assert [line.split() for line in shown.splitlines() if line.strip()] == [
        ["route", "2"],
        ["connectors", '["a",', '"b"]'],
        ["Rules"],
        ["number", "taken", "why"],
        ["1", "no", "destination_addr"],
        ["2", "yes"],
    ]
