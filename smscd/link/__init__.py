"""The only asyncio.Protocol: a session on a transport, TLS, back-pressure.

A `Link` moves octets between a transport and a sans-IO `Session`, and hands what the session understood to its owner:
one call per read, one write per read, one write per loop turn for what is answered later.  `Links` is all links of one
process, their limits and their one-second tick; a `Door` accepts, `connect` goes out.

The room knows nothing of journeys, stores or ESME accounts.  Its owner hears `closed` exactly once for every link, with
the reason as text.  Raised here: OSError by `listen` and `connect`, ConfigError by the two TLS contexts.
"""

from smscd.link.link import Link, LinkOwner
from smscd.link.links import LinkLimits, Links
from smscd.link.opening import Door, connect, describe, listen
from smscd.link.settings import TlsSettings
from smscd.link.tls import client_context, renew_certificate, server_context

__all__ = [
    "Door",
    "Link",
    "LinkLimits",
    "LinkOwner",
    "Links",
    "TlsSettings",
    "client_context",
    "connect",
    "describe",
    "listen",
    "renew_certificate",
    "server_context",
]
