"""What `[[connector]]` may say, one dataclass per kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from smscd.link.settings import TlsSettings
from smscd.pdu.constants import MessageState
from smscd.pdu.notation import StatusNotation, TlvNameNotation, TlvsNotation
from smscd.units import (
    AddressPattern,
    Between,
    Endpoint,
    Example,
    ExistingFile,
    Network,
    Octets,
    Seconds,
    Secret,
    TextNotation,
    TextPattern,
)

FINAL_STATES = tuple(
    state.name for state in MessageState if state not in {MessageState.SCHEDULED, MessageState.ENROUTE}
)
"""What a message may end in: SMPP 3.4 table 5-6, 5.0 table 4-50."""


class FinalStateNotation(TextNotation):
    """A message_state that ends a message."""

    allowed = " | ".join(FINAL_STATES)
    choices = FINAL_STATES

    def inspect(self, text: str) -> None:
        if text in MessageState.__members__ and text not in FINAL_STATES:
            raise ValueError("is not a final state")
        if text not in FINAL_STATES:
            raise ValueError("is no message_state")


class DigitsNotation(TextNotation):
    """What a modem knows as digits; `is_number` lets a + stand in front."""

    def __init__(self, allowed: str, *, is_number: bool = False) -> None:
        self.allowed = allowed
        self._is_number = is_number

    def inspect(self, text: str) -> None:
        digits = text.removeprefix("+") if self._is_number else text
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError("is no number" if self._is_number else "is not digits alone")


Number = Annotated[str, DigitsNotation('a number: "+447700900000", "36123"', is_number=True)]
Digits = Annotated[str, DigitsNotation("digits")]

Alphabet = Literal["gsm7", "ascii", "latin1"]
InDoubt = Literal["resend", "fail", "hold"]


@dataclass(slots=True)
class Behaviour:
    """One rule of an emulated network: whom it meets, and what the network then does."""

    destination_addr: Annotated[AddressPattern, "the handset"] = "*"
    source_addr: Annotated[AddressPattern, "the sender it sees"] = "*"
    esme: Annotated[list[str], Example(["test"]), "messages of these ESMEs; empty = of all"] = field(
        default_factory=list
    )
    text: Annotated[TextPattern | None, Example("/.*fail.*/"), "what the text has to look like"] = None
    probability: Annotated[float, Between(0, 1), "how often it holds; otherwise the next rule is tried"] = 1.0
    submit_status: Annotated[
        str | None,
        StatusNotation(),
        Example("ESME_RTHROTTLED"),
        "what submit answers instead of ESME_ROK; there is no receipt then",
    ] = None
    message_state: Annotated[str, FinalStateNotation(), "the final state"] = "DELIVERED"
    error_code: Annotated[int, Between(0, 999), "`err:` of the receipt and its network_error_code"] = 0
    delay: Annotated[
        Seconds | None, Between(0, 30 * 86400), Example(2.0), "until the final state, instead of `receipt_delay`"
    ] = None


@dataclass(slots=True)
class EmulatorSettings:
    """An emulated network with its handsets: what the demo uses."""

    name: Annotated[str, Octets(64), Example("handsets"), "what routes and logs call it"]
    kind: Annotated[Literal["emulator"], "an emulated network"] = "emulator"
    seed: Annotated[int, Between(0), "outcomes are a function of the seed and of the number of the message"] = 1
    latency: Annotated[Seconds, Between(0, 3600), "until the network has taken a message over"] = 0.0
    receipt_delay: Annotated[Seconds, Between(0, 30 * 86400), "from then to the final state"] = 0.1
    behaviour: Annotated[list[Behaviour], "the first match wins; no match: delivered"] = field(default_factory=list)


@dataclass(slots=True)
class UpstreamTlsSettings:
    """The keys `tls.*` of an SMPP connector: certificate and host name are verified unless told otherwise."""

    enabled: Annotated[bool, "speak TLS to this upstream"] = False
    ca: Annotated[
        Path | None,
        ExistingFile("CA certificate"),
        Example("/etc/smscd/carrier-ca.pem"),
        "who may sign its certificate; the system's own list if absent",
    ] = None
    certificate: Annotated[
        Path | None, ExistingFile("certificate"), Example("/etc/smscd/client.pem"), "mutual TLS: what we show"
    ] = None
    key: Annotated[
        Path | None,
        ExistingFile("private key", secret=True),
        Example("/etc/smscd/client.key"),
        "its private key; its owner alone may read it",
    ] = None
    verify: Annotated[bool, "false takes any certificate: for tests only"] = True


@dataclass(slots=True)
class OutbindSettings:
    """The keys `outbind.*` of an SMPP connector: the upstream opens the connection, and we bind on it."""

    address: Annotated[
        Endpoint | None,
        Example("0.0.0.0:2780"),
        "where we listen for its outbind; sessions that receive then wait to be called, transmitters dial as ever",
    ] = None
    system_id: Annotated[str | None, Octets(64), Example("smsc"), "what it has to call itself"] = None
    password: Annotated[
        str | None,
        Secret(),
        Octets(256),
        Example("their-secret"),
        "what it has to know: it gets to know ours",
    ] = field(default=None, repr=False)
    allow_from: Annotated[
        list[Network], Example(["192.0.2.0/24"]), "networks it may call from; empty = from anywhere"
    ] = field(default_factory=list)
    tls: Annotated[TlsSettings | None, "TLS where it calls; its keys mean what they mean for a listener"] = None


@dataclass(slots=True)
class SmppSettings:
    """An upstream SMSC; smscd is the ESME."""

    name: Annotated[str, Octets(64), Example("carrier-a"), "what routes and logs call it"]
    address: Annotated[Endpoint, Example("127.0.0.1:2776"), "where the upstream SMSC listens"]
    system_id: Annotated[str, Octets(64), Example("gw"), "the name we bind with"]
    kind: Annotated[Literal["smpp"], "an upstream SMSC; smscd is the ESME"] = "smpp"
    password: Annotated[str | None, Secret(), Octets(256, 0), Example("gw-secret"), "what we bind with"] = field(
        default=None, repr=False
    )
    password_file: Annotated[
        Path | None,
        ExistingFile("password file", secret=True),
        Example("$CREDENTIALS_DIRECTORY/carrier-a"),
        "instead of `password`: a file with the password on its first line; its owner alone may read it",
    ] = None
    bind: Annotated[
        Literal["transceiver", "transmitter+receiver", "transmitter", "receiver"], "which binds make one session"
    ] = "transceiver"
    sessions: Annotated[int, Between(1, 1_000), "sessions held at once"] = 1
    window: Annotated[int, Between(1, 100_000), "unanswered submits per session"] = 50
    rate: Annotated[float, Between(0, 1_000_000), "segments per second over all sessions, 0 = unlimited"] = 0
    in_doubt: Annotated[InDoubt, "what becomes of a message that was submitted and never answered"] = "resend"
    message_id_base: Annotated[
        Literal["auto", "same", "hex-decimal", "decimal-hex"],
        "how its message_id is written in submit_sm_resp and in receipts: hex-decimal = resp hex, receipt decimal",
    ] = "auto"
    provider: Annotated[
        str | None,
        Octets(64),
        Example("carrier-a"),
        "receipts may come back on any connector of the same provider; the connector's own name if absent",
    ] = None
    default_alphabet: Annotated[Alphabet, "what data_coding 0 means on this link"] = "gsm7"
    tls: Annotated[UpstreamTlsSettings, "TLS to this upstream"] = field(default_factory=UpstreamTlsSettings)
    outbind: Annotated[OutbindSettings, "the upstream calls us"] = field(default_factory=OutbindSettings)
    source_addr: Annotated[
        str | None, Octets(20), Example("ACME"), "sender the handset sees, if this connector rewrites it"
    ] = None
    tlvs: Annotated[
        dict[str, str],
        TlvsNotation(),
        Example({"0x1402": "1202159000000000003"}),
        "optional parameters added to every submit where neither ESME nor route gave one of that tag",
    ] = field(default_factory=dict)
    pass_tlvs: Annotated[
        list[Annotated[str, TlvNameNotation()]] | None,
        Example(["user_message_reference", "0x1400"]),
        "of the ESME's own optional parameters only these go along; absent = all of them",
    ] = None
    long_messages: Annotated[
        Literal["as-is", "udh", "sar", "payload"],
        "what becomes of a text that is longer than one short message and not cut yet: as-is leaves it to the upstream",
    ] = "as-is"
    parts_within: Annotated[
        Seconds,
        Between(0, 3600),
        "with long_messages = payload: how long parts that an ESME has cut wait for each other, to leave as one; then,"
        ' or with "0s" at once, they leave as they were cut',
    ] = 10.0
    long_mo: Annotated[
        Literal["parts", "whole"],
        "MO of this upstream that came in several parts: joined for every ESME, or as the `long_mo` of the ESME says",
    ] = "parts"
    temporary: Annotated[
        list[Annotated[str, StatusNotation()]],
        Example(["ESME_RSUBMITFAIL"]),
        "answers that mean later here, whatever smscd takes them for",
    ] = field(default_factory=list)
    permanent: Annotated[
        list[Annotated[str, StatusNotation()]], Example(["ESME_RSYSERR"]), "answers that mean never here"
    ] = field(default_factory=list)
    opted_out: Annotated[
        list[Annotated[str, StatusNotation()]],
        Example(["0x040A"]),
        "answers that mean never, because the recipient has opted out with the carrier: `[opt_out]` blocks the pair",
    ] = field(default_factory=list)
    opted_out_errors: Annotated[
        list[Annotated[int, Between(0, 65535)]],
        Example([4007]),
        "`err:` of failed receipts that means the same",
    ] = field(default_factory=list)
    sniff_receipts: Annotated[
        bool, "take a deliver_sm for a receipt by its text where neither esm_class nor TLVs say so"
    ] = False
    receipts_by_address: Annotated[
        bool,
        "a receipt whose id is missing or unknown belongs to the oldest message to that recipient without one: a guess,"
        " for upstreams that send no usable id",
    ] = False
    dead_after: Annotated[
        int,
        Between(0, 100_000),
        "submits in a row without an answer, or with a temporary error, after which the upstream counts as dead though"
        " it is bound; 0 = never",
    ] = 0
    probe_after: Annotated[
        Seconds, Between(0.1, 300), "then one message tries again; each failure doubles the pause, up to five minutes"
    ] = 10.0
    number_submits: Annotated[
        bool,
        "give every part a user_message_reference that stays the same when it is sent again, if its ESME gave none:"
        " an upstream can tell a repetition by it",
    ] = False
    receipt_within: Annotated[
        Seconds | None,
        Between(1, 30 * 86400),
        Example(600.0),
        "how long a receipt may take; absent = until 72 hours after the validity of its message",
    ] = None
    no_receipt: Annotated[
        Literal["unknown", "next"],
        "what happens then: the message ends UNKNOWN, or takes the next way of its route: a handset may get it twice",
    ] = "unknown"
    interface_version: Annotated[Literal["3.3", "3.4", "5.0"], "the version we bind with"] = "3.4"
    upstream_version: Annotated[
        Literal["auto", "3.3", "3.4", "5.0"],
        "the version the upstream speaks: what its bind_resp says (3.4 if that says nothing), or always this one",
    ] = "auto"
    system_type: Annotated[str, Octets(12, 0), Example("SMPP"), "given in the bind"] = ""
    address_range: Annotated[str, Octets(40, 0), "given in the bind"] = ""
    connect_timeout: Annotated[Seconds, Between(0.1, 300), "name look-up, TCP and TLS"] = 10.0
    response_timer: Annotated[Seconds, Between(0.1, 3600), "until an unanswered submit is in doubt"] = 10.0
    late_grace: Annotated[Seconds, Between(0, 3600), "for so much longer its answer is still recognised"] = 60.0
    enquire_link_timer: Annotated[Seconds, Between(0, 3600), 'silence after which we ask; "0s" = never'] = 30.0
    reconnect: Annotated[
        Seconds, Between(0.01, 3600), "first pause before binding again; it doubles up to a minute"
    ] = 1.0


@dataclass(slots=True)
class ModemSettings:
    """A GSM modem on a serial port."""

    name: Annotated[str, Octets(64), Example("modem-1"), "what routes and logs call it"]
    device: Annotated[
        Path, Example("/dev/serial/by-id/usb-modem-if00"), "the serial port; a name under by-id survives re-plugging"
    ]
    kind: Annotated[Literal["modem"], "a GSM modem"] = "modem"
    baudrate: Annotated[int, Between(300, 4_000_000), "speed of the serial port, bits per second"] = 115_200
    pin: Annotated[
        Digits | None, Secret(), Octets(8, 4), Example("0000"), "PIN of the SIM; it is tried once, never twice"
    ] = field(default=None, repr=False)
    number: Annotated[
        Number | None, Octets(21), Example("+447700900000"), "its own number: destination of its MO, sender of its MT"
    ] = None
    smsc: Annotated[
        Number | None, Octets(21), Example("+447785016005"), "service centre; that of the SIM if absent"
    ] = None
    imei: Annotated[
        Digits | None, Octets(17), Example("356938035643809"), "the modem it has to be, whatever the port is called"
    ] = None
    imsi: Annotated[Digits | None, Octets(15), Example("234150999999999"), "the SIM it has to have"] = None
    profile: Annotated[
        Literal["auto", "generic", "huawei", "quectel", "simcom", "telit", "wavecom", "siemens", "nokia", "no-smsc"],
        "its make; auto asks the modem. no-smsc: an old phone that takes no service centre in the PDU",
    ] = "auto"
    storage: Annotated[
        Literal["auto", "SM", "ME"], "where it keeps what arrives: the SIM, or itself; auto = itself if it can"
    ] = "auto"
    rate: Annotated[float, Between(0, 100), "parts per second, 0 = as fast as it takes them"] = 0
    daily_quota: Annotated[int, Between(0), "parts per day (UTC) that this SIM may send, 0 = unlimited"] = 0
    in_doubt: Annotated[InDoubt, "what becomes of a message that was sent and that the modem never answered for"] = (
        "fail"
    )
    send_timeout: Annotated[
        Seconds, Between(1, 600), "until a part that the modem has not answered for is in doubt"
    ] = 60.0
    long_mo: Annotated[
        Literal["parts", "whole"],
        "MO that came in several parts: joined for every ESME, or as the `long_mo` of the ESME says",
    ] = "whole"
    unconfirmed: Annotated[
        Literal["DELIVERED", "ACCEPTED"], "what a report means that says forwarded, but cannot confirm delivery"
    ] = "DELIVERED"
    failures: Annotated[int, Between(1, 1000), "failures in a row that are the modem's and not the messages'"] = 5
    quarantine: Annotated[
        Seconds, Between(0.01, 86400), "how long it is then left alone; each time twice as long, up to an hour"
    ] = 60.0
    health: Annotated[Seconds, Between(0.05, 3600), "how often signal, registration and store are looked at"] = 30.0
    drain: Annotated[Seconds, Between(0.05, 86400), "how often its store is searched for what was not announced"] = 60.0
    reconnect: Annotated[
        Seconds, Between(0.01, 3600), "first pause before it is opened again; it doubles up to a minute"
    ] = 1.0
    rtscts: Annotated[bool, "hardware flow control"] = False
    recover_command: Annotated[
        list[str],
        Example(["/usr/local/bin/power-cycle-modem", "1"]),
        "a program that switches the modem off and on, run when it has not answered for several attempts",
    ] = field(default_factory=list)


ConnectorSettings = EmulatorSettings | SmppSettings | ModemSettings
