"""Sound frames, one wrong field: answered with the status of that field, and the session lives on."""

from __future__ import annotations

import pytest

from smscd import pdu
from tests.hostile.house import House
from tests.hostile.peer import frame, submit
from tests.running import until


def bind_body(system_id: bytes = b"test", password: bytes = b"secret", version: int = 0x34) -> bytes:
    return system_id + b"\0" + password + b"\0\0" + bytes((version, 0, 0)) + b"\0"


def test_a_password_of_a_thousand_characters_is_a_wrong_password(house: House) -> None:
    with house.peer() as peer:
        peer.send(frame(pdu.BindTransceiver.command_id, bind_body(password=b"x" * 980), number=3))
        answer = peer.answer_to(3)
        assert isinstance(answer, pdu.BindTransceiverResp)
        assert answer.command_status == pdu.ESME_RINVPASWD


def test_a_password_beyond_a_kibibyte_is_no_frame(house: House) -> None:
    with house.peer() as peer:
        peer.send(frame(pdu.BindTransceiver.command_id, bind_body(password=b"x" * 1001)))
        assert [one.command_status for one in peer.rest()] == [pdu.ESME_RINVCMDLEN]


def test_a_system_id_without_an_end_is_refused_and_the_peer_may_try_again(house: House) -> None:
    with house.peer() as peer:
        peer.send(frame(pdu.BindTransceiver.command_id, b"x" * 900, number=3))
        assert peer.answer_to(3).command_status == pdu.ESME_RINVSYSID
        peer.bind()


@pytest.mark.parametrize("command", [pdu.SubmitSm, pdu.DataSm, pdu.SubmitMulti, pdu.QuerySm, pdu.CancelSm])
def test_a_message_before_the_bind_is_refused_and_the_bind_still_comes(house: House, command: type[pdu.Pdu]) -> None:
    with house.peer() as peer:
        request = command()
        if isinstance(request, pdu.SubmitMulti):
            request.dest_address = [pdu.SmeAddress(1, 1, b"447700900123")]
        assert peer.status_of(request) == "ESME_RINVBNDSTS"
        peer.bind()


def test_a_message_on_a_receiver_bind_is_refused_and_the_session_lives_on(house: House) -> None:
    with house.bound("fields", kind=pdu.BindReceiver) as peer:
        assert peer.status_of(submit()) == "ESME_RINVBNDSTS"
        assert peer.alive()


@pytest.mark.parametrize("version", [0x33, 0x34])
def test_an_sm_length_of_255_is_too_long_before_5_0(house: House, version: int) -> None:
    with house.bound("fields", version=version) as peer:
        assert peer.status_of(submit(b"x" * 255)) == "ESME_RINVMSGLEN"
        assert peer.status_of(submit(b"x" * 254)) == "ESME_ROK"


def test_an_sm_length_of_255_is_welcome_in_5_0(house: House) -> None:
    with house.bound("fields", version=pdu.INTERFACE_VERSION_5_0) as peer:
        assert peer.status_of(submit(b"x" * 255)) == "ESME_ROK"


@pytest.mark.parametrize("claimed", [6, 200, 255])
def test_an_sm_length_beyond_the_end_is_refused_and_the_session_lives_on(house: House, claimed: int) -> None:
    octets = bytearray(pdu.encode(submit(b"hello")))
    octets[octets.index(b"\x05hello")] = claimed
    with house.bound("fields") as peer:
        peer.send(bytes(octets))
        assert peer.answer_to(0).command_status == pdu.ESME_RINVMSGLEN
        assert peer.status_of(submit()) == "ESME_ROK"


def test_a_short_sm_length_leaves_octets_that_are_no_tlv_and_the_session_lives_on(house: House) -> None:
    octets = bytearray(pdu.encode(submit(b"hello")))
    octets[octets.index(b"\x05hello")] = 2
    with house.bound("fields") as peer:
        peer.send(bytes(octets))
        peer.answer_to(0)
        assert peer.status_of(submit()) == "ESME_ROK"


@pytest.mark.parametrize("octets", [64 * 1024 - 1, 39_000, 1])
def test_a_message_payload_is_taken_whole_or_refused_whole(house: House, octets: int) -> None:
    """255 segments of 153 characters are what a handset can put together."""
    with house.bound("fields") as peer:
        payload = submit(b"", tlvs=[(int(pdu.Tag.message_payload), b"x" * octets)])
        answer = peer.ask(payload)
        assert answer.command_status == (pdu.ESME_ROK if octets <= 255 * 153 else pdu.ESME_RINVMSGLEN)
        if isinstance(answer, pdu.SubmitSmResp) and answer.message_id:
            shown = house.running.ask("message.show", message_id=answer.message_id.decode(), text=True)
            assert shown["text"] == "x" * octets


@pytest.mark.parametrize(
    ("field", "status"), [("source_addr", "ESME_RINVSRCADR"), ("destination_addr", "ESME_RINVDSTADR")]
)
def test_an_address_that_no_receipt_could_name_is_refused(house: House, field: str, status: str) -> None:
    """data_sm has room for 64 octets, deliver_sm for 20: the receipt would be a PDU that nobody can read, ourselves
    included when it comes back from the store."""
    request = pdu.DataSm(source_addr=b"12345", destination_addr=b"447700900123", registered_delivery=1)
    setattr(request, field, b"4" * 64)
    with house.bound("fields") as peer:
        assert peer.status_of(request) == status


@pytest.mark.parametrize(
    "octets", [b"\xff\xfe\x80", b"\xc3\xa9t\xc3\xa9", b"caf\xe9", b"\x1b[31mred", b"a\r\nb", b"'; --"]
)
def test_a_sender_in_any_octets_is_kept_as_it_came(house: House, octets: bytes) -> None:
    with house.bound("fields") as peer:
        answer = peer.ask(submit(receipt=True, source_addr_ton=5, source_addr=octets))
        assert isinstance(answer, pdu.SubmitSmResp)
        receipt = peer.hear()
        assert isinstance(receipt, pdu.DeliverSm)
        assert receipt.destination_addr == octets
        peer.send(pdu.deliver_sm_resp(receipt.sequence_number))
        assert answer.message_id is not None
        queried = peer.ask(pdu.QuerySm(message_id=answer.message_id, source_addr=octets))
        assert (queried.command_status, getattr(queried, "message_state", 0)) == (pdu.ESME_ROK, 2)


@pytest.mark.parametrize("octets", [b"\xff" * 20, b"4477\xb2\xb3", b"\x1b[2J", b"", b"4477 0090", b"447700900123\n"])
def test_a_recipient_that_cannot_be_dialled_is_refused(house: House, octets: bytes) -> None:
    with house.bound("fields") as peer:
        assert peer.status_of(submit(destination_addr=octets)) == "ESME_RINVDSTADR"


@pytest.mark.parametrize("octets", [b"\xff" * 64, b"\xb2\xb3", b"'; DROP TABLE message; --", b"9" * 64, b"-1", b" 1"])
def test_a_message_id_in_any_octets_is_nobodys(house: House, octets: bytes) -> None:
    with house.bound("fields") as peer:
        assert peer.status_of(pdu.QuerySm(message_id=octets, source_addr=b"12345")) == "ESME_RINVMSGID"
        assert peer.status_of(pdu.CancelSm(message_id=octets, source_addr=b"12345")) == "ESME_RINVMSGID"
        assert peer.status_of(pdu.ReplaceSm(message_id=octets, source_addr=b"12345")) == "ESME_RINVMSGID"


def test_a_system_id_in_any_octets_is_unknown(house: House) -> None:
    for octets in (b"\xff\xfe", b"\xef\xbf\xbd", b"test\x01", b"TEST", b" test", b"\x1b]0;owned\x07"):
        with house.peer() as peer:
            answer = peer.ask(pdu.BindTransceiver(system_id=octets, password=b"secret"))
            assert answer.command_status == pdu.ESME_RINVSYSID
            assert peer.rest() == []


def test_submit_multi_to_nobody_is_refused(house: House) -> None:
    body = b"\0\0\0" + b"12345\0" + b"\0" + bytes(9 + 3)
    with house.bound("fields") as peer:
        peer.send(frame(pdu.SubmitMulti.command_id, body, number=8))
        assert peer.answer_to(8).command_status == pdu.ESME_RINVNUMDESTS
        assert peer.alive()


@pytest.mark.parametrize("different", [True, False], ids=["different", "all the same"])
def test_submit_multi_to_254_destinations_makes_254_messages(house: House, different: bool) -> None:
    addresses = [pdu.SmeAddress(1, 1, b"4477009%05d" % (number if different else 0)) for number in range(254)]
    request = pdu.SubmitMulti(source_addr=b"12345", dest_address=list(addresses), registered_delivery=1)
    with house.bound("fields") as peer:
        receipts: list[bytes] = []
        number = peer.say(request)
        answer = peer.answer_to(number)
        assert isinstance(answer, pdu.SubmitMultiResp)
        assert (answer.command_status, answer.unsuccess_sme) == (pdu.ESME_ROK, [])
        while len(receipts) < 254:
            heard = peer.hear()
            assert isinstance(heard, pdu.DeliverSm)
            receipts.append(heard.source_addr)
            peer.send(pdu.deliver_sm_resp(heard.sequence_number))
        assert sorted(receipts) == sorted(one.destination_addr for one in addresses)


def test_submit_multi_names_the_destinations_it_refuses_and_takes_the_rest(house: House) -> None:
    request = pdu.SubmitMulti(
        source_addr=b"12345",
        dest_address=[
            pdu.SmeAddress(1, 1, b"447700900123"), pdu.SmeAddress(1, 1, b"nobody"), pdu.DistributionList(b"\xff" * 20),
            pdu.SmeAddress(5, 0, b"447700900124"),
        ],
    )  # fmt: skip
    with house.bound("fields") as peer:
        answer = peer.ask(request)
        assert isinstance(answer, pdu.SubmitMultiResp)
        refused = [pdu.status.status_name(one.error_status_code) for one in answer.unsuccess_sme]
        assert sorted(refused) == ["ESME_RINVDLNAME", "ESME_RINVDSTADR", "ESME_RINVDSTADR"]
        assert answer.command_status == pdu.ESME_ROK


def test_a_user_data_header_that_lies_about_its_length_hurts_nobody(house: House) -> None:
    with house.bound("headers") as peer:
        for text in (b"\xff", b"\x00", b"\x05\x00\x03", b"\x06\x08\x04\x00\x00\xff\x00", b"\x8b" + b"\x70" * 139):
            for data_coding in (0, 4, 8, 0xF1, 0xFF):
                request = submit(
                    text, source_addr=b"54321", receipt=True, esm_class=pdu.ESM_UDHI, data_coding=data_coding
                )
                assert peer.status_of(request) in {"ESME_ROK", "ESME_RINVMSGLEN"}
        pending = {"from": "54321", "state": "ENROUTE", "kind": "MT"}
        until(lambda: house.running.ask("message.list", **pending)["messages"] == [])


@pytest.mark.parametrize("moment", [b"990000000000000R", b"120000000000000R", b"371231235959900-", b"690101000000000+"])
def test_a_schedule_that_no_answer_could_name_is_refused(house: House, moment: bytes) -> None:
    """An absolute time ends with 2037: what is due later could be neither queried nor replaced."""
    with house.bound("fields") as peer:
        assert peer.status_of(submit(schedule_delivery_time=moment)) == "ESME_RINVSCHED"
