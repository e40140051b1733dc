"""What must hold for every conversation that was recorded in this run. Runs last: see conftest.py."""

from __future__ import annotations

from collections import Counter

import pytest

from smscd import pdu
from tests.interop.tape import Recorded, Tape
from tests.interop.wireshark import frames

pytestmark = pytest.mark.interop

TAKEN = (pdu.SubmitSmResp, pdu.DataSmResp, pdu.SubmitMultiResp)


@pytest.fixture(scope="module")
def recorded(tape: Tape) -> list[Recorded]:
    if not tape.recorded:
        pytest.skip("no foreign ESME has run")
    return tape.recorded


def asked(connection: Recorded) -> list[bytes]:
    return frames(b"".join(octets for from_smscd, octets in connection.pieces if not from_smscd))


def key(frame: bytes) -> tuple[int, int]:
    """(command_id, sequence_number)"""
    return int.from_bytes(frame[4:8], "big"), int.from_bytes(frame[12:16], "big")


def test_no_receipt_overtook_the_answer_to_its_submit(recorded: list[Recorded]) -> None:
    compared = 0
    for connection in recorded:
        said = [pdu.decode(frame) for frame in frames(connection.said)]
        taken = {one.message_id: place for place, one in enumerate(said) if isinstance(one, TAKEN)}
        for place, one in enumerate(said):
            if isinstance(one, pdu.DeliverSm) and one.esm_class & pdu.ESM_TYPE_MASK:
                message_id = one.short_message.split()[0].removeprefix(b"id:")
                if message_id in taken:  # otherwise it was submitted on another connection
                    assert taken[message_id] < place, (connection.title, message_id)
                    compared += 1
    assert compared > 20 or len(recorded) < 50


def test_whoever_left_in_order_had_an_answer_to_every_request_and_no_other(recorded: list[Recorded]) -> None:
    compared = 0
    for connection in recorded:
        requests = Counter(number for command, number in map(key, asked(connection)) if not command & pdu.RESPONSE)
        said = [key(frame) for frame in frames(connection.said)]
        if (int(pdu.CommandId.unbind_resp) not in {command for command, _ in said}) or not requests:
            continue
        answers = Counter(number for command, number in said if command & pdu.RESPONSE)
        assert answers == requests, connection.title
        compared += len(requests)
    assert compared > 50 or len(recorded) < 50


def test_nothing_was_said_after_the_unbind_resp(recorded: list[Recorded]) -> None:
    for connection in recorded:
        commands = [key(frame)[0] for frame in frames(connection.said)]
        if int(pdu.CommandId.unbind_resp) in commands:
            assert commands.index(int(pdu.CommandId.unbind_resp)) == len(commands) - 1, connection.title
