"""At its bind_limit an ESME gets in again if one of its older binds is dead, and only then."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smscd import pdu
from smscd.listener.binding import PROBE
from tests.hostile.peer import Peer
from tests.running import EMULATOR, Running

BIND = pdu.BindTransceiver(system_id=b"test", password=b"secret", interface_version=0x34)


@pytest.fixture
def smscd(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path, EMULATOR.replace('password = "secret"', 'password = "secret"\nbind_limit = 1')) as running:
        yield running


def test_a_silent_bind_gives_way_to_a_new_one(smscd: Running) -> None:
    """As after a crash of the ESME, whose old connection nobody has closed."""
    with Peer(smscd.port) as old, Peer(smscd.port) as new:
        old.bind()
        assert new.status_of(BIND) == "ESME_ROK"
        assert [type(one) for one in old.rest()] == [pdu.EnquireLink]
        assert new.alive()


def test_a_bind_that_answers_stays(smscd: Running) -> None:
    with Peer(smscd.port) as old, Peer(smscd.port) as new:
        old.bind()
        number = new.say(BIND)
        probe = old.hear()
        assert isinstance(probe, pdu.EnquireLink)
        old.send(pdu.encode(pdu.EnquireLinkResp(sequence_number=probe.sequence_number)))
        assert new.answer_to(number).command_status == pdu.ESME_RBINDFAIL
        assert old.alive()


@pytest.mark.parametrize("answers", [True, False], ids=["answers", "silent"])
def test_a_bind_is_not_silent_in_the_time_in_which_nobody_listened(smscd: Running, answers: bool) -> None:
    """What it says while the process stands still, for longer than a probe takes, is heard before it is given up."""
    with Peer(smscd.port) as old, Peer(smscd.port) as new:
        old.bind()
        number = new.say(BIND)
        probe = old.hear()
        assert isinstance(probe, pdu.EnquireLink)
        os.kill(smscd.pid, signal.SIGSTOP)
        if answers:
            old.send(pdu.encode(pdu.EnquireLinkResp(sequence_number=probe.sequence_number)))
        time.sleep(PROBE + 0.5)  # the standing still itself: nothing is waited for
        os.kill(smscd.pid, signal.SIGCONT)
        assert new.answer_to(number).command_status == (pdu.ESME_RBINDFAIL if answers else pdu.ESME_ROK)
        assert not answers or old.alive()


def test_a_bind_that_is_busy_with_other_things_is_not_taken_for_dead(smscd: Running) -> None:
    """Its answer to the enquire_link may be far behind in what it has sent and we have not read."""
    with Peer(smscd.port) as old, Peer(smscd.port) as new:
        old.bind()
        refused = threading.Event()

        def go_on() -> None:
            while not refused.wait(0.2):
                old.ask(pdu.EnquireLink())

        talking = threading.Thread(target=go_on)
        talking.start()
        try:
            assert new.status_of(BIND) == "ESME_RBINDFAIL"
        finally:
            refused.set()
            talking.join()
        assert old.alive()
