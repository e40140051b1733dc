"""What a shell script or systemd sees of the process: it starts or it ends, and says which."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import pytest

from tests.machine import PATIENCE
from tests.running import EMULATOR, Running, until

pytestmark = pytest.mark.interop


def test_a_port_that_is_taken_ends_the_process_with_a_remedy(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        smscd = Running(tmp_path, EMULATOR.replace("127.0.0.1:0", address))
        with pytest.raises(AssertionError, match="it ended with code 1"):
            smscd.start()
    assert f"cannot listen on {address}: Address already in use" in smscd.last_words()
    assert smscd.last_words().splitlines()[-1].startswith("try: ")


def test_a_database_that_is_none_ends_the_process_and_is_left_as_it_is(tmp_path: Path) -> None:
    smscd = Running(tmp_path)
    smscd.data_dir.mkdir()
    database = smscd.data_dir / "smscd.db"
    database.write_bytes(b"what somebody kept here " * 1000)
    with pytest.raises(AssertionError, match="it ended with code 1"):
        smscd.start()
    assert smscd.lines(f"error: {database}: file is not a database")
    assert database.read_bytes() == b"what somebody kept here " * 1000


def test_a_database_of_a_newer_release_ends_the_process(tmp_path: Path) -> None:
    smscd = Running(tmp_path)
    smscd.data_dir.mkdir()
    with sqlite3.connect(smscd.data_dir / "smscd.db") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(AssertionError, match="it ended with code 1"):
        smscd.start()
    assert "upgrade smscd" in smscd.last_words()


def test_a_second_one_on_the_same_data_directory_ends_and_the_first_goes_on(tmp_path: Path) -> None:
    with Running(tmp_path) as first:
        second = first.launch()
        assert second.wait(PATIENCE) == 1
        until(lambda: f"another smscd is running on {first.data_dir}" in first.last_words())
        assert first.ask("status")["system_id"] == "smscd"
        assert first.stop() == 0


def test_a_manager_that_is_gone_at_the_stop_is_no_reason_to_stay(tmp_path: Path) -> None:
    with Running(tmp_path) as smscd:  # its NOTIFY_SOCKET is gone as soon as it is ready
        smscd.stop(expect=0)
        assert smscd.lines("stopped")
