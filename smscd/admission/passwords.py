"""Is this the password: scrypt hashes, compared in constant time, at the same cost for a system_id nobody has.

Pure functions and two values; `verify` of a hash takes tens of milliseconds by design, so call it off the event loop.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field

LN, R, P = 14, 8, 1
"""The cost of new hashes: 2^14 rounds of 128·r octets, 16 MiB and about 50 ms."""

_MOST_MEMORY = 256 << 20  # octets that a hash in the file may ask for: 2^18 rounds at r = 8
_SALT, _LENGTH = 16, 32  # octets
_FORM = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)", re.ASCII)


@dataclass(slots=True, frozen=True)
class ScryptHash:
    """A stored hash, taken apart (RFC 7914); `str()` writes it as the configuration holds it."""

    ln: int
    r: int
    p: int
    salt: bytes
    digest: bytes

    def __str__(self) -> str:
        return f"$scrypt$ln={self.ln},r={self.r},p={self.p}${_base64(self.salt)}${_base64(self.digest)}"

    def matches(self, password: bytes) -> bool:
        """Whether `password` hashes to the same; the comparison takes the same time wherever they differ."""
        digest = _scrypt(password, self.salt, self.ln, self.r, self.p, len(self.digest))
        return hmac.compare_digest(digest, self.digest)


def is_hash(stored: str) -> bool:
    """Whether a stored password is meant to be a hash, sound or not."""
    return stored.startswith("$scrypt$")


def parse_hash(stored: str) -> ScryptHash:
    """The parts of "$scrypt$ln=14,r=8,p=1$salt$digest"; ValueError says what is wrong with it."""
    match = _FORM.fullmatch(stored)
    if match is None:
        raise ValueError("is not a hash of the form $scrypt$ln=…,r=…,p=…$salt$digest")
    ln, r, p = (int(number) for number in match.groups()[:3])
    if not 1 <= ln <= 24 or not r or not p or (128 * r << ln) > _MOST_MEMORY or p > 16:
        raise ValueError("asks for a cost that is not allowed (at most 256 MiB, p at most 16)")
    salt, digest = (_unbase64(text) for text in match.groups()[3:])
    if len(salt) < 8 or not 16 <= len(digest) <= 64:
        raise ValueError("has too short a salt or a digest of the wrong length")
    return ScryptHash(ln, r, p, salt, digest)


def hash_password(password: bytes) -> str:
    """A new hash of `password`, with a salt of its own, in the form of `password_hash`."""
    salt = os.urandom(_SALT)
    return str(ScryptHash(LN, R, P, salt, _scrypt(password, salt, LN, R, P, _LENGTH)))


def verify(stored: str, password: bytes) -> bool:
    """Whether `password` is the one behind `stored`, a hash or clear text; ValueError for a broken hash.

    A wrong guess at a clear-text password costs as much as one at a hash, so that the time of a refusal tells neither
    which accounts exist nor how their passwords are kept.
    """
    if is_hash(stored):
        return parse_hash(stored).matches(password)
    # both are digested first: compare_digest tells lengths apart, and clear text has a length worth hiding
    same = hmac.compare_digest(hashlib.sha256(stored.encode()).digest(), hashlib.sha256(password).digest())
    return same or verify_nobody(password)


def verify_nobody(password: bytes) -> bool:
    """Cost what `verify` of a new hash costs, and say no: for a system_id that does not exist."""
    _NOBODY.matches(password)
    return False


@dataclass(slots=True)
class KnownPasswords:
    """Remembers successes under a key of this process only, so that a reconnect storm does not pay for scrypt again.

    What is kept is an HMAC over the system_id, the stored hash and the password: it proves nothing to anybody else,
    and a changed `password_hash` makes it worthless at once.
    """

    limit: int = 10_000
    _key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    _seen: dict[bytes, None] = field(default_factory=dict, repr=False)

    def knows(self, system_id: str, stored: str, password: bytes) -> bool:
        """Whether exactly this was verified before."""
        return self._proof(system_id, stored, password) in self._seen

    def remember(self, system_id: str, stored: str, password: bytes) -> None:
        """Note a success; the oldest one is forgotten when there are `limit`."""
        if len(self._seen) >= self.limit:
            del self._seen[next(iter(self._seen))]
        self._seen[self._proof(system_id, stored, password)] = None

    def _proof(self, system_id: str, stored: str, password: bytes) -> bytes:
        words = (system_id.encode(), stored.encode(), password)
        message = b"".join(len(word).to_bytes(4, "big") + word for word in words)
        return hmac.digest(self._key, message, "sha256")


def _scrypt(password: bytes, salt: bytes, ln: int, r: int, p: int, length: int) -> bytes:
    # OpenSSL refuses what needs more than `maxmem`; it needs a little more than the 128·r·2^ln of the algorithm
    memory = (128 * r << ln) + 128 * r * p + (1 << 20)
    return hashlib.scrypt(password, salt=salt, n=1 << ln, r=r, p=p, maxmem=memory, dklen=length)


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode().rstrip("=")


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError("has a salt or a digest that is not base64") from None


_NOBODY = ScryptHash(LN, R, P, os.urandom(_SALT), os.urandom(_LENGTH))
