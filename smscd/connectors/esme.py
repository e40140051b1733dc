"""Delivery to a bound ESME: receipts, intermediate notifications and MO leave as deliver_sm.

One connector per account. It exists whether or not the ESME is bound: without a bind it simply has no credit, and what
waits for it stays in its lane.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from smscd import pdu
from smscd.clock import Clock
from smscd.connectors.interface import News
from smscd.errors import SessionError
from smscd.link import Link
from smscd.message import RESEND, Content, Deferred, Message, Rejected, octets_of, put_octets
from smscd.session import Answered, State, Unanswered

RECEIVES = frozenset({State.BOUND_RX, State.BOUND_TRX})
"""States in which SMPP 3.4 table 2-1 lets a message centre send deliver_sm."""

ACKNOWLEDGEMENTS = (pdu.DeliverSmResp, pdu.DataSmResp)
"""What takes a message off our hands; a generic_nack does not, whatever command_status it carries."""


PERMANENT = frozenset({pdu.ESME_RX_P_APPN, pdu.ESME_RX_R_APPN})
"""By these a receiving ESME asks that the message is "rejected and not retried" (SMPP 5.0 §4.7.6)."""


class EsmeConnector:
    """See `connectors.interface.Connector`."""

    kind = "esme"
    provider = ""
    in_doubt = RESEND
    stores_lease = False  # a receipt that was not acknowledged is delivered again, whatever became of it
    screens = divides = False
    parts_within = 0.0
    shows = b""

    def __init__(self, system_id: str, news: News, clock: Clock) -> None:
        self.name = f"esme:{system_id}"
        self.system_id = system_id
        self._news = news
        self._clock = clock
        self._links: list[Link] = []
        self._pinned: dict[bytes, tuple[Link, int]] = {}  # handset → the link it is on, and how many are in flight
        self._waiting: dict[Link, deque[Message]] = {}  # pinned to a link whose window is full
        self._in_flight = 0
        self._stopped = False

    # -- links, as the listener brings them --------------------------------------------------------------------------

    @property
    def links(self) -> list[Link]:
        """Every link bound by this account, transmitters too."""
        return list(self._links)

    def attach(self, link: Link) -> None:
        """A link was bound; what waits may flow if the bind is one that receives."""
        self._links.append(link)
        self._waiting[link] = deque()
        if link.session.state in RECEIVES:
            self._news.has_credit(self.name)

    def detach(self, link: Link, unanswered: list[Message]) -> None:
        """A link is gone with these messages unanswered on it: they are due again at once, on any other link."""
        self._links.remove(link)
        for message in (*unanswered, *self._waiting.pop(link)):
            self._ended(message)
            self._news.outcome(message, 1, Deferred("the ESME's session ended", retry_after=0.0, counts=False))

    def answered(self, link: Link, events: list[Answered]) -> None:
        """deliver_sm_resp (or data_sm_resp, or a generic_nack) for some of ours."""
        delivered: list[Message] = []
        for event in events:
            message = event.context
            assert isinstance(message, Message)
            self._ended(message)
            if event.response.command_status == pdu.ESME_ROK and isinstance(event.response, ACKNOWLEDGEMENTS):
                delivered.append(message)
            else:
                self._refused(message, event.response)
        if delivered:
            self._news.delivered(delivered)
        self._next_on(link)

    def acknowledged(self, link: Link, messages: list[Message]) -> None:
        """`answered`, where every answer is ESME_ROK and no more."""
        for message in messages:
            self._ended(message)
        self._news.delivered(messages)
        self._next_on(link)

    def _refused(self, message: Message, response: pdu.Pdu) -> None:
        status = response.command_status
        why = f"the ESME answered {pdu.command_name(response.command_id)} {pdu.status.status_name(status)}"
        never = status in PERMANENT
        self._news.outcome(message, 1, Rejected(status, why) if never else Deferred(why, command_status=status))

    def unanswered(self, link: Link, event: Unanswered) -> None:
        """The response timer ran out: the ESME is bound but does not answer."""
        message = event.context
        assert isinstance(message, Message)
        self._ended(message)
        self._news.outcome(message, 1, Deferred("the ESME did not answer in time"))
        self._next_on(link)

    def writable(self, link: Link) -> None:
        """The link's peer reads again."""
        self._next_on(link)

    def _next_on(self, link: Link) -> None:
        waiting = self._waiting.get(link)
        while waiting and _credit(link) > 0:
            self._write(link, waiting.popleft())
        self._news.has_credit(self.name)

    # -- what the journey asks ---------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return any(link.session.state in RECEIVES for link in self._links)

    def divide(self, message: Message) -> int:  # noqa: ARG002 - it leaves as it came
        return 1

    def credit(self) -> int:
        if self._stopped:
            return 0
        return max(0, sum(_credit(link) for link in self._links) - sum(map(len, self._waiting.values())))

    def screen(self, message: Message) -> int:  # noqa: ARG002 - an ESME takes what it is sent when it is bound
        return 0

    def submit(self, messages: list[Message]) -> None:
        link = self._links[0] if len(self._links) == 1 else None
        if link is not None and self._takes_all(link, messages):
            self._write_all(link, messages)
            return
        for message in messages:
            self._submit(message)

    def _takes_all(self, link: Link, messages: list[Message]) -> bool:
        """Whether `link`, the only one, takes all of these now, in the octets that the store was given."""
        return (
            not self._waiting[link]
            and _credit(link) >= len(messages)
            and link.session.interface_version >= pdu.INTERFACE_VERSION_3_4
            and all(
                message.frame and type(message.content) is pdu.DeliverSm and len(message.content.tlvs) < FEW_TLVS
                for message in messages
            )
        )

    def _write_all(self, link: Link, messages: list[Message]) -> None:
        """`_submit` for all of these; nothing is wrong with them, for they were encoded before."""
        contents = [message.content for message in messages]
        frames = [message.frame for message in messages]
        link.session.relay(contents, frames, messages, self._clock.monotonic())
        self._in_flight += len(messages)
        pinned = self._pinned
        for content in contents:
            held = pinned.get(content.source_addr)
            pinned[content.source_addr] = (link, held[1] + 1 if held is not None else 1)
        link.flush_soon()

    def _submit(self, message: Message) -> None:
        link = self._link_for(message.content.source_addr)
        if link is None:
            self._news.outcome(message, 1, Deferred("the ESME is not bound", retry_after=0.0, counts=False))
            return
        handset = message.content.source_addr
        self._in_flight += 1
        self._pinned[handset] = (link, self._pinned[handset][1] + 1 if handset in self._pinned else 1)
        if self._waiting[link] or not _credit(link):
            self._waiting[link].append(message)
        else:
            self._write(link, message)

    def _link_for(self, handset: bytes) -> Link | None:
        """The link that has messages of `handset` in flight, so that they stay in order; otherwise the emptiest."""
        pinned = self._pinned.get(handset)
        if pinned is not None:
            return pinned[0]
        best, room = None, 0
        for link in self._links:
            credit = _credit(link) - len(self._waiting[link])
            if credit > room:
                best, room = link, credit
        return best

    def _write(self, link: Link, message: Message) -> None:
        content = message.content
        deliver = content if isinstance(content, pdu.DeliverSm) else as_deliver_sm(content, message.recipient)
        if len(deliver.tlvs) >= FEW_TLVS and link.session.interface_version < pdu.INTERFACE_VERSION_5_0:
            deliver = _before_5_0(deliver)
        try:
            frame = message.frame if deliver is content else b""
            link.session.request(deliver, self._clock.monotonic(), message, frame)
        except (SessionError, ValueError) as fault:  # it cannot be said to this peer: a message_payload to a 3.3 bind
            self._ended(message)
            self._news.outcome(message, 1, Rejected(pdu.ESME_RINVMSGLEN, str(fault)))
            return
        link.flush_soon()

    def _ended(self, message: Message) -> None:
        self._in_flight -= 1
        handset = message.content.source_addr
        link, count = self._pinned[handset]
        if count == 1:
            del self._pinned[handset]
        else:
            self._pinned[handset] = (link, count - 1)

    def resume(self, message: Message) -> None:
        raise AssertionError(f"{message.message_id}: an ESME takes nothing over before it has acknowledged it")

    def recall(self, message: Message) -> bool:  # noqa: ARG002 - what was written cannot be taken back
        return False

    def status(self) -> dict[str, Any]:
        state = "up" if self.alive else "no receiving bind"
        return {"state": state, "in_flight": self._in_flight, "credit": self.credit()}

    async def start(self) -> None:
        self._stopped = False

    async def stop(self) -> None:
        self._stopped = True


def _credit(link: Link) -> int:
    return 0 if link.writing_paused else link.session.credit  # a session that may not send has none either


def as_deliver_sm(content: Content, recipient: bytes = b"") -> pdu.DeliverSm:
    """What another ESME submitted, as the deliver_sm that reaches this one (SMPP 3.4 §4.6.1 against §4.4.1).

    `recipient`: the international number that it is for, where destination_addr is written otherwise.
    """
    deliver = pdu.DeliverSm(
        service_type=content.service_type,
        source_addr_ton=content.source_addr_ton,
        source_addr_npi=content.source_addr_npi,
        source_addr=content.source_addr,
        dest_addr_ton=1 if recipient else content.dest_addr_ton,
        dest_addr_npi=1 if recipient else content.dest_addr_npi,
        destination_addr=recipient or content.destination_addr,
        esm_class=content.esm_class & ~pdu.ESM_MODE_MASK,
        data_coding=content.data_coding,
        registered_delivery=content.registered_delivery & ASKS_THE_RECIPIENT,
        tlvs=[(tag, value) for tag, value in content.tlvs if tag not in SUBMIT_ONLY],
    )
    if not isinstance(content, pdu.DataSm):
        deliver.protocol_id = content.protocol_id
        deliver.priority_flag = content.priority_flag
        deliver.short_message = content.short_message
    return readable(deliver)


def readable(deliver: pdu.DeliverSm) -> pdu.DeliverSm:
    """`deliver` with its text where an ESME of any version looks for it: 3.3 has no message_payload, 3.4 no sm_length
    of 255 (§5.2.21), and neither has both at once."""
    if deliver.tlvs or len(deliver.short_message) > pdu.MAX_SHORT_MESSAGE_3_4:
        put_octets(deliver, octets_of(deliver))
    return deliver


ASKS_THE_RECIPIENT = pdu.REGISTERED_DELIVERY_ACKNOWLEDGEMENT | pdu.REGISTERED_USER_ACKNOWLEDGEMENT
"""Of registered_delivery what the recipient is to answer for; all else was asked of us (SMPP 3.4 §5.2.17)."""


FEW_TLVS = 3
"""Fewer than these are no receipt with a network_error_code."""
NEWEST_NETWORK_OF_3_4 = 3
"""network_error_code, network type: what is higher came with 5.0 (SMPP 3.4 §5.3.2.31, 5.0 §4.8.4.42)."""


def _before_5_0(deliver: pdu.DeliverSm) -> pdu.DeliverSm:
    """`deliver` without a network_error_code that only 5.0 can read; the text of a receipt says the error too."""
    code = pdu.tlv.get(deliver.tlvs, pdu.Tag.network_error_code)
    if not code or code[0] <= NEWEST_NETWORK_OF_3_4:
        return deliver
    return replace(deliver, tlvs=[one for one in deliver.tlvs if one[0] != pdu.Tag.network_error_code])


SUBMIT_ONLY = frozenset({
    pdu.Tag.more_messages_to_send, pdu.Tag.qos_time_to_live, pdu.Tag.number_of_messages, pdu.Tag.set_dpf,
    pdu.Tag.ms_validity, pdu.Tag.alert_on_message_delivery,
})  # fmt: skip
"""TLVs that mean something to a message centre only."""
