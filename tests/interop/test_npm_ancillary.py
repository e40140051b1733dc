"""npm's `smpp` asks about, cancels and replaces what it has sent."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.interop.conftest import DELIVERED, SLOW, UNDELIVERABLE, Account, Smsc
from tests.interop.foreign import Foreign
from tests.interop.speaking import (
    DELETED,
    ENROUTE,
    RCANCELFAIL,
    RINVMSGID,
    RINVSCHED,
    ROK,
    RREPLACEFAIL,
    SCHEDULED,
    STATE_DELIVERED,
    Esmes,
    accepted,
    characters,
    receipt_fields,
    submit,
)

pytestmark = pytest.mark.interop


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
    past = (datetime.now(UTC) - timedelta(days=2)).strftime("%y%m%d%H%M%S") + "000+"
    assert submit(bound, DELIVERED, schedule_delivery_time=past)["command_status"] == RINVSCHED
