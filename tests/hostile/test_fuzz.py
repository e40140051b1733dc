"""Sound frames with unsound insides, by the thousand: every one is answered, and smscd stays as it was."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from smscd import pdu
from tests.hostile.accounts import account
from tests.hostile.house import House
from tests.hostile.mutants import Mutants
from tests.hostile.peer import Peer, frame, submit

SEED = int(os.environ.get("HOSTILE_SEED", "20260706"))
FRAMES = int(os.environ.get("HOSTILE_FRAMES", "4000"))
AT_ONCE = 50
MARKER = 0x40000000
"""Sequence numbers from here on are ours: an enquire_link with one, and everything before it has been looked at."""

FUZZER = account("fuzzer", receives=["*"], window=400, deliver_window=1000)


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path, FUZZER) as house:
        yield house
        house.unharmed(0, 0)


def exchange(peer: Peer, mutants: Mutants, batch: int, heard: Counter[str]) -> None:
    """Send `AT_ONCE` frames and take everything that comes until the marker behind them is answered."""
    frames = [mutants.next() for _ in range(AT_ONCE)]
    peer.send(b"".join(frames) + frame(pdu.EnquireLink.command_id, number=MARKER + batch))
    while True:
        answer = peer.hear()
        assert answer is not None, (
            f"the session ended over one of these:\n{chr(10).join(one[:300].hex() for one in frames)}"
        )
        if isinstance(answer, pdu.EnquireLinkResp) and answer.sequence_number == MARKER + batch:
            return
        if isinstance(answer, pdu.DeliverSm):
            heard["deliver_sm"] += 1
            if answer.sequence_number % 3:  # one in three is never answered
                peer.send(frame(pdu.DeliverSmResp.command_id, b"\0", number=answer.sequence_number))
        elif answer.command_id & pdu.RESPONSE:
            heard[f"{pdu.command_name(answer.command_id)} {pdu.status.status_name(answer.command_status)}"] += 1
            if isinstance(answer, pdu.SubmitSmResp) and answer.message_id:
                mutants.ids.append(answer.message_id)


def test_whatever_stands_in_a_sound_frame_the_session_lives_and_the_store_recovers(own_house: House) -> None:
    print(f"HOSTILE_SEED={SEED} HOSTILE_FRAMES={FRAMES}")
    heard: Counter[str] = Counter()
    for version in (0x33, 0x34, 0x50):
        mutants = Mutants(SEED + version)
        with own_house.bound("fuzzer", version=version) as peer:
            for batch in range(FRAMES // AT_ONCE // 3):
                exchange(peer, mutants, batch, heard)
            assert peer.status_of(submit(b"still here")) == "ESME_ROK"
    print(sorted(heard.items()))
    # the fuzz got inside: into the store and out again, into what is stored, into admission, into the decoder
    assert heard["submit_sm_resp ESME_ROK"] > 50
    assert heard["deliver_sm"] > 10
    for command in ("data_sm", "submit_multi", "query_sm"):
        assert heard[f"{command}_resp ESME_ROK"] > 0, command
    assert heard["cancel_sm_resp ESME_ROK"] + heard["cancel_sm_resp ESME_RCANCELFAIL"] > 0
    assert heard["replace_sm_resp ESME_ROK"] + heard["replace_sm_resp ESME_RREPLACEFAIL"] > 0
    assert len([name for name in heard if "ESME_RINV" in name]) > 40
    own_house.canary.rest()
    own_house.running.restart()
    own_house.canary = type(own_house.canary)(own_house.port)
    listed = own_house.running.ask("message.list", limit=10_000)["messages"]
    for message in listed[:: max(1, len(listed) // 100)]:
        own_house.running.ask("message.show", message_id=message["message_id"], text=True)


def test_whatever_stands_in_a_bind_it_is_answered_and_nobody_else_waits(house: House) -> None:
    print(f"HOSTILE_SEED={SEED}")
    mutants = Mutants(SEED)
    heard: Counter[str] = Counter()
    with contextlib.ExitStack() as open_ones:
        peers = [open_ones.enter_context(house.peer(source="127.0.0.70")) for _ in range(60)]
        for peer in peers:
            peer.send(mutants.bind())
        for peer in peers:
            answer = peer.hear()
            heard[pdu.status.status_name(answer.command_status) if answer else "closed"] += 1
    print(sorted(heard.items()))
    assert "closed" not in heard
    assert {"ESME_ROK", "ESME_RINVPASWD", "ESME_RINVSYSID", "ESME_RINVCMDLEN"} <= heard.keys()
