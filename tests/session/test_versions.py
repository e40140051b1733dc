"""What older peers must not be sent."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.errors import SessionError
from smscd.pdu import CommandStatus
from smscd.session import Answered, served_version, wire_status
from smscd.session.versions import STATUS_BEFORE_5_0, wire_tlvs
from tests.session.pair import SessionPair, bound, delivery, frames, message

ANY_TLV = (0x0204, b"\x00\x01")
CONGESTION = (0x0428, b"\x55")


def answer(pair: SessionPair, request: pdu.Pdu, response: pdu.Pdu) -> pdu.Pdu:
    """What the ESME hears when the MC's owner answers its request so."""
    pair.esme.session.request(request, 0)
    pair.pump()
    pair.mc.session.respond(pair.mc.only(type(request)), response)
    pair.pump()
    return pair.esme.only(Answered).response


def test_every_status_that_only_5_0_knows_has_a_nearest_older_one() -> None:
    new = {int(status) for status in CommandStatus if 0x100 <= status <= 0x3FF}
    assert set(STATUS_BEFORE_5_0) == new
    assert all(status < 0x100 for status in STATUS_BEFORE_5_0.values())
    assert {int(status) for status in CommandStatus}.issuperset(STATUS_BEFORE_5_0.values())


@pytest.mark.parametrize("status", CommandStatus)
def test_a_status_that_the_peer_knows_is_left_alone(status: CommandStatus) -> None:
    assert wire_status(status, 0x50) == status
    assert (wire_status(status, 0x34) == status) == (status < 0x100)


@pytest.mark.parametrize("status", [0x400, 0x4FF, 0x1234])
def test_a_vendors_status_passes(status: int) -> None:
    assert wire_status(status, 0x34) == status


@pytest.mark.parametrize(
    ("version", "heard"), [(0x50, 0x104), (0x34, pdu.ESME_RSUBMITFAIL), (0x33, pdu.ESME_RSUBMITFAIL)]
)
def test_a_status_of_5_0_reaches_an_older_peer_as_the_nearest_it_knows(version: int, heard: int) -> None:
    pair = bound(interface_version=version)
    response = answer(pair, message(), pdu.SubmitSmResp(command_status=pdu.ESME_RINVDCS))
    assert response.command_status == heard


@pytest.mark.parametrize(("version", "tlvs"), [(0x50, [ANY_TLV, CONGESTION]), (0x34, []), (0x33, [])])
def test_a_submit_sm_resp_carries_tlvs_to_5_0_peers_only(version: int, tlvs: list[pdu.Tlv]) -> None:
    pair = bound(interface_version=version)
    response = answer(pair, message(), pdu.SubmitSmResp(message_id=b"1", tlvs=[ANY_TLV, CONGESTION]))
    assert isinstance(response, pdu.SubmitSmResp)
    assert response.tlvs == tlvs


@pytest.mark.parametrize(("version", "tlvs"), [(0x50, [ANY_TLV, CONGESTION]), (0x34, [ANY_TLV])])
def test_a_data_sm_resp_keeps_the_tlvs_that_3_4_defines_for_it(version: int, tlvs: list[pdu.Tlv]) -> None:
    pair = bound(interface_version=version)
    response = answer(pair, pdu.DataSm(), pdu.DataSmResp(message_id=b"1", tlvs=[ANY_TLV, CONGESTION]))
    assert isinstance(response, pdu.DataSmResp)
    assert response.tlvs == tlvs


def test_a_3_3_peer_gets_no_tlvs_and_the_owners_pdu_keeps_them() -> None:
    pair = bound(interface_version=0x33)
    receipt = delivery()
    receipt.tlvs = [ANY_TLV]
    pair.mc.session.request(receipt, 0)
    (written,) = frames(pair.mc.session.data_to_send())
    assert isinstance(written, pdu.DeliverSm)
    assert written.tlvs == []
    assert receipt.tlvs == [ANY_TLV]


def test_a_3_4_peer_gets_every_tlv_of_a_request() -> None:
    pair = bound(interface_version=0x34)
    receipt = delivery()
    receipt.tlvs = [(0x1400, b"vendor"), ANY_TLV, (0x1400, b"again")]
    pair.mc.session.request(receipt, 0)
    pair.pump()
    assert pair.esme.only(pdu.DeliverSm).tlvs == receipt.tlvs


@pytest.mark.parametrize(
    ("carrier", "version", "kept"),
    [
        (delivery(), 0x50, [ANY_TLV, CONGESTION]),
        (delivery(), 0x34, [ANY_TLV, CONGESTION]),
        (delivery(), 0x33, []),
        (pdu.DataSmResp(), 0x50, [ANY_TLV, CONGESTION]),
        (pdu.DataSmResp(), 0x34, [ANY_TLV]),
        (pdu.SubmitMultiResp(), 0x34, []),
        (pdu.SubmitMultiResp(), 0x50, [ANY_TLV, CONGESTION]),
    ],
)
def test_which_tlvs_travel_to_whom(carrier: pdu.Pdu, version: int, kept: list[pdu.Tlv]) -> None:
    assert wire_tlvs(carrier, [ANY_TLV, CONGESTION], version) == kept


def test_text_in_a_message_payload_is_never_dropped_silently() -> None:
    pair = bound(interface_version=0x33)
    receipt = delivery(b"")
    receipt.tlvs = [(0x0424, b"the whole text")]
    with pytest.raises(SessionError, match="message_payload"):
        pair.mc.session.request(receipt, 0)
    assert pair.mc.session.in_flight == 0
    assert pair.mc.session.data_to_send() == b""
    assert receipt.tlvs == [(0x0424, b"the whole text")]


@pytest.mark.parametrize(
    ("request_", "least"),
    [
        (pdu.DataSm(), 0x34),
        (pdu.BroadcastSm(), 0x50),
        (pdu.QueryBroadcastSm(), 0x50),
        (pdu.CancelBroadcastSm(), 0x50),
        (pdu.SubmitMulti(dest_address=[pdu.SmeAddress()]), 0x33),
        (pdu.QuerySm(), 0x33),
    ],
)
@pytest.mark.parametrize("version", [0x33, 0x34, 0x50])
def test_a_request_is_not_made_to_a_peer_that_cannot_know_it(request_: pdu.Pdu, least: int, version: int) -> None:
    session = bound(interface_version=version).esme.session
    if version >= least:
        session.request(request_, 0)
        assert session.in_flight == 1
    else:
        with pytest.raises(SessionError, match="unknown to a peer"):
            session.request(request_, 0)


def test_an_alert_notification_is_not_made_to_a_3_3_peer() -> None:
    pair = bound(interface_version=0x33)
    with pytest.raises(SessionError, match="unknown to a peer"):
        pair.mc.session.request(pdu.AlertNotification(), 0)


def test_a_peer_may_use_newer_commands_than_it_bound_with() -> None:
    pair = bound(interface_version=0x33)
    (event,) = pair.mc.session.receive_data(pdu.encode(pdu.DataSm(3, source_addr=b"1", destination_addr=b"2")), 0)
    assert isinstance(event, pdu.DataSm)


def test_versions_are_served_from_below() -> None:
    assert [served_version(version) for version in (0, 0x33, 0x34, 0x4F, 0x50, 0xFF)] == [
        0x33, 0x33, 0x34, 0x34, 0x50, 0x50,
    ]  # fmt: skip
