"""What the tests that start processes rely on."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from tests.running import EMULATOR, Running, keep_ports


def test_a_kept_port_is_refused_to_others_and_free_for_who_listens_where_others_did() -> None:
    (kept,) = keep_ports(1)
    with kept, socket.socket() as other, socket.socket() as listening, socket.socket() as caller:
        with pytest.raises(OSError, match="Address already in use"):
            other.bind(kept.getsockname())
        assert caller.connect_ex(kept.getsockname()) == errno.ECONNREFUSED
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(kept.getsockname())
        listening.listen()
        assert caller.connect_ex(kept.getsockname()) == 0


def test_the_port_of_a_process_that_was_killed_stays_its_own(tmp_path: Path) -> None:
    with Running(tmp_path, EMULATOR) as smscd:
        smscd.kill()
        with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
            other.bind(("127.0.0.1", smscd.port))
        smscd.start()
        assert len(smscd.lines("listening", address=f"127.0.0.1:{smscd.port}")) == 2
