"""The unit file, judged by systemd itself."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "smscd.service"
MOST_EXPOSED = 1.5


@pytest.fixture
def systemd_analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        warnings.warn("systemd-analyze is not installed: nobody has judged systemd/smscd.service", stacklevel=2)
        pytest.skip("systemd-analyze is not installed")
    return path


def settings() -> dict[str, list[str]]:
    """Every setting of [Service], with all its values."""
    text = UNIT.read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for line in text[text.index("[Service]") : text.index("[Install]")].splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_its_exposure_is_low(systemd_analyze: str) -> None:
    done = subprocess.run(
        [systemd_analyze, "security", "--offline=yes", "--no-pager", str(UNIT)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    overall = re.search(r"Overall exposure level for smscd\.service: ([0-9.]+)", done.stdout)
    assert overall is not None, done.stdout + done.stderr
    assert float(overall[1]) <= MOST_EXPOSED


def verified(systemd_analyze: str, unit: Path) -> subprocess.CompletedProcess[str]:
    command = [systemd_analyze, "verify", str(unit)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_systemd_finds_nothing_to_complain_about(systemd_analyze: str, tmp_path: Path) -> None:
    # only the program's own path is replaced: verify wants it to be there
    unit = tmp_path / UNIT.name
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8")))
    done = subprocess.run(
        [systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])


def test_a_misspelt_setting_would_be_found(systemd_analyze: str, tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("LockPersonality=", "LockPersonalty=")
    unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))
    done = subprocess.run(
        [systemd_analyze, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "LockPersonalty" in done.stderr


def test_it_speaks_the_protocol_the_daemon_speaks() -> None:
    service = settings()
    assert service["Type"] == ["notify"]
    assert service["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert "WatchdogSec" in service
    (start,) = service["ExecStart"]
    assert start.endswith("/smscd run --config /etc/smscd/smscd.toml")


def test_its_state_is_where_the_configuration_keeps_it() -> None:
    assert settings()["StateDirectory"] == ["smscd"]
    example = (UNIT.parents[1] / "conf" / "smscd.toml").read_text(encoding="utf-8")
    assert 'data_dir = "/var/lib/smscd"' in example
    assert settings()["StateDirectoryMode"] == ["0700"]
    assert settings()["UMask"] == ["0077"]


def test_it_is_a_unit_file() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    assert parser.sections() == ["Unit", "Service", "Install"]
