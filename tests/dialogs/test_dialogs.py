"""Plays every `*.smpp` file of this folder, and proves that a wrong dialog would be noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dialogs.dialog import Dialog, DialogError, play_file

DIALOGS = sorted(Path(__file__).parent.glob("*.smpp"))


@pytest.mark.parametrize("path", DIALOGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("chunk", [0, 1, 7], ids=["whole", "single octets", "sevens"])
def test_the_session_keeps_to_the_script(path: Path, chunk: int) -> None:
    play_file(path, chunk)


def test_there_are_dialogs_and_they_are_short() -> None:
    assert len(DIALOGS) >= 15
    for path in DIALOGS:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        assert 3 <= len(lines) <= 20, path.name


BOUND = """
> bind_transceiver system_id=test interface_version=0x34
! accept smscd
< bind_transceiver_resp system_id=smscd tlv.0x0210=34
"""


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("> submit_sm\n= state BOUND_RX", "state is State.BOUND_TRX"),
        ("> submit_sm\n< submit_sm_resp message_id=1", "nothing was written"),
        ("> submit_sm\n! answer message_id=1\n< submit_sm_resp message_id=2", "it wrote SubmitSmResp"),
        ("> submit_sm\n! answer message_id=1\n< submit_sm_resp ESME_RSYSERR", "it wrote SubmitSmResp"),
        ("> data_sm\n! answer tlv.0x0204=0001\n< data_sm_resp tlvs=none", "it wrote DataSmResp"),
        ("> submit_sm seq=5\n! answer message_id=1\n< submit_sm_resp seq=6", "it wrote SubmitSmResp"),
        ("> submit_sm\n! answer message_id=1\n< data_sm_resp message_id=1", "it wrote SubmitSmResp"),
        ("> enquire_link\n> enquire_link", "not listed before"),
        ("> enquire_link", "written and not listed"),
        ("> octets 00000010000009990000000000000001\n= told Answered", "told was only"),
        ("> octets 00000010000009990000000000000001\n= told Refusal again", "is not in Refusal"),
        ("> submit_sm colour=red", "submit_sm has no colour"),
        ("! sing", "nobody knows how to sing"),
        ("set window=3", "comes too late"),
        ("submit_sm", "a line starts with"),
    ],
)
def test_a_dialog_that_does_not_hold_fails_at_its_line(wrong: str, why: str) -> None:
    with pytest.raises(DialogError, match=why):
        Dialog().play(BOUND + wrong)


def test_the_dialog_that_these_build_on_holds() -> None:
    Dialog().play(BOUND)
