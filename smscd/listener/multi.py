"""submit_multi: one message per destination, one message_id for all, one answer (SMPP 3.4 §4.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from smscd import pdu
from smscd.admission import Esme
from smscd.ancillary import Ancillary
from smscd.journey import Journey
from smscd.link import Link
from smscd.message import Content, Message

LONG = 1000
"""Octets of message_payload that count as one more submit in the window."""


def submit_multi(
    journey: Journey, ancillary: Ancillary, esme: Esme, link: Link, submit: pdu.SubmitMulti
) -> Coroutine[Any, Any, None] | None:
    """Submit to every destination; the response names those that were refused, and goes out after the commit.

    If none was accepted, the response carries the status of the first refusal. What is returned has to be awaited: a
    long text is as much work for each destination as for one alone, and everybody else has their turn between them.
    """
    answer = _Answer(ancillary, esme, link, submit)
    if burden_of(submit):
        return _in_turns(journey, answer)
    for address in submit.dest_address:
        answer.ask(journey, address)
    answer.complete()
    return None


async def _in_turns(journey: Journey, answer: _Answer) -> None:
    for address in answer.submit.dest_address:
        answer.ask(journey, address)
        if answer.first is not None:  # it is committed before the others come, and has to be found with them
            answer.first.group_id = answer.first.id
        await asyncio.sleep(0)
    answer.complete()


def burden_of(submission: Content | pdu.SubmitMulti) -> int:
    """As how many more submits it counts: a text in message_payload may be two hundred times as long as others."""
    payload = pdu.tlv.get(submission.tlvs, pdu.Tag.message_payload)
    return len(payload) // LONG if payload is not None else 0


class _Answer:
    """Collects what became of each destination; in one batch they are stored or dropped together."""

    def __init__(self, ancillary: Ancillary, esme: Esme, link: Link, submit: pdu.SubmitMulti) -> None:
        self._ancillary = ancillary
        self.first: Message | None = None
        self._esme = esme
        self._link = link
        self.submit = submit
        self._waiting: dict[int, pdu.SmeAddress] = {}
        self._unsuccess: list[pdu.UnsuccessSme] = []
        self._stored = 0
        self._complete = False
        self._burden = len(submit.dest_address) * (1 + burden_of(submit)) - 1
        link.burden += self._burden

    def ask(self, journey: Journey, address: pdu.SmeAddress | pdu.DistributionList) -> None:
        """Submit to one destination."""
        if isinstance(address, pdu.DistributionList):
            self.refuse(pdu.SmeAddress(destination_addr=address.dl_name), pdu.ESME_RINVDLNAME)
            return
        version = self._link.session.interface_version
        result = journey.accept(single(self.submit, address), self._esme, version, self.stored, self.first)
        if isinstance(result, Message):
            self.expect(result, address)
        else:
            self.refuse(address, result)

    def expect(self, message: Message, address: pdu.SmeAddress) -> None:
        self.first = self.first or message
        self._waiting[message.id] = address

    def refuse(self, address: pdu.SmeAddress, status: int) -> None:
        self._esme.counters.refused[status] += 1
        self._unsuccess.append(
            pdu.UnsuccessSme(
                dest_addr_ton=address.dest_addr_ton,
                dest_addr_npi=address.dest_addr_npi,
                destination_addr=address.destination_addr,
                error_status_code=status,
            )
        )

    def stored(self, message: Message, status: int) -> None:
        """The store's answer for one destination."""
        address = self._waiting.pop(message.id)
        if status:
            self.refuse(address, status)
        else:
            self._stored += 1
            self._esme.counters.accepted += 1
            self._esme.counters.accepted_segments += message.segments
            if self.submit.replace_if_present_flag:
                self._link.burden += 1  # it counts as owed until the older ones have given way
                self._ancillary.superseding(message).add_done_callback(self._replaced)
        self._respond_when_done()

    def _replaced(self, _done: asyncio.Task[None]) -> None:
        self._link.burden -= 1
        self._link.flush_soon()

    def complete(self) -> None:
        """Every destination has been looked at."""
        self._complete = True
        self._respond_when_done()

    def _respond_when_done(self) -> None:
        if self._waiting or not self._complete:
            return
        if self._stored and self.first is not None:
            response = pdu.SubmitMultiResp(message_id=self.first.message_id.encode(), unsuccess_sme=self._unsuccess)
        else:
            response = pdu.SubmitMultiResp(command_status=self._unsuccess[0].error_status_code)
        self._link.burden -= self._burden
        self._link.session.respond(self.submit, response)
        self._link.flush_soon()


def single(submit: pdu.SubmitMulti, address: pdu.SmeAddress) -> pdu.SubmitSm:
    """The submit_sm that would have said the same to one destination."""
    return pdu.SubmitSm(
        service_type=submit.service_type, source_addr_ton=submit.source_addr_ton,
        source_addr_npi=submit.source_addr_npi, source_addr=submit.source_addr,
        dest_addr_ton=address.dest_addr_ton, dest_addr_npi=address.dest_addr_npi,
        destination_addr=address.destination_addr, esm_class=submit.esm_class, protocol_id=submit.protocol_id,
        priority_flag=submit.priority_flag, schedule_delivery_time=submit.schedule_delivery_time,
        validity_period=submit.validity_period, registered_delivery=submit.registered_delivery,
        replace_if_present_flag=submit.replace_if_present_flag, data_coding=submit.data_coding,
        sm_default_msg_id=submit.sm_default_msg_id, short_message=submit.short_message, tlvs=list(submit.tlvs),
        tail=submit.tail,
    )  # fmt: skip
