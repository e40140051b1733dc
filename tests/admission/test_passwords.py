"""Hashes that can be read back, refusals that cost the same, successes that are remembered by this process only."""

from __future__ import annotations

import hashlib

import pytest

from smscd.admission import passwords
from smscd.admission.passwords import KnownPasswords, hash_password, parse_hash, verify, verify_nobody
from tests.config.writing import HASH


def test_a_hash_knows_its_password_and_no_other() -> None:
    stored = hash_password(b"secret")
    assert verify(stored, b"secret")
    assert not verify(stored, b"Secret")
    assert not verify(stored, b"")


def test_every_hash_has_its_own_salt() -> None:
    assert hash_password(b"secret") != hash_password(b"secret")


def test_a_hash_is_written_and_read_as_the_configuration_holds_it() -> None:
    stored = hash_password(b"secret")
    assert stored.startswith("$scrypt$ln=14,r=8,p=1$")
    assert str(parse_hash(stored)) == stored


def test_a_hash_is_scrypt_as_anybody_computes_it() -> None:
    parsed = parse_hash(hash_password(b"secret"))
    digest = hashlib.scrypt(b"secret", salt=parsed.salt, n=2**14, r=8, p=1, maxmem=64 << 20, dklen=32)
    assert parsed.digest == digest


def test_the_vector_of_rfc_7914_verifies() -> None:
    # RFC 7914 §12: P = "password", S = "NaCl", N = 1024, r = 8, p = 16
    digest = bytes.fromhex(
        "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
        "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
    )
    assert passwords.ScryptHash(10, 8, 16, b"NaCl", digest).matches(b"password")


def test_clear_text_is_compared_as_a_whole() -> None:
    assert verify("secret", b"secret")
    assert not verify("secret", b"secre")
    assert not verify("secret", b"secret\0")
    assert verify("pässwört", "pässwört".encode())


@pytest.mark.parametrize(
    "stored",
    [
        "$scrypt$",
        "$scrypt$ln=14,r=8,p=1$c2FsdHNhbHRzYWx0",
        HASH + "!",
        HASH.replace("ln=4", "ln=0"),
        HASH.replace("ln=4", "ln=25"),
        HASH.replace("ln=4,r=8", "ln=24,r=8"),
        HASH.replace("p=1", "p=17"),
        HASH.replace("c2FsdHNhbHRzYWx0c2FsdA", "c2Fs"),
    ],
)
def test_a_broken_or_exorbitant_hash_is_an_error_not_a_refusal(stored: str) -> None:
    with pytest.raises(ValueError, match=r"^(is not a hash|asks for a cost|has too short|has a salt)"):
        verify(stored, b"secret")


def test_every_refusal_pays_for_scrypt_once(monkeypatch: pytest.MonkeyPatch) -> None:
    paid: list[int] = []
    scrypt = passwords._scrypt

    def counted(password: bytes, salt: bytes, ln: int, r: int, p: int, length: int) -> bytes:
        paid.append(ln)
        return scrypt(password, salt, 4, r, p, length)

    monkeypatch.setattr(passwords, "_scrypt", counted)
    stored = HASH.replace("ln=4", f"ln={passwords.LN}")
    assert not verify(stored, b"wrong")
    assert not verify("clear", b"wrong")
    assert not verify_nobody(b"wrong")
    assert paid == [passwords.LN] * 3


def test_a_success_is_known_again_and_a_failure_is_not() -> None:
    known = KnownPasswords()
    assert not known.knows("test", HASH, b"secret")
    known.remember("test", HASH, b"secret")
    assert known.knows("test", HASH, b"secret")
    assert not known.knows("test", HASH, b"wrong")
    assert not known.knows("other", HASH, b"secret")


def test_a_changed_hash_is_not_known() -> None:
    known = KnownPasswords()
    known.remember("test", HASH, b"secret")
    assert not known.knows("test", hash_password(b"secret"), b"secret")


def test_words_that_join_to_the_same_octets_are_not_the_same() -> None:
    known = KnownPasswords()
    known.remember("ab", "c", b"d")
    assert not known.knows("a", "bc", b"d")
    assert not known.knows("ab", "cd", b"")


def test_what_one_process_knows_proves_nothing_to_another() -> None:
    one, other = KnownPasswords(), KnownPasswords()
    one.remember("test", HASH, b"secret")
    other._seen.update(one._seen)
    assert not other.knows("test", HASH, b"secret")


def test_the_memory_of_successes_is_bounded() -> None:
    known = KnownPasswords(limit=3)
    for number in range(5):
        known.remember("test", HASH, b"%d" % number)
    assert [number for number in range(5) if known.knows("test", HASH, b"%d" % number)] == [2, 3, 4]
