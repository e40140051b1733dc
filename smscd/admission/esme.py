"""An ESME's account: what it may send, where, how much, and until when its messages are worth keeping."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from smscd import pdu
from smscd.admission.fields import common_status, is_usual, optional_part_status, segments_of, submit_sm_status
from smscd.admission.rate import DailyQuota, TokenBucket
from smscd.admission.settings import EsmeSettings
from smscd.clock import SECOND
from smscd.counters import EsmeCounters
from smscd.patterns import AddressSet

Submission = pdu.SubmitSm | pdu.DataSm

LATEST = pdu.times.absolute(2037, 12, 31, 0, 0, 0)
"""The last day that an absolute time of SMPP can name (3.4 Appendix C); a relative one reaches 99 years."""

PAST = 24 * 3600 * SECOND
"""A schedule no further back than this means at once: clocks and time zones differ, and to ask for the time it is now,
as every example of jSMPP does, is to ask for a moment that is over when it arrives."""


@dataclass(slots=True)
class Admitted:
    """A message that may come in. Times are microseconds UTC."""

    schedule: int  # 0: at once
    expires: int
    segments: int


class Esme:
    """One account, by its system_id."""

    def __init__(self, settings: EsmeSettings, counters: EsmeCounters, validity: float, now: float) -> None:
        self.settings = settings
        self.system_id = settings.system_id
        self.counters = counters
        self.quota: DailyQuota | None = None
        self.apply(settings, validity, now)

    def apply(self, settings: EsmeSettings, validity: float, now: float) -> None:
        """Take over changed settings; binds, counters and the quota used so far remain."""
        self.settings = settings
        self._sources = AddressSet(settings.source_addr)
        self._destinations = AddressSet(settings.destination_addr)
        self._networks = [ipaddress.ip_network(network) for network in settings.allow_from]
        self._bucket = TokenBucket(settings.rate, now) if settings.rate else None
        self.validity = int(validity * SECOND)
        if settings.daily_quota:
            self.quota = self.quota or DailyQuota(settings.daily_quota)
            self.quota.limit = settings.daily_quota
        else:
            self.quota = None
        self.is_open = (
            self._sources.is_everything and self._destinations.is_everything
            and not settings.rate and not settings.daily_quota
        )  # fmt: skip
        self.is_limited = self._bucket is not None or self.quota is not None

    def allows_from(self, address: str) -> bool:
        """Whether it may connect from `address` (an IP address without port)."""
        if not self._networks:
            return True
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self._networks)

    def admit(self, content: Submission, version: int, now: int, monotonic: float) -> Admitted | int:
        """May `content` come in? Its times and size, or the command_status to refuse it with.

        Nothing is charged for what is refused, except that a refusal for the daily quota has used the rate.
        """
        if content.tail and (status := optional_part_status(content, version, strict=self.settings.strict)):
            return status
        if isinstance(content, pdu.SubmitSm):
            status = 0 if is_usual(content) else submit_sm_status(content, version, strict=self.settings.strict)
            has_times = content.schedule_delivery_time or content.validity_period
        else:
            status, has_times = common_status(content), b"qos_time_to_live"
        if status:
            return status
        if content.source_addr not in self._sources:
            return pdu.ESME_RINVSRCADR
        if content.destination_addr not in self._destinations:
            return pdu.ESME_RINVDSTADR
        segments = segments_of(content, self.settings.default_alphabet)
        if not segments:
            return pdu.ESME_RINVMSGLEN
        if not has_times:
            schedule, expires = 0, now + self.validity  # nearly every message: nothing to parse
        else:
            times = self._times(content, now)
            if isinstance(times, int):
                return times
            schedule, expires = times
        if self.is_limited and not self._charge(segments, now, monotonic):
            return pdu.ESME_RTHROTTLED
        return Admitted(schedule, expires, segments)

    def _charge(self, segments: int, now: int, monotonic: float) -> bool:
        if self._bucket is not None and not self._bucket.take(segments, monotonic):
            return False
        return self.quota is None or self.quota.take(segments, now)

    def refund(self, segments: int, at: int) -> None:
        """Give back what `admit` charged at `at` (microseconds UTC), because there was no room for the message."""
        if self._bucket is not None:
            self._bucket.give_back(segments)
        if self.quota is not None:
            self.quota.give_back(segments, at)

    def _times(self, content: Submission, now: int) -> tuple[int, int] | int:
        """(schedule or 0, expires), or the command_status that refuses them (SMPP 3.4 §5.2.15, §5.2.16)."""
        if isinstance(content, pdu.DataSm):
            seconds = pdu.tlv.get_int(content.tlvs, pdu.Tag.qos_time_to_live)  # §5.3.2.9
            if not seconds:
                return 0, now + self.validity
            return 0, now + min(seconds * SECOND, self.validity)
        try:
            schedule = pdu.times.parse_time(content.schedule_delivery_time, now) or 0
        except pdu.times.TimeFormatError:
            return pdu.ESME_RINVSCHED
        try:
            expires = pdu.times.parse_time(content.validity_period, now)
        except pdu.times.TimeFormatError:
            return pdu.ESME_RINVEXPIRY
        return self._sane(schedule, expires, now)

    def _sane(self, schedule: int, expires: int | None, now: int) -> tuple[int, int] | int:
        if schedule and not now - PAST < schedule < LATEST:
            return pdu.ESME_RINVSCHED
        if schedule <= now:
            schedule = 0
        longest = (schedule or now) + self.validity
        if expires is None:
            return schedule, longest
        if expires <= now or (schedule and expires <= schedule):
            return pdu.ESME_RINVEXPIRY
        return schedule, min(expires, longest)
