"""What an upstream's command_status asks for: later, never, or a pause of the whole link. A table, no code."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from smscd import pdu
from smscd.pdu.status import CommandStatus, status_from_name


class Answer(Enum):
    """How a submit that was not taken goes on."""

    PAUSE = auto()  # too fast: the link rests, then the same message leaves first; no attempt is burnt
    LATER = auto()  # temporary: as the retry ladder says
    FEW = auto()  # means both things at different providers: temporary for a few attempts, then final
    NEVER = auto()  # final
    UNBOUND = auto()  # the session is not what we think it is: the link is made anew, the message waits


FEW_ATTEMPTS = 3

_S = CommandStatus
TABLE: dict[int, Answer] = {
    _S.ESME_RTHROTTLED: Answer.PAUSE,
    _S.ESME_RMSGQFUL: Answer.PAUSE,
    _S.ESME_RX_T_APPN: Answer.LATER,  # 0x64-0x66 are a receiving ESME's words; message centres use them all the same
    _S.ESME_RX_P_APPN: Answer.LATER,
    _S.ESME_RX_R_APPN: Answer.NEVER,
    _S.ESME_RSYSERR: Answer.FEW,
    _S.ESME_RSUBMITFAIL: Answer.FEW,
    _S.ESME_RUNKNOWNERR: Answer.FEW,
    _S.ESME_RINVBNDSTS: Answer.UNBOUND,
    pdu.ESME_RSERTYPUNAVAIL: Answer.LATER,
}
"""Everything else is final: an address, a length or a flag that is wrong now will be wrong later."""


def table(temporary: Iterable[str] = (), permanent: Iterable[str] = ()) -> dict[int, Answer]:
    """The table of one connector: `temporary` and `permanent` are names its operator knows better about."""
    return {
        **TABLE,
        **{status_from_name(name): Answer.LATER for name in temporary},
        **{status_from_name(name): Answer.NEVER for name in permanent},
    }
