"""npm's `smpp` is told what became of its messages."""

from __future__ import annotations

import time

import pytest

from tests.interop.conftest import (
    BRIEFLY,
    DELIVERED,
    EXPIRED_LATER,
    NO_ROUTE,
    REFUSED,
    REJECTED,
    THROTTLED,
    TO_ABSENT,
    TO_READER,
    UNDELIVERABLE,
    Account,
    Smsc,
)
from tests.interop.foreign import Foreign
from tests.interop.speaking import (
    ENROUTE,
    NOTIFICATION,
    RECEIPT,
    RINVDSTADR,
    RINVSRCADR,
    ROK,
    RTHROTTLED,
    RX_P_APPN,
    RX_R_APPN,
    RX_T_APPN,
    STATE_DELIVERED,
    WINDOW,
    Esmes,
    accepted,
    characters,
    receipt_fields,
    submit,
)
from tests.machine import PATIENCE
from tests.running import until

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    ("to", "state", "word", "err"),
    [
        (DELIVERED, 2, "DELIVRD", "000"),
        (EXPIRED_LATER, 3, "EXPIRED", "000"),
        (UNDELIVERABLE, 5, "UNDELIV", "027"),
        (REJECTED, 8, "REJECTD", "008"),
    ],
)
def test_every_outcome_has_its_receipt(bound: Foreign, to: str, state: int, word: str, err: str) -> None:
    message_id = accepted(submit(bound, to, registered_delivery=1))
    receipt = bound.pdu()
    assert receipt["message_state"] == state
    assert receipt["receipted_message_id"] == message_id
    assert (receipt_fields(receipt)["stat"], receipt_fields(receipt)["err"]) == (word, err)
    if err != "000":
        assert receipt["network_error_code"] == bytes((3,)) + int(err).to_bytes(2, "big")
    else:
        assert "network_error_code" not in receipt


def test_receipts_come_as_asked_for(bound: Foreign) -> None:
    silent = accepted(submit(bound, DELIVERED, registered_delivery=0))
    accepted(submit(bound, DELIVERED, registered_delivery=2))
    failed = accepted(submit(bound, UNDELIVERABLE, registered_delivery=2))
    delivered = accepted(submit(bound, DELIVERED, registered_delivery=1))
    # What was not asked for would have come before these: same ESME, handsets that are equally quick.
    assert {bound.pdu()["receipted_message_id"] for _ in range(2)} == {failed, delivered}
    assert bound.request("query_sm", message_id=silent, source_addr="12345")["message_state"] == STATE_DELIVERED
    assert not bound.told("pdu")


def test_an_intermediate_notification_comes_before_the_receipt(bound: Foreign) -> None:
    message_id = accepted(submit(bound, BRIEFLY, registered_delivery=0x11))
    notification, receipt = bound.pdu(), bound.pdu()
    assert (notification["esm_class"], notification["message_state"]) == (NOTIFICATION, ENROUTE)
    assert (receipt["esm_class"], receipt["message_state"]) == (RECEIPT, STATE_DELIVERED)
    assert notification["receipted_message_id"] == receipt["receipted_message_id"] == message_id


def test_a_receipt_waits_for_the_next_bind_of_the_account(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    sender = npm_smpp().connect(smsc.port)
    sender.bind("transmitter", account.system_id)
    message_id = accepted(submit(sender, DELIVERED, registered_delivery=1))
    sender.request("unbind")
    receiver = npm_smpp().connect(smsc.port)
    receiver.bind("receiver", account.system_id)
    assert receiver.pdu()["receipted_message_id"] == message_id


def test_a_message_for_an_esme_that_stays_away_expires(bound: Foreign) -> None:
    message_id = accepted(submit(bound, TO_ABSENT, validity_period="000000000001000R", registered_delivery=1))
    receipt = bound.pdu()
    assert receipt["receipted_message_id"] == message_id
    assert (receipt["message_state"], receipt_fields(receipt)["stat"]) == (3, "EXPIRED")
    queried = bound.request("query_sm", message_id=message_id, source_addr="12345")
    assert queried["message_state"] == 3


def test_what_the_network_refuses_at_submit_is_the_answer_to_submit(bound: Foreign) -> None:
    assert submit(bound, THROTTLED)["command_status"] == RTHROTTLED
    assert submit(bound, REFUSED)["command_status"] == 0x445
    assert submit(bound, NO_ROUTE)["command_status"] == RINVDSTADR
    accepted(submit(bound, DELIVERED))


def test_a_rate_that_is_exceeded_throttles_and_recovers(npm_smpp: Esmes, smsc: Smsc) -> None:
    esme = npm_smpp().connect(smsc.port)
    esme.bind("transceiver", "slow")
    numbers = [
        esme.send("submit_sm", destination_addr=DELIVERED, source_addr="1", data_coding=0, short_message="x")
        for _ in range(20)
    ]
    statuses = [esme.response(number)["command_status"] for number in numbers]
    assert statuses[0] == ROK
    assert set(statuses) == {ROK, RTHROTTLED}
    deadline = time.monotonic() + PATIENCE
    while submit(esme, DELIVERED)["command_status"] == RTHROTTLED:
        assert time.monotonic() < deadline


def test_senders_and_recipients_outside_the_account_are_refused(npm_smpp: Esmes, smsc: Smsc) -> None:
    esme = npm_smpp().connect(smsc.port)
    esme.bind("transceiver", "choosy")
    accepted(submit(esme, DELIVERED, source_addr="ACME", source_addr_ton=5))
    accepted(submit(esme, DELIVERED, source_addr="12345"))
    assert submit(esme, DELIVERED, source_addr="54321")["command_status"] == RINVSRCADR
    assert submit(esme, "448000000000")["command_status"] == RINVDSTADR


def test_tlvs_of_vendors_are_accepted(bound: Foreign) -> None:
    body = (
        b"\0\x03\x0012345\0\x01\x01" + DELIVERED.encode() + b"\0\0\0\0\0\0\x01\0\0\0\x02hi"
        b"\x14\x01\x00\x04\xde\xad\xbe\xef" b"\x3f\xff\x00\x00" b"\x14\x01\x00\x01\x01"
    )  # fmt: skip
    frame = (16 + len(body)).to_bytes(4, "big") + bytes.fromhex("00000004 00000000 00000777") + body
    bound.write(frame)
    response = bound.pdu("submit_sm_resp")
    assert (response["command_status"], response["sequence_number"]) == (ROK, 0x777)
    assert bound.pdu()["receipted_message_id"] == response["message_id"]


# --- when the ESME is difficult ---------------------------------------------------------------------------------------


def test_a_receipt_that_was_refused_for_now_comes_again(bound: Foreign) -> None:
    bound.tell(do="answering", yes=[RX_T_APPN])
    message_id = accepted(submit(bound, DELIVERED, registered_delivery=1))
    assert bound.pdu()["receipted_message_id"] == message_id
    again = bound.pdu()
    assert again["receipted_message_id"] == message_id
    assert bound.request("enquire_link")["command_status"] == ROK


def test_no_more_deliver_sm_are_sent_than_the_window_holds(bound: Foreign) -> None:
    bound.tell(do="answering", yes=False)
    ids = [accepted(submit(bound, DELIVERED, registered_delivery=1)) for _ in range(WINDOW + 5)]
    first = [bound.pdu() for _ in range(WINDOW)]
    assert bound.request("enquire_link")["command_status"] == ROK
    assert not bound.told("pdu")
    bound.tell(do="answering", yes=True)
    for deliver in first:
        bound.tell(do="respond", command="deliver_sm_resp", sequence_number=deliver["sequence_number"])
    rest = [bound.pdu() for _ in range(5)]
    assert sorted(receipt["receipted_message_id"] for receipt in [*first, *rest]) == ids


def test_what_one_bind_did_not_acknowledge_another_one_gets(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    first, second = npm_smpp().connect(smsc.port), npm_smpp().connect(smsc.port)
    first.bind("transceiver", account.system_id)
    first.tell(do="answering", yes=False)
    ids = [accepted(submit(first, DELIVERED, registered_delivery=1)) for _ in range(5)]
    for _ in ids:
        first.pdu()
    second.bind("receiver", account.system_id)
    first.close()
    assert [second.pdu()["receipted_message_id"] for _ in ids] == ids


def test_receipts_of_one_handset_come_in_the_order_of_its_messages(bound: Foreign) -> None:
    numbers = [
        bound.send(
            "submit_sm", source_addr="12345", destination_addr=DELIVERED, short_message="x", data_coding=0,
            registered_delivery=1,
        ) for _ in range(100)
    ]  # fmt: skip
    ids = [accepted(bound.response(number)) for number in numbers]
    assert [bound.pdu()["receipted_message_id"] for _ in ids] == ids


@pytest.mark.parametrize("refusal", [RX_P_APPN, RX_R_APPN])
def test_what_an_esme_refuses_for_good_does_not_come_again(
    bound: Foreign, account: Account, smsc: Smsc, refusal: int
) -> None:
    """SMPP 5.0 table 4-45: the message is "rejected and not retried"; it is a dead letter, not lost."""
    bound.tell(do="answering", yes=[refusal])
    said = smsc.running.ask("mo", **{"from": "447700900123", "to": account.number, "text": "unwelcome"})
    assert characters(bound.pdu()) == "unwelcome"
    until(lambda: smsc.running.ask("message.show", message_id=said["message_id"])["stage"] == "DEAD")
    shown = smsc.running.ask("message.show", message_id=said["message_id"])
    assert (shown["message_state"], shown["error_code"]) == ("REJECTED", refusal)
    until(lambda: smsc.can("message.retry", message_id=said["message_id"]))  # as soon as that is committed
    assert characters(bound.pdu()) == "unwelcome"


def test_one_esme_writes_to_another_and_hears_how_it_went(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    reader, writer = npm_smpp().connect(smsc.port), npm_smpp().connect(smsc.port)
    reader.bind("receiver", "reader")
    writer.bind("transceiver", account.system_id)
    udh = bytes.fromhex("0500030a0201")
    taken = accepted(submit(
        writer, TO_READER, {"udh": udh, "message": "5 €"}, registered_delivery=1, esm_class=0x43, service_type="CMT",
        user_message_reference=7,
    ))  # fmt: skip
    deliver = reader.pdu()
    assert (deliver["source_addr"], deliver["destination_addr"], deliver["service_type"]) == ("12345", TO_READER, "CMT")
    assert (deliver["esm_class"], deliver["short_message"]["udh"], characters(deliver)) == (0x40, [udh[1:]], "5 €")
    assert deliver["user_message_reference"] == 7
    receipt = writer.pdu()
    assert (receipt["receipted_message_id"], receipt["message_state"]) == (taken, STATE_DELIVERED)
    reader.tell(do="answering", yes=[RX_R_APPN])
    refused = accepted(submit(writer, TO_READER, registered_delivery=1))
    receipt = writer.pdu()
    assert (receipt["receipted_message_id"], receipt_fields(receipt)["stat"]) == (refused, "REJECTD")
