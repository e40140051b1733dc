"""What `[[listener]]` may say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from smscd.link.settings import TlsSettings
from smscd.session.settings import SessionSettings
from smscd.units import Between, Endpoint, Seconds

__all__ = ["ListenerSettings", "TlsSettings"]

_SESSION = SessionSettings()


@dataclass(slots=True)
class ListenerSettings:
    """One address on which ESMEs bind; the timers are those of SMPP 3.4 §7.2, kept per session."""

    address: Annotated[Endpoint, "where ESMEs connect"] = "127.0.0.1:2775"
    tls: Annotated[TlsSettings | None, "with it, every connection to this address is TLS"] = None
    max_connections: Annotated[
        int, Between(1, 1_000_000), "connections open at once, bound or not; further ones are closed"
    ] = 10_000
    max_unbound: Annotated[int, Between(1, 1_000_000), "connections that have not bound yet"] = 1_000
    max_unbound_per_address: Annotated[int, Between(1, 1_000_000), "the same, from one address"] = 500
    tls_handshake_timeout: Annotated[Seconds, Between(0.1, 600), "a slower TLS handshake is cut off"] = 10.0
    session_init_timer: Annotated[
        Seconds, Between(0.1, 600), "a connection that has not bound within this time is closed"
    ] = _SESSION.session_init_timer
    enquire_link_timer: Annotated[
        Seconds, Between(0, 86400), 'an enquire_link is sent after this much silence; "0s" = never'
    ] = _SESSION.enquire_link_timer
    inactivity_timer: Annotated[
        Seconds, Between(0, 7 * 86400), 'a bind without any message for this long is unbound; "0s" = never'
    ] = _SESSION.inactivity_timer
    response_timer: Annotated[
        Seconds, Between(0.1, 3600), "a request of ours that is not answered within this time counts as unanswered"
    ] = _SESSION.response_timer
