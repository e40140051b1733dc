"""Perl's Net::SMPP binds to us: what many an operator's scripts have used for twenty years."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.conftest import DELIVERED, SLOW, THROTTLED, UNDELIVERABLE, Account, Smsc
from tests.interop.foreign import Fields, Foreign

pytestmark = pytest.mark.interop

Esmes = Callable[[], Foreign]

ROK = 0
GSM = b"5 \x1be \x00home \x1b="
"""5 €, @ and ~ in the alphabet of 3GPP TS 23.038."""


@pytest.fixture
def esme(net_smpp: Esmes, smsc: Smsc) -> Foreign:
    """Connected, not bound."""
    return net_smpp().connect(smsc.port)


@pytest.fixture
def bound(esme: Foreign, account: Account) -> Foreign:
    assert esme.bind("transceiver", account.system_id)["command_status"] == ROK
    return esme


def submit(esme: Foreign, to: str, octets: bytes = b"hello", **fields: Any) -> Fields:
    fields = {"source_addr": "12345", "source_addr_ton": 3, "dest_addr_ton": 1, "dest_addr_npi": 1, **fields}
    return esme.request("submit_sm", destination_addr=to, short_message=octets, **fields)


def accepted(response: Fields) -> str:
    assert response["command_status"] == ROK, response
    return str(response["message_id"])


@pytest.mark.parametrize("kind", ["transmitter", "receiver", "transceiver"])
@pytest.mark.parametrize("version", [0x33, 0x34, 0x40])
def test_it_binds_and_unbinds(esme: Foreign, account: Account, kind: str, version: int) -> None:
    response = esme.bind(kind, account.system_id, interface_version=version)
    assert (response["command"], response["command_status"]) == (f"bind_{kind}_resp", ROK)
    assert response["system_id"] == "smscd-interop"
    if version == 0x33:
        assert "sc_interface_version" not in response
    else:
        assert response["sc_interface_version"] == b"\x34"
    assert esme.request("unbind")["command_status"] == ROK
    esme.until_closed()


def test_a_wrong_password_and_an_unknown_system_id_are_told_apart(
    net_smpp: Esmes, smsc: Smsc, account: Account
) -> None:
    assert net_smpp().connect(smsc.port).bind("transceiver", account.system_id, "Secret")["command_status"] == 0x0E
    assert net_smpp().connect(smsc.port).bind("transceiver", "nobody")["command_status"] == 0x0F


def test_a_text_and_its_receipt(bound: Foreign, smsc: Smsc) -> None:
    message_id = accepted(submit(bound, DELIVERED, GSM, registered_delivery=1))
    assert smsc.text_of(message_id) == "5 € @home ~"
    receipt = bound.pdu()
    assert receipt["esm_class"] == 0x04
    assert receipt["receipted_message_id"] == f"{message_id}\0".encode()
    assert receipt["message_state"] == b"\x02"
    assert f"id:{message_id} sub:001 dlvrd:001 submit date:".encode() in receipt["short_message"]
    assert b" stat:DELIVRD err:000 text:" in receipt["short_message"]


def test_ucs_2_sar_tlvs_and_a_message_payload(bound: Foreign, smsc: Smsc) -> None:
    text = "так 👋🏽"
    assert smsc.text_of(accepted(submit(bound, DELIVERED, text.encode("utf-16-be"), data_coding=8))) == text
    accepted(
        submit(bound, DELIVERED, sar_msg_ref_num=b"\x02\x01", sar_total_segments=b"\x02", sar_segment_seqnum=b"\x01")
    )
    accepted(
        submit(bound, DELIVERED, sar_msg_ref_num=b"\x02\x01", sar_total_segments=b"\x02", sar_segment_seqnum=b"\x02")
    )
    long = "a long story " * 50
    message_id = accepted(submit(bound, DELIVERED, b"", message_payload=long.encode(), registered_delivery=1))
    assert smsc.text_of(message_id) == long
    assert b"sub:005 dlvrd:005" in bound.pdu()["short_message"]


def test_data_sm_and_submit_multi(bound: Foreign) -> None:
    response = bound.request(
        "data_sm", source_addr="12345", destination_addr=DELIVERED, message_payload=b"in data", registered_delivery=1
    )
    assert bound.pdu()["receipted_message_id"] == f"{accepted(response)}\0".encode()
    response = bound.request(
        "submit_multi", source_addr="12345", short_message=b"to all", registered_delivery=1,
        destination_addr=[DELIVERED, THROTTLED, UNDELIVERABLE], dest_addr_ton=[1, 1, 1], dest_addr_npi=[1, 1, 1],
        dest_flag=[1, 1, 1],
    )  # fmt: skip
    message_id = accepted(response)
    assert (response["destination_addr"], response["error_status_code"]) == ([THROTTLED], [0x58])
    receipts = [bound.pdu(), bound.pdu()]
    assert {receipt["receipted_message_id"] for receipt in receipts} == {f"{message_id}\0".encode()}
    assert {receipt["source_addr"]: receipt["message_state"] for receipt in receipts} == {
        DELIVERED: b"\x02", UNDELIVERABLE: b"\x05",
    }  # fmt: skip


def test_query_replace_and_cancel(bound: Foreign, smsc: Smsc) -> None:
    message_id = accepted(submit(bound, SLOW, schedule_delivery_time="000000010000000R", registered_delivery=1))
    ours = {"message_id": message_id, "source_addr": "12345"}
    queried = bound.request("query_sm", **ours)
    assert (queried["message_id"], queried["message_state"], queried["final_date"]) == (message_id, 1, "")
    replace = {"schedule_delivery_time": "", "validity_period": "", "short_message": b"after", "registered_delivery": 1}
    assert bound.request("replace_sm", **ours, **replace, sm_default_msg_id=0)["command_status"] == ROK
    assert smsc.text_of(message_id) == "after"
    assert bound.request("cancel_sm", **ours, destination_addr=SLOW)["command_status"] == ROK
    assert b"stat:DELETED" in bound.pdu()["short_message"]
    assert bound.request("query_sm", **ours)["message_state"] == 4


def test_an_mo_is_read(bound: Foreign, account: Account, smsc: Smsc) -> None:
    smsc.running.ask("mo", **{"from": "447700900123", "to": account.number, "text": "5 € @home ~"})
    deliver = bound.pdu()
    assert deliver["short_message"] == GSM
    assert (deliver["source_addr"], deliver["destination_addr"]) == ("447700900123", account.number)


def test_both_ends_enquire(net_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    esme = net_smpp().connect(smsc.impatient)
    esme.bind("transceiver", account.system_id)
    for _ in range(2):
        esme.pdu("enquire_link")
    assert esme.request("enquire_link")["command_status"] == ROK


def test_a_submit_before_the_bind_is_refused(esme: Foreign) -> None:
    assert submit(esme, DELIVERED)["command_status"] == 0x04


def test_3_3_has_ids_of_eight_hex_digits(esme: Foreign, account: Account) -> None:
    esme.bind("transmitter", account.system_id, interface_version=0x33)
    message_id = accepted(submit(esme, DELIVERED))
    assert len(message_id) == 8
    assert int(message_id, 16)
    assert esme.request("query_sm", message_id=message_id, source_addr="12345")["command_status"] == ROK
