"""What leaves as it came is what would have been composed, and a session numbers it as it numbers everything else."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import event, given, settings

from smscd import pdu
from smscd.connectors import SmppSettings
from smscd.connectors.smpp.content import Composer
from smscd.dress import dress_of
from smscd.text import Alphabet
from tests.cast import message, submit_sm

SUBMITS = st.builds(
    submit_sm,
    short_message=st.one_of(st.binary(min_size=1, max_size=140), st.binary(max_size=254)),
    service_type=st.sampled_from([b"", b"CMT"]),
    source_addr=st.sampled_from([b"12345", b"Shop", b"", b"+4477"]),
    source_addr_ton=st.integers(0, 6),
    dest_addr_ton=st.integers(0, 2),
    destination_addr=st.from_regex(rb"\A44[0-9]{1,18}\Z"),
    registered_delivery=st.integers(0, 31),
    esm_class=st.sampled_from([0, 0, 0, 3, 0x40]),
    data_coding=st.sampled_from([0, 0, 1, 4, 8, 0xF5]),
    protocol_id=st.integers(0, 255),
    priority_flag=st.integers(0, 3),
    command_status=st.sampled_from([0, 0, 0, 7]),
    replace_if_present_flag=st.sampled_from([0, 0, 0, 1]),
    sm_default_msg_id=st.sampled_from([0, 0, 3]),
    schedule_delivery_time=st.sampled_from([b"", b"", b"000001000000000R"]),
    validity_period=st.sampled_from([b"", b"", b"000001000000000R"]),
    tail=st.sampled_from([b"", b"", b"\x02"]),
    tlvs=st.sampled_from([[], [], [], [(0x1400, b"vendor")], [(0x0204, b"\0\1")]]),
)
SETTINGS: list[dict[str, Any]] = [
    {}, {}, {}, {"source_addr": "ACME"}, {"number_submits": True}, {"tlvs": {"0x1400": "ours"}},
    {"default_alphabet": "latin1"}, {"long_messages": "sar"}, {"long_messages": "payload"}, {"pass_tlvs": []},
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    SUBMITS, st.sampled_from(SETTINGS), st.sampled_from([b"", b"", b"447700900009"]), st.booleans(),
    st.sampled_from(["gsm7", "gsm7", "latin1"]),
)  # fmt: skip
def test_what_leaves_as_it_came_is_what_would_have_been_composed(
    submit: pdu.SubmitSm, how: dict[str, Any], recipient: bytes, dressed: bool, theirs: Alphabet
) -> None:
    dress = dress_of("Shop", {}) if dressed else None
    composer = Composer(SmppSettings("up", "a.example:1", "gw", **how), lambda _system_id: theirs, lambda _m: dress)
    of = message(content=submit, recipient=recipient)
    frame = composer.as_it_came(of)
    event("as it came" if frame else "composed")
    if frame:
        (composed,) = composer.compose(of)
        composed.sequence_number = submit.sequence_number
        assert frame == pdu.encode(composed)


def test_nearly_everything_leaves_as_it_came() -> None:
    composer = Composer(SmppSettings("up", "a.example:1", "gw"), lambda _system_id: "gsm7")
    for submit in (
        submit_sm(), submit_sm(b"\0a" * 70, data_coding=8), submit_sm(registered_delivery=1),
        submit_sm(source_addr=b"Shop", source_addr_ton=5), submit_sm(priority_flag=3, protocol_id=0x41),
    ):  # fmt: skip
        assert composer.as_it_came(message(content=submit)) == pdu.encode(submit)


def test_the_octets_that_came_are_those_that_leave_even_where_we_would_write_others() -> None:
    """Lossless: what is known as octets is not made anew."""
    of = message(frame=b"the octets that came")
    composer = Composer(SmppSettings("up", "a.example:1", "gw"), lambda _system_id: "gsm7")
    assert composer.as_it_came(of) == b"the octets that came"
