"""GSM modems: short messages over AT commands (3GPP TS 27.005) in PDU mode.

    connector  a modem as a way out and in                     keeper     the one task that talks to it
    dialogue   commands and answers, sans-IO                   lines      what a line is
    port       a dialogue on a serial port                     transport  the port itself
    setup      from an open port to a working modem            health     registration, signal, store
    sending    one part and its answer                         outgoing   the parts of a message
    inbox      what has come in, read before it is deleted     incoming   what it means in SMPP
    faults, profiles   errors and makes, as tables             quota      the SIM's day, and quarantine
    tpdu       SMS-SUBMIT, SMS-DELIVER, SMS-STATUS-REPORT      (addresses, times, user_data: their fields)
    emulated/  a modem that is none: `smscd modem emulate`

It knows nothing of SMPP links and sessions.
"""
