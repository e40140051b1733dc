"""What single makes of modems need, as data. 27.005 and 27.007 are the generic one."""

from __future__ import annotations

from dataclasses import dataclass, field

from smscd.connectors.modem.faults import Asks

ROUTINGS = ("2,1,0,1,0", "2,1,0,2,0", "1,1,0,1,0", "2,2,0,1,0", "2,1", "1,1")
"""AT+CNMI, best first: MO are stored and announced, so that none is lost while nobody listens (27.005 §3.4.1)."""


@dataclass(slots=True, frozen=True)
class Profile:
    """One make."""

    name: str
    makers: tuple[str, ...] = ()  # how AT+CGMI begins, in lower case
    setup: tuple[str, ...] = ()  # commands that quieten it; their answers do not matter
    routings: tuple[str, ...] = ROUTINGS
    cms: dict[int, Asks] = field(default_factory=dict)
    chunk: int = 0  # octets written at once; 0 = all
    chunk_pause: float = 0.0  # seconds between two chunks
    lists: bool = True  # False: AT+CMGL is never asked, because some of them hang over it until they are unplugged
    has_smsc: bool = True  # False: it takes a TPDU without a service centre's address before it
    reports_in_sr: bool = False  # +CDSI names another store than the one that holds the report


PROFILES: tuple[Profile, ...] = (
    Profile("generic"),
    Profile("huawei", ("huawei",), ("AT^CURC=0",), lists=False),
    Profile("quectel", ("quectel",), ('AT+QURCCFG="urcport","usbat"',), reports_in_sr=True),
    Profile("simcom", ("simcom", "sim com")),
    Profile("telit", ("telit",), routings=("2,1,0,1,0", "2,1,0,1", *ROUTINGS[1:])),
    Profile("wavecom", ("wavecom", "sierra"), ("AT+WIND=0",), cms={515: Asks.WAIT, 512: Asks.LATER, 514: Asks.LATER}),
    Profile("siemens", ("siemens", "cinterion", "gemalto"), cms={512: Asks.LATER, 515: Asks.NEVER}),
    Profile("no-smsc", has_smsc=False),
    Profile("nokia", ("nokia",), chunk=18, chunk_pause=0.01),
)


def profile_of(name: str, maker: str) -> Profile:
    """The profile called `name`; for "auto" that of the maker which the modem names."""
    for profile in PROFILES:
        if profile.name == name or (name == "auto" and maker.lower().startswith(profile.makers or ("\0",))):
            return profile
    return PROFILES[0]
