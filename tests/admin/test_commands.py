"""What an operator may do to messages, over a journey on a stage."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smscd.admin.commands import Commands
from smscd.errors import ControlError
from smscd.message import Stage
from smscd.pdu import MessageState
from smscd.routing import Receivers
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
