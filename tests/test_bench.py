"""The programs of bench/ run, and know the house as it is. Nothing is timed here: figures are for reviews."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from smscd import pdu

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a program by its name."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCH))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (BENCH / f"{name}.py").exists():
            del sys.modules[name]  # "load" and "text" are names that others may want


def ran(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=290
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_room_of_the_budget_exists(bench: Any) -> None:
    rooms = dict(bench("budget").ROOMS)
    named = {path for pattern in rooms.values() for path in re.findall(r"[\w/]+(?:\\\.py|/)", pattern)}
    files = [str(path.relative_to(ROOT / "smscd")) for path in (ROOT / "smscd").rglob("*.py")]
    missing = [path for path in named if not any(path.replace("\\", "") in file for file in files)]
    assert missing == []
    assert len(named) > 20


def test_every_module_that_is_compiled_to_see_what_it_gains_exists(bench: Any) -> None:
    assert [name for name in bench("compiled").MODULES if not (ROOT / "smscd" / f"{name}.py").is_file()] == []


@pytest.mark.parametrize(
    ("stack", "room"),
    [
        (["clock.py:wall", "scheduler/lanes.py:take", "journey.py:forward"], "schedule"),
        (["pdu/codec.py:encode", "store/rows.py:_own", "store/sqlite.py:_write"], "commit: rows"),
        (["pdu/codec.py:decode", "session/session.py:receive_data"], "decode, all PDUs of the message"),
        (["daemon/upkeep.py:_measure_lag"], "other"),
        ([], "loop: uvloop, system calls"),
    ],
)
def test_a_sample_belongs_to_the_innermost_room(bench: Any, stack: list[str], room: str) -> None:
    assert bench("budget").room_of(stack) == room


def test_a_picture_has_a_place_for_nothing_on_a_logarithmic_axis(bench: Any, tmp_path: Path) -> None:
    chart = bench("chart")
    lines = {"smscd": [(0, 5.0), (1000, 4.0), (1_000_000, 3.0)], "a & b": [(0, 1.0)]}
    chart.figure("queue", [chart.Panel("rate", "queued", lines, is_log=True)], tmp_path / "queue.svg")
    written = (tmp_path / "queue.svg").read_text()
    texts = [each.text for each in ET.fromstring(written).iter() if each.text]
    assert {"0", "1k", "1M", "a & b"} <= set(texts)


def test_the_page_is_written_from_what_is_kept(bench: Any) -> None:
    """Every mark of the page has a table, and every table a mark."""
    document = bench("document")
    page = (ROOT / "docs" / "performance.md").read_text()
    assert {mark["name"] for mark in document.MARK.finditer(page)} == set(document.TABLES)


def test_a_figure_says_how_its_interpreter_was_built(bench: Any) -> None:
    interpreter, keeping = bench("interpreter"), bench("keeping")
    assert interpreter.build("'--enable-shared' '--enable-optimizations'", is_debian=False) == "optimised build"
    assert interpreter.build("'--enable-shared'", is_debian=False) == "build without --enable-optimizations"
    assert "Debian" in interpreter.build("'--enable-shared'", is_debian=True)
    told = interpreter.told()
    assert f"CPython {told['python']} ({told['build']}), SQLite" in keeping.sentence(keeping.circumstances())


def test_what_is_measured_runs_with_the_interpreter_that_is_asked_for(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    monkeypatch.setenv("BENCH_PYTHON", str(other))
    assert bench("servers").Smscd(tmp_path).command[0] == str(other)


def test_a_circle_through_the_sink_is_measured(bench: Any, tmp_path: Path) -> None:
    """smscd and the floor, with the load client and the sink that measure any SMSC."""
    ran("bench/gateway.py", "--servers", "floor,gateway", "--rows", "circle", "--count", "300", "--out", str(tmp_path))
    floor, gateway = json.loads((tmp_path / "peers.json").read_text())["runs"]
    for run, process in ((floor, "floor"), (gateway, "smscd")):
        assert run["remark"] == ""
        assert run["receipts"] > 0
        assert run["upstream"] > 0
        assert 0 < run["answered_in"][0] <= run["answered_in"][1] <= run["answered_in"][2]
        assert set(run["costs"]) == {process, "client", "sink"}


def test_the_budget_sums_to_what_was_measured(tmp_path: Path) -> None:
    ran("bench/budget.py", "--what", "submit", "--seconds", "1", "--out", str(tmp_path))
    rooms, told = json.loads((tmp_path / "budget.json").read_text())["work"]["submit"]
    assert sum(rooms.values()) == pytest.approx(told["cpu_us"], rel=0.01)
    assert rooms["commit: SQLite, its thread"] > 0


def test_a_pause_is_put_down_to_who_had_the_time(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = bench("pauses")
    monkeypatch.setattr(pauses.Paced, "__init__", lambda *_: None)
    smscd, floor = pauses.Watched(0, 0), pauses.Paced()
    smscd.samples = [(0.0, 0.0, 0.0), (1.0, 0.9, 0.0), (2.0, 0.9, 0.8), (3.0, 1.0, 0.9), (4.0, 1.1, 1.0)]
    smscd.waits = [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0), (4.0, 4.01)]
    floor.waits = [(0.5, 0.505), (3.5, 3.6)]
    assert pauses.causes(smscd, floor) == {"smscd": 1, "core": 1, "disk": 1, "machine": 1}


def test_loads_take_turns_between_a_server_with_a_queue_and_one_without(bench: Any) -> None:
    backlog = bench("backlog")
    order: list[str] = []

    class Way:
        def __init__(self, name: str, rates: list[float]) -> None:
            self.name, self.rates = name, rates

        def turn(self, count: int) -> tuple[float, float]:
            order.append(self.name)
            return self.rates.pop(0), float(count)

    found = backlog.in_turn(Way("queued", [90.0, 45.0, 20.0]), Way("empty", [100.0, 50.0, 10.0]), 7, 3)
    assert order == ["empty", "queued", "queued", "empty", "empty", "queued"]
    assert (found.queued, found.empty, found.of_empty) == (45.0, 50.0, 0.9)


def test_every_flood_is_of_whole_pdus(bench: Any) -> None:
    flooding = bench("flooding")
    floods = [make([b"1", b"2"]) for _, make in flooding.ESME_FLOODS.values()]
    floods += [make() for make in flooding.UPSTREAM_FLOODS.values()]
    frames = [frame for flood in floods for frame in islice(flood, 3)]
    assert len(frames) == 3 * (len(floods) - 1)  # one tells nothing
    decoded = [pdu.decode(frame) for frame in frames]
    assert {type(one) for one in decoded} == {
        pdu.SubmitSm, pdu.SubmitMulti, pdu.QuerySm, pdu.ReplaceSm, pdu.CancelSm, pdu.DeliverSm,
    }  # fmt: skip
