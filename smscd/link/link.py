"""One session on one transport."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Protocol, cast

from smscd.link.links import Links
from smscd.link.tls import common_name_of, subject_of
from smscd.session import Closed, Event, Session, State

CLOSED = State.CLOSED
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT = 60, 15, 4
"""Seconds of silence, seconds between probes, probes: a vanished peer is noticed within two minutes by TCP alone.

enquire_link is faster, but may be switched off."""

SLICE = 32 << 10
"""Octets that are acted upon before everybody else has their turn. uvloop reads up to 8 MiB from one peer at a stretch,
and a few octets can ask for much work (a submit_multi of 4 KiB is 254 messages)."""


class LinkOwner(Protocol):
    """Who acts on what a link brings; called from the loop, never awaited.

    An exception that leaves one of these calls costs the link (it is reported to the loop's exception handler, then
    the link is aborted) and no other.
    """

    def events(self, link: Link, events: list[Event]) -> None:
        """One call per read or tick with everything it brought; never empty.  What is answered here goes out in one
        write when the call returns."""

    def writable(self, link: Link) -> None:
        """The peer takes octets again: credit may be used."""

    def closed(self, link: Link, reason: str) -> None:
        """The link is gone; exactly once per link, and nothing comes after it."""


class Link(asyncio.Protocol):
    """A session, its transport, and the balance between what comes in and what goes out.

    Reading pauses while the session owes more than `window` answers, while the peer leaves us with more unsent octets
    than `LinkLimits.write_high`; our own timers are frozen for as long, since the answers we wait for may be among what
    we do not read.  A paused window opens again at half.  `window` may be set at any time; 0 means no limit.
    What comes behind a bind waits until the bind is decided.
    `burden` is what the owner counts beside the answers owed: a submit_multi is one answer to many messages.
    """

    __slots__ = (
        "_backlog",
        "_concluded",
        "_deadline",
        "_discarded",
        "_flush_due",
        "_held",
        "_loop",
        "_news",
        "_owner",
        "_paused_at",
        "_peer_ended",
        "_reading",
        "_reading_paused",
        "_reason",
        "_serving",
        "_transport",
        "_work_due",
        "burden",
        "certificate_name",
        "certificate_subject",
        "links",
        "peer",
        "peer_host",
        "session",
        "tls",
        "window",
        "writing_paused",
    )

    def __init__(self, session: Session, owner: LinkOwner, links: Links, *, window: int = 0) -> None:
        self.session = session
        self.links = links
        self.window = window
        self.burden = 0
        self.writing_paused = False
        self.peer = self.peer_host = ""
        self.tls = False
        self.certificate_subject = self.certificate_name = ""
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reading_paused = False
        self._reading = True  # what we told the transport
        self._backlog = b""  # read, and not yet acted upon
        self._held = False  # octets behind a bind are with the session, which looks at them when it is decided
        self._work_due = False
        self._flush_due = False
        self._peer_ended = False
        self._concluded = False
        self._reason = ""
        self._paused_at = 0.0
        self._deadline: float | None = None  # set as soon as we are closing
        self._discarded = 0
        self._serving = False
        self._news: list[Event] = []

    def __repr__(self) -> str:
        return f"<Link {self.peer or 'unconnected'}>"

    # what the owner calls

    @property
    def reading_paused(self) -> bool:
        """Whether the peer's window is full, or the peer does not read."""
        return self._reading_paused

    def flush(self) -> None:
        """Write what the session has to send now, in one write; close if the session has ended.

        Inside `LinkOwner.events` it does nothing: the flush comes when the call returns.
        """
        transport = self._transport
        if transport is None or self._serving or self._deadline is not None:
            return
        octets = self.session.data_to_send()
        if octets:
            transport.write(octets)
            if self.writing_paused and transport.get_write_buffer_size() > self.links.limits.write_cap:
                self.abort("peer does not read: the send buffer is full")
                return
        if self.session.state is CLOSED:
            self._part(transport)
        else:
            self._balance(transport)

    def flush_soon(self) -> None:
        """Flush once at the end of this loop turn, however often it is asked for."""
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_now)

    def close(self, reason: str) -> None:
        """End the session, flush, then close; cut if the peer does not take the rest within `LinkLimits.linger`."""
        self._reason = self._reason or reason
        if self._transport is None:
            self.conclude(reason)
            return
        self._news += self.session.close(reason)
        self.flush()

    def abort(self, reason: str) -> None:
        """Cut the connection at once; what was not yet sent is lost."""
        self._reason = self._reason or reason
        if self._transport is None:
            self.conclude(reason)
            return
        self._deadline = self.links.clock.monotonic()
        self._transport.abort()

    # what the registry and the door call

    def tick(self, now: float) -> None:
        """Let the session's timers run and look after our own; `now` in monotonic seconds."""
        limits = self.links.limits
        if self._deadline is not None:
            if now >= self._deadline:
                self.abort("peer did not take the last octets")
        elif self.writing_paused and now - self._paused_at >= limits.stall:
            self.abort(f"peer does not read: over {limits.write_low} octets unsent for {limits.stall:g} s")
        else:
            try:
                self._serve(self.session.tick(now))
                self.flush()
            except Exception as fault:  # noqa: BLE001 - a fault on one link must not cost the others their tick
                self._report(fault)

    def slept(self, seconds: float) -> None:
        """The process stood still for so long: what the peer has said meanwhile is still to be read."""
        self.session.slept(seconds)
        self._paused_at += seconds
        if self._deadline is not None:
            self._deadline += seconds

    def conclude(self, reason: str) -> None:
        """Tell the owner that it is over, once; also for a link whose handshake failed and that never opened."""
        self.links.leave(self)
        if self._concluded:
            return
        self._concluded = True
        self._owner.closed(self, self._reason or reason)

    def disown(self) -> None:
        """Drop the link without a word to the owner, who learns by an exception that it never opened."""
        self._concluded = True
        self.abort("never opened")

    # what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        opened = cast("asyncio.Transport", transport)
        if self._concluded:  # closed by its owner while it was being opened
            opened.abort()
            return
        self._transport = opened
        self.introduce(opened.get_extra_info("peername"))
        self.tls = opened.get_extra_info("ssl_object") is not None
        if self.tls:
            certificate: dict[str, Any] | None = opened.get_extra_info("peercert")
            self.certificate_subject = subject_of(certificate)
            self.certificate_name = common_name_of(certificate)
        tune(opened.get_extra_info("socket"))
        limits = self.links.limits
        opened.set_write_buffer_limits(high=limits.write_high, low=limits.write_low)
        self.links.join(self)
        self.flush()

    def introduce(self, peername: Any) -> None:
        """Remember who the peer is: the address tuple of a socket, or whatever else its family has."""
        if isinstance(peername, tuple) and len(peername) >= 2:
            self.peer_host = str(peername[0]).partition("%")[0]
            host = f"[{self.peer_host}]" if ":" in self.peer_host else self.peer_host
            self.peer = f"{host}:{peername[1]}"

    def data_received(self, data: bytes) -> None:
        if self._deadline is not None:
            self._discard(len(data))
            return
        if self._backlog or self._held or len(data) > SLICE:
            self._backlog += data
            self._work()
        else:
            self._act_on(data)

    def eof_received(self) -> bool:
        """The peer sends no more. It may still listen: what it has asked is answered before the transport closes."""
        self._peer_ended = True
        if self._deadline is None:
            rest, self._backlog = self._backlog, b""
            if rest:
                self._serve(self.session.receive_data(rest, self.links.clock.monotonic()))
            self._serve([*self._take_news(), *self._session_ended(can_write=not self.tls)])
            self.flush()
        return self._deadline is None and not self.tls  # TLS of the standard library cannot be closed by halves

    def pause_writing(self) -> None:
        self.writing_paused = True
        self._paused_at = self.links.clock.monotonic()
        if self._transport is not None and self._deadline is None:
            self._balance(self._transport)

    def resume_writing(self) -> None:
        self.writing_paused = False
        if self._deadline is not None:
            return
        try:
            self._owner.writable(self)
        except Exception as fault:  # noqa: BLE001 - crash only the session
            self._report(fault)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._reason = self._reason or f"connection lost: {exc}"
        self._serve([*self._take_news(), *self._session_ended(can_write=False)])
        self._transport = None
        self.conclude("closed by peer")

    # how it is done

    def _flush_now(self) -> None:
        self._flush_due = False
        self.flush()

    def _serve(self, events: list[Event]) -> None:
        """Hand over what a read or a tick brought; an exception of the owner's costs this link only."""
        if not events or self._concluded:
            return
        if self.session.state is CLOSED:
            self._reason = self._reason or next((event.reason for event in events if isinstance(event, Closed)), "")
        self._serving = True
        try:
            self._owner.events(self, events)
        except Exception as fault:  # noqa: BLE001 - crash only the session
            self._report(fault)
        finally:
            self._serving = False

    def _session_ended(self, *, can_write: bool) -> list[Event]:
        """The peer's octets have ended, cleanly or not: the session says what that leaves unanswered."""
        return self.session.receive_eof(self.links.clock.monotonic(), can_write=can_write)

    def _take_news(self) -> list[Event]:
        news, self._news = self._news, []
        return news

    def _work(self) -> None:
        """Act on a slice of the backlog. The rest waits for the next loop turn, or for the window."""
        self._work_due = False
        if self._transport is None or self._deadline is not None:
            self._backlog = b""
            return
        if not self._reading_paused and not self.session.deciding:
            self._held = False
            data, self._backlog = self._backlog[:SLICE], self._backlog[SLICE:]
            self._act_on(data)
        self._steer(self._transport)

    def _act_on(self, data: bytes) -> None:
        self._serve(self.session.receive_data(data, self.links.clock.monotonic()))
        self.flush()
        self.links.read_ended()

    def _balance(self, transport: asyncio.Transport) -> None:
        """Read on, or read no more for now; called whenever what we owe or what is unsent may have changed."""
        owed = self.session.owed + self.burden
        if self.session.kept:
            self._held = True
            self._steer(transport)
        if not self._reading_paused:
            if self.writing_paused or 0 < self.window < owed:
                self._reading_paused = True
                self.session.pause_timers(self.links.clock.monotonic())
                self._steer(transport)
        elif not self.writing_paused and (self.window == 0 or owed <= self.window // 2):
            self._reading_paused = False
            self.session.resume_timers(self.links.clock.monotonic())
            self._steer(transport)

    def _steer(self, transport: asyncio.Transport | None) -> None:
        """Tell the transport to read, or not to; go on with the backlog as soon as nothing else holds it up."""
        if transport is None or self._deadline is not None:
            return
        waiting = self._held or self._backlog
        reading = not self._reading_paused and not waiting
        if self._peer_ended:
            reading = self._reading  # there is nothing more to read
        if reading != self._reading:
            self._reading = reading
            if reading:
                transport.resume_reading()
            else:
                transport.pause_reading()
        if waiting and not self._reading_paused and not self.session.deciding and not self._work_due:
            self._work_due = True
            self._loop.call_soon(self._work)

    def _part(self, transport: asyncio.Transport) -> None:
        """The session is over: send the rest and our own end, then wait for the peer's.

        Closing with unread octets in the kernel makes TCP reset the connection, and a reset destroys the last answer
        before the peer has read it (RFC 1122 §4.2.2.13).  So we send FIN, read on and throw away until the peer ends.
        """
        now = self.links.clock.monotonic()
        self._serve([*self._take_news(), *self.session.tick(now)])
        if self._deadline is not None:  # the owner aborted, or failed
            return
        self._deadline = now + self.links.limits.linger
        self._discarded, self._backlog = len(self._backlog), b""
        if not self._reading:
            self._reading, self._reading_paused = True, False
            transport.resume_reading()
        if self._peer_ended or not transport.can_write_eof():
            transport.close()
        else:
            transport.write_eof()

    def _discard(self, octets: int) -> None:
        self._discarded += octets
        if self._discarded > self.links.limits.discard:
            self.abort("peer goes on sending after the end")

    def _report(self, fault: Exception) -> None:
        """Our own code failed while it served this link: say so, and let no other link notice."""
        self._loop.call_exception_handler(
            {"message": f"{self!r}: an exception while serving it", "exception": fault, "protocol": self}
        )
        self.abort(f"internal error: {type(fault).__name__}")


def tune(sock: Any) -> None:
    """No Nagle (an answer waits for nothing), and TCP keepalive; a socket that is not TCP stays as it is."""
    if sock is None or sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
