"""gammu uses the emulated modem, unmodified: what it can do with a real one, it can do with ours."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.emulated import Emulated, emulated
from tests.machine import PATIENCE

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        shutil.which("gammu") is None,
        reason="GAMMU WAS NOT TESTED: it is not installed (Debian: apt-get install gammu)",
    ),
]

HANDSET = "+447700900123"


class Gammu:
    """The program with a configuration of its own."""

    def __init__(self, directory: Path, device: Path) -> None:
        self._config = directory / "gammurc"
        self._config.write_text(f"[gammu]\ndevice = {device}\nconnection = at115200\n", encoding="utf-8")

    def __call__(self, *words: str, typed: str = "") -> str:
        command = ["gammu", "-c", str(self._config), *words]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, input=typed)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def batch(self, *commands: str) -> str:
        """Several commands in one session: to begin one takes gammu three seconds."""
        return self("batch", "-", typed="\n".join([*commands, ""]))


@pytest.fixture(scope="module")
def modem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    # without a memory of their own, status reports are kept on the SIM, where gammu finds them
    with emulated(tmp_path_factory.mktemp("gammu"), "--set", "memories=SM|ME", "--set", "report_delay=0") as modem:
        yield modem


@pytest.fixture(scope="module")
def gammu(modem: Emulated) -> Gammu:
    return Gammu(modem.device.parent, modem.device)


def test_gammu_identifies_the_modem_and_sends_messages_short_and_long(gammu: Gammu, modem: Emulated) -> None:
    body = "Жираф 😀 " * 20
    told = gammu.batch(
        "identify",
        f"sendsms TEXT {HANDSET} -text Hello[€]@home",
        f'sendsms TEXT {HANDSET} -unicode -autolen 400 -text "{body}"',
    )
    assert "490154203237518" in told
    assert "234150000000001" in told
    sent = modem.wait("submit")
    assert (sent["to"], sent["text"]) == (HANDSET, "Hello[€]@home")
    assert f"message reference={sent['mr']}" in told
    parts = [modem.wait("submit") for _ in range(3)]
    assert "".join(part["text"] for part in parts) == body
    assert [part["mr"] for part in parts] == list(range(parts[0]["mr"], parts[0]["mr"] + 3))


def test_gammu_is_told_why_the_network_refuses(gammu: Gammu, modem: Emulated) -> None:
    modem.tell("rule to=+447700900666 cms=38")
    with pytest.raises(AssertionError, match="error 38"):
        gammu("sendsms", "TEXT", "+447700900666", "-text", "no")


def test_gammu_receives_messages_from_numbers_and_names(gammu: Gammu, modem: Emulated) -> None:
    senders = ("+447700900777", "70707", "INFO")
    for sender in senders:
        modem.tell(f"mo {sender} 'Grüße von {sender} 😀'")
    told = gammu.batch("getallsms", "deleteallsms 1")
    for sender in senders:
        assert f'Remote number        : "{sender}"' in told
        assert f"Grüße von {sender} 😀" in told
    assert "SM 0/30" in modem.tell("status")


def test_gammu_receives_a_long_message_as_one(gammu: Gammu, modem: Emulated) -> None:
    body = "The quick brown fox jumps over the lazy dog. " * 8
    assert modem.tell(f"mo +447700900777 {body.strip()}") == "3 parts"
    assert "3 SMS parts in 1 SMS sequences" in gammu.batch("geteachsms", "deleteallsms 1")


def test_gammu_gets_delivery_reports(gammu: Gammu, modem: Emulated) -> None:
    modem.tell("rule to=+447700901069 st=0x45")
    told = gammu.batch(
        "monitor 1",  # has reports stored and announced: AT+CNMI=2,1,2,2,0
        "sendsms TEXT +447700901000 -report -text reported",
        "sendsms TEXT +447700901069 -report -text reported",
        "getallsms",
        "deleteallsms 1",
    )
    assert told.count("SMS status report") == 2
    for handset, word in (("+447700901000", "Delivered"), ("+447700901069", "Failed")):
        assert word in told.rpartition(handset)[2].partition("SMS status report")[0]
