"""Signals that come while smscd is still being loaded: kept, and obeyed once it can."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from tests.machine import PATIENCE

CONFIG = """
[smscd]
data_dir = "data"
log_format = "json"
[[listener]]
address = "127.0.0.1:0"
[[connector]]
name = "net"
kind = "emulator"
[[route]]
connectors = ["net"]
"""


@pytest.mark.parametrize("early", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_file_has_been_read_is_obeyed_after_it(tmp_path: Path, early: signal.Signals) -> None:
    """The file is a pipe: who reads it waits until the test has written, and says by opening it that it is there."""
    file = tmp_path / "smscd.toml"
    os.mkfifo(file)
    process = subprocess.Popen(
        [sys.executable, "-m", "smscd", "run", "--config", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    patience = Timer(PATIENCE, process.kill)
    patience.start()
    try:
        with file.open("w") as pipe:
            process.send_signal(early)
            pipe.write(CONFIG)
        if early == signal.SIGHUP:
            assert process.stdout is not None
            while b'"event": "listening"' not in process.stdout.readline():
                assert process.poll() is None
            with file.open("w") as pipe:  # only a reload reads it again
                pipe.write(CONFIG)
            process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()
    finally:
        patience.cancel()
        process.kill()
    assert process.returncode == 0, said.decode()
    assert b'"event": "stopped"' in said
