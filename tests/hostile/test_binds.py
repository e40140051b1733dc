"""Who may come in, how often they may be wrong, and how many may stand in the door."""

from __future__ import annotations

import contextlib
import random
import select
from collections.abc import Sequence

from smscd import pdu
from tests.hostile.house import House
from tests.hostile.peer import Peer, frame, submit
from tests.machine import password_check, processor_time
from tests.running import until

ATTACKER = "127.0.0.66"


def guess(house: House, system_id: str, password: str, source: str = ATTACKER) -> str:
    """One bind on a connection of its own: its command_status."""
    with house.peer(source=source) as peer:
        answer = peer.ask(pdu.BindTransceiver(system_id=system_id.encode(), password=password.encode()))
        if answer.command_status:
            assert peer.rest() == [], "a refused bind is answered, then closed"
        return pdu.status.status_name(answer.command_status)


def whatever_came(peer: Peer) -> list[pdu.Pdu]:
    """What has arrived by now."""
    found: list[pdu.Pdu] = []
    with contextlib.suppress(TimeoutError):
        while (heard := peer.hear(patience=0.005)) is not None:
            found.append(heard)
    return found


def answered(peers: Sequence[Peer]) -> int:
    """How many of them have octets to read."""
    return len(select.select([peer.socket for peer in peers], [], [], 0)[0])


def test_five_wrong_passwords_lock_the_address_out_and_nobody_else(house: House) -> None:
    for attempt in range(5):
        assert guess(house, "vault", f"wrong{attempt}") == "ESME_RINVPASWD"
    assert guess(house, "vault", "wrong") == "ESME_RBINDFAIL"
    assert guess(house, "vault", "open sesame") == "ESME_RBINDFAIL", "the right one comes too late"
    assert guess(house, "vault", "open sesame", source="127.0.0.67") == "ESME_ROK"
    assert guess(house, "test", "secret") == "ESME_ROK"
    lines = house.running.lines("bind refused", esme="vault")
    assert [line["why"] for line in lines] == ["wrong password"] * 5 + ["locked out after failures"] * 2


def test_a_refused_bind_may_be_followed_by_another_at_once(house: House) -> None:
    """Its connection stays for as long as it takes to read why: jSMPP looks at an answer after it looks for more."""
    with house.peer() as peer:
        wrong = peer.ask(pdu.BindTransceiver(system_id=b"test", password=b"wrong"))
        right = peer.ask(pdu.BindTransceiver(system_id=b"test", password=b"secret"))
        assert (wrong.command_status, right.command_status) == (pdu.ESME_RINVPASWD, pdu.ESME_ROK)
        assert guess(house, "test", "wrong") == "ESME_RINVPASWD", "its connection has ended, and so would this one"
        assert peer.ask(pdu.EnquireLink()).command_status == pdu.ESME_ROK
        assert guess(house, "test", "secret") == "ESME_ROK"


def test_two_hundred_guesses_at_once_get_no_more_tries_than_five(house: House) -> None:
    with contextlib.ExitStack() as open_ones:
        attackers = [open_ones.enter_context(house.peer(source="127.0.0.68")) for _ in range(200)]
        for number, attacker in enumerate(attackers):
            attacker.say(pdu.BindTransceiver(system_id=b"vault", password=b"guess%d" % number))
        answers = [attacker.answer_to(1).command_status for attacker in attackers]
    assert set(answers) == {pdu.ESME_RINVPASWD, pdu.ESME_RBINDFAIL}
    assert answers.count(pdu.ESME_RINVPASWD) <= 5


def test_a_crowd_of_guessers_keeps_nobody_from_elsewhere_waiting(house: House) -> None:
    """Every guess costs a password check; a bind from elsewhere has its own in turn, after one or two of theirs.

    Told by order, not by a clock: on a machine that has no time every check takes long, and none comes out of its turn.
    """
    with contextlib.ExitStack() as open_ones:
        crowd = [open_ones.enter_context(house.peer(source="127.0.0.68")) for _ in range(40)]
        elsewhere = open_ones.enter_context(house.peer(source="127.0.0.69"))
        for number, attacker in enumerate(crowd):
            attacker.say(pdu.BindTransceiver(system_id=b"nobody%d" % number, password=b"guess"))
        elsewhere.say(pdu.BindTransceiver(system_id=b"cellar", password=b"open sesame"))
        already = answered(crowd)
        assert elsewhere.answer_to(1).command_status == pdu.ESME_ROK
        assert answered(crowd) - already <= 10
        assert {attacker.answer_to(1).command_status for attacker in crowd} == {pdu.ESME_RINVSYSID}


def test_a_storm_of_right_binds_pays_for_one_password_check(house: House) -> None:
    with contextlib.ExitStack() as open_ones:
        peers = [open_ones.enter_context(house.peer()) for _ in range(100)]
        one = password_check()
        started = processor_time(house.running.pid)
        for peer in peers:
            peer.say(pdu.BindTransceiver(system_id=b"many", password=b"open sesame"))
        assert {peer.answer_to(1).command_status for peer in peers} == {pdu.ESME_ROK}
        took = processor_time(house.running.pid) - started
        assert took < 50 * max(one, password_check()), "a hundred checks, one after the other, take a hundred times one"


def test_two_hundred_connections_that_never_finish_their_bind_are_closed_while_others_bind(house: House) -> None:
    with contextlib.ExitStack() as open_ones:
        silent = [open_ones.enter_context(house.peer()) for _ in range(180)]
        slow = [open_ones.enter_context(house.peer()) for _ in range(20)]
        for octet in frame(pdu.BindTransceiver.command_id, b"test" * 200, length=900):  # it never ends
            for peer in slow:
                with contextlib.suppress(ConnectionError):
                    peer.send(bytes((octet,)))
            assert guess(house, "test", "secret") == "ESME_ROK"
            if answered(slow):
                break
        for peer in (*silent, *slow):
            assert peer.rest() == [], "it was closed without a word, whatever it was sending"


def test_a_thousand_connections_that_come_and_go_leave_nothing_behind(house: House) -> None:
    seed = 20260706
    print(f"seed {seed}")
    draw = random.Random(seed)
    before = house.counted("smscd_connections_total") + house.counted("smscd_connections_refused_total")
    bind = pdu.encode(pdu.BindTransceiver(1, system_id=b"test", password=b"secret"))
    for _ in range(1000):
        peer = house.peer()
        peer.send(bind[: draw.randrange(len(bind) + 1)])
        draw.choice((peer.close, peer.reset))()
    after = before + 1000
    until(lambda: house.counted("smscd_connections_total") + house.counted("smscd_connections_refused_total") >= after)
    until(lambda: house.sessions("test") == [])
    until(lambda: house.descriptors() < 60)


def test_binds_up_to_the_limit_and_not_one_more_even_at_once(house: House) -> None:
    with contextlib.ExitStack() as open_ones:
        peers = [open_ones.enter_context(house.peer()) for _ in range(12)]
        for peer in peers:
            peer.say(pdu.BindTransceiver(system_id=b"three", password=b"secret"))
        bound: list[Peer] = []
        refused: list[Peer] = []
        waiting = list(peers)
        while waiting:  # who is bound already is asked whether it lives whenever another one comes
            for peer in [*bound, *waiting]:
                for heard in whatever_came(peer):
                    if isinstance(heard, pdu.EnquireLink):
                        peer.send(frame(pdu.EnquireLinkResp.command_id, number=heard.sequence_number))
                    elif isinstance(heard, pdu.BindTransceiverResp):
                        waiting.remove(peer)
                        (refused if heard.command_status else bound).append(peer)
        assert (len(bound), len(refused)) == (3, 9)
        assert all(peer.alive() for peer in bound)


def test_a_bind_that_is_dead_makes_room_for_a_new_one_and_those_alive_stay(house: House) -> None:
    dead, first, second = (house.bound("three") for _ in range(3))
    with dead, first, second, house.peer() as new:
        number = new.say(pdu.BindTransceiver(system_id=b"three", password=b"secret"))
        for peer in (first, second):
            asked = peer.hear()
            assert isinstance(asked, pdu.EnquireLink)
            peer.send(frame(pdu.EnquireLinkResp.command_id, number=asked.sequence_number))
        assert new.answer_to(number).command_status == pdu.ESME_ROK
        dead.rest()
        assert all(peer.status_of(submit()) == "ESME_ROK" for peer in (first, second, new))


def test_resets_in_the_middle_of_everything_lose_nothing_and_leak_nothing(house: House) -> None:
    seed = 20260706
    print(f"seed {seed}")
    draw = random.Random(seed)
    accepted = 0
    for _ in range(60):
        peer = house.bound("reset")
        one = pdu.encode(submit(b"reset", receipt=True))
        cut = draw.randrange(30 * len(one))
        whole = cut // len(one)
        peer.send((30 * one)[:cut])
        for _ in range(draw.randrange(min(whole, 12) + 1)):  # there is an answer to each, and a receipt
            accepted += isinstance(peer.hear(), pdu.SubmitSmResp)
        peer.reset()
    until(lambda: house.sessions("reset") == [])
    with house.bound("reset") as peer:
        receipts: set[bytes] = set()
        while len(receipts) < accepted or house.waiting("esme:reset"):
            heard = peer.hear()
            assert isinstance(heard, pdu.DeliverSm)
            receipts.add(pdu.tlv.get(heard.tlvs, pdu.Tag.receipted_message_id) or b"")
            peer.send(pdu.deliver_sm_resp(heard.sequence_number))
