"""One smscd for all foreign ESMEs, a tape of everything it says to them, and accounts that no two tests share."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from smscd.errors import ControlError
from tests.interop.foreign import Driver, Foreign
from tests.interop.tape import Tape
from tests.link.certificates import Authority
from tests.running import Running

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

ACCOUNTS = 200
SHORT_CODE = 70_000
"""Account N receives what handsets send to SHORT_CODE + N."""

DELIVERED = "447700900000"
THROTTLED = "447700900100"
UNDELIVERABLE = "447700900200"
SLOW = "447700900300"
REFUSED = "447700900400"
REJECTED = "447700900500"
EXPIRED_LATER = "447700900600"
BRIEFLY = "447700900700"
TO_ABSENT = "447700910000"
TO_READER = "447700920000"
NO_ROUTE = "999"
"""Handsets of the emulated network by how they behave: see CONFIG."""

CONFIG = f"""\
[smscd]
system_id = "smscd-interop"
log_level = "debug"

[[listener]]
address = "127.0.0.1:0"

[[listener]]
address = "127.0.0.1:0"
enquire_link_timer = "200ms"
response_timer = "1s"

[[listener]]
address = "127.0.0.1:0"
tls.certificate = "{{certificate}}"
tls.key = "{{key}}"

[[listener]]
address = "127.0.0.1:0"
tls.certificate = "{{certificate}}"
tls.key = "{{key}}"
tls.client_ca = "{{ca}}"

{{accounts}}

[[esme]]
system_id = "kannel"
password = "secret"
receives = ["79999"]

[[esme]]
system_id = "limited"
password = "secret"
bind_limit = 1

[[esme]]
system_id = "slow"
password = "secret"
rate = 2

[[esme]]
system_id = "absent"
password = "secret"

[[esme]]
system_id = "reader"
password = "secret"

[[esme]]
system_id = "choosy"
password = "secret"
source_addr = ["ACME", "1234*"]
destination_addr = ["4477*"]

[[esme]]
system_id = "elsewhere"
password = "secret"
allow_from = ["192.0.2.0/24"]

[[esme]]
system_id = "private"
password = "secret"
require_tls = true

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"

[[connector.behaviour]]
destination_addr = "{THROTTLED[:-1]}*"
submit_status = "ESME_RTHROTTLED"

[[connector.behaviour]]
destination_addr = "{UNDELIVERABLE[:-1]}*"
message_state = "UNDELIVERABLE"
error_code = 27

[[connector.behaviour]]
destination_addr = "{SLOW[:-1]}*"
delay = "1h"

[[connector.behaviour]]
destination_addr = "{REFUSED[:-1]}*"
submit_status = "0x00000445"

[[connector.behaviour]]
destination_addr = "{REJECTED[:-1]}*"
message_state = "REJECTED"
error_code = 8

[[connector.behaviour]]
destination_addr = "{EXPIRED_LATER[:-1]}*"
message_state = "EXPIRED"

[[connector.behaviour]]
destination_addr = "{BRIEFLY[:-1]}*"
delay = "400ms"

[retry]
schedule = ["200ms"]

[[route]]
destination_addr = "{TO_ABSENT[:-1]}*"
connectors = ["esme:absent"]

[[route]]
destination_addr = "{TO_READER[:-1]}*"
connectors = ["esme:reader"]

[[route]]
destination_addr = "44*"
connectors = ["handsets"]
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is said about the whole tape is tested when the tape is full."""
    items.sort(key=lambda item: item.path.name in {"test_tape.py", "test_wireshark.py"})


@dataclass
class Account:
    """What a foreign ESME binds with, and the number whose MO it gets."""

    system_id: str
    number: str
    password: str = "secret"


@dataclass
class Smsc:
    """The running smscd as a foreign ESME sees it: ports that are recorded, except where TLS hides what is said."""

    running: Running
    authority: Authority
    port: int
    impatient: int
    """The port where enquire_link is sent after 200 ms of silence."""
    tls: int
    mutual_tls: int

    def text_of(self, message_id: str) -> str:
        """The characters of a submitted message as smscd understood them."""
        story = self.running.ask("message.show", message_id=message_id, text=True)
        return str(story["text"])

    def can(self, command: str, **arguments: str) -> bool:
        """Ask for `command`; whether it was carried out."""
        try:
            self.running.ask(command, **arguments)
        except ControlError:
            return False
        return True


@pytest.fixture(scope="session")
def tape() -> Iterator[Tape]:
    tape = Tape()
    yield tape
    tape.stop()


@pytest.fixture(autouse=True)
def named_on_the_tape(request: pytest.FixtureRequest, tape: Tape) -> None:
    tape.title = request.node.name


@pytest.fixture(scope="session")
def smsc(tmp_path_factory: pytest.TempPathFactory, tape: Tape) -> Iterator[Smsc]:
    directory = tmp_path_factory.mktemp("interop")
    authority = Authority(directory)
    issued = authority.issue("localhost")
    issued.key.chmod(0o600)
    accounts = "\n".join(
        f'[[esme]]\nsystem_id = "esme{number}"\npassword = "secret"\nreceives = ["{SHORT_CODE + number}"]\n'
        for number in range(1, ACCOUNTS + 1)
    )
    text = CONFIG.format(certificate=issued.certificate, key=issued.key, ca=authority.path, accounts=accounts)
    with Running(directory, text) as running:
        plain, impatient, tls, mutual_tls = running.ports
        yield Smsc(running, authority, tape.record(plain), tape.record(impatient), tls, mutual_tls)
        assert running.stop() == 0
        faults = [line for line in running.lines() if line.get("level") in {"error", "critical"}]
        assert not faults, faults


_numbers = itertools.count(1)


@pytest.fixture
def account() -> Account:
    """An account that no other test has bound."""
    number = next(_numbers)
    return Account(f"esme{number}", str(SHORT_CODE + number))


@pytest.fixture(scope="session")
def node() -> Iterator[Driver]:
    """A process with npm's `smpp`."""
    done = subprocess.run([ROOT / "scripts" / "interop-node"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO NODE CLIENT WAS TESTED: {done.stderr.strip()}")
    environment = {**os.environ, "NODE_PATH": str(ROOT / ".venv" / "interop-node" / "node_modules")}
    driver = Driver(["node", str(HERE / "npm_smpp.js")], environment)
    yield driver
    driver.stop()


@pytest.fixture
def npm_smpp(node: Driver) -> Iterator[Callable[[], Foreign]]:
    """As many ESMEs with npm's `smpp` as a test wants."""
    with node.esmes() as make:
        yield make


@pytest.fixture
def esme(npm_smpp: Callable[[], Foreign], smsc: Smsc) -> Foreign:
    """npm's `smpp`, connected, not bound."""
    return npm_smpp().connect(smsc.port)


@pytest.fixture
def bound(esme: Foreign, account: Account) -> Foreign:
    """npm's `smpp`, bound as a transceiver of 3.4."""
    assert esme.bind("transceiver", account.system_id, interface_version=0x34)["command_status"] == 0
    return esme


@pytest.fixture(scope="session")
def perl() -> Iterator[Driver]:
    """A process with Perl's Net::SMPP."""
    found = shutil.which("perl")
    modules = ["-MNet::SMPP", "-MJSON::PP"]
    if found is None or subprocess.run([found, *modules, "-e", "1"], capture_output=True, check=False).returncode:
        pytest.skip("NO PERL CLIENT WAS TESTED: Net::SMPP is not installed (Debian: apt-get install libnet-smpp-perl)")
    driver = Driver([found, str(HERE / "net_smpp.pl")])
    yield driver
    driver.stop()


@pytest.fixture
def net_smpp(perl: Driver) -> Iterator[Callable[[], Foreign]]:
    """As many ESMEs with Net::SMPP as a test wants."""
    with perl.esmes() as make:
        yield make
