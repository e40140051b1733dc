"""What `[[esme]]` may say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from smscd.units import AddressPattern, Between, Example, ExistingFile, Network, Octets, Secret


@dataclass(slots=True)
class EsmeSettings:
    """One account: who it is, from where, how fast, and with which addresses.

    Of the three ways to give a password exactly one is set.  Loading a file with `password_file` moves what the file
    holds to `password` or `password_hash`, so that who checks a bind looks at these two only.
    """

    system_id: Annotated[str, Octets(64), Example("test"), "the name it binds with"]
    password: Annotated[str | None, Secret(), Octets(256), Example("secret"), "clear text: for the emulator only"] = (
        field(default=None, repr=False)
    )
    password_hash: Annotated[
        str | None,
        Secret(),
        Octets(512),
        Example("$scrypt$ln=14,r=8,p=1$…"),
        "instead of `password`: what `smscd hash-password` prints",
    ] = field(default=None, repr=False)
    password_file: Annotated[
        Path | None,
        ExistingFile("password file", secret=True),
        Example("$CREDENTIALS_DIRECTORY/esme-test"),
        "instead of `password`: a file with the password or its hash on its first line; its owner alone may read it",
    ] = None
    bind_limit: Annotated[
        int,
        Between(1, 10_000),
        "concurrent binds; one more is refused with ESME_RBINDFAIL, unless one of them does not answer an enquire_link"
        " within 2 s: that one is closed",
    ] = 8
    window: Annotated[
        int,
        Between(1, 100_000),
        "unanswered submits per bind; beyond it we stop reading. Each destination of a submit_multi counts, and each"
        " 1,000 octets of a message_payload",
    ] = 100
    rate: Annotated[float, Between(0, 1_000_000), "segments per second, 0 = unlimited; over it ESME_RTHROTTLED"] = 0
    daily_quota: Annotated[int, Between(0), "segments per day (UTC), 0 = unlimited; over it ESME_RTHROTTLED"] = 0
    allow_from: Annotated[
        list[Network], Example(["127.0.0.0/8"]), "networks it may connect from; empty = from anywhere"
    ] = field(default_factory=list)
    require_tls: Annotated[bool, "refuse a bind without TLS before looking at the password"] = False
    certificate_cn: Annotated[
        str | None,
        Octets(64),
        Example("carrier-a"),
        "it binds only with a client certificate of this common name, on a listener with tls.client_ca",
    ] = None
    source_addr: Annotated[list[AddressPattern], "senders it may use; any other is ESME_RINVSRCADR"] = field(
        default_factory=lambda: ["*"]
    )
    destination_addr: Annotated[list[AddressPattern], "recipients it may reach; any other is ESME_RINVDSTADR"] = field(
        default_factory=lambda: ["*"]
    )
    receives: Annotated[
        list[AddressPattern],
        Example(["12345", "4477*"]),
        "MO to these numbers is delivered to this ESME; of several ESMEs the one with the closest pattern gets it",
    ] = field(default_factory=list)
    long_mo: Annotated[
        Literal["parts", "whole"],
        "how it gets MO that came in several parts: as they came, or as one deliver_sm once all are there",
    ] = "parts"
    default_alphabet: Annotated[Literal["gsm7", "ascii", "latin1"], "what its data_coding 0 means"] = "gsm7"
    opt_out: Annotated[
        Literal["reject", "receipt", "off"],
        "what a message to an opted-out recipient is answered: a refusal, or ESME_ROK and a REJECTD receipt",
    ] = "reject"
    deliver_window: Annotated[int, Between(1, 100_000), "unanswered deliver_sm per bind"] = 20
    strict: Annotated[
        bool,
        "to test ESME software, refuse what smscd is otherwise lenient about: credentials longer than SMPP allows,"
        " octets behind the last field, a text in short_message and in message_payload",
    ] = False
    resp_body: Annotated[
        bool, "give a submit_sm_resp with an error an (empty) message_id: for libraries that cannot read it without"
    ] = False
