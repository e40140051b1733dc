"""Kannel binds to us: the gateway that much of the world's traffic still goes through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import DELIVERED, REJECTED, UNDELIVERABLE, Account, Smsc
from tests.interop.kannel import Kannel, program, running
from tests.running import EMULATOR, Running, until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        program("bearerbox") is None,
        reason="KANNEL WAS NOT TESTED: bearerbox is not installed (Debian: apt-get install kannel)",
    ),
]

DLR_DELIVERED, DLR_FAILED, DLR_BUFFERED, DLR_ACCEPTED = b"1", b"2", b"4", b"8"


@pytest.fixture(scope="module")
def account() -> Account:
    """One for all tests of this file: Kannel takes a while to start."""
    return Account("kannel", "79999")


@pytest.fixture(scope="module")
def kannel(smsc: Smsc, account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kannel]:
    with running(tmp_path_factory.mktemp("kannel"), smsc.port, account.system_id, account.password) as kannel:
        until(lambda: kannel.online)
        yield kannel


def reports(kannel: Kannel, count: int) -> list[bytes]:
    """The kinds of the next calls, sorted: Kannel makes them at the same time, so that their order says nothing."""
    return sorted(kannel.callbacks.next("/dlr")["type"] for _ in range(count))


@pytest.mark.parametrize(("text", "coding"), [("Grüße an @home: 50 € ~ [ok]", 0), ("Привет 👋🏽 漢字", 2)])
def test_a_text_is_accepted_and_delivered(kannel: Kannel, smsc: Smsc, text: str, coding: int) -> None:
    assert kannel.send(DELIVERED, text, coding=coding).startswith("0: Accepted")
    calls = {call["type"]: call for call in (kannel.callbacks.next("/dlr"), kannel.callbacks.next("/dlr"))}
    assert calls.keys() == {DLR_ACCEPTED, DLR_DELIVERED}
    delivered = calls[DLR_DELIVERED]
    assert b"stat:DELIVRD err:000" in delivered["text"]
    message_id = delivered["text"].split()[0].removeprefix(b"id:").decode()
    assert smsc.text_of(message_id) == text


def test_a_long_text_is_delivered_in_all_its_parts(kannel: Kannel) -> None:
    """Kannel reports on the parts of a message that it split as on one: the last part decides."""
    assert kannel.send(DELIVERED, "The quick brown fox jumps over the lazy dog. " * 12).startswith("0: Accepted")
    assert reports(kannel, 2) == [DLR_DELIVERED, DLR_ACCEPTED]


def test_an_intermediate_notification_is_understood(kannel: Kannel) -> None:
    kannel.send(DELIVERED, "x", **{"dlr-mask": "31"})
    assert reports(kannel, 3) == [DLR_DELIVERED, DLR_BUFFERED, DLR_ACCEPTED]


@pytest.mark.parametrize("to", [UNDELIVERABLE, REJECTED])
def test_a_failure_is_reported_as_one(kannel: Kannel, to: str) -> None:
    kannel.send(to, "x")
    assert reports(kannel, 2) == [DLR_FAILED, DLR_ACCEPTED]


def test_an_mo_is_handed_on(kannel: Kannel, smsc: Smsc, account: Account) -> None:
    smsc.running.ask("mo", **{"from": "447700900123", "to": account.number, "text": "5 @home"})
    call = kannel.callbacks.next("/mo")
    assert (call["from"], call["to"]) == (b"+447700900123", account.number.encode())  # a short code has no country
    assert call["octets"] == b"5 @home"
    smsc.running.ask("mo", **{"from": "447700900123", "to": account.number, "text": "так 👋"})
    assert kannel.callbacks.next("/mo")["octets"] == "так 👋".encode("utf-16-be")


def test_after_kill_9_it_binds_again_and_gets_what_it_is_owed(tmp_path: Path) -> None:
    with (
        Running(tmp_path, EMULATOR.replace('"0ms"', '"1s"')) as smscd,
        running(tmp_path, smscd.port, "test", "secret") as kannel,
    ):
        until(lambda: kannel.online)
        kannel.send(DELIVERED, "x")
        assert reports(kannel, 1) == [DLR_ACCEPTED]
        smscd.restart()
        assert reports(kannel, 1) == [DLR_DELIVERED]
