"""Frames that others wrote, or that the specification prints."""

from __future__ import annotations

import pytest

from smscd import pdu
from tests.vectors import Vector, load

VECTORS = load()


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{type(v.expected).__name__}: {v.meaning}" for v in VECTORS])
def test_a_vector_decodes_to_what_it_means_and_encodes_to_itself(vector: Vector) -> None:
    assert pdu.decode(vector.frame) == vector.expected
    assert pdu.encode(vector.expected) == vector.frame


def test_every_class_has_a_vector() -> None:
    assert {type(vector.expected) for vector in VECTORS} == set(pdu.PDUS)


def test_the_fast_encoders_write_what_the_classes_write() -> None:
    assert pdu.submit_sm_resp(7, b"0a1b") == pdu.encode(pdu.SubmitSmResp(sequence_number=7, message_id=b"0a1b"))
    assert pdu.deliver_sm_resp(7) == pdu.encode(pdu.DeliverSmResp(sequence_number=7))
    assert pdu.deliver_sm_resp(7, 0x64) == pdu.encode(pdu.DeliverSmResp(sequence_number=7, command_status=0x64))
    assert pdu.header(0x80000015, 0, 7) == pdu.encode(pdu.EnquireLinkResp(sequence_number=7))
