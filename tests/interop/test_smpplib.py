"""PyPI's smpplib binds to us: the oldest Python client, one socket and no loop of its own."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import smpplib.client
import smpplib.consts
import smpplib.exceptions
import smpplib.gsm
import smpplib.smpp

from tests.interop.conftest import DELIVERED, REFUSED, SLOW, THROTTLED, UNDELIVERABLE, Account, Smsc
from tests.machine import PATIENCE
from tests.running import EMULATOR, Running

pytestmark = pytest.mark.interop

GSM = "Grüße an @home: 50 € ~ [ok]"
EMOJI = "Привет 👋🏽 漢字"


class Esme:
    """smpplib's client with its handlers connected, as its documentation shows it."""

    def __init__(self, port: int, **options: Any) -> None:
        self.client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True, **options)
        self.sent: dict[int, Any] = {}
        self.received: list[Any] = []
        self.queried: list[Any] = []
        self.client.set_message_sent_handler(lambda pdu: self.sent.__setitem__(pdu.sequence, pdu))
        self.client.set_message_received_handler(self._received)
        self.client.set_query_resp_handler(self.queried.append)

    def bind(self, kind: str, system_id: str, password: str = "secret", **fields: Any) -> Any:
        self.client.connect()
        return getattr(self.client, f"bind_{kind}")(system_id=system_id, password=password, **fields)

    def _received(self, pdu: Any) -> None:
        self.received.append(pdu)

    def read_until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            self.client.read_once()

    def submit(self, to: str, octets: bytes, **fields: Any) -> str:
        """The message_id; smpplib raises PDUError for any other answer than ESME_ROK."""
        fields = {"source_addr_ton": 3, "source_addr": "12345", "dest_addr_ton": 1, "dest_addr_npi": 1, **fields}
        number = self.client.send_message(destination_addr=to, short_message=octets, **fields).sequence
        self.read_until(lambda: number in self.sent)
        return str(self.sent[number].message_id.decode())

    def receive(self) -> Any:
        self.read_until(lambda: self.received)
        return self.received.pop(0)

    def query(self, message_id: str) -> Any:
        self.client.query_message(message_id=message_id, source_addr_ton=3, source_addr_npi=0, source_addr="12345")
        self.read_until(lambda: self.queried)
        return self.queried.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.client._socket is not None:
            self.client._socket.close()
            self.client._socket = None


@pytest.fixture
def esme(smsc: Smsc) -> Iterator[Esme]:
    with Esme(smsc.port) as esme:
        yield esme


@pytest.fixture
def bound(esme: Esme, account: Account) -> Esme:
    esme.bind("transceiver", account.system_id)
    return esme


@pytest.mark.parametrize("kind", ["transmitter", "receiver", "transceiver"])
def test_it_binds_and_unbinds(esme: Esme, account: Account, kind: str) -> None:
    response = esme.bind(kind, account.system_id)
    assert response.system_id == b"smscd-interop"
    assert response.sc_interface_version == 0x34
    assert esme.client.unbind().status == 0
    assert esme.client._socket.recv(1) == b""  # and smscd has hung up


def test_a_wrong_password_and_an_unknown_system_id_are_told_apart(smsc: Smsc, account: Account) -> None:
    for system_id, password, status in ((account.system_id, "Secret", 0x0E), ("nobody", "secret", 0x0F)):
        with Esme(smsc.port) as esme, pytest.raises(smpplib.exceptions.PDUError) as refusal:
            esme.bind("transceiver", system_id, password)
        assert refusal.value.args[1] == status


@pytest.mark.parametrize(("text", "data_coding"), [(GSM, 0), (EMOJI, 8), ("à la carte ÷ ½", 3)])
def test_a_text_arrives_as_it_was_written_and_is_receipted(
    bound: Esme, smsc: Smsc, text: str, data_coding: int
) -> None:
    (octets,), coding, esm_class = smpplib.gsm.make_parts(text, encoding=data_coding)
    assert coding == data_coding
    message_id = bound.submit(DELIVERED, octets, data_coding=coding, esm_class=esm_class, registered_delivery=True)
    assert smsc.text_of(message_id) == text
    receipt = bound.receive()
    assert receipt.esm_class == 0x04
    assert receipt.receipted_message_id == message_id.encode()
    assert receipt.message_state == smpplib.consts.SMPP_MESSAGE_STATE_DELIVERED
    assert receipt.source_addr == DELIVERED.encode()
    assert receipt.short_message.startswith(f"id:{message_id} sub:001 dlvrd:001 ".encode())


@pytest.mark.parametrize("text", [GSM * 20, EMOJI * 20])
def test_a_long_text_in_its_own_parts_is_receipted_part_by_part(bound: Esme, text: str) -> None:
    parts, coding, esm_class = smpplib.gsm.make_parts(text)
    assert len(parts) > 3
    ids = [
        bound.submit(DELIVERED, part, data_coding=coding, esm_class=esm_class, registered_delivery=True)
        for part in parts
    ]
    assert [bound.receive().receipted_message_id.decode() for _ in parts] == ids


def test_a_long_text_with_sar_tlvs_is_accepted(bound: Esme) -> None:
    parts, coding, esm_class = smpplib.gsm.make_parts(GSM * 20, use_udhi=False)
    for number, part in enumerate(parts, start=1):
        bound.submit(
            DELIVERED, part, data_coding=coding, esm_class=esm_class,
            sar_msg_ref_num=513, sar_total_segments=len(parts), sar_segment_seqnum=number,
        )  # fmt: skip


def test_a_message_payload_is_one_message(bound: Esme, smsc: Smsc) -> None:
    text = "a long story " * 30
    message_id = bound.submit(DELIVERED, b"", message_payload=text.encode(), registered_delivery=True)
    assert smsc.text_of(message_id) == text
    assert b"sub:003 dlvrd:003" in bound.receive().short_message


def test_an_mo_is_read(bound: Esme, account: Account, smsc: Smsc) -> None:
    smsc.running.ask("mo", **{"from": "447700900123", "to": account.number, "text": GSM})
    deliver = bound.receive()
    assert deliver.short_message == smpplib.gsm.gsm_encode(GSM)
    assert (deliver.source_addr, deliver.destination_addr) == (b"447700900123", account.number.encode())


def test_a_message_can_be_queried(bound: Esme) -> None:
    slow, failed = bound.submit(SLOW, b"x"), bound.submit(UNDELIVERABLE, b"x", registered_delivery=True)
    assert bound.receive().message_state == smpplib.consts.SMPP_MESSAGE_STATE_UNDELIVERABLE
    queried = bound.query(slow)
    assert (queried.message_id.decode(), queried.message_state, queried.final_date) == (slow, 1, b"")
    queried = bound.query(failed)
    assert (queried.message_state, queried.error_code) == (5, 27)
    assert len(queried.final_date) == 16
    with pytest.raises(smpplib.exceptions.PDUError):
        bound.query("4711")


def test_data_sm_is_answered(bound: Esme, smsc: Smsc) -> None:
    pdu = smpplib.smpp.make_pdu(
        "data_sm", client=bound.client, source_addr_ton=3, source_addr_npi=0, source_addr="12345", dest_addr_ton=1,
        dest_addr_npi=1, destination_addr=DELIVERED, esm_class=0, registered_delivery=1, data_coding=0,
        message_payload=b"in data",
    )  # fmt: skip
    bound.client.send_pdu(pdu)
    response = bound.client.read_pdu()
    assert (response.command, response.status) == ("data_sm_resp", 0)
    assert smsc.text_of(response.message_id.decode()) == "in data"
    assert bound.receive().receipted_message_id == response.message_id


def test_what_is_refused_raises_with_its_status_and_the_session_lives_on(bound: Esme) -> None:
    for to, status in ((THROTTLED, 0x58), (REFUSED, 0x445), ("0", 0x0B)):
        with pytest.raises(smpplib.exceptions.PDUError) as refusal:
            bound.submit(to, b"x")
        assert refusal.value.args[1] == status
    assert bound.submit(DELIVERED, b"x")


def test_it_answers_our_enquire_link_and_we_answer_its_own(smsc: Smsc, account: Account) -> None:
    with Esme(smsc.impatient) as esme:
        esme.bind("transceiver", account.system_id)
        answer, answered = esme.client._enquire_link_received, []

        def enquired(pdu: Any) -> None:
            answered.append(pdu)
            answer(pdu)

        esme.client._enquire_link_received = enquired
        esme.read_until(lambda: len(answered) >= 2)
        esme.client.send_pdu(smpplib.smpp.make_pdu("enquire_link", client=esme.client))
        assert esme.client.read_pdu().command == "enquire_link_resp"


def test_tls(smsc: Smsc) -> None:
    context = ssl.create_default_context(cafile=smsc.authority.path)
    context.check_hostname = False  # smpplib names no host in the handshake
    with Esme(smsc.tls, ssl_context=context) as esme:
        esme.bind("transceiver", "private")
        message_id = esme.submit(DELIVERED, b"x", registered_delivery=True)
        assert esme.receive().receipted_message_id.decode() == message_id
        assert esme.client.unbind().status == 0


def test_ids_in_hex_are_the_same_everywhere(tmp_path: Path) -> None:
    with Running(tmp_path, f'[smscd]\nmessage_id = "hex"\n{EMULATOR}') as smscd, Esme(smscd.port) as esme:
        esme.bind("transceiver", "test")
        message_id = esme.submit(DELIVERED, b"x", registered_delivery=True)
        assert int(message_id, 16)
        receipt = esme.receive()
        assert receipt.receipted_message_id == message_id.encode()
        assert receipt.short_message.startswith(f"id:{message_id} ".encode())
        assert esme.query(message_id).message_state == 2
        smscd.kill()
        smscd.write_config(EMULATOR)  # a new notation orphans no message that has its id in the old one
        smscd.start()
        with Esme(smscd.port) as later:
            later.bind("transceiver", "test")
            assert later.query(message_id).message_state == 2
            assert int(later.submit(DELIVERED, b"y"), 10)
