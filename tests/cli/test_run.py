"""`smscd run`: which configuration the daemon is given."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import smscd as package
from tests.cli.conftest import Smscd


class ScriptedDaemon(ModuleType):
    """Stands where `smscd.daemon` is: notes what it is asked to run and ends with a code."""

    def __init__(self) -> None:
        super().__init__("smscd.daemon")
        self.code = 0
        self.keeps_data_dir = False
        self.asked: list[tuple[Any, bool, Path | None]] = []

    def run(self, config: Any, *, demo: bool, path: Path | None, keep_data_dir: bool) -> int:
        self.asked.append((config, demo, path))
        self.keeps_data_dir = keep_data_dir
        return self.code


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> ScriptedDaemon:
    scripted = ScriptedDaemon()
    monkeypatch.setitem(sys.modules, "smscd.daemon", scripted)
    monkeypatch.setattr(package, "daemon", scripted, raising=False)
    return scripted


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "smscd.toml"
    path.write_text(
        f"""\
[smscd]
data_dir = "{tmp_path}/data"
[[listener]]
address = "127.0.0.1:0"
[[esme]]
system_id = "test"
password = "secret"
[[connector]]
name = "handsets"
kind = "emulator"
[[route]]
connectors = ["handsets"]
"""
    )
    return path


def test_without_a_file_it_is_the_demo_in_its_private_directory(
    daemon: ScriptedDaemon, smscd: Smscd, tmp_path: Path
) -> None:
    assert smscd("run").exit_code == 0
    ((settings, demo, path),) = daemon.asked
    assert demo
    assert path is None
    assert settings.smscd.data_dir == tmp_path / "state" / "smscd-demo"
    assert [listener.address for listener in settings.listeners] == ["127.0.0.1:2775"]


def test_with_a_file_it_is_what_the_file_says(daemon: ScriptedDaemon, smscd: Smscd, config: Path) -> None:
    assert smscd("run", "--config", config).exit_code == 0
    ((settings, demo, path),) = daemon.asked
    assert not demo
    assert path == config, "a reload reads it again"
    assert settings.smscd.data_dir == config.parent / "data"


def test_the_environment_can_name_the_file(daemon: ScriptedDaemon, smscd: Smscd, config: Path) -> None:
    assert smscd("run", env={"SMSCD_CONFIG": str(config)}).exit_code == 0
    assert not daemon.asked[0][1]


@pytest.mark.parametrize("named", [True, False])
def test_another_data_dir_can_be_given(
    daemon: ScriptedDaemon, smscd: Smscd, config: Path, tmp_path: Path, named: bool
) -> None:
    words = ["--config", config] if named else []
    assert smscd("run", *words, "--data-dir", tmp_path / "other").exit_code == 0
    assert daemon.asked[0][0].smscd.data_dir == tmp_path / "other"
    assert daemon.keeps_data_dir, "a reload must not go back to what the file says"


def test_the_daemons_code_is_the_commands(daemon: ScriptedDaemon, smscd: Smscd) -> None:
    daemon.code = 1
    assert smscd("run").exit_code == 1


def test_a_faulty_file_starts_nothing_and_tells_every_fault(daemon: ScriptedDaemon, smscd: Smscd, config: Path) -> None:
    config.write_text(config.read_text() + '[[listener]]\nadress = "127.0.0.1:1"\n[retry]\nvalidity = 5\n')
    result = smscd("run", "--config", config)
    assert result.exit_code == 1
    assert daemon.asked == []
    told = result.stderr.splitlines()
    assert any("adress" in line for line in told)
    assert any("retry.validity" in line for line in told)
    assert told[-1] == "try: mend the file; `smscd check FILE` shows all of it"


def test_a_file_that_is_not_there_cannot_be_mended(daemon: ScriptedDaemon, smscd: Smscd, tmp_path: Path) -> None:
    result = smscd("run", "--config", tmp_path / "none.toml")
    assert (result.exit_code, daemon.asked) == (1, [])
    assert result.stderr.splitlines() == [
        f"error: {tmp_path}/none.toml: cannot be read: No such file or directory",
        "try: another --config FILE; without one the demo starts",
    ]


def test_a_start_that_fails_is_told_like_any_error(smscd: Smscd, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = smscd("run", "--data-dir", tmp_path / "file" / "data")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-2:] == [
        f"error: the data directory {tmp_path}/file/data cannot be used: Not a directory",
        "try: another data_dir, or --data-dir DIR",
    ]
