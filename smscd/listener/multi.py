"""submit_multi: one message per destination, one message_id for all, one answer (SMPP 3.4 §4.5)."""

from __future__ import annotations

import asyncio

from smscd import pdu
from smscd.admission import Esme
from smscd.ancillary import Ancillary
from smscd.journey import Journey
from smscd.link import Link
from smscd.message import Message


def submit_multi(journey: Journey, ancillary: Ancillary, esme: Esme, link: Link, submit: pdu.SubmitMulti) -> None:
    """Submit to every destination; the response names those that were refused, and goes out after the commit.

    If none was accepted, the response carries the status of the first refusal.
    """
    answer = _Answer(ancillary, esme, link, submit)
    for address in submit.dest_address:
        if isinstance(address, pdu.DistributionList):
            answer.refuse(pdu.SmeAddress(destination_addr=address.dl_name), pdu.ESME_RINVDLNAME)
            continue
        result = journey.accept(
            single(submit, address), esme, link.session.interface_version, answer.stored, answer.first
        )
        if isinstance(result, Message):
            answer.expect(result, address)
        else:
            answer.refuse(address, result)
    answer.complete()


class _Answer:
    """Collects what became of each destination; all of them share one batch, so they are stored or dropped together."""

    def __init__(self, ancillary: Ancillary, esme: Esme, link: Link, submit: pdu.SubmitMulti) -> None:
        self._ancillary = ancillary
        self.first: Message | None = None
        self._esme = esme
        self._link = link
        self._submit = submit
        self._waiting: dict[int, pdu.SmeAddress] = {}
        self._unsuccess: list[pdu.UnsuccessSme] = []
        self._stored = 0
        self._complete = False
        self._burden = len(submit.dest_address) - 1
        link.burden += self._burden

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
            if self._submit.replace_if_present_flag:
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
        self._link.session.respond(self._submit, response)
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
