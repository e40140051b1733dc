"""A modem that is none: an AT interpreter with a SIM, a network and handsets behind it, on a pseudo terminal.

    profile    how it behaves: identity, manners, accidents; named profiles after families of real devices
    modem      the modem: octets in, octets out, what it remembers
    parsing    command lines                       answers    how results are written
    general    identity, PIN, registration, USSD
    messages   AT+CM.. commands                    textmode   the same in text mode
    slots      message memories
    network    what becomes of what it sends
    arrivals   what it receives: memory, +CMTI, +CMT, +CDS, +CDSI
    port       the pseudo terminal: hang-ups, one octet at a time
    console    lines that inject messages and faults

All but `port` does no input and no output: a clock is handed in, octets are given and taken. The driver never imports
this room, and this room never the driver; both share the TPDU codec.
"""
