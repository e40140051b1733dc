"""The gate reads everything: lint, format, types, documented commands, machine paths, modes."""

from __future__ import annotations

import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from smscd.cli import app

ROOT = Path(__file__).parents[1]


def run(*command: str) -> str:
    """Nothing if `command` is content with the tree, otherwise all it says."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=590
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    said = run("ruff", "check", ".")
    assert not said, said


def test_ruff_would_format_nothing() -> None:
    said = run("ruff", "format", "--check", ".")
    assert not said, said


@pytest.mark.timeout(600)
def test_mypy_finds_nothing() -> None:
    said = run("mypy")
    assert not said, said


# --- documented commands ----------------------------------------------------------------------------------------------

_ALTERNATIVE = "\N{BROKEN BAR}"
"""Stands for the bar of `list|show` while a line is taken apart, which is no pipe."""


def command_lines(text: str) -> Iterator[str]:
    """Every line of code in a Markdown text that may be typed into a shell.

    In a block with prompts only the lines behind a prompt are; the others are what the shell answered.
    """
    fence = re.compile(r"^ *```.*?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
    for block in fence.findall(text):
        lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        yield from prompted or lines
    yield from (span.strip() for span in re.findall(r"`([^`\n]+)`", fence.sub("", text)))


def smscd_words(line: str) -> Iterator[list[str]]:
    """The words behind each `smscd` that `line` runs; brackets around what may be left out are taken off."""
    line = re.sub(r"(?<=\w)\|(?=\w)", _ALTERNATIVE, re.sub(r"[\[\]]", "", line))
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    command: list[str] = []
    for word in [*lexer, ";"]:
        if word in {"|", "||", "&", "&&", ";"}:
            yield from _behind_smscd(command)
            command = []
        else:
            command.append(word)


def _behind_smscd(command: list[str]) -> Iterator[list[str]]:
    at = 0
    while at < len(command) and re.fullmatch(r"[A-Z_]+=.*|sudo|-u|python[\d.]*|-m", command[at]):
        at += 2 if command[at] == "-u" else 1
    if at < len(command) and command[at].rpartition("/")[2] == "smscd":
        yield command[at + 1 :]


def unknown(words: list[str]) -> str:
    """Which of `words` the command line does not know; "" if it knows them all."""
    command: Any = typer.main.get_command(app)
    for position, word in enumerate(words):
        if word in {">", ">>", "<", ">&"}:
            break
        if word.startswith("-") and len(word) > 1:
            option = word.partition("=")[0]
            if option not in {"--help", "-h"} and not any(option in one.opts for one in command.params):
                return option
        elif hasattr(command, "get_command"):
            if _ALTERNATIVE in word:
                return next(
                    (one for name in word.split(_ALTERNATIVE) if (one := unknown([*words[:position], name]))), ""
                )
            command = command.get_command(None, word)
            if command is None:
                return word
    return ""


def undocumentable(text: str) -> list[str]:
    """The lines of `text` that name a command or an option that does not exist."""
    lines = [(line, words) for line in command_lines(text) if "smscd" in line for words in smscd_words(line)]
    return [f"{line}: {missing}" for line, words in lines if (missing := unknown(words))]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`smscd status --json`, `smscd message list|show|cancel`, `smscd run [--config FILE]`", []),
        ("```\nsmscd mo --to 1 --from 2 'a; smscd b | c'  # smscd d\n```", []),
        ("`systemctl restart smscd`, `journalctl -u smscd -f`, `smscd`, `smscd.toml`", []),
        ("```\n$ smscd --version\nsmscd 0.1.0\n```", []),
        ("```sh\nsmscd status | jq .queue\n```", []),
        ("```\nsudo -u smscd .venv/bin/smscd status --watch && python3 -m smscd stauts\n```", ["stauts"]),
        ("`smscd statsu`", ["statsu"]),
        ("`smscd status --jsno`", ["--jsno"]),
        ("`smscd message list|burn`", ["burn"]),
        ("```\nsmscd message list \\\n  --sytem-id test\n```", ["--sytem-id"]),
        ("  ```\n  X=1 smscd status --wacht > file --not-ours\n  ```", ["--wacht"]),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(text: str, wrong: list[str]) -> None:
    assert [line.rpartition(": ")[2] for line in undocumentable(text)] == wrong


def documents() -> list[Path]:
    return [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_every_documented_command_exists_with_its_options(path: Path) -> None:
    assert undocumentable(path.read_text(encoding="utf-8")) == []


# --- files ------------------------------------------------------------------------------------------------------------


def files() -> list[Path]:
    """What is in git, or would be with the next `git add`; without git, everything a release holds."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = {ROOT / name for name in listed.stdout.decode().split("\0") if name}
    else:
        ours = ("smscd", "tests", "docs", "conf", "scripts", "systemd", "bench", ".ci")
        paths = {path for name in ours for path in (ROOT / name).rglob("*") if "__pycache__" not in path.parts}
        paths |= {path for path in ROOT.iterdir() if path.suffix in {".md", ".toml"}}
    return sorted(path for path in paths if path.is_file())


_PLACES = ("wo" + "rk", "t" + "mp", "ro" + "ot", "ho" + "me")
MACHINE_PATH = re.compile(rf"(^|[^.\w])/({'|'.join(_PLACES)})/[a-z]", re.MULTILINE)
PRIVATE_HOST = re.compile(r"https?://[^\s/]*\.(internal|corp|intra|lan|local)\b")


@pytest.mark.parametrize("place", _PLACES)
def test_a_path_of_one_machine_is_noticed(place: str) -> None:
    assert MACHINE_PATH.search(f"open('/{place}/main')")
    assert MACHINE_PATH.search(f"/{place}/x")
    assert not MACHINE_PATH.search(f"./{place}/x and a/{place}/x and /{place}")


def test_no_file_names_a_path_or_a_host_of_one_machine() -> None:
    found = []
    paths = files()
    for path in paths:
        text = path.read_bytes().decode("utf-8", "replace")
        for pattern in (MACHINE_PATH, PRIVATE_HOST):
            found += [f"{path.relative_to(ROOT)}: {match[0].strip()}" for match in pattern.finditer(text)]
    assert found == []
    assert Path(__file__) in paths, "this test reads itself too"


def test_what_begins_with_a_shebang_can_be_executed_and_nothing_else() -> None:
    """`scripts/venv` is sourced; everything else there is run."""
    scripts = [*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci" / "run"]
    runs = {path.name: path.read_bytes().startswith(b"#!") for path in scripts if path.is_file()}
    can_run = {path.name: bool(path.stat().st_mode & stat.S_IXUSR) for path in scripts if path.is_file()}
    assert can_run == runs
    assert {"run", "test"} <= {name for name, is_run in runs.items() if is_run}
