"""What an operator may do to messages, over a journey on a stage."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smscd.admin.commands import Commands, handset_message
from smscd.errors import ControlError
from smscd.message import Accepted, Message, Stage, text_of
from smscd.pdu import MessageState
from smscd.routing import Receivers, RouteSettings, Ruleset
from tests.cast import deliver_sm
from tests.play import Play


def commands(play: Play) -> Commands:
    return Commands(play.journey, play.ancillary, list, dict)


def about(message_id: str, **more: Any) -> dict[str, Any]:
    return {"message_id": message_id, **more}


async def a_dead_letter(play: Play) -> str:
    """The message_id of an MO whose validity ended while its ESME was away."""
    message = play.journey.accept_mo(deliver_sm())
    await play.quiet()
    await play.advance(play.retry.receipt_validity + 1)
    play.bound.open()
    await play.quiet()
    assert (await play.stored(message)).stage == Stage.DEAD
    return message.message_id


async def test_a_dead_letter_is_sent_again_with_a_new_validity() -> None:
    async with Play(bound_room=0) as play:
        message_id = await a_dead_letter(play)
        assert await commands(play).message_retry(about(message_id)) == {"retried": 1}
        await play.quiet()
        assert [one.message_id for one in play.bound.handed] == [message_id]
        assert play.bound.handed[0].message_state == MessageState.ENROUTE


async def test_a_dead_letter_that_is_forgotten_while_it_is_sent_again_is_there_after_a_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Play(bound_room=0) as play:
        message_id = await a_dead_letter(play)
        play.bound.open(0)
        find = play.store.find

        async def found_and_forgotten(wanted: str) -> list[Message]:
            found = await find(wanted)
            assert await play.store.purge(0, play.clock.wall() + 1, 10) == 1
            return found

        monkeypatch.setattr(play.store, "find", found_and_forgotten)
        assert await commands(play).message_retry(about(message_id)) == {"retried": 1}
        await play.crash()
        await play.quiet()
        assert [one.message_id for one in play.bound.handed] == [message_id]


async def test_two_operators_who_retry_at_once_send_a_dead_letter_once() -> None:
    async with Play(bound_room=0) as play:
        operator, message_id = commands(play), await a_dead_letter(play)
        told = await asyncio.gather(
            operator.message_retry(about(message_id)), operator.message_retry(about(message_id)), return_exceptions=True
        )
        assert told.count({"retried": 1}) == 1
        assert isinstance(told[1], ControlError)
        await play.quiet()
        assert [one.message_id for one in play.bound.handed] == [message_id]
        assert play.journey.queued == 0


async def test_an_mo_that_nobody_received_is_sent_again_to_who_receives_it_now() -> None:
    async with Play() as play:
        message = play.journey.accept_mo(deliver_sm(destination_addr=b"777"))
        await play.quiet()
        with pytest.raises(ControlError, match="no ESME receives messages to 777"):
            await commands(play).message_retry(about(message.message_id))
        assert (await play.stored(message)).stage == Stage.DEAD
        play.journey.receivers = Receivers({"test": ["777"]})
        assert await commands(play).message_retry(about(message.message_id)) == {"retried": 1}
        await play.quiet()
        assert [one.message_id for one in play.bound.handed] == [message.message_id]
        row = await play.stored(message)
        assert (row.system_id, row.connector) == ("test", "esme:test")


async def test_what_is_neither_dead_nor_held_is_not_sent_again() -> None:
    async with Play() as play:
        message = await play.submitted()
        with pytest.raises(ControlError, match="only dead letters and held messages"):
            await commands(play).message_retry(about(message.message_id))
        with pytest.raises(ControlError, match="no message has the message_id 42"):
            await commands(play).message_retry(about("42"))


async def test_a_shown_text_is_read_in_the_alphabet_of_its_sender() -> None:
    async with Play() as play:
        play.account(default_alphabet="latin1")
        message = await play.submitted("Café".encode("latin-1"))
        shown = await commands(play).message_show(about(message.message_id, text=True))
        assert shown["text"] == "Café"
        assert "text" not in await commands(play).message_show(about(message.message_id))


# --- listing and showing ----------------------------------------------------------------------------------------------


async def pages(operator: Commands, limit: int, **filters: Any) -> list[tuple[str, str]]:
    """(message_id, destination_addr) of every message, read page by page as the CLI does."""
    seen: list[tuple[str, str]] = []
    before = None
    while True:
        answer = await operator.message_list({"limit": limit, "before": before, **filters})
        if not answer["messages"]:
            return seen
        seen += [(one["message_id"], one["destination_addr"]) for one in answer["messages"]]
        before = answer["messages"][-1]["message_id"]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_paging_through_a_list_shows_every_message_once_those_of_a_submit_multi_too(limit: int) -> None:
    async with Play(network_room=0) as play:
        expected = []
        for turn in range(3):
            first = play.accepted()
            expected.append((first.message_id, "447700900001"))
            for number in range(2, 2 + turn):
                other = play.accepted(destination_addr=b"44770090000%d" % number, group=first)
                expected.append((other.message_id, f"44770090000{number}"))
            await play.quiet()
        assert await pages(commands(play), limit) == expected[::-1]


async def test_a_list_is_filtered_by_words_and_an_unknown_word_names_those_that_are_known() -> None:
    async with Play(network_room=0) as play:
        operator = commands(play)
        mt = await play.submitted()
        mo = play.journey.accept_mo(deliver_sm())
        await play.quiet()
        for filters, found in [
            ({"kind": "mt"}, [mt.message_id]), ({"kind": "MO"}, [mo.message_id]),
            ({"stage": "queued"}, [mt.message_id]),
            ({"from": "12345"}, [mt.message_id]), ({"to": "12345"}, [mo.message_id]), ({"state": "delivered"}, []),
            ({"system_id": "nobody"}, []),
        ]:  # fmt: skip
            answer = await operator.message_list(filters)
            assert [one["message_id"] for one in answer["messages"]] == found, filters
        with pytest.raises(ControlError) as fault:
            await operator.message_list({"stage": "nonsense"})
        assert "QUEUED" in fault.value.remedy
        for of_parts in ("sent", "IN_DOUBT"):
            with pytest.raises(ControlError, match="stage of parts"):
                await operator.message_list({"stage": of_parts})


@pytest.mark.parametrize("later", range(14))
async def test_what_was_shown_once_is_never_shown_older(later: int) -> None:
    """The store may be asked before a commit and answer when memory has let go of the message after it."""
    async with Play() as play:
        message = await play.submitted()
        play.store.turns = 10
        play.network.outcome(message, Accepted(), ends=False)
        play.network.settle(message)
        for _ in range(later):
            await asyncio.sleep(0)
        shown = await commands(play).message_show(about(message.message_id))
        assert (shown["stage"], shown["message_state"]) == ("CLOSED", "DELIVERED")


async def test_a_message_is_shown_with_its_parts_and_its_receipt_and_its_text_only_if_asked_for() -> None:
    async with Play(bound_room=0) as play:
        message = await play.submitted(b"private words", registered_delivery=1)
        play.network.outcome(message, Accepted("up-1"), ends=False)
        play.network.settle(message)
        await play.quiet()
        shown = await commands(play).message_show(about(message.message_id))
        assert (shown["stage"], shown["message_state"]) == ("CLOSED", "DELIVERED")
        assert shown["parts"][0]["upstream_message_id"] == "up-1"
        assert shown["receipt"]["kind"] == "RECEIPT"
        assert "private words" not in repr(shown)
        assert b"private words".hex() not in repr(shown)
        with_text = await commands(play).message_show(about(message.message_id, text=True))
        assert with_text["text"] == "private words"


async def test_every_message_of_a_submit_multi_is_shown() -> None:
    async with Play() as play:
        first = play.accepted()
        play.accepted(destination_addr=b"447700900002", group=first)
        await play.quiet()
        shown = await commands(play).message_show(about(first.message_id))
        assert shown["destination_addr"] == "447700900001"
        assert [one["destination_addr"] for one in shown["others"]] == ["447700900002"]


async def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    async with Play() as play:
        for command in (commands(play).message_show, commands(play).message_cancel, commands(play).message_retry):
            with pytest.raises(ControlError, match="no message has the message_id 77"):
                await command(about("77"))
            with pytest.raises(ControlError, match="message_id is missing"):
                await command({})


async def test_a_cancelled_message_is_gone_when_the_operator_is_told_so() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        assert await commands(play).message_cancel(about(message.message_id)) == {"cancelled": 1}
        await play.crash()
        assert (await play.stored(message)).message_state == MessageState.DELETED
        with pytest.raises(ControlError, match="its stage is CLOSED"):
            await commands(play).message_cancel(about(message.message_id))


# --- the rest ---------------------------------------------------------------------------------------------------------


async def test_a_status_counts_what_waits_and_what_is_out() -> None:
    async with Play(network_room=1, bound_room=0) as play:
        for _ in range(3):
            await play.submitted()
        play.journey.accept_mo(deliver_sm())
        await play.quiet()
        status = await commands(play).status({})
        assert status["queue"] == {"queued": 2, "leased": 1, "waiting_for_esme": 1}
        by_name = {one["name"]: one for one in status["connectors"]}
        assert (by_name["network"]["queued"], by_name["network"]["in_flight"]) == (2, 1)
        assert by_name["esme:test"]["queued"] == 1


async def test_a_route_is_explained_as_it_is_taken() -> None:
    async with Play() as play:
        play.journey.routes = Ruleset([RouteSettings(["a"], destination_addr="49*"), RouteSettings(["network"])])
        told = await commands(play).route_explain({"to": "447700900001", "from": "12345"})
        assert (told["route"], told["connectors"]) == (2, ["network"])
        assert [rule["taken"] for rule in told["rules"]] == [False, True]
        assert told["ways"] == [
            {"connector": "network", "takes_messages": True, "sender": "12345", "ton_npi": None, "adds_tlvs": {}}
        ]
        play.journey.routes = Ruleset([])
        assert (await commands(play).route_explain({"to": "1", "from": "2"}))["route"] is None
        with pytest.raises(ControlError, match="there is no ESME tset"):
            await commands(play).route_explain({"to": "1", "from": "2", "esme": "tset"})


async def test_a_handset_can_only_write_where_there_is_an_emulated_network() -> None:
    async with Play() as play:
        with pytest.raises(ControlError, match="no emulated network"):
            await commands(play).mo({"from": "447700900001", "to": "12345", "text": "hi"})


@pytest.mark.parametrize(
    ("characters", "parts", "data_coding"),
    [("hello", 1, 0), ("x" * 161, 2, 0), ("\u4f60\u597d", 1, 8), ("\U0001f600" * 40, 2, 8), ("", 1, 0)],
)
def test_what_a_handset_writes_is_cut_into_parts_that_read_the_same_together(
    characters: str, parts: int, data_coding: int
) -> None:
    made = handset_message("+447700900001", "12345", characters, 7)
    assert len(made) == parts
    assert {one.data_coding for one in made} == {data_coding}
    assert "".join(text_of(one) for one in made) == characters
    assert {(one.source_addr, one.destination_addr) for one in made} == {(b"447700900001", b"12345")}
