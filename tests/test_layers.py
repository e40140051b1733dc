"""The house's plan, enforced: who may import whom stands in `.importlinter`, and these tests can fail."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "smscd"
CONTRACTS = ROOT / ".importlinter"


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over the package under `root`, with the contracts of this repository."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    return subprocess.run(
        [*command, "--config", str(CONTRACTS)],
        cwd=root,
        env=os.environ | {"COLUMNS": "500"},  # a contract's name and its fate on one line
        capture_output=True,
        text=True,
        check=False,
        timeout=290,
    )


def test_every_room_keeps_to_its_layer() -> None:
    linted = lint(ROOT)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("path", "line", "contract"),
    [
        ("session/states.py", "import smscd.link", "Rooms import only from rooms below them"),
        ("admission/settings.py", "import smscd.scheduler.settings", "Rooms import only from rooms below them"),
        ("pdu/status.py", "import logging", "Pure rooms do no input and no output"),
        ("session/states.py", "import smscd.clock", "Pure rooms do no input and no output"),
        ("text/septets.py", "def f() -> None:\n    import socket", "Pure rooms do no input and no output"),
        ("scheduler/settings.py", "import sqlite3", "SQL is spoken in the store only"),
        ("link/settings.py", "import rich", "Only the command line knows of its libraries"),
        ("link/settings.py", "from time import time", "Time is read in clock.py"),
        ("link/settings.py", "import uvloop", "Nobody knows which loop it runs on"),
        ("admission/settings.py", "import pydantic", "Validation models stay in config"),
        ("attic.py", "", "Rooms import only from rooms below them"),
    ],
)
def test_a_wrong_import_breaks_its_contract(path: str, line: str, contract: str, tmp_path: Path) -> None:
    copy = shutil.copytree(PACKAGE, tmp_path / "smscd", ignore=shutil.ignore_patterns("__pycache__"))
    wrong = copy / path
    before = wrong.read_text(encoding="utf-8") if wrong.exists() else ""
    wrong.write_text(f"{before}\n{line}\n", encoding="utf-8")
    linted = lint(tmp_path)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    broken = [line for line in linted.stdout.splitlines() if line.endswith(" BROKEN")]
    assert [line for line in broken if line.startswith(contract)], broken


def rooms_of(contract: str) -> set[str]:
    parser = configparser.ConfigParser()
    parser.read(CONTRACTS)
    return set(parser[f"importlinter:contract:{contract}"]["source_modules"].split())


def test_no_room_is_forgotten_by_the_contracts_that_list_rooms() -> None:
    there = {f"smscd.{path.stem}" for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    pure = rooms_of("pure")
    assert {"smscd.pdu", "smscd.text", "smscd.session", "smscd.message", "smscd.routing"} <= pure
    top = {"smscd.cli", "smscd.daemon"}
    assert there - pure - top <= rooms_of("clock") & rooms_of("loop")
    assert there - top - {"smscd.config"} - rooms_of("models") <= pure
    assert there - {"smscd.cli"} - rooms_of("shell") <= pure
    assert there - {"smscd.store", "smscd.daemon"} - rooms_of("store") <= pure


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_links_serial_ports_and_visitors_of_the_admin_address_are_the_only_protocols() -> None:
    protocols = [
        (path, node.name)
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if ast.unparse(base) in {"asyncio.Protocol", "asyncio.BufferedProtocol", "asyncio.BaseProtocol"}
    ]
    assert sorted(protocols) == [
        ("admin/crowd.py", "Visitor"), ("connectors/modem/transport.py", "SerialPort"), ("link/link.py", "Link"),
    ]  # fmt: skip


def test_nobody_asks_a_date_for_the_time() -> None:
    asked = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and re.fullmatch(r"(datetime\.)*(datetime|date)\.(now|today|utcnow)", ast.unparse(node.func))
    ]
    assert asked == []


def test_no_module_has_grown_beyond_reading() -> None:
    """STYLE: modules below about 400 lines, tables exempt."""
    tables = {"pdu/pdus.py", "pdu/pdus_broadcast.py", "pdu/tlvs.py", "text/tables.py"}
    sizes = {
        path.relative_to(PACKAGE).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {path: size for path, size in sizes.items() if size > 450 and path not in tables} == {}


def test_no_function_has_chapters() -> None:
    """STYLE: a function so long that it has chapters is split at the chapters; 70 lines is the end."""
    long = {
        f"{path}:{node.name}": length
        for path, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > 70
    }
    assert long == {}
