"""What every connector must do, whatever is at its other end. A subclass says by its fixture `way` which is meant."""

from __future__ import annotations

from typing import Protocol

from smscd.connectors import Connector
from smscd.message import Message
from tests.connectors.wire import Told


class Way(Protocol):
    """A connector with its other side, which keeps everything until it is told to finish."""

    connector: Connector
    told: Told
    most: int
    """How many it takes at once."""

    def message(self, number: int) -> Message:
        """A message as the journey would hand it over."""

    async def finish(self) -> None:
        """The other side deals with everything that it has."""


def hand_over(way: Way, *numbers: int) -> list[Message]:
    """Messages that were screened, leased and handed over."""
    messages = [way.message(number) for number in numbers]
    way.connector.submit(messages)
    return messages


class ConnectorContract:
    """The contract. Every test begins with a connector that has started and has nothing to do."""

    async def test_it_says_who_it_is(self, way: Way) -> None:
        assert way.connector.name
        assert way.connector.kind
        assert isinstance(way.connector.stores_lease, bool)

    async def test_what_it_has_is_missing_from_its_credit(self, way: Way) -> None:
        assert way.connector.credit() == way.most
        hand_over(way, 1, 2)
        assert way.connector.credit() == way.most - 2
        await way.finish()
        assert way.connector.credit() == way.most

    async def test_every_message_comes_to_one_end_and_no_other(self, way: Way) -> None:
        hand_over(way, *range(1, way.most + 1))
        await way.finish()
        await way.finish()
        assert way.told.ends == dict.fromkeys(range(1, way.most + 1), 1)

    async def test_ends_come_in_the_order_of_handing_over(self, way: Way) -> None:
        hand_over(way, 1)
        hand_over(way, 2, 3)
        await way.finish()
        assert list(way.told.ends) == [1, 2, 3]

    async def test_it_can_be_given_more_when_it_is_done(self, way: Way) -> None:
        for turn in range(3):
            hand_over(way, *range(turn * way.most + 1, (turn + 1) * way.most + 1))
            assert way.connector.credit() == 0
            await way.finish()
        assert sum(way.told.ends.values()) == 3 * way.most

    async def test_a_message_that_it_lets_in_is_not_refused(self, way: Way) -> None:
        assert way.connector.screen(way.message(1)) == 0

    async def test_what_it_gives_back_is_not_heard_of_again(self, way: Way) -> None:
        (message, other) = hand_over(way, 1, 2)
        credit = way.connector.credit()
        given_back = way.connector.recall(message)
        await way.finish()
        assert way.told.ends[message.id] == (0 if given_back else 1)
        assert way.told.ends[other.id] == 1
        assert not given_back or credit < way.connector.credit()

    async def test_what_it_never_had_it_cannot_give_back(self, way: Way) -> None:
        assert not way.connector.recall(way.message(77))
        (message,) = hand_over(way, 1)
        await way.finish()
        assert not way.connector.recall(message)

    async def test_a_message_that_was_given_back_can_be_handed_over_again(self, way: Way) -> None:
        (message,) = hand_over(way, 1)
        if way.connector.recall(message):
            way.connector.submit([message])
        await way.finish()
        assert way.told.ends == {1: 1}

    async def test_its_status_tells_what_it_has(self, way: Way) -> None:
        hand_over(way, 1, 2)
        status = way.connector.status()
        assert status["in_flight"] == 2
        assert status["credit"] == way.connector.credit()
        assert isinstance(status["state"], str)

    async def test_a_stopped_connector_takes_no_more_until_it_is_started_again(self, way: Way) -> None:
        await way.connector.stop()
        assert way.connector.credit() == 0
        await way.connector.start()
        assert way.connector.credit() == way.most
