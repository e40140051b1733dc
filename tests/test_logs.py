"""What a log line looks like, and what it must not be talked into."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from smscd import logs
from smscd.clock import FakeClock

FORGED = "x\r\n2026-01-01T00:00:00Z info    bound system_id=root\x1b[2K\u202e\x9b\u2028"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging as it was: other tests may look at it."""
    root = logging.getLogger()
    before, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = before, level
    structlog.configure(**configured)


def log(log_format: logs.LogFormat = "console", log_level: str = "info") -> tuple[io.StringIO, Any]:
    stream = io.StringIO()
    logs.configure(log_format, log_level, stream)
    return stream, structlog.get_logger("smscd.test")


def test_a_fact_is_one_line_of_keys_and_values_with_message_id_first() -> None:
    stream, logger = log()
    logger.info("accepted", system_id="test", message_id="17", text="two words", parts=3)
    line = stream.getvalue()
    assert line.endswith(' info    accepted message_id=17 system_id=test text="two words" parts=3\n')
    assert line.count("\n") == 1


def test_what_is_said_too_often_is_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "PER_SECOND", {"info": 3, "warning": 3})
    stream, clock = io.StringIO(), FakeClock()
    logs.configure("json", "info", stream, clock)
    logger = structlog.get_logger("smscd.test")
    for number in range(10):
        logger.info("closed", number=number)
        logger.error("a fault", number=number)
        logger.warning("in doubt", number=number)
    logger.info("bound", number=0)
    clock.advance(1.0)
    logger.info("closed", number=10)
    logger.info("closed", number=11)
    said = [json.loads(line) for line in stream.getvalue().splitlines()]
    closed = [fact for fact in said if fact["event"] == "closed"]
    assert [fact["number"] for fact in closed] == [0, 1, 2, 10, 11]
    assert [fact.get("and_more") for fact in closed] == [None, None, "not shown", None, None]
    assert [fact.get("left_out") for fact in closed] == [None, None, None, 7, None]
    for each in ("a fault", "in doubt"):
        assert len([fact for fact in said if fact["event"] == each]) == 10, "these are never left out"
    assert "left_out" not in next(fact for fact in said if fact["event"] == "bound")


def test_json_is_one_object_per_line() -> None:
    stream, logger = log("json")
    logger.warning("refused", message_id="17", command_status=88, source_addr=b"ACME")
    fact = json.loads(stream.getvalue())
    assert list(fact) == ["timestamp", "level", "logger", "event", "message_id", "command_status", "source_addr"]
    assert (fact["level"], fact["logger"], fact["event"], fact["source_addr"]) == (
        "warning", "smscd.test", "refused", "ACME",
    )  # fmt: skip


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("peer", [FORGED, FORGED.encode("latin-1", "replace")])
def test_what_a_peer_sends_cannot_forge_a_line_or_move_the_cursor(
    log_format: logs.LogFormat, peer: str | bytes
) -> None:
    stream, logger = log(log_format)
    logger.info("refused", system_id=peer)
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert line[:-1].isprintable()


def test_neither_can_what_an_exception_says() -> None:
    stream, logger = log()
    try:
        raise ValueError(FORGED)
    except ValueError:
        logger.exception("failed", message_id="17")
    first, *traceback = stream.getvalue().splitlines()
    assert first.endswith(" error   failed message_id=17")
    assert traceback
    assert all(line.startswith("    | ") and line.isprintable() for line in traceback)


def test_a_traceback_shows_no_values_of_variables() -> None:
    stream, logger = log("json")
    password = "hunter" + "2"
    try:
        assert not password
    except AssertionError:
        logger.exception("failed")
    assert "AssertionError" in stream.getvalue()
    assert f"password = '{password}'" not in stream.getvalue()


def test_a_level_leaves_out_what_is_below_it_and_a_reload_changes_it() -> None:
    stream, logger = log(log_level="warning")
    logger.info("unheard")
    assert stream.getvalue() == ""
    logs.configure("console", "debug", stream)
    logger.debug("heard")
    assert "heard" in stream.getvalue()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_warnings_of_libraries_come_in_the_same_form(log_format: logs.LogFormat) -> None:
    stream, _ = log(log_format)
    logging.getLogger("aiohttp.access").info("GET /metrics")
    logging.getLogger("asyncio").warning("slow %s", FORGED)
    (line,) = stream.getvalue().splitlines()
    assert "slow" in line
    assert line.isprintable()


def test_console_is_json_where_the_journal_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal"
    with path.open("w", encoding="utf-8") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        logs.configure("console", "info", stream)
        structlog.get_logger().info("started")
    assert json.loads(path.read_text(encoding="utf-8"))["event"] == "started"


def test_a_log_nobody_can_read_stops_nothing() -> None:
    stream, logger = log()
    stream.close()
    logger.error("unheard")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("447700900123", "4477****0123"),
        (b"447700900123", "4477****0123"),
        ("+447700900123", "+447****0123"),
        ("44770090012", "4477****012"),
        ("4477009", "447****"),
        ("36123", "36123"),
        ("ACME", "ACME"),
        ("", ""),
        ("ACME-Marketing", "ACME****ting"),
    ],
)
def test_a_number_is_masked_and_a_short_code_or_a_name_is_not(number: str | bytes, shown: str) -> None:
    assert logs.masked(number) == shown
