"""npm's `smpp` binds to us: a client that knows every PDU of SMPP 5.0."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.interop.conftest import (
    BRIEFLY,
    DELIVERED,
    EXPIRED_LATER,
    NO_ROUTE,
    REFUSED,
    REJECTED,
    SLOW,
    THROTTLED,
    TO_ABSENT,
    UNDELIVERABLE,
    Account,
    Smsc,
)
from tests.interop.foreign import Fields, Foreign

pytestmark = pytest.mark.interop

Esmes = Callable[[], Foreign]

ROK = 0
RINVBNDSTS = 0x04
RALYBND = 0x05
RINVSRCADR = 0x0A
RINVDSTADR = 0x0B
RINVMSGID = 0x0C
RBINDFAIL = 0x0D
RINVPASWD = 0x0E
RINVSYSID = 0x0F
RCANCELFAIL = 0x11
RREPLACEFAIL = 0x13
RINVSCHED = 0x61
RTHROTTLED = 0x58

ENROUTE, STATE_DELIVERED, DELETED = 1, 2, 4
SCHEDULED = 0
RECEIPT, NOTIFICATION = 0x04, 0x20


def submit(esme: Foreign, to: str, text: Any = "hello", **fields: Any) -> Fields:
    fields = {"source_addr": "12345", "source_addr_ton": 3, "dest_addr_ton": 1, "dest_addr_npi": 1, **fields}
    return esme.request("submit_sm", **{"destination_addr": to, "data_coding": 0, "short_message": text, **fields})


def accepted(response: Fields) -> str:
    """The message_id of an answer that must be ESME_ROK."""
    assert response["command_status"] == ROK, response
    assert response["message_id"]
    return str(response["message_id"])


def characters(deliver: Fields) -> str:
    return str(deliver["short_message"]["message"])


def receipt_fields(deliver: Fields) -> dict[str, str]:
    """`id:… stat:…` of a receipt's text as a dictionary, as most ESMEs read it."""
    words = characters(deliver).replace("submit date", "submit_date").replace("done date", "done_date")
    return dict(word.split(":", 1) for word in words.split(" text:")[0].split())


@pytest.fixture
def esme(npm_smpp: Esmes, smsc: Smsc) -> Foreign:
    """Connected, not bound."""
    return npm_smpp().connect(smsc.port)


@pytest.fixture
def bound(esme: Foreign, account: Account) -> Foreign:
    """Bound as a transceiver of 3.4."""
    assert esme.bind("transceiver", account.system_id, interface_version=0x34)["command_status"] == ROK
    return esme


# --- sessions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["transmitter", "receiver", "transceiver"])
@pytest.mark.parametrize("version", [0x34, 0x50])
def test_it_binds_and_unbinds(esme: Foreign, account: Account, kind: str, version: int) -> None:
    response = esme.bind(kind, account.system_id, interface_version=version)
    assert response["command"] == f"bind_{kind}_resp"
    assert response["command_status"] == ROK
    assert response["system_id"] == "smscd-interop"
    assert response["sc_interface_version"] == version
    assert esme.request("unbind")["command_status"] == ROK
    esme.until_closed()


def test_a_wrong_password_is_told_and_so_is_an_unknown_system_id(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    wrong, unknown = npm_smpp().connect(smsc.port), npm_smpp().connect(smsc.port)
    assert wrong.bind("transceiver", account.system_id, "Secret")["command_status"] == RINVPASWD
    assert unknown.bind("transceiver", "nobody")["command_status"] == RINVSYSID
    wrong.until_closed()
    unknown.until_closed()


def test_an_address_that_is_not_allowed_and_a_bind_that_must_be_tls_are_refused(npm_smpp: Esmes, smsc: Smsc) -> None:
    for system_id in ("elsewhere", "private"):
        assert npm_smpp().connect(smsc.port).bind("transceiver", system_id)["command_status"] == RBINDFAIL


def test_one_bind_too_many_is_refused_and_the_first_lives_on(npm_smpp: Esmes, smsc: Smsc) -> None:
    first, second = npm_smpp().connect(smsc.port), npm_smpp().connect(smsc.port)
    assert first.bind("transceiver", "limited")["command_status"] == ROK
    assert second.bind("transceiver", "limited")["command_status"] == RBINDFAIL
    assert first.request("enquire_link")["command_status"] == ROK
    first.request("unbind")
    first.until_closed()
    third = npm_smpp().connect(smsc.port)
    assert third.bind("transceiver", "limited")["command_status"] == ROK


def test_nothing_is_submitted_before_the_bind_and_the_session_lives_on(esme: Foreign, account: Account) -> None:
    response = submit(esme, DELIVERED)
    assert (response["command"], response["command_status"]) == ("submit_sm_resp", RINVBNDSTS)
    assert esme.request("query_sm", message_id="1")["command_status"] == RINVBNDSTS
    assert esme.request("enquire_link")["command_status"] == ROK
    assert esme.bind("transceiver", account.system_id)["command_status"] == ROK


def test_nothing_is_submitted_on_a_receiver_bind(esme: Foreign, account: Account) -> None:
    esme.bind("receiver", account.system_id)
    assert submit(esme, DELIVERED)["command_status"] == RINVBNDSTS
    assert esme.request("submit_multi", dest_address=[{"destination_addr": DELIVERED}])["command_status"] == RINVBNDSTS
    assert esme.request("enquire_link")["command_status"] == ROK


def test_a_second_bind_is_told_that_it_is_bound(bound: Foreign, account: Account) -> None:
    assert bound.bind("transceiver", account.system_id)["command_status"] == RALYBND
    assert bound.bind("receiver", account.system_id)["command_status"] == RALYBND
    accepted(submit(bound, DELIVERED))


def test_an_unknown_command_is_nacked_and_the_session_lives_on(bound: Foreign) -> None:
    bound.write(bytes.fromhex("00000010 00000666 00000000 00000999"))
    nack = bound.pdu("generic_nack")
    assert (nack["command_status"], nack["sequence_number"]) == (0x03, 0x999)
    assert bound.request("enquire_link")["command_status"] == ROK


def test_both_ends_enquire(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    esme = npm_smpp().connect(smsc.impatient)
    esme.bind("transceiver", account.system_id)
    numbers = [esme.pdu("enquire_link")["sequence_number"] for _ in range(3)]  # answered, or there were no third
    assert numbers == sorted(set(numbers))
    assert esme.request("enquire_link")["command_status"] == ROK


def test_an_esme_that_answers_no_enquire_link_is_let_go(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    esme = npm_smpp().connect(smsc.impatient)
    esme.bind("transceiver", account.system_id)
    esme.tell(do="answering", yes=False)
    esme.until_closed(patience=30)


def test_pipelined_submits_are_all_answered_in_their_order(bound: Foreign) -> None:
    numbers = [
        bound.send(
            "submit_sm", destination_addr=DELIVERED, source_addr="1", data_coding=0, short_message=f"number {number}"
        )
        for number in range(300)
    ]
    ids = [accepted(bound.response(number)) for number in numbers]
    assert len(set(ids)) == 300
    assert ids == sorted(ids, key=int)


def test_submits_and_an_unbind_in_one_breath_are_all_answered(bound: Foreign) -> None:
    numbers = [bound.send("submit_sm", destination_addr=DELIVERED, data_coding=0, short_message="x") for _ in range(20)]
    goodbye = bound.send("unbind")
    for number in numbers:
        accepted(bound.response(number))
    assert bound.response(goodbye)["command_status"] == ROK
    bound.until_closed()


# --- text -------------------------------------------------------------------------------------------------------------


def test_a_text_and_its_receipt(bound: Foreign, smsc: Smsc) -> None:
    message_id = accepted(submit(bound, DELIVERED, "50 € @ ~ {ñ}", registered_delivery=1, source_addr_npi=9))
    assert smsc.text_of(message_id) == "50 € @ ~ {ñ}"
    receipt = bound.pdu()
    assert receipt["esm_class"] == RECEIPT
    assert receipt["receipted_message_id"] == message_id
    assert receipt["message_state"] == STATE_DELIVERED
    assert (receipt["source_addr"], receipt["source_addr_ton"], receipt["source_addr_npi"]) == (DELIVERED, 1, 1)
    assert (receipt["destination_addr"], receipt["dest_addr_ton"], receipt["dest_addr_npi"]) == ("12345", 3, 9)
    fields = receipt_fields(receipt)
    today = datetime.now(UTC).strftime("%y%m%d")
    assert fields.pop("submit_date").startswith(today)
    assert fields.pop("done_date").startswith(today)
    assert fields == {"id": message_id, "sub": "001", "dlvrd": "001", "stat": "DELIVRD", "err": "000"}


def test_the_same_text_as_ia5_latin_1_and_ucs_2(bound: Foreign, smsc: Smsc) -> None:
    for data_coding, encoding, text in (
        (1, "ascii", "plain"), (3, "latin-1", "Grüße à la carte"), (8, "utf-16-be", "Привет 👋🏽 漢字"),
    ):  # fmt: skip
        ours = accepted(submit(bound, DELIVERED, text.encode(encoding), data_coding=data_coding))
        its_own = accepted(submit(bound, DELIVERED, text, data_coding=data_coding))
        assert smsc.text_of(ours) == smsc.text_of(its_own) == text


def test_an_mo_reaches_it_as_it_was_written(bound: Foreign, account: Account, smsc: Smsc) -> None:
    for text, data_coding in (("Stop? 5 € @home ~", 0), ("так 👋", 8)):
        said = smsc.running.ask("mo", **{"from": "+447700900123", "to": account.number, "text": text})
        assert said["delivered_to"] == account.system_id
        deliver = bound.pdu()
        assert characters(deliver) == text
        assert deliver["data_coding"] == data_coding
        assert deliver["esm_class"] == 0
        assert (deliver["source_addr"], deliver["destination_addr"]) == ("447700900123", account.number)


def test_a_long_mo_comes_in_parts_that_join(bound: Foreign, account: Account, smsc: Smsc) -> None:
    for text in ("0123456789 €" * 40, "Щ👋" * 100):
        said = smsc.running.ask("mo", **{"from": "447700900123", "to": account.number, "text": text})
        parts = [bound.pdu() for _ in range(said["parts"])]
        assert len(parts) > 2
        assert all(part["esm_class"] & 0x40 for part in parts)
        headers = [part["short_message"]["udh"][0] for part in parts]
        assert len({header[2] for header in headers}) == 1
        assert [header[3:] for header in headers] == [bytes((len(parts), n + 1)) for n in range(len(parts))]
        assert "".join(characters(part) for part in parts) == text


# --- long messages ----------------------------------------------------------------------------------------------------

LONG = "The quick brown fox jumps over the lazy dog 0123456789. " * 6


@pytest.mark.parametrize("header", ["050003{ref:02x}{total:02x}{n:02x}", "060804{ref:04x}{total:02x}{n:02x}"])
def test_a_long_message_with_user_data_headers(bound: Foreign, header: str) -> None:
    size = 153 if header.startswith("05") else 152
    pieces = [LONG[start : start + size] for start in range(0, len(LONG), size)]
    ids = [
        accepted(submit(
            bound, DELIVERED, {"udh": bytes.fromhex(header.format(ref=77, total=len(pieces), n=n)), "message": piece},
            registered_delivery=1,
        )) for n, piece in enumerate(pieces, start=1)
    ]  # fmt: skip
    assert [bound.pdu()["receipted_message_id"] for _ in ids] == ids


def test_a_long_message_in_ucs_2_with_user_data_headers(bound: Foreign) -> None:
    octets = ("Ж👋" * 60).encode("utf-16-be")
    pieces = [octets[start : start + 132] for start in range(0, len(octets), 132)]
    for n, piece in enumerate(pieces, start=1):
        udh = bytes((5, 0, 3, 200, len(pieces), n))
        accepted(submit(bound, DELIVERED, {"udh": udh, "message": piece}, data_coding=8))


def test_a_long_message_with_sar_tlvs(bound: Foreign) -> None:
    pieces = [LONG[start : start + 150] for start in range(0, len(LONG), 150)]
    for n, piece in enumerate(pieces, start=1):
        accepted(submit(
            bound, DELIVERED, piece, sar_msg_ref_num=513, sar_total_segments=len(pieces), sar_segment_seqnum=n,
        ))  # fmt: skip


def test_a_long_message_as_message_payload(bound: Foreign, smsc: Smsc) -> None:
    message_id = accepted(submit(bound, DELIVERED, b"", message_payload=LONG.encode(), registered_delivery=1))
    assert smsc.text_of(message_id) == LONG
    receipt = bound.pdu()
    assert receipt["receipted_message_id"] == message_id
    assert (receipt_fields(receipt)["sub"], receipt_fields(receipt)["dlvrd"]) == ("003", "003")


def test_a_text_that_no_way_of_sending_could_hold_is_refused(bound: Foreign) -> None:
    response = submit(bound, DELIVERED, b"", message_payload=b"x" * 60_000)
    assert response["command_status"] == 0x01  # ESME_RINVMSGLEN
    udh = bytes.fromhex("0500030a0201")
    response = submit(bound, DELIVERED, {"udh": udh, "message": "x" * 160})
    assert response["command_status"] == 0x01  # header and text are more than one short message


# --- receipts ---------------------------------------------------------------------------------------------------------


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
    deadline = time.monotonic() + 5
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


# --- what may still be asked ------------------------------------------------------------------------------------------


def test_a_message_can_be_queried_on_its_way_and_at_its_end(bound: Foreign) -> None:
    slow, done = accepted(submit(bound, SLOW)), accepted(submit(bound, UNDELIVERABLE, registered_delivery=1))
    bound.pdu()
    queried = bound.request("query_sm", message_id=slow, source_addr="12345")
    assert (queried["command_status"], queried["message_id"]) == (ROK, slow)
    assert (queried["message_state"], queried["final_date"]) == (ENROUTE, "")
    queried = bound.request("query_sm", message_id=done, source_addr="12345")
    assert (queried["message_state"], queried["error_code"]) == (5, 27)
    assert abs(queried["final_date"]["time"] - time.time()) < 60
    assert bound.request("query_sm", message_id="4711", source_addr="12345")["command_status"] == RINVMSGID
    assert bound.request("query_sm", message_id=slow, source_addr="999")["command_status"] != ROK


def test_nobody_asks_about_the_messages_of_others(bound: Foreign, npm_smpp: Esmes, smsc: Smsc) -> None:
    message_id = accepted(submit(bound, SLOW))
    stranger = npm_smpp().connect(smsc.port)
    stranger.bind("transceiver", "choosy")
    assert stranger.request("query_sm", message_id=message_id, source_addr="12345")["command_status"] == RINVMSGID
    cancel = {"message_id": message_id, "source_addr": "12345", "destination_addr": SLOW}
    assert stranger.request("cancel_sm", **cancel)["command_status"] == RINVMSGID
    assert bound.request("query_sm", message_id=message_id, source_addr="12345")["message_state"] == ENROUTE


@pytest.mark.parametrize("version", [0x34, 0x50])
def test_a_scheduled_message_can_be_cancelled_once(esme: Foreign, account: Account, version: int) -> None:
    esme.bind("transceiver", account.system_id, interface_version=version)
    message_id = accepted(submit(esme, DELIVERED, schedule_delivery_time="000000010000000R", registered_delivery=1))
    queried = esme.request("query_sm", message_id=message_id, source_addr="12345")
    assert queried["message_state"] == (SCHEDULED if version == 0x50 else ENROUTE)
    cancel = {"message_id": message_id, "source_addr": "12345", "destination_addr": DELIVERED}
    assert esme.request("cancel_sm", **cancel)["command_status"] == ROK
    receipt = esme.pdu()
    assert (receipt["message_state"], receipt_fields(receipt)["stat"]) == (DELETED, "DELETED")
    assert esme.request("query_sm", message_id=message_id, source_addr="12345")["message_state"] == DELETED
    assert esme.request("cancel_sm", **cancel)["command_status"] == RCANCELFAIL


def test_a_message_that_a_handset_has_not_got_yet_can_be_cancelled(bound: Foreign) -> None:
    message_id = accepted(submit(bound, SLOW, registered_delivery=1))
    cancel = {"message_id": message_id, "source_addr": "12345", "destination_addr": SLOW}
    assert bound.request("cancel_sm", **cancel)["command_status"] == ROK
    assert bound.pdu()["message_state"] == DELETED


def test_all_that_waits_between_two_numbers_can_be_cancelled(bound: Foreign) -> None:
    ids = [accepted(submit(bound, SLOW, schedule_delivery_time="000000010000000R")) for _ in range(3)]
    other = accepted(submit(bound, SLOW, source_addr="54321"))
    cancel = {"message_id": "", "source_addr": "12345", "destination_addr": SLOW}
    assert bound.request("cancel_sm", **cancel)["command_status"] == ROK
    for message_id in ids:
        assert bound.request("query_sm", message_id=message_id, source_addr="12345")["message_state"] == DELETED
    assert bound.request("query_sm", message_id=other, source_addr="54321")["message_state"] == ENROUTE


def test_a_message_that_has_arrived_cannot_be_cancelled(bound: Foreign) -> None:
    message_id = accepted(submit(bound, DELIVERED, registered_delivery=1))
    bound.pdu()
    cancel = {"message_id": message_id, "source_addr": "12345", "destination_addr": DELIVERED}
    assert bound.request("cancel_sm", **cancel)["command_status"] == RCANCELFAIL


def test_a_scheduled_message_can_be_replaced(bound: Foreign, smsc: Smsc) -> None:
    message_id = accepted(submit(bound, DELIVERED, "before", schedule_delivery_time="000000010000000R"))
    replace = {"message_id": message_id, "source_addr": "12345", "short_message": {"hex": b"after".hex()}}
    in_a_moment = {"schedule_delivery_time": "000000000001000R", "registered_delivery": 1}
    assert bound.request("replace_sm", **replace, **in_a_moment)["command_status"] == ROK
    assert smsc.text_of(message_id) == "after"
    receipt = bound.pdu()
    assert receipt["receipted_message_id"] == message_id
    assert characters(receipt).endswith("text:after")
    assert bound.request("replace_sm", **replace)["command_status"] == RREPLACEFAIL
    nothing = {**replace, "message_id": "4711"}
    assert bound.request("replace_sm", **nothing)["command_status"] == RINVMSGID


def test_a_message_replaces_the_one_that_waits_if_it_says_so(bound: Foreign) -> None:
    old = accepted(submit(bound, DELIVERED, schedule_delivery_time="000000010000000R", registered_delivery=1))
    new = accepted(submit(bound, DELIVERED, replace_if_present_flag=1, registered_delivery=1))
    states = {receipt["receipted_message_id"]: receipt["message_state"] for receipt in (bound.pdu(), bound.pdu())}
    assert states == {old: DELETED, new: STATE_DELIVERED}


def test_a_message_is_delivered_when_it_is_scheduled(bound: Foreign) -> None:
    began = time.time()
    relative = accepted(submit(bound, DELIVERED, schedule_delivery_time="000000000001000R", registered_delivery=1))
    at = (datetime.now(UTC) + timedelta(seconds=1.5)).strftime("%y%m%d%H%M%S") + "500+"
    absolute = accepted(submit(bound, DELIVERED, schedule_delivery_time=f"{at[:12]}500+", registered_delivery=1))
    assert {bound.pdu()["receipted_message_id"], bound.pdu()["receipted_message_id"]} == {relative, absolute}
    assert 1 <= time.time() - began < 4
    past = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%y%m%d%H%M%S") + "000+"
    assert submit(bound, DELIVERED, schedule_delivery_time=past)["command_status"] == RINVSCHED


# --- other ways to send -----------------------------------------------------------------------------------------------


def test_submit_multi_answers_for_each_destination(bound: Foreign) -> None:
    response = bound.request(
        "submit_multi", source_addr="12345", data_coding=0, short_message="to all", registered_delivery=1,
        dest_address=[
            {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": DELIVERED},
            {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": THROTTLED},
            {"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": UNDELIVERABLE},
            {"dl_name": "friends"},
        ],
    )  # fmt: skip
    message_id = accepted(response)
    refused = {sme["destination_addr"]: sme["error_status_code"] for sme in response["unsuccess_sme"]}
    assert refused.pop(THROTTLED) == RTHROTTLED
    assert list(refused.values()) == [0x34]  # ESME_RINVDLNAME
    receipts = [bound.pdu(), bound.pdu()]
    assert {receipt["receipted_message_id"] for receipt in receipts} == {message_id}
    assert {receipt["source_addr"]: receipt["message_state"] for receipt in receipts} == {
        DELIVERED: 2,
        UNDELIVERABLE: 5,
    }


def test_submit_multi_without_any_success_says_why(bound: Foreign) -> None:
    response = bound.request(
        "submit_multi", source_addr="12345", data_coding=0, short_message="x",
        dest_address=[{"destination_addr": THROTTLED}, {"destination_addr": THROTTLED}],
    )  # fmt: skip
    assert response["command_status"] == RTHROTTLED


def test_data_sm_is_a_message_like_any_other(bound: Foreign, smsc: Smsc) -> None:
    response = bound.request(
        "data_sm", source_addr="12345", destination_addr=DELIVERED, data_coding=0, registered_delivery=1,
        message_payload=b"in data", dest_addr_ton=1, dest_addr_npi=1,
    )  # fmt: skip
    assert response["command"] == "data_sm_resp"
    message_id = accepted(response)
    assert smsc.text_of(message_id) == "in data"
    assert bound.pdu()["receipted_message_id"] == message_id


def test_broadcasts_are_answered_properly(esme: Foreign, account: Account) -> None:
    esme.bind("transceiver", account.system_id, interface_version=0x50)
    for command in ("broadcast_sm", "query_broadcast_sm", "cancel_broadcast_sm"):
        response = esme.request(command, message_id="1")
        assert response["command"] == f"{command}_resp"
        assert response["command_status"] == 0x101  # ESME_RPROHIBITED
    assert esme.request("enquire_link")["command_status"] == ROK


# --- older peers ------------------------------------------------------------------------------------------------------


def test_a_peer_of_3_3_gets_ids_of_eight_hex_digits_and_no_tlv(esme: Foreign, account: Account, smsc: Smsc) -> None:
    """SMPP 3.4 §3.4 and 3.3's field of nine octets; what is sent is on the tape for Wireshark as well."""
    known = {"command", "command_id", "command_length", "command_status", "sequence_number"}
    response = esme.bind("transmitter", account.system_id, interface_version=0x33)
    assert response.keys() == known | {"system_id"}
    receiver_response = esme.request("bind_receiver", system_id=account.system_id, password="secret")
    assert receiver_response["command_status"] == RALYBND
    response = submit(esme, DELIVERED, registered_delivery=1)
    message_id = accepted(response)
    assert response.keys() == known | {"message_id"}
    assert len(message_id) == 8
    assert int(message_id, 16)
    esme.request("unbind")


def test_a_receiver_of_3_3_gets_receipts_as_text_alone(npm_smpp: Esmes, account: Account, smsc: Smsc) -> None:
    sender, receiver = npm_smpp().connect(smsc.port), npm_smpp().connect(smsc.port)
    sender.bind("transmitter", account.system_id, interface_version=0x33)
    receiver.bind("receiver", account.system_id, interface_version=0x33)
    message_id = accepted(submit(sender, DELIVERED, registered_delivery=1))
    receipt = receiver.pdu()
    assert not receipt.keys() & {"receipted_message_id", "message_state", "network_error_code"}
    assert receipt_fields(receipt)["id"] == message_id
    queried = sender.request("query_sm", message_id=message_id, source_addr="12345")
    assert (queried["message_id"], queried["message_state"]) == (message_id, STATE_DELIVERED)


# --- TLS --------------------------------------------------------------------------------------------------------------


def test_tls_with_a_certificate_of_our_own(npm_smpp: Esmes, smsc: Smsc) -> None:
    esme = npm_smpp().connect(
        smsc.tls, tls={"ca": {"hex": smsc.authority.path.read_bytes().hex()}, "servername": "localhost"}
    )
    assert esme.bind("transceiver", "private")["command_status"] == ROK
    message_id = accepted(submit(esme, DELIVERED, registered_delivery=1))
    assert esme.pdu()["receipted_message_id"] == message_id
    esme.request("unbind")
    esme.until_closed()


def test_mutual_tls_wants_a_certificate(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    issued = smsc.authority.issue("esme.example")
    ours = {"ca": {"hex": smsc.authority.path.read_bytes().hex()}, "servername": "localhost"}
    theirs = {"cert": {"hex": issued.certificate.read_bytes().hex()}, "key": {"hex": issued.key.read_bytes().hex()}}
    esme = npm_smpp().connect(smsc.mutual_tls, tls={**ours, **theirs})
    assert esme.bind("transceiver", account.system_id)["command_status"] == ROK
    without = npm_smpp()
    without.tell(do="connect", port=smsc.mutual_tls, tls=ours)
    without.until_closed()
