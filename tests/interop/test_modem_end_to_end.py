"""From a foreign ESME through smscd and the emulated modem to a handset, and back: sockets and ptys, and no mock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import smpplib.exceptions

from tests.interop.emulated import Emulated, emulated
from tests.interop.test_smpplib import Esme
from tests.running import Running

pytestmark = pytest.mark.interop

GATEWAY = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[connector]]
name = "modem-1"
kind = "modem"
device = "{device}"
number = "+447700900000"
reconnect = "50ms"
health = "100ms"

[[route]]
connectors = ["modem-1"]

[opt_out]
packs = ["us"]
scope = "pair"

[retry]
schedule = ["200ms"]
"""


@dataclass
class House:
    """The three of them."""

    gateway: Running
    esme: Esme
    modem: Emulated


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("house")
    settings = ("--set", "report_delay=0.1", "--set", "mr=254")
    with (
        emulated(directory, *settings) as modem,
        Running(directory, GATEWAY.format(device=modem.device)) as gateway,
        Esme(gateway.port) as esme,
    ):
        gateway.wait_for("modem up")
        esme.bind("transceiver", "test")
        yield House(gateway, esme, modem)


def receipt_of(house: House) -> bytes:
    """The text of the next receipt; what handsets write is passed over."""
    while (received := house.esme.receive()).esm_class & 0x3C != 0x04:
        pass
    return bytes(received.short_message)


def test_a_long_ucs2_message_leaves_in_parts_and_comes_back_as_one_receipt(house: House) -> None:
    body = "Съешь ещё этих мягких французских булок, да выпей чаю 😀. " * 3
    message_id = house.esme.submit(
        "447700900123", b"", data_coding=8, message_payload=body.encode("utf-16-be"), registered_delivery=True
    )
    parts = [house.modem.wait("submit", to="+447700900123") for _ in range(3)]
    assert "".join(part["text"] for part in parts) == body
    assert [part["mr"] for part in parts] == [(parts[0]["mr"] + number) % 256 for number in range(3)]
    receipt = receipt_of(house)
    assert f"id:{message_id}".encode() in receipt
    assert b"stat:DELIVRD" in receipt
    assert not house.esme.received


def test_a_part_that_fails_decides_and_a_refused_message_is_reported_too(house: House) -> None:
    house.modem.tell("rule to=+447700900166 text=*булок* st=0x45")
    body = ("Съешь ещё этих мягких французских булок. " + "ж" * 60).encode("utf-16-be")
    house.esme.submit("447700900166", b"", data_coding=8, message_payload=body, registered_delivery=True)
    assert b"stat:UNDELIV" in receipt_of(house)
    house.modem.tell("rule to=+447700900121 cms=21")
    house.esme.submit("447700900121", b"no", registered_delivery=True)
    assert b"stat:REJECTD" in receipt_of(house)


def test_a_stop_by_modem_blocks_the_next_submit(house: House) -> None:
    house.esme.submit("447700900555", b"before")
    assert house.modem.wait("submit")["text"] == "before"
    house.modem.tell("mo +447700900555 STOP")
    confirmation = house.modem.wait("submit")
    assert confirmation["to"] == "+447700900555"
    with pytest.raises(smpplib.exceptions.PDUError):
        house.esme.submit("447700900555", b"after")
    house.esme.submit("447700900124", b"to somebody else")
    assert house.modem.wait("submit")["text"] == "to somebody else"


def test_a_long_message_of_a_handset_arrives_whole(house: House) -> None:
    body = "Long words in several parts, with a € sign and more. " * 6
    house.modem.tell(f"mo +447700900777 '{body}'")
    octets = b""
    while len(octets) < 300:
        mo = house.esme.receive()
        if mo.source_addr != b"447700900777":  # the STOP of another test
            continue
        assert mo.destination_addr == b"447700900000"
        octets += mo.message_payload or (mo.short_message[6:] if mo.esm_class & 0x40 else mo.short_message)
    assert octets.count(b"several parts") == 6


def test_messages_wait_while_the_network_is_away_and_while_the_port_is(house: House) -> None:
    house.modem.tell("registration 2")
    house.gateway.wait_for("network lost")
    house.esme.submit("447700900123", b"without a network", registered_delivery=True)
    house.modem.tell("registration 1")
    assert house.modem.wait("submit")["text"] == "without a network"
    assert b"stat:DELIVRD" in receipt_of(house)
    house.modem.tell("hangup 0.5")
    house.esme.submit("447700900123", b"without a port", registered_delivery=True)
    assert house.modem.wait("submit")["text"] == "without a port"
    assert b"stat:DELIVRD" in receipt_of(house)
