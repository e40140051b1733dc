"""The quick look at a submit_sm must never let in what the careful one refuses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smscd import pdu
from smscd.admission.fields import is_usual, submit_sm_status

LITTLE = st.integers(0, 255)
NEAR = st.one_of(st.integers(0, 6), LITTLE)

SUBMITS = st.builds(
    pdu.SubmitSm,
    source_addr_ton=NEAR,
    source_addr_npi=NEAR,
    source_addr=st.sampled_from([b"", b"12345", b"ACME", b"4" * 20]),
    dest_addr_ton=NEAR,
    dest_addr_npi=NEAR,
    destination_addr=st.sampled_from([b"", b"447700900123", b"+447700900123", b"ACME", b"*100#", b"4" * 20]),
    esm_class=LITTLE,
    priority_flag=NEAR,
    registered_delivery=NEAR,
    replace_if_present_flag=NEAR,
    data_coding=LITTLE,
    sm_default_msg_id=NEAR,
    short_message=st.binary(max_size=255),
    tlvs=st.lists(st.tuples(st.sampled_from([0x0204, 0x0424]), st.binary(max_size=4)), max_size=1),
)


@given(SUBMITS, st.sampled_from([0x33, 0x34, 0x50]), st.booleans())
def test_what_is_usual_is_never_refused_for_a_field(submit: pdu.SubmitSm, version: int, strict: bool) -> None:
    if is_usual(submit):
        assert submit_sm_status(submit, version, strict=strict) == 0


def test_a_plain_message_is_usual() -> None:
    plain = pdu.SubmitSm(source_addr=b"12345", destination_addr=b"447700900123", short_message=b"hello")
    assert is_usual(plain)
    assert not is_usual(pdu.SubmitSm(destination_addr=b"ACME", short_message=b"hello"))
