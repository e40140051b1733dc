"""command_status: every value of SMPP 3.4 §5.1.3 (table 5-2) and 5.0 §4.7.6 (table 4-45), and the names for them.

Five values were renamed in 5.0 (0xC0-0xC4): the 3.4 name is the canonical one, the 5.0 name an alias.
The enum is for edges that print and configure; the constants below it are the same values as plain integers.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class CommandStatus(IntEnum):
    """The codes both specifications define; anything else on the wire stays a plain integer."""

    # SMPP 3.4 table 5-2
    ESME_ROK = 0x00  # no error
    ESME_RINVMSGLEN = 0x01  # short_message or message_payload has an invalid length
    ESME_RINVCMDLEN = 0x02  # command_length too short or too long for the PDU
    ESME_RINVCMDID = 0x03  # command_id unknown or not supported
    ESME_RINVBNDSTS = 0x04  # command not allowed in this session state
    ESME_RALYBND = 0x05  # bind in a session that is already bound
    ESME_RINVPRTFLG = 0x06  # priority_flag illegal or unsupported
    ESME_RINVREGDLVFLG = 0x07  # registered_delivery invalid
    ESME_RSYSERR = 0x08  # all or part of the MC is unavailable
    ESME_RINVSRCADR = 0x0A  # source address too long or with invalid characters
    ESME_RINVDSTADR = 0x0B  # destination address empty, too long or with invalid characters
    ESME_RINVMSGID = 0x0C  # message_id invalid
    ESME_RBINDFAIL = 0x0D  # bind failed: provisioning, credentials or another reason
    ESME_RINVPASWD = 0x0E  # password field too short or too long
    ESME_RINVSYSID = 0x0F  # system_id field too short or too long
    ESME_RCANCELFAIL = 0x11  # cancel_sm failed
    ESME_RREPLACEFAIL = 0x13  # replace_sm failed
    ESME_RMSGQFUL = 0x14  # message queue full
    ESME_RINVSERTYP = 0x15  # service_type not known or too long
    ESME_RINVNUMDESTS = 0x33  # number_of_dests invalid
    ESME_RINVDLNAME = 0x34  # dl_name invalid or not existent
    ESME_RINVDESTFLAG = 0x40  # dest_flag invalid
    ESME_RINVSUBREP = 0x42  # submit with replace unsupported or inappropriate
    ESME_RINVESMCLASS = 0x43  # esm_class unsupported
    ESME_RCNTSUBDL = 0x44  # cannot submit to a distribution list
    ESME_RSUBMITFAIL = 0x45  # submit_sm, data_sm or submit_multi failed
    ESME_RINVSRCTON = 0x48  # source_addr_ton invalid
    ESME_RINVSRCNPI = 0x49  # source_addr_npi invalid
    ESME_RINVDSTTON = 0x50  # dest_addr_ton invalid
    ESME_RINVDSTNPI = 0x51  # dest_addr_npi invalid
    ESME_RINVSYSTYP = 0x53  # system_type too long or with illegal characters
    ESME_RINVREPFLAG = 0x54  # replace_if_present_flag invalid
    ESME_RINVNUMMSGS = 0x55  # number of messages invalid
    ESME_RTHROTTLED = 0x58  # the ESME exceeded its message limits
    ESME_RINVSCHED = 0x61  # schedule_delivery_time invalid
    ESME_RINVEXPIRY = 0x62  # validity_period invalid
    ESME_RINVDFTMSGID = 0x63  # sm_default_msg_id invalid or not found
    ESME_RX_T_APPN = 0x64  # receiving ESME: temporary error, retry
    ESME_RX_P_APPN = 0x65  # receiving ESME: permanent error for this destination
    ESME_RX_R_APPN = 0x66  # receiving ESME: this message rejected
    ESME_RQUERYFAIL = 0x67  # query_sm failed
    ESME_RINVOPTPARSTREAM = 0xC0  # the optional part cannot be decoded
    ESME_ROPTPARNOTALLWD = 0xC1  # optional parameter not allowed here
    ESME_RINVPARLEN = 0xC2  # optional parameter of invalid length
    ESME_RMISSINGOPTPARAM = 0xC3  # expected optional parameter missing
    ESME_RINVOPTPARAMVAL = 0xC4  # optional parameter of invalid value
    ESME_RDELIVERYFAILURE = 0xFE  # transaction mode delivery failed
    ESME_RUNKNOWNERR = 0xFF  # unknown error

    # SMPP 5.0 table 4-45
    ESME_RSERTYPUNAUTH = 0x100  # not authorised to use this service_type
    ESME_RPROHIBITED = 0x101  # prohibited from using this operation
    ESME_RSERTYPUNAVAIL = 0x102  # service_type unavailable
    ESME_RSERTYPDENIED = 0x103  # service_type denied for this content
    ESME_RINVDCS = 0x104  # data_coding invalid or unsupported
    ESME_RINVSRCADDRSUBUNIT = 0x105  # source_addr_subunit invalid
    ESME_RINVDSTADDRSUBUNIT = 0x106  # dest_addr_subunit invalid
    ESME_RINVBCASTFREQINT = 0x107  # broadcast_frequency_interval invalid
    ESME_RINVBCASTALIAS_NAME = 0x108  # broadcast alias name invalid
    ESME_RINVBCASTAREAFMT = 0x109  # broadcast area format invalid
    ESME_RINVNUMBCAST_AREAS = 0x10A  # number of broadcast areas invalid
    ESME_RINVBCASTCNTTYPE = 0x10B  # broadcast_content_type invalid
    ESME_RINVBCASTMSGCLASS = 0x10C  # broadcast_message_class invalid
    ESME_RBCASTFAIL = 0x10D  # broadcast_sm failed
    ESME_RBCASTQUERYFAIL = 0x10E  # query_broadcast_sm failed
    ESME_RBCASTCANCELFAIL = 0x10F  # cancel_broadcast_sm failed
    ESME_RINVBCAST_REP = 0x110  # broadcast_rep_num invalid
    ESME_RINVBCASTSRVGRP = 0x111  # broadcast_service_group invalid
    ESME_RINVBCASTCHANIND = 0x112  # broadcast_channel_indicator invalid

    # what 5.0 calls five codes of 3.4
    ESME_RINVTLVSTREAM = 0xC0
    ESME_RTLVNOTALLWD = 0xC1
    ESME_RINVTLVLEN = 0xC2
    ESME_RMISSINGTLV = 0xC3
    ESME_RINVTLVVAL = 0xC4


ESME_ROK: Final = int(CommandStatus.ESME_ROK)
ESME_RINVMSGLEN: Final = int(CommandStatus.ESME_RINVMSGLEN)
ESME_RINVCMDLEN: Final = int(CommandStatus.ESME_RINVCMDLEN)
ESME_RINVCMDID: Final = int(CommandStatus.ESME_RINVCMDID)
ESME_RINVBNDSTS: Final = int(CommandStatus.ESME_RINVBNDSTS)
ESME_RALYBND: Final = int(CommandStatus.ESME_RALYBND)
ESME_RINVPRTFLG: Final = int(CommandStatus.ESME_RINVPRTFLG)
ESME_RINVREGDLVFLG: Final = int(CommandStatus.ESME_RINVREGDLVFLG)
ESME_RSYSERR: Final = int(CommandStatus.ESME_RSYSERR)
ESME_RINVSRCADR: Final = int(CommandStatus.ESME_RINVSRCADR)
ESME_RINVDSTADR: Final = int(CommandStatus.ESME_RINVDSTADR)
ESME_RINVMSGID: Final = int(CommandStatus.ESME_RINVMSGID)
ESME_RBINDFAIL: Final = int(CommandStatus.ESME_RBINDFAIL)
ESME_RINVPASWD: Final = int(CommandStatus.ESME_RINVPASWD)
ESME_RINVSYSID: Final = int(CommandStatus.ESME_RINVSYSID)
ESME_RCANCELFAIL: Final = int(CommandStatus.ESME_RCANCELFAIL)
ESME_RREPLACEFAIL: Final = int(CommandStatus.ESME_RREPLACEFAIL)
ESME_RMSGQFUL: Final = int(CommandStatus.ESME_RMSGQFUL)
ESME_RINVSERTYP: Final = int(CommandStatus.ESME_RINVSERTYP)
ESME_RINVNUMDESTS: Final = int(CommandStatus.ESME_RINVNUMDESTS)
ESME_RINVDLNAME: Final = int(CommandStatus.ESME_RINVDLNAME)
ESME_RINVDESTFLAG: Final = int(CommandStatus.ESME_RINVDESTFLAG)
ESME_RINVSUBREP: Final = int(CommandStatus.ESME_RINVSUBREP)
ESME_RINVESMCLASS: Final = int(CommandStatus.ESME_RINVESMCLASS)
ESME_RCNTSUBDL: Final = int(CommandStatus.ESME_RCNTSUBDL)
ESME_RSUBMITFAIL: Final = int(CommandStatus.ESME_RSUBMITFAIL)
ESME_RINVSRCTON: Final = int(CommandStatus.ESME_RINVSRCTON)
ESME_RINVSRCNPI: Final = int(CommandStatus.ESME_RINVSRCNPI)
ESME_RINVDSTTON: Final = int(CommandStatus.ESME_RINVDSTTON)
ESME_RINVDSTNPI: Final = int(CommandStatus.ESME_RINVDSTNPI)
ESME_RINVSYSTYP: Final = int(CommandStatus.ESME_RINVSYSTYP)
ESME_RINVREPFLAG: Final = int(CommandStatus.ESME_RINVREPFLAG)
ESME_RINVNUMMSGS: Final = int(CommandStatus.ESME_RINVNUMMSGS)
ESME_RTHROTTLED: Final = int(CommandStatus.ESME_RTHROTTLED)
ESME_RINVSCHED: Final = int(CommandStatus.ESME_RINVSCHED)
ESME_RINVEXPIRY: Final = int(CommandStatus.ESME_RINVEXPIRY)
ESME_RINVDFTMSGID: Final = int(CommandStatus.ESME_RINVDFTMSGID)
ESME_RX_T_APPN: Final = int(CommandStatus.ESME_RX_T_APPN)
ESME_RX_P_APPN: Final = int(CommandStatus.ESME_RX_P_APPN)
ESME_RX_R_APPN: Final = int(CommandStatus.ESME_RX_R_APPN)
ESME_RQUERYFAIL: Final = int(CommandStatus.ESME_RQUERYFAIL)
ESME_RINVOPTPARSTREAM: Final = int(CommandStatus.ESME_RINVOPTPARSTREAM)
ESME_ROPTPARNOTALLWD: Final = int(CommandStatus.ESME_ROPTPARNOTALLWD)
ESME_RINVPARLEN: Final = int(CommandStatus.ESME_RINVPARLEN)
ESME_RMISSINGOPTPARAM: Final = int(CommandStatus.ESME_RMISSINGOPTPARAM)
ESME_RINVOPTPARAMVAL: Final = int(CommandStatus.ESME_RINVOPTPARAMVAL)
ESME_RDELIVERYFAILURE: Final = int(CommandStatus.ESME_RDELIVERYFAILURE)
ESME_RUNKNOWNERR: Final = int(CommandStatus.ESME_RUNKNOWNERR)
ESME_RSERTYPUNAUTH: Final = int(CommandStatus.ESME_RSERTYPUNAUTH)
ESME_RPROHIBITED: Final = int(CommandStatus.ESME_RPROHIBITED)
ESME_RSERTYPUNAVAIL: Final = int(CommandStatus.ESME_RSERTYPUNAVAIL)
ESME_RSERTYPDENIED: Final = int(CommandStatus.ESME_RSERTYPDENIED)
ESME_RINVDCS: Final = int(CommandStatus.ESME_RINVDCS)
ESME_RINVSRCADDRSUBUNIT: Final = int(CommandStatus.ESME_RINVSRCADDRSUBUNIT)
ESME_RINVDSTADDRSUBUNIT: Final = int(CommandStatus.ESME_RINVDSTADDRSUBUNIT)
ESME_RINVBCASTFREQINT: Final = int(CommandStatus.ESME_RINVBCASTFREQINT)
ESME_RINVBCASTALIAS_NAME: Final = int(CommandStatus.ESME_RINVBCASTALIAS_NAME)
ESME_RINVBCASTAREAFMT: Final = int(CommandStatus.ESME_RINVBCASTAREAFMT)
ESME_RINVNUMBCAST_AREAS: Final = int(CommandStatus.ESME_RINVNUMBCAST_AREAS)
ESME_RINVBCASTCNTTYPE: Final = int(CommandStatus.ESME_RINVBCASTCNTTYPE)
ESME_RINVBCASTMSGCLASS: Final = int(CommandStatus.ESME_RINVBCASTMSGCLASS)
ESME_RBCASTFAIL: Final = int(CommandStatus.ESME_RBCASTFAIL)
ESME_RBCASTQUERYFAIL: Final = int(CommandStatus.ESME_RBCASTQUERYFAIL)
ESME_RBCASTCANCELFAIL: Final = int(CommandStatus.ESME_RBCASTCANCELFAIL)
ESME_RINVBCAST_REP: Final = int(CommandStatus.ESME_RINVBCAST_REP)
ESME_RINVBCASTSRVGRP: Final = int(CommandStatus.ESME_RINVBCASTSRVGRP)
ESME_RINVBCASTCHANIND: Final = int(CommandStatus.ESME_RINVBCASTCHANIND)
ESME_RINVTLVSTREAM: Final = int(CommandStatus.ESME_RINVTLVSTREAM)
ESME_RTLVNOTALLWD: Final = int(CommandStatus.ESME_RTLVNOTALLWD)
ESME_RINVTLVLEN: Final = int(CommandStatus.ESME_RINVTLVLEN)
ESME_RMISSINGTLV: Final = int(CommandStatus.ESME_RMISSINGTLV)
ESME_RINVTLVVAL: Final = int(CommandStatus.ESME_RINVTLVVAL)

VENDOR_STATUS: Final = range(0x400, 0x500)
"""Reserved for errors that the vendor of a message centre defines."""

_NAMES: Final[dict[int, str]] = {int(member): member.name for member in CommandStatus}


def status_name(command_status: int) -> str:
    """`ESME_RTHROTTLED` for a code of the specifications, `0x00000400` for any other."""
    return _NAMES.get(command_status) or f"0x{command_status:08X}"


def status_from_name(name: str) -> int:
    """The inverse of `status_name`: takes either version's name, in any case, or a hexadecimal or decimal number.

    Raises ValueError if the text is neither.
    """
    word = name.strip().upper()
    for candidate in (word, f"ESME_{word}"):
        if candidate in CommandStatus.__members__:
            return int(CommandStatus.__members__[candidate])
    try:
        value = int(word, 0)
    except ValueError:
        raise ValueError(f"{name!r} is no command_status") from None
    if not 0 <= value <= 0xFFFFFFFF:
        raise ValueError(f"{name!r} does not fit a command_status of four octets")
    return value
