"""Records on a real disk: what they say, how they rotate, and what happens when the disk says no."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from structlog.testing import capture_logs

from smscd import pdu
from smscd.admin import records as records_module
from smscd.admin.record import FIELDS, Record, line, lines, records_of
from smscd.admin.recordfile import RecordFile
from smscd.admin.records import MOST_WAITING, Records
from smscd.admin.settings import RecordsSettings
from smscd.counters import DaemonCounters
from smscd.message import Kind, Message, Part, Stage
from smscd.pdu.constants import MessageState
from smscd.pdu.status import ESME_RTHROTTLED, status_name
from tests.machine import PATIENCE

ACCEPTED_AT = 1_800_000_000_123_456
"""2027-01-15T08:00:00.123456Z."""


def message(**changes: Any) -> Message:
    content = pdu.SubmitSm(
        service_type=b"CMT",
        source_addr_ton=5,
        source_addr=b"ACME",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=b"447700900001",
        registered_delivery=1,
        data_coding=8,
        short_message="grüße".encode("utf-16-be"),
    )
    values: dict[str, Any] = {
        "id": 1, "message_id": "8123456789", "kind": 0, "system_id": "test", "connector": "carrier-a",
        "content": content, "accepted_at": ACCEPTED_AT, "due": 0, "expires": 0, "final_at": ACCEPTED_AT + 1_500_000,
        "stage": Stage.CLOSED, "message_state": int(MessageState.DELIVERED), "attempts": 2, "error_code": 3,
        "parts": [Part(1, 1, "carrier-a", stage=Stage.CLOSED, upstream_message_id="up-1")],
    }  # fmt: skip
    return Message(**(values | changes))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def numbered(first: int, count: int) -> list[Record]:
    return [(message(message_id=str(number)), None) for number in range(first, first + count)]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Records]:
    records = Records(tmp_path / "records", RecordsSettings())
    yield records
    records.close()


# --- what they say


SHAPES = {
    "string": r'".*"',
    "string or null": r'".*"|null',
    "integer": r"\d+",
    "integer or null": r"\d+|null",
    "time (ISO 8601, UTC)": r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"',
}


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_a_line_has_exactly_the_documented_fields_in_their_order_and_shape(parts: int) -> None:
    closed = message(parts=[Part(1, number + 1, "carrier-a") for number in range(parts)])
    for record in records_of([closed]):
        said = json.loads(line(record))
        assert list(said) == [field.name for field in FIELDS]
        for field in FIELDS:
            assert re.fullmatch(SHAPES[field.shape], json.dumps(said[field.name])), field.name


def test_a_closed_message_is_told_with_full_numbers_names_and_times() -> None:
    said = json.loads(line(records_of([message()])[0]))
    assert said == {
        "record": "message",
        "message_id": "8123456789",
        "part": None,
        "parts": 1,
        "kind": "mt",
        "system_id": "test",
        "source_addr": "ACME",
        "source_addr_ton": 5,
        "source_addr_npi": 0,
        "destination_addr": "447700900001",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "service_type": "CMT",
        "data_coding": 8,
        "esm_class": 0,
        "registered_delivery": 1,
        "segments": 1,
        "connector": "carrier-a",
        "upstream_message_id": "up-1",
        "accepted_at": "2027-01-15T08:00:00.123456Z",
        "final_at": "2027-01-15T08:00:01.623456Z",
        "stage": "closed",
        "message_state": "DELIVERED",
        "error_code": 3,
        "command_status": "ESME_ROK",
        "attempts": 2,
    }


def test_a_message_that_left_as_three_parts_has_four_records() -> None:
    parts = [
        Part(1, number, "carrier-b", stage=Stage.CLOSED, upstream_message_id=f"up-{number}", attempt=number)
        for number in (1, 2, 3)
    ]
    parts[2].command_status = ESME_RTHROTTLED
    said = [json.loads(line(record)) for record in records_of([message(parts=parts, segments=3)])]
    assert [(one["record"], one["part"], one["parts"], one["segments"]) for one in said] == [
        ("message", None, 3, 3), ("part", 1, 3, 1), ("part", 2, 3, 1), ("part", 3, 3, 1),
    ]  # fmt: skip
    assert [one["upstream_message_id"] for one in said] == [None, "up-1", "up-2", "up-3"]
    assert [one["command_status"] for one in said][2:] == ["ESME_ROK", "ESME_RTHROTTLED"]
    assert sum(one["segments"] for one in said if one["record"] == "message") == 3
    assert {one["message_id"] for one in said} == {"8123456789"}


def test_a_message_that_never_left_has_no_parts_and_no_upstream_id() -> None:
    expired = message(parts=[], message_state=int(MessageState.EXPIRED), attempts=0)
    (said,) = [json.loads(line(record)) for record in records_of([expired])]
    assert (said["parts"], said["upstream_message_id"], said["message_state"]) == (0, None, "EXPIRED")


def test_a_dead_letter_says_so() -> None:
    (said,) = [json.loads(line(record)) for record in records_of([message(kind=2, stage=Stage.DEAD)])]
    assert (said["kind"], said["stage"]) == ("receipt", "dead")


def test_the_text_is_nowhere_in_a_record() -> None:
    text = line(records_of([message()])[0]).decode()
    assert "grüße" not in text
    assert "short_message" not in text


def test_octets_that_break_lines_or_json_stay_inside_their_field() -> None:
    content = pdu.SubmitSm(source_addr=b'a"b\\c\nd\xff\x1b', destination_addr=b"1")
    octets = line(records_of([message(content=content)])[0])
    assert octets.count(b"\n") == 1
    assert json.loads(octets)["source_addr"] == 'a"b\\c\nd\xff\x1b'


def test_octets_that_move_a_terminals_cursor_are_escaped_in_every_field_a_peer_fills_in() -> None:
    sneaky = b"a\x7f\x9b31m\x1b\x85"
    content = pdu.SubmitSm(source_addr=sneaky, destination_addr=sneaky, service_type=b"\x9b2J\x7f")
    odd = message(content=content, parts=[Part(1, 1, "up", Stage.CLOSED, sneaky.decode("latin-1"))])
    octets = line(records_of([odd])[0])
    assert octets[:-1].decode().isprintable()
    said = json.loads(octets)
    assert [said[name].encode("latin-1") for name in ("source_addr", "destination_addr", "upstream_message_id")] == [
        sneaky
    ] * 3
    assert said["service_type"] == "\x9b2J\x7f"


def test_what_looks_like_a_blank_in_a_form_is_taken_as_it_is() -> None:
    content = pdu.SubmitSm(service_type=b"%b%d\\", source_addr=b"%s", destination_addr=b"100%")
    odd = message(content=content, system_id='\\u0000text%b"', connector="%(x)s")
    for _ in range(2):  # made, and made once more by the form that was kept
        said = json.loads(line(records_of([odd])[0]))
        assert (said["service_type"], said["source_addr"], said["destination_addr"]) == ("%b%d\\", "%s", "100%")
        assert (said["system_id"], said["connector"]) == ('\\u0000text%b"', "%(x)s")


def plainly(record: Record) -> bytes:
    """Its line, by nothing but `json`."""
    closed, part = record
    content, parts = closed.content, closed.parts
    shown = part or (parts[-1] if parts else None)
    upstream = part.upstream_message_id if part else parts[0].upstream_message_id if len(parts) == 1 else ""

    def time_of(microseconds: int) -> str | None:
        at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
        return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if microseconds else None

    state = closed.message_state
    said = (
        "part" if part else "message", closed.message_id, part.number if part else None,
        len(parts) or int(not part and closed.attempts > 0), Kind(closed.kind).name.lower(), closed.system_id,
        content.source_addr.decode("latin-1"), content.source_addr_ton, content.source_addr_npi,
        content.destination_addr.decode("latin-1"), content.dest_addr_ton, content.dest_addr_npi,
        content.service_type.decode("latin-1"), content.data_coding, content.esm_class, content.registered_delivery,
        1 if part else closed.segments, part.connector if part else closed.connector, upstream or None,
        time_of(closed.accepted_at), time_of(closed.final_at),
        "dead" if (part.stage if part else closed.stage) == Stage.DEAD else "closed",
        MessageState(state).name if state in set(MessageState) else str(state), closed.error_code,
        status_name(shown.command_status if shown else 0), part.attempt if part else closed.attempts,
    )  # fmt: skip
    told = dict(zip((field.name for field in FIELDS), said, strict=True))
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


addresses = one_of(b"ACME", b"447700900001", b"", b'"\\\xff%b\n', b"%s")
contents = st.builds(
    pdu.SubmitSm, source_addr=addresses, destination_addr=addresses, source_addr_ton=one_of(0, 5),
    source_addr_npi=one_of(0, 1), dest_addr_ton=one_of(0, 1), dest_addr_npi=one_of(0, 1),
    service_type=one_of(b"", b"CMT", b"%b"), data_coding=one_of(0, 8), esm_class=one_of(0, 4),
    registered_delivery=one_of(0, 1),
)  # fmt: skip
part_lists = st.lists(
    st.builds(
        Part, st.just(1), one_of(1, 2), one_of("a", "%b"), one_of(Stage.CLOSED, Stage.DEAD), one_of("", "1f", 'ü"%'),
        one_of(1, 2), one_of(0, ESME_RTHROTTLED),
    ),
    max_size=3,
)  # fmt: skip
closed_messages = st.builds(
    message, message_id=one_of("1", "0000000f"), kind=one_of(0, 2), system_id=one_of("test", r"\u0000text"),
    connector=one_of("a", r"\u0000time%"), content=contents, accepted_at=one_of(ACCEPTED_AT, ACCEPTED_AT + 1),
    final_at=one_of(0, ACCEPTED_AT + 1), stage=one_of(Stage.CLOSED, Stage.DEAD), message_state=one_of(2, 5, 99),
    error_code=one_of(0, 3), attempts=one_of(0, 1), segments=one_of(1, 2), parts=part_lists,
)  # fmt: skip


@given(closed_messages, closed_messages)
def test_lines_of_neighbours_alike_and_not_are_what_json_makes_of_each(one: Message, other: Message) -> None:
    neighbours = [one, one, other, other]
    for each in fields(Message):  # in one thing only
        neighbours += [one, replace(one, **{each.name: getattr(other, each.name)})]
    for name in (
        "service_type",
        "data_coding",
        "esm_class",
        "registered_delivery",
        "source_addr_ton",
        "source_addr_npi",
    ):
        content = replace(one.content, **{name: getattr(other.content, name)})
        neighbours += [one, replace(one, content=content)]
    records = records_of(neighbours)
    assert lines(records) == [plainly(record) for record in records]


# --- how they reach the disk


def test_what_is_written_is_on_the_disk_after_a_close(tmp_path: Path, written: Records) -> None:
    written.write(numbered(0, 3))
    written.write(numbered(3, 2))
    written.close()
    path = tmp_path / "records" / "records.jsonl"
    assert [one["message_id"] for one in lines_of(path)] == ["0", "1", "2", "3", "4"]
    assert written.counters.records_written == 5
    assert written.counters.records_dropped == 0
    assert written.waiting == 0


def test_a_record_that_cannot_be_made_costs_only_itself(tmp_path: Path, written: Records) -> None:
    broken: Any = (message(message_id="2", accepted_at="never"), None)
    with capture_logs() as logs:
        written.write([*numbered(1, 1), broken, *numbered(3, 1)])
        written.close()
    assert [one["message_id"] for one in lines_of(tmp_path / "records" / "records.jsonl")] == ["1", "3"]
    assert [(entry["event"], entry["message_id"]) for entry in logs] == [("a record cannot be made", "2")]
    assert written.waiting == 0


def test_the_file_is_for_its_owner_only_even_if_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("")
    path.chmod(0o644)
    file = RecordFile(tmp_path, 4096, 2)
    file.append([b"{}\n"])
    file.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_switched_off_it_writes_nothing(tmp_path: Path) -> None:
    records = Records(tmp_path / "records", RecordsSettings(enabled=False))
    records.write(numbered(0, 3))
    records.close()
    assert not (tmp_path / "records").exists()


def test_a_full_file_is_put_aside_and_the_newest_are_kept(tmp_path: Path) -> None:
    file = RecordFile(tmp_path, 4096, 3)
    lines = [f'{{"message_id":"{number:04d}"}}\n'.encode() for number in range(1000)]  # 22 octets each
    at = 0
    while at < len(lines):
        at += file.append(lines[at:])
    file.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["records-00000004.jsonl", "records-00000005.jsonl", "records.jsonl"]
    kept = [one["message_id"] for name in names for one in lines_of(tmp_path / name)]
    assert kept == [f"{number:04d}" for number in range(1000 - len(kept), 1000)]
    for name in names[:2]:
        assert 4096 <= (tmp_path / name).stat().st_size < 4096 + 22


def test_names_go_on_counting_after_a_restart(tmp_path: Path) -> None:
    for _ in range(3):
        file = RecordFile(tmp_path, 10, 10)
        file.append([b"0123456789\n"])
        file.append([b"{}\n"])
        file.close()
        (tmp_path / "records.jsonl").write_bytes(b"0123456789\n")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [*(f"records-{number:08d}.jsonl" for number in range(1, 6)), "records.jsonl"]


def test_half_a_line_left_by_a_crash_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"message_id":"1"}\n{"mess')
    file = RecordFile(tmp_path, 4096, 2)
    file.append([b'{"message_id":"2"}\n'])
    file.close()
    assert [one["message_id"] for one in lines_of(path)] == ["1", "2"]


def test_a_file_that_somebody_took_away_is_begun_anew(tmp_path: Path) -> None:
    file = RecordFile(tmp_path, 4096, 2)
    file.append([b'{"message_id":"1"}\n'])
    (tmp_path / "records.jsonl").rename(tmp_path / "taken")
    file.append([b'{"message_id":"2"}\n'])
    file.close()
    assert [one["message_id"] for one in lines_of(tmp_path / "taken")] == ["1"]
    assert [one["message_id"] for one in lines_of(tmp_path / "records.jsonl")] == ["2"]


# --- when the disk says no


def until(holds: Callable[[], bool]) -> None:
    """Ask again and again; the thread has nothing to tell us by."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.001)


class ReluctantDisk:
    """`os.write` of a disk that takes half a line and is full then, until somebody makes room."""

    def __init__(self) -> None:
        self.full = True
        self.refused = threading.Event()
        self._write = os.write

    def write(self, fd: int, octets: memoryview) -> int:
        if not self.full:
            return self._write(fd, octets)
        if len(octets) > 10 and not self.refused.is_set():
            return self._write(fd, octets[:10])
        self.refused.set()
        raise OSError(28, "No space left on device")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> ReluctantDisk:
    disk = ReluctantDisk()
    monkeypatch.setattr("smscd.admin.recordfile.os.write", disk.write)
    return disk


def test_a_full_disk_leaves_whole_lines_only(tmp_path: Path, disk: ReluctantDisk) -> None:
    file = RecordFile(tmp_path, 4096, 2)
    disk.full = False
    file.append([b'{"message_id":"1"}\n'])
    disk.full = True
    with pytest.raises(OSError, match="No space left"):
        file.append([b'{"message_id":"2"}\n'] * 3)
    disk.full = False
    file.append([b'{"message_id":"3"}\n'])
    file.close()
    assert [one["message_id"] for one in lines_of(tmp_path / "records.jsonl")] == ["1", "3"]


def test_records_wait_for_room_and_none_is_lost_or_written_twice(
    tmp_path: Path, disk: ReluctantDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "RETRY_SECONDS", 0.01)
    with capture_logs() as logs:
        records = Records(tmp_path, RecordsSettings())
        records.write(numbered(0, 5))
        assert disk.refused.wait(5)
        records.write(numbered(5, 5))
        disk.full = False
        records.close()
    assert [one["message_id"] for one in lines_of(tmp_path / "records.jsonl")] == [str(n) for n in range(10)]
    assert records.counters.records_dropped == 0
    assert [entry["event"] for entry in logs] == ["records cannot be written, trying on", "records are written again"]


def test_beyond_the_limit_records_are_dropped_counted_and_said_once(
    tmp_path: Path, disk: ReluctantDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "RETRY_SECONDS", 0.01)
    counters = DaemonCounters()
    with capture_logs() as logs:
        records = Records(tmp_path, RecordsSettings(), counters)
        records.write(numbered(0, MOST_WAITING))
        assert disk.refused.wait(5)
        records.write(numbered(0, 7))
        records.write(numbered(0, 7))
        dropped = counters.records_dropped
        records.close()
    assert dropped == 14
    assert counters.records_dropped == 14 + MOST_WAITING, "what waited at the stop is counted as well"
    assert (tmp_path / "records.jsonl").read_bytes() == b""
    events = [entry["event"] for entry in logs]
    assert events.count("records are dropped: the disk does not take them") == 1
    assert events[-1] == "records lost at the stop"


def test_after_an_episode_records_are_kept_again(
    tmp_path: Path, disk: ReluctantDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(records_module, "MOST_WAITING", 5)
    with capture_logs() as logs:
        records = Records(tmp_path, RecordsSettings())
        records.write(numbered(0, 5))
        assert disk.refused.wait(5)
        records.write(numbered(5, 1))
        disk.full = False
        until(lambda: not records.waiting)
        records.write(numbered(6, 1))
        records.close()
    assert [one["message_id"] for one in lines_of(tmp_path / "records.jsonl")] == ["0", "1", "2", "3", "4", "6"]
    assert {"event": "records are kept again", "dropped_in_all": 1, "log_level": "info"} in logs
