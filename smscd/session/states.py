"""Which end may say what in which state: the one place that knows, for ourselves and for the peer alike.

`MATRIX` is table 2-1 of SMPP 5.0 (§2.4) row for row, so that it can be read beside the specification. Table 2-1 of
SMPP 3.4 (§2.3) differs in a few rows, and the newer table is right for both:

- enquire_link, enquire_link_resp and generic_nack are not listed for OPEN in 3.4: answering them there harms nobody.
- OUTBOUND and UNBOUND are no states of 3.4, and a bind after an outbind may be of any kind in 5.0.
- data_sm: 3.4 lets both ends send it in every bound state, but its own §2.5 and §2.6 say that an ESME sends messages
  as transmitter or transceiver and receives them as receiver or transceiver, which is what 5.0 prints.
- replace_sm: 3.4 forgets BOUND_TRX, although §2.2 gives a transceiver the complete set of operations.

Responses are in the table because the specification prints them. A session matches a response it receives by its
sequence_number alone: what nobody asked for is an event, in any state.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from smscd.pdu import RESPONSE, CommandId


class Side(Enum):
    """The two ends of an SMPP session."""

    ESME = "ESME"
    MC = "MC"

    @property
    def other(self) -> Side:
        return Side.MC if self is Side.ESME else Side.ESME


class State(Enum):
    """SMPP 5.0 §2.3, in the spelling of 3.4 §2.2."""

    OPEN = "OPEN"
    OUTBOUND = "OUTBOUND"
    BOUND_TX = "BOUND_TX"
    BOUND_RX = "BOUND_RX"
    BOUND_TRX = "BOUND_TRX"
    UNBOUND = "UNBOUND"
    CLOSED = "CLOSED"


COLUMNS: Final = (State.OPEN, State.OUTBOUND, State.BOUND_TX, State.BOUND_RX, State.BOUND_TRX, State.UNBOUND)
"""The columns of `MATRIX`. CLOSED has none: nothing can be said any more."""

# fmt: off
MATRIX: Final[tuple[tuple[CommandId, str, str, str, str, str, str], ...]] = (
    # E = the ESME may send it, M = the MC may, EM = both, - = neither
    #                                     OPEN  OUTB.  TX    RX    TRX   UNBOUND
    (CommandId.alert_notification,        "-",  "-",   "-",  "M",  "M",  "-"),
    (CommandId.bind_receiver,             "E",  "E",   "-",  "-",  "-",  "-"),
    (CommandId.bind_receiver_resp,        "M",  "M",   "-",  "-",  "-",  "-"),
    (CommandId.bind_transceiver,          "E",  "E",   "-",  "-",  "-",  "-"),
    (CommandId.bind_transceiver_resp,     "M",  "M",   "-",  "-",  "-",  "-"),
    (CommandId.bind_transmitter,          "E",  "E",   "-",  "-",  "-",  "-"),
    (CommandId.bind_transmitter_resp,     "M",  "M",   "-",  "-",  "-",  "-"),
    (CommandId.broadcast_sm,              "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.broadcast_sm_resp,         "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.cancel_broadcast_sm,       "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.cancel_broadcast_sm_resp,  "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.cancel_sm,                 "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.cancel_sm_resp,            "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.data_sm,                   "-",  "-",   "E",  "M",  "EM", "-"),
    (CommandId.data_sm_resp,              "-",  "-",   "M",  "E",  "EM", "-"),
    (CommandId.deliver_sm,                "-",  "-",   "-",  "M",  "M",  "-"),
    (CommandId.deliver_sm_resp,           "-",  "-",   "-",  "E",  "E",  "-"),
    (CommandId.enquire_link,              "EM", "EM",  "EM", "EM", "EM", "EM"),
    (CommandId.enquire_link_resp,         "EM", "EM",  "EM", "EM", "EM", "EM"),
    (CommandId.generic_nack,              "EM", "EM",  "EM", "EM", "EM", "EM"),
    (CommandId.outbind,                   "M",  "-",   "-",  "-",  "-",  "-"),
    (CommandId.query_broadcast_sm,        "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.query_broadcast_sm_resp,   "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.query_sm,                  "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.query_sm_resp,             "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.replace_sm,                "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.replace_sm_resp,           "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.submit_multi,              "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.submit_multi_resp,         "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.submit_sm,                 "-",  "-",   "E",  "-",  "E",  "-"),
    (CommandId.submit_sm_resp,            "-",  "-",   "M",  "-",  "M",  "-"),
    (CommandId.unbind,                    "-",  "-",   "EM", "EM", "EM", "-"),
    (CommandId.unbind_resp,               "-",  "-",   "EM", "EM", "EM", "-"),
)
# fmt: on

COMMANDS: Final = frozenset(int(command) for command, *_ in MATRIX)

BINDS: Final[dict[int, State]] = {
    int(CommandId.bind_transmitter): State.BOUND_TX,
    int(CommandId.bind_receiver): State.BOUND_RX,
    int(CommandId.bind_transceiver): State.BOUND_TRX,
}
"""The state that each bind leads to when it is answered ESME_ROK."""

BOUND: Final = frozenset(BINDS.values())

UNCONFIRMED: Final = frozenset({int(CommandId.alert_notification), int(CommandId.outbind)})
"""Requests to which the specification defines no response (SMPP 3.4 §4.12, §4.1.7; 5.0 §4.1.3, §4.1.1.7)."""

SESSION_COMMANDS: Final = frozenset({*BINDS, *UNCONFIRMED, int(CommandId.unbind), int(CommandId.enquire_link)})
"""Requests about the session itself: outside the window, and (alert_notification apart) the session acts on them."""


def _read_matrix() -> dict[tuple[Side, State], frozenset[int]]:
    letters = {Side.ESME: "E", Side.MC: "M"}
    table = {(side, State.CLOSED): frozenset[int]() for side in Side}
    for side in Side:
        for column, state in enumerate(COLUMNS):
            table[side, state] = frozenset(int(command) for command, *cells in MATRIX if letters[side] in cells[column])
    return table


_ALLOWED: Final = _read_matrix()


def allowed(side: Side, state: State) -> frozenset[int]:
    """Every command_id, requests and responses, that `side` may send in `state`."""
    return _ALLOWED[side, state]


def may_send(side: Side, state: State, command_id: int) -> bool:
    """Whether table 2-1 lets `side` send this command in `state`."""
    return command_id in _ALLOWED[side, state]


def message_requests(side: Side, state: State) -> frozenset[int]:
    """The requests of `side` in `state` that its peer answers and that count in a window: everything about messages."""
    return frozenset(
        command_id
        for command_id in _ALLOWED[side, state]
        if command_id < RESPONSE and command_id not in SESSION_COMMANDS
    )
