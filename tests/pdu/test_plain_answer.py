"""A plain answer is what the decoder takes for one."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import event, given, settings

from smscd import pdu
from smscd.errors import MalformedPdu

IDS = st.one_of(st.binary(max_size=6), st.binary(min_size=60, max_size=70))


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Frames around what is plain: the command, the status, the id and what follows are often as they should be."""
    command_id = draw(st.sampled_from([0x80000004, 0x80000004, 0x80000005, 0x80000103, 0x80000000, 4, 5, 0x84000004]))
    status = draw(st.sampled_from([0, 0, 0, 8, 1 << 24]))
    body = draw(IDS) + draw(st.sampled_from([b"\0", b"\0", b"\0", b"", b"\0\0", b"\0\x04\x27\x00\x01\x02"]))
    number = draw(st.integers(0, (1 << 32) - 1))
    parts = (16 + len(body), command_id, status, number)
    return b"".join(part.to_bytes(4, "big") for part in parts) + body


def asked_by(frame: bytes) -> tuple[int, int] | None:
    """The same as `number_of`, from the PDU."""
    try:
        answer = pdu.decode(frame)
    except MalformedPdu:
        return None
    if not isinstance(answer, pdu.SubmitSmResp | pdu.DeliverSmResp):
        return None
    is_plain = not (answer.command_status or answer.tlvs or answer.tail) and answer.message_id is not None
    return (answer.sequence_number, answer.command_id - pdu.RESPONSE) if is_plain else None


@settings(deadline=None)
@given(answers())
def test_it_is_found_plain_where_the_decoder_finds_an_id_and_no_more(frame: bytes) -> None:
    found = pdu.plain_answer.number_of(frame)
    event(f"plain: {found is not None}")
    assert found == asked_by(frame)
    if found is not None:
        answer = pdu.decode(frame)
        assert isinstance(answer, pdu.SubmitSmResp | pdu.DeliverSmResp)
        assert pdu.plain_answer.message_id_of(frame) == answer.message_id
