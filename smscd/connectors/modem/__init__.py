"""GSM modems: short messages over AT commands (3GPP TS 27.005) in PDU mode.

    tpdu       SMS-SUBMIT, SMS-DELIVER, SMS-STATUS-REPORT      (addresses, times, user_data: their fields)
    emulated/  a modem that is none: `smscd modem emulate`

It knows nothing of SMPP links and sessions.
"""
