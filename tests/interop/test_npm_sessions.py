"""npm's `smpp` binds to us, in the right and in the wrong order, over TLS, and as an older peer."""

from __future__ import annotations

import pytest

from tests.interop.conftest import DELIVERED, Account, Smsc
from tests.interop.foreign import Foreign
from tests.interop.speaking import (
    RALYBND,
    RBINDFAIL,
    RINVBNDSTS,
    RINVPASWD,
    RINVSYSID,
    ROK,
    STATE_DELIVERED,
    Esmes,
    accepted,
    receipt_fields,
    submit,
)

pytestmark = pytest.mark.interop


# --- sessions ---


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
    esme.until_closed()


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


# --- older peers ---


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


# --- TLS ---


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
