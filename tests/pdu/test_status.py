"""The codes, against the lists of implementations that are not ours."""

from __future__ import annotations

import pytest
import smpplib.consts
from aiosmpplib.state import SmppCommand, SmppCommandStatus

from smscd import pdu


def test_smpplib_has_the_same_values_by_the_same_names() -> None:
    theirs = {
        name.removeprefix("SMPP_"): value
        for name, value in vars(smpplib.consts).items()
        if name.startswith("SMPP_ESME_")
    }
    assert len(theirs) > 40
    for name, value in theirs.items():
        assert pdu.status_from_name(name) == value, name


def test_aiosmpplib_has_the_same_values_by_the_same_names() -> None:
    ours = {int(member) for member in pdu.CommandStatus}
    theirs = {int(member): member.name for member in SmppCommandStatus}
    assert len(theirs) > 40
    for value, name in theirs.items():
        if name in pdu.CommandStatus.__members__:
            assert pdu.CommandStatus[name] == value
        else:
            assert value not in ours, f"{name} is not in either specification"


def test_aiosmpplib_has_the_same_command_ids() -> None:
    for member in SmppCommand:
        assert pdu.command_name(int(member)) == member.name.lower()


def test_five_codes_have_a_name_in_each_version() -> None:
    assert pdu.ESME_ROPTPARNOTALLWD == pdu.ESME_RTLVNOTALLWD == 0xC1
    assert pdu.status_name(0xC1) == "ESME_ROPTPARNOTALLWD"
    assert pdu.status_from_name("ESME_RTLVNOTALLWD") == 0xC1


def test_every_constant_is_the_value_of_its_name() -> None:
    for name, member in pdu.CommandStatus.__members__.items():
        assert getattr(pdu, name) == member
        assert type(getattr(pdu, name)) is int
        assert pdu.status_from_name(name) == member
        assert pdu.status_from_name(pdu.status_name(member)) == member


@pytest.mark.parametrize(
    ("text", "value"),
    [("ESME_ROK", 0), ("esme_rthrottled", 0x58), (" RTHROTTLED ", 0x58), ("0x00000400", 0x400), ("1024", 1024)],
)
def test_a_status_may_be_written_in_several_ways(text: str, value: int) -> None:
    assert pdu.status_from_name(text) == value


@pytest.mark.parametrize("text", ["", "ESME_", "THROTTLE", "0x1FFFFFFFF", "-1", "1.5"])
def test_what_is_no_status_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="command_status"):
        pdu.status_from_name(text)


def test_a_vendors_status_is_shown_as_its_number() -> None:
    assert pdu.status_name(0x400) == "0x00000400"
    assert pdu.status_name(0xFFFFFFFF) == "0xFFFFFFFF"
    assert pdu.command_name(0x00010203) == "0x00010203"


def test_requests_know_the_command_that_answers_them() -> None:
    assert pdu.response_id(0x00000004) == 0x80000004
    assert pdu.response_id(0x00000113) == 0x80000113
    for unanswered in (pdu.Outbind, pdu.AlertNotification, pdu.GenericNack, pdu.SubmitSmResp):
        assert pdu.response_id(unanswered.command_id) is None
    assert pdu.response_id(0x0000000A) is None


def test_every_command_of_the_table_has_its_class() -> None:
    assert {cls.command_id for cls in pdu.PDUS} == {int(member) for member in pdu.CommandId}
    for cls in pdu.PDUS:
        assert pdu.command_name(cls.command_id).replace("_", "") == cls.__name__.lower()
