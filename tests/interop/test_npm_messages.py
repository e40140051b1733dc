"""npm's `smpp` sends: texts in every alphabet, long ones in every way, and by every command there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.interop.conftest import DELIVERED, THROTTLED, UNDELIVERABLE, Account, Smsc
from tests.interop.foreign import Foreign
from tests.interop.speaking import (
    RECEIPT,
    ROK,
    RTHROTTLED,
    STATE_DELIVERED,
    Esmes,
    accepted,
    characters,
    receipt_fields,
    submit,
)

pytestmark = pytest.mark.interop


# --- text ---


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
        assert (deliver["source_addr"], deliver["source_addr_ton"], deliver["source_addr_npi"]) == (
            "447700900123",
            1,
            1,
        )
        assert (deliver["destination_addr"], deliver["dest_addr_ton"]) == (account.number, 3)


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


# --- long messages ---

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


# --- other ways to send ---


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


# --- what else real ESMEs send ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "ton", "npi"),
    [(f"+{DELIVERED}", 0, 0), (f"+{DELIVERED}", 1, 1), (DELIVERED, 0, 0), (DELIVERED, 0, 1), (DELIVERED, 2, 8)],
)
def test_numbers_are_taken_with_and_without_a_plus(bound: Foreign, number: str, ton: int, npi: int) -> None:
    message_id = accepted(submit(bound, number, dest_addr_ton=ton, dest_addr_npi=npi, registered_delivery=1))
    receipt = bound.pdu()
    assert receipt["receipted_message_id"] == message_id
    assert (receipt["source_addr"], receipt["source_addr_ton"], receipt["source_addr_npi"]) == (number, ton, npi)


@pytest.mark.parametrize("esm_class", [0x00, 0x01, 0x02, 0x03, 0x08, 0x10, 0x80])
def test_every_mode_that_a_submit_may_ask_for_is_served(bound: Foreign, esm_class: int) -> None:
    """SMPP 3.4 §5.2.12: the modes of the message centre, acknowledgements of a handset's user, and a reply path."""
    message_id = accepted(submit(bound, DELIVERED, esm_class=esm_class, registered_delivery=1))
    receipt = bound.pdu()
    assert (receipt["receipted_message_id"], receipt["esm_class"]) == (message_id, 0x04)


@pytest.mark.parametrize("data_coding", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 0x10, 0x18, 0xC0, 0xE0, 0xF0, 0xF4])
def test_every_data_coding_is_taken(bound: Foreign, data_coding: int) -> None:
    message_id = accepted(submit(bound, DELIVERED, b"\x00a\x00b", data_coding=data_coding, registered_delivery=1))
    assert bound.pdu()["receipted_message_id"] == message_id


def test_a_flash_message_keeps_its_class_and_its_text(bound: Foreign, smsc: Smsc) -> None:
    assert smsc.text_of(accepted(submit(bound, DELIVERED, b"5 \x1be", data_coding=0x10))) == "5 €"
    assert smsc.text_of(accepted(submit(bound, DELIVERED, "тут".encode("utf-16-be"), data_coding=0x18))) == "тут"


def test_254_octets_are_a_message_of_3_4_and_255_one_of_5_0(npm_smpp: Esmes, smsc: Smsc, account: Account) -> None:
    for version, octets, status in ((0x34, 254, 0), (0x34, 255, 1), (0x50, 255, 0)):
        esme = npm_smpp().connect(smsc.port)
        esme.bind("transmitter", account.system_id, interface_version=version)
        assert submit(esme, DELIVERED, b"x" * octets)["command_status"] == status


def test_a_message_without_text_is_one(bound: Foreign) -> None:
    message_id = accepted(submit(bound, DELIVERED, b"", registered_delivery=1))
    assert bound.pdu()["receipted_message_id"] == message_id


def test_times_in_other_time_zones_are_the_same_times(bound: Foreign) -> None:
    """SMPP 3.4 §7.1.1: quarters of an hour that local time is ahead (+) or behind (-)."""
    soon = datetime.now(UTC) + timedelta(seconds=3)  # what is over is refused: three submits have to come before it
    for hours, offset in ((2, "08+"), (-5, "20-"), (5.75, "23+")):
        local = (soon + timedelta(hours=hours)).strftime("%y%m%d%H%M%S") + f"9{offset}"
        accepted(submit(bound, DELIVERED, schedule_delivery_time=local, registered_delivery=1))
    for _ in range(3):
        bound.pdu()  # is waited for in seconds, and the least mistake is a quarter of an hour


def test_submit_multi_reaches_254_destinations(bound: Foreign) -> None:
    numbers = [f"4477009009{index:02d}" for index in range(100)] + [f"447700908{index:03d}" for index in range(154)]
    response = bound.request(
        "submit_multi", source_addr="12345", data_coding=0, short_message="to all", registered_delivery=1,
        dest_address=[{"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": number} for number in numbers],
    )  # fmt: skip
    message_id = accepted(response)
    assert response["unsuccess_sme"] == []
    receipts = [bound.pdu() for _ in numbers]
    assert {receipt["receipted_message_id"] for receipt in receipts} == {message_id}
    assert sorted(receipt["source_addr"] for receipt in receipts) == sorted(numbers)


def test_the_senders_own_reference_comes_back_in_the_receipt(bound: Foreign) -> None:
    accepted(submit(bound, DELIVERED, registered_delivery=1, user_message_reference=4711))
    assert bound.pdu()["user_message_reference"] == 4711


def test_its_own_reading_of_gsm_text_travels_unchanged(bound: Foreign, smsc: Smsc) -> None:
    """To it the GSM alphabet is data_coding 1, to the specification that is IA5: the octets stay as they are."""
    response = bound.request("submit_sm", destination_addr=DELIVERED, source_addr="12345", short_message="5 €")
    shown = smsc.running.ask("message.show", message_id=accepted(response), text=True)["pdu"]
    assert (shown["data_coding"], bytes.fromhex(shown["short_message"])) == (1, b"5 \x1be")
