"""smpp.pdu, the codec that Jasmin grew from, writes what we are asked and reads what we answer, without leniency."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Self

import pytest

from tests.interop.conftest import DELIVERED, THROTTLED, UNDELIVERABLE, Account, Smsc
from tests.machine import PATIENCE

operations = pytest.importorskip("smpp.pdu.operations", reason="SMPP.PDU WAS NOT TESTED: smpp.pdu3 is not installed")
types = pytest.importorskip("smpp.pdu.pdu_types")
encoding = pytest.importorskip("smpp.pdu.pdu_encoding")

pytestmark = pytest.mark.interop

CODEC = encoding.PDUEncoder()
ASKED = types.RegisteredDelivery(types.RegisteredDeliveryReceipt.SMSC_DELIVERY_RECEIPT_REQUESTED)
SENDER = {
    "source_addr": b"12345", "source_addr_ton": types.AddrTon.NATIONAL, "source_addr_npi": types.AddrNpi.ISDN,
}  # fmt: skip
BOTH = {**SENDER, "dest_addr_ton": types.AddrTon.INTERNATIONAL, "dest_addr_npi": types.AddrNpi.ISDN}


class Wire:
    """A connection on which every PDU, there and back, is made of octets by smpp.pdu."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._stream = self._socket.makefile("rb")
        self._number = 0

    def ask(self, request: Any) -> Any:
        """The answer to `request`; nothing else may come before it."""
        self._number += 1
        request.seqNum = self._number
        self._socket.sendall(CODEC.encode(request))
        answer = self.hear()
        assert answer.seqNum == self._number
        return answer

    def hear(self) -> Any:
        length = self._stream.read(4)
        frame = length + self._stream.read(int.from_bytes(length, "big") - 4)
        return CODEC.decode(BytesIO(frame))

    def bind(self, account: Account, password: str = "secret") -> Any:
        bind = operations.BindTransceiver(system_id=account.system_id, password=password, interface_version=0x34)
        return self.ask(bind)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def wire(smsc: Smsc) -> Iterator[Wire]:
    with Wire(smsc.port) as wire:
        yield wire


def submit(to: str, text: bytes = b"hello", asked: Any = ASKED) -> Any:
    return operations.SubmitSM(**BOTH, destination_addr=to, short_message=text, registered_delivery=asked)


def query(message_id: bytes) -> Any:
    return operations.QuerySM(**SENDER, message_id=message_id)


def test_smpp_pdu_reads_why_it_was_refused(wire: Wire, account: Account) -> None:
    status = types.CommandStatus
    assert wire.bind(account, "Secret").status == status.ESME_RINVPASWD
    assert wire.bind(account).status == status.ESME_ROK
    assert wire.ask(query(b"nothing")).status == status.ESME_RINVMSGID
    assert wire.ask(submit(THROTTLED)).status == status.ESME_RTHROTTLED
    data_sm = operations.DataSM(**BOTH, destination_addr=THROTTLED)
    assert wire.ask(data_sm).status == status.ESME_RTHROTTLED
    assert wire.ask(operations.EnquireLink()).status == status.ESME_ROK
    assert wire.ask(operations.Unbind()).status == status.ESME_ROK


@pytest.mark.parametrize(("to", "state"), [(DELIVERED, "DELIVERED"), (UNDELIVERABLE, "UNDELIVERABLE")])
def test_smpp_pdu_reads_our_receipts(wire: Wire, account: Account, to: str, state: str) -> None:
    wire.bind(account)
    message_id = wire.ask(submit(to)).params["message_id"]
    receipt = wire.hear()
    assert receipt.params["receipted_message_id"] == message_id
    assert receipt.params["message_state"].name == state
    assert receipt.params["esm_class"].type == types.EsmClassType.SMSC_DELIVERY_RECEIPT
    assert receipt.params["short_message"].startswith(b"id:" + message_id + b" sub:001 ")
    answer = wire.ask(query(message_id))
    assert answer.params["message_state"].name == state
    assert answer.params["final_date"] is not None
