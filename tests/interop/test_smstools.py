"""SMS Server Tools 3 (smsd) uses the emulated modem, unmodified: files in, files out."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.interop.emulated import Emulated, emulated
from tests.running import until

PROGRAM = shutil.which("smsd") or shutil.which("/usr/sbin/smsd")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        PROGRAM is None, reason="SMSTOOLS WERE NOT TESTED: smsd is not installed (Debian: apt-get install smstools)"
    ),
]

QUEUES = ("outgoing", "checked", "incoming", "failed", "sent", "report")
CONFIG = """\
devices = GSM1
logfile = {directory}/smsd.log
infofile = {directory}/smsd.working
pidfile = {directory}/smsd.pid
loglevel = 7
delaytime = 1
errorsleeptime = 1
autosplit = 3
receive_before_send = no
incoming_utf8 = yes
decode_unicode_text = yes
internal_combine = yes
{queues}
[GSM1]
init = AT+CNMI=2,0,0,2,1
device = {device}
incoming = yes
report = yes
baudrate = 115200
pin = {pin}
"""


class Smsd:
    """The running daemon and its folders."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def send(self, name: str, *lines: str, text: bytes) -> None:
        fresh = self.directory / f".{name}"
        fresh.write_bytes("\n".join([*lines, "", ""]).encode() + text)
        fresh.rename(self.directory / "outgoing" / name)

    def files(self, queue: str) -> list[bytes]:
        """What lies in a folder: whole files only."""
        return [path.read_bytes() for path in sorted((self.directory / queue).iterdir())]


@contextmanager
def running(directory: Path, device: Path, pin: str = "ignore") -> Iterator[Smsd]:
    for queue in QUEUES:
        (directory / queue).mkdir()
    queues = "\n".join(f"{queue} = {directory}/{queue}" for queue in QUEUES)
    config = directory / "smsd.conf"
    config.write_text(CONFIG.format(directory=directory, device=device, queues=queues, pin=pin), encoding="utf-8")
    with (directory / "terminal").open("w") as terminal:
        assert PROGRAM is not None
        process = subprocess.Popen([PROGRAM, "-c", str(config), "-t"], stdout=terminal, stderr=terminal)
        try:
            yield Smsd(directory)
        finally:
            process.terminate()
            process.wait(timeout=60)


@pytest.fixture(scope="module")
def modem(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    # it reads one memory: status reports have to be kept there
    with emulated(
        tmp_path_factory.mktemp("modem"), "--set", "memories=SM", "--rule", "to=+447700900166 st=0x45"
    ) as modem:
        yield modem


@pytest.fixture(scope="module")
def smsd(modem: Emulated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smsd]:
    with running(tmp_path_factory.mktemp("smstools"), modem.device) as smsd:
        yield smsd


def test_smstools_send_and_get_reports(smsd: Smsd, modem: Emulated) -> None:
    expected = {"447700900123": b"Status: 0,Ok", "447700900166": b"Status: 69,Error"}
    references = {}
    for handset in expected:
        smsd.send(f"to-{handset}", f"To: {handset}", "Report: yes", text=b"Hello from smstools")
    for _ in expected:
        sent = modem.wait("submit", text="Hello from smstools")
        references[sent["to"].lstrip("+")] = sent["mr"]
    until(lambda: len(smsd.files("report")) == 2)
    for report in smsd.files("report"):
        handset = report.partition(b"\n")[0].removeprefix(b"From: ").decode()
        assert expected[handset] in report
        assert f"Message_id: {references[handset]}".encode() in report


def test_smstools_send_a_long_unicode_message(smsd: Smsd, modem: Emulated) -> None:
    body = "Жираф, жираф и ещё один жираф. " * 5
    smsd.send("long", "To: 447700900124", "Alphabet: UCS", text=body.encode("utf-16-be"))
    parts = [modem.wait("submit", to="+447700900124") for _ in range(3)]
    assert "".join(part["text"] for part in parts) == body


def whole(smsd: Smsd) -> list[bytes]:
    """What has arrived, without the file where it collects parts."""
    return [file for file in smsd.files("incoming") if file.startswith(b"From:")]


def test_smstools_receive(smsd: Smsd, modem: Emulated) -> None:
    modem.tell("mo +447700900777 'Grüße an alle'")
    modem.tell("mo INFO " + "long " * 50)
    until(lambda: len(whole(smsd)) == 2)
    received = {file.split(b"\n")[0]: file.partition(b"\n\n")[2] for file in whole(smsd)}
    assert received == {b"From: 447700900777": "Grüße an alle".encode(), b"From: INFO": b"long " * 49 + b"long"}


def test_smstools_enter_a_pin_and_wait_for_the_network(tmp_path: Path) -> None:
    options = ("--set", "pin=1234", "--set", "registration_delay=0.5", "--profile", "siemens")
    with emulated(tmp_path, *options) as modem, running(tmp_path, modem.device, pin="1234") as smsd:
        smsd.send("locked", "To: 447700900123", text=b"after the PIN")
        assert modem.wait("submit")["text"] == "after the PIN"
        assert not modem.all("wrong PIN")
