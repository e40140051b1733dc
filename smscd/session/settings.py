"""What a session is told about timers, windows and sizes; its owner fills it from `[[listener]]` and the like."""

from __future__ import annotations

from dataclasses import dataclass

from smscd.pdu import INTERFACE_VERSION_5_0


@dataclass(slots=True)
class SessionSettings:
    """Timers are those of SMPP 3.4 §7.2 in seconds, sizes are octets, windows are requests."""

    session_init_timer: float = 5.0
    """A connection on which no bind is under way after this long is closed; 0 = never."""
    enquire_link_timer: float = 30.0
    """After this much silence an enquire_link is sent; 0 = never."""
    enquire_link_misses: int = 2
    """So many enquire_links in a row into complete silence, and the peer counts as gone."""
    inactivity_timer: float = 0.0
    """A bind that carries no message for this long is unbound; 0 = never."""
    response_timer: float = 10.0
    """A request of ours that is not answered within this time is `Unanswered`; more than 0."""
    late_grace: float = 60.0
    """For so much longer an answer is still recognised, as a `LateAnswer`."""
    window: int = 10
    """How many of our requests may be unanswered at once."""
    max_pdu: int = 64 * 1024 + 4096
    """The longest PDU a bound peer may send: a message_payload of 64 KiB and headroom."""
    max_pdu_unbound: int = 1024
    """The longest PDU before the bind: no bind or outbind needs more."""
    interface_version: int = INTERFACE_VERSION_5_0
    """The newest version we serve; the session speaks the lower of this and the peer's."""
    peer_version: int = 0
    """As ESME: what the MC speaks, whatever its bind_resp says; 0 = believe the bind_resp."""
    error_body: bool = False
    """Give an error response an empty body, for libraries that cannot read one without (SMPP 3.4 §4.4.2: none)."""
