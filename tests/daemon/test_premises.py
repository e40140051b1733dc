"""One instance per data directory, and nobody else looks into it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from smscd.daemon.premises import claim_data_dir
from smscd.errors import ConfigError


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """Claiming a directory sets the umask of the process for good."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_the_directory_is_made_with_its_parents_and_is_private(tmp_path: Path) -> None:
    with claim_data_dir(tmp_path / "var" / "data") as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        (path / "file").touch()
        assert stat.S_IMODE((path / "file").stat().st_mode) == 0o600


def test_a_second_instance_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    refused = pytest.raises(ConfigError, match="another smscd is running")
    with claim_data_dir(tmp_path), refused, claim_data_dir(tmp_path):
        raise AssertionError("two in one directory")


def test_a_lock_file_that_somebody_removes_lets_no_second_instance_in(tmp_path: Path) -> None:
    """It would take up what the first has under way, and send it again, before it found the first's control socket."""
    refused = pytest.raises(ConfigError, match="another smscd is running")
    with claim_data_dir(tmp_path):
        (tmp_path / "lock").unlink()
        with refused, claim_data_dir(tmp_path):
            raise AssertionError("two in one directory")


def test_where_directories_cannot_be_locked_the_file_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS locks only what is open for writing."""

    def over_nfs(descriptor: int, operation: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(descriptor, operation)

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", over_nfs)
    refused = pytest.raises(ConfigError, match="another smscd is running")
    with claim_data_dir(tmp_path), refused, claim_data_dir(tmp_path):
        raise AssertionError("two in one directory")


def test_the_directory_is_free_again_when_the_first_is_gone_however_it_went(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), claim_data_dir(tmp_path):
        raise ZeroDivisionError
    with claim_data_dir(tmp_path):
        pass


def test_a_lock_file_that_was_left_behind_locks_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("4711")
    with claim_data_dir(tmp_path):
        pass


def test_a_place_that_cannot_be_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="file cannot be used"), claim_data_dir(tmp_path / "file"):
        raise AssertionError("a file is no directory")
