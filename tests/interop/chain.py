"""Two smscd in a row: the ESME binds to the first, the first is an ESME of the second, the second has the handsets.

They are connected in several ways at once. The third digit of a handset's number says which way its messages take, the
fourth what the handset's network does with them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from smscd import pdu
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger
from tests.link.certificates import Authority
from tests.running import Running, until

WAYS = {
    "plain": "",
    "pairs": 'bind = "transmitter+receiver"\nsessions = 2\nwindow = 3',
    "5.0": 'interface_version = "5.0"\nsessions = 3',
    "3.3": 'interface_version = "3.3"',
    "udh": 'long_messages = "udh"',
    "sar": 'long_messages = "sar"',
    "payload": 'long_messages = "payload"',
    "slow": "",
    "tls": "{tls}",
}
"""What the connector of each says."""

DELIVERS, FAILS, REFUSES, THROTTLES = range(4)
"""What a handset's network does."""

NEAR = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[retry]
schedule = ["200ms"]
"""

NEAR_WAY = """
[[connector]]
name = "{name}"
kind = "smpp"
address = "127.0.0.1:{port}"
system_id = "gw-{number}"
password = "gw-pass"
reconnect = "50ms"
{keys}

[[route]]
destination_addr = "44{number}*"
connectors = ["{name}"]
"""

FAR = """\
[smscd]
message_id = "hex"

[[listener]]
address = "127.0.0.1:0"

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"

[[connector.behaviour]]
destination_addr = "/44.1.*/"
message_state = "UNDELIVERABLE"
error_code = 27

[[connector.behaviour]]
destination_addr = "/44.2.*/"
submit_status = "ESME_RINVDSTADR"

[[connector.behaviour]]
destination_addr = "/44.3.*/"
probability = 0.5
submit_status = "ESME_RTHROTTLED"

[[route]]
connectors = ["handsets"]
"""

FAR_TLS = """
[[listener]]
address = "127.0.0.1:0"
tls.certificate = "{certificate}"
tls.key = "{key}"
tls.client_ca = "{ca}"
"""

FAR_WAY = """
[[esme]]
system_id = "gw-{number}"
password = "gw-pass"
receives = ["1234{number}"]
{keys}
"""
FAR_KEYS = {"slow": "rate = 20", "tls": "require_tls = true"}

_references = itertools.count(1)


@dataclass
class Chain:
    """Both of them: `far.ask` and `near.ask` are their control sockets."""

    near: Running
    far: Running
    ways: list[str]

    def handset(self, way: str = "plain", does: int = DELIVERS) -> bytes:
        """A number that nobody has written to yet."""
        return b"44%d%d%08d" % (self.ways.index(way), does, next(_references))

    def short_code(self, way: str = "plain") -> str:
        """What a handset writes to, so that its message comes by `way`."""
        return f"1234{self.ways.index(way)}"

    @asynccontextmanager
    async def bound(self) -> AsyncIterator[Account]:
        """The ESME of the near one, with a ledger that begins; it leaves in the end."""
        account = Account(self, Ledger(f"R{next(_references):04d}x"))
        await account.bind()
        try:
            yield account
        finally:
            await account.esme.leave()

    async def writes(self, handset: bytes, text: str, way: str = "plain") -> None:
        """A handset of the far one sends a message."""
        sent = {"from": handset.decode(), "to": self.short_code(way), "text": text}
        await asyncio.to_thread(self.far.ask, "mo", **sent)

    async def taken(self, *handsets: bytes, count: int = 1) -> list[dict[str, Any]]:
        """What the far one has taken for these handsets, oldest first, each with its text, once it is so many."""

        def listed() -> list[dict[str, Any]]:
            wanted = [self.far.ask("message.list", kind="MT", limit=1000, to=one.decode()) for one in handsets]
            return [one for answer in wanted for one in reversed(answer["messages"])]

        def shown() -> list[dict[str, Any]]:
            until(lambda: len(listed()) >= count)
            return [self.far.ask("message.show", message_id=one["message_id"], text=True) for one in listed()]

        return await asyncio.to_thread(shown)


class Account:
    """`test`, over all its binds."""

    def __init__(self, chain: Chain, ledger: Ledger) -> None:
        self.chain = chain
        self.ledger = ledger
        self.esme = Esme(ledger)

    async def bind(self) -> Self:
        self.esme = await Esme(self.ledger).bind(self.chain.near.port)
        return self

    async def submits(self, handset: bytes, count: int = 1, **fields: Any) -> None:
        """Submit so many and wait for their answers and receipts."""
        self.esme.pump(lambda tag: message(tag, destination_addr=handset, **fields), count=count)
        await self.ledger.until(lambda: self.esme.idle and not self.ledger.open)

    async def submit(self, handset: bytes) -> int:
        """Submit one message; what it is answered."""
        return (await self.esme.submit(lambda tag: message(tag, destination_addr=handset))).command_status

    async def submits_raw(self, request: pdu.SubmitSm) -> None:
        """Submit what carries no tag of the ledger."""
        assert (await self.esme.ask(request)).command_status == pdu.ESME_ROK

    @property
    def stats(self) -> list[str]:
        """The `stat:` of every receipt so far."""
        return [delivery.stat for delivery in self.ledger.receipts]


@contextmanager
def chain(directory: Path, *, ways: tuple[str, ...] = ("plain",), near: str = "", far: str = "") -> Iterator[Chain]:
    """Both started, connected in these `ways`, stopped in the end; `near` and `far` are further tables of theirs."""
    text = FAR + "".join(
        FAR_WAY.format(number=number, keys=FAR_KEYS.get(way, "")) for number, way in enumerate(ways)
    )  # fmt: skip
    tls = ""
    if "tls" in ways:
        authority = Authority(directory)
        there, here = authority.issue("127.0.0.1"), authority.issue("gw", common_name=f"gw-{ways.index('tls')}")
        for issued in (there, here):
            issued.key.chmod(0o600)
        text += FAR_TLS.format(certificate=there.certificate, key=there.key, ca=authority.path)
        tls = f'tls.enabled = true\ntls.ca = "{authority.path}"\n'
        tls += f'tls.certificate = "{here.certificate}"\ntls.key = "{here.key}"'
    for name in ("far", "near"):
        (directory / name).mkdir()
    upstream = Running(directory / "far", text + far)
    text = NEAR + near + "".join(
        NEAR_WAY.format(name=way, number=number, port=upstream.ports[way == "tls"], keys=WAYS[way].format(tls=tls))
        for number, way in enumerate(ways)
    )  # fmt: skip
    with upstream, Running(directory / "near", text) as gateway:
        until(lambda: all(one["state"] == "up" for one in gateway.ask("status")["connectors"] if one["kind"] == "smpp"))
        yield Chain(gateway, upstream, list(ways))
        for running in (gateway, upstream):
            running.stop()
            assert not [line for line in running.lines() if line.get("level") in {"error", "critical"}]
