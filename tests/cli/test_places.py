"""Where a command looks for the smscd it talks to."""

from __future__ import annotations

from pathlib import Path

import pytest

from smscd.cli import places
from smscd.cli.places import configured_data_dir, data_dirs, demo_data_dir
from smscd.errors import ControlError
from tests.cli.conftest import Serve, Smscd, scripted


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "smscd.toml"
    path.write_text(f'[smscd]\ndata_dir = "{tmp_path}/configured"\nnot even a key that exists = ')
    path.write_text(f'[smscd]\ndata_dir = "{tmp_path}/configured"\nno_such_key = 1\n')
    return path


def test_a_data_dir_goes_before_everything(config: Path, tmp_path: Path) -> None:
    assert data_dirs(config, tmp_path / "given") == [tmp_path / "given"]


def test_the_file_says_where_even_if_it_has_faults_elsewhere(config: Path, tmp_path: Path) -> None:
    assert data_dirs(config, None) == [tmp_path / "configured"]


def test_a_relative_data_dir_is_relative_to_its_file(tmp_path: Path) -> None:
    config = tmp_path / "smscd.toml"
    config.write_text('[smscd]\ndata_dir = "data"\n')
    assert configured_data_dir(config) == tmp_path / "data"


@pytest.mark.parametrize("text", ["", "[smscd]\n", "smscd = 1\n"])
def test_a_file_that_does_not_say_has_the_default_of_the_schema(tmp_path: Path, text: str) -> None:
    config = tmp_path / "smscd.toml"
    config.write_text(text)
    assert configured_data_dir(config) == Path("/var/lib/smscd")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b"[smscd", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"[smscd]\ndata_dir = 5\n", "smscd.data_dir is not a path"),
    ],
)
def test_a_file_that_was_named_and_cannot_be_used_is_an_error(
    tmp_path: Path, content: bytes | None, reason: str, smscd: Smscd
) -> None:
    config = tmp_path / "smscd.toml"
    if content is not None:
        config.write_bytes(content)
    with pytest.raises(ControlError, match=reason):
        data_dirs(config, None)
    result = smscd("status", "--config", config)
    assert result.exit_code == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["error", "try"]


def test_without_a_word_the_system_is_asked_before_the_demo(tmp_path: Path) -> None:
    assert data_dirs(None, None) == [tmp_path / "state" / "smscd-demo"]
    places.SYSTEM_CONFIG.parent.mkdir()
    places.SYSTEM_CONFIG.write_text('[smscd]\ndata_dir = "/srv/smscd"\n')
    assert data_dirs(None, None) == [Path("/srv/smscd"), tmp_path / "state" / "smscd-demo"]


def test_the_demo_lives_under_the_users_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert demo_data_dir() == Path("/srv/state/smscd-demo")
    for unusable in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", unusable)
        monkeypatch.setenv("HOME", "/srv/someone")
        assert demo_data_dir() == Path("/srv/someone/.local/state/smscd-demo")


def test_the_environment_names_the_file(config: Path, serve: Serve, smscd: Smscd) -> None:
    serve({"status": scripted([{"from": "configured"}])}, "configured")
    result = smscd("status", env={"SMSCD_CONFIG": str(config)})
    assert result.stdout == '{\n  "from": "configured"\n}\n'


def test_the_demo_answers_where_the_systems_smscd_does_not_run(serve: Serve, smscd: Smscd, tmp_path: Path) -> None:
    places.SYSTEM_CONFIG.parent.mkdir()
    places.SYSTEM_CONFIG.write_text(f'[smscd]\ndata_dir = "{tmp_path}/stopped"\n')
    serve({"status": scripted([{"from": "demo"}])}, "state/smscd-demo")
    assert smscd("status").stdout == '{\n  "from": "demo"\n}\n'
