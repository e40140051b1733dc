"""Numbers in E.164 form, by the numbering plans of libphonenumber. About 50 µs a number: answers are remembered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from smscd.units import TextNotation

INTERNATIONAL, NATIONAL = 1, 2
"""type of number (SMPP 3.4 §5.2.5)"""
_SEPARATORS = b" -().\xa0"


class CallingCodeNotation(TextNotation):
    """Which country a number without a country belongs to."""

    allowed = 'a calling code: "44", "1", "353"'

    def inspect(self, text: str) -> None:
        if not _region(text):
            raise ValueError("is no calling code")


def _region(calling_code: str) -> str:
    """The (main) country of a calling code, "" if there is none."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415 - only where a route asks for it: 30 ms

    if not (calling_code.isascii() and calling_code.isdigit()) or len(calling_code) > 3:
        return ""
    regions: tuple[str, ...] = COUNTRY_CODE_TO_REGION_CODE.get(int(calling_code), ("",))
    return regions[0] if regions[0].isalpha() else ""  # "001" is the whole world: 800, 808, 979


def _trunk_prefix(region: str) -> str:
    from phonenumbers.phonenumberutil import ndd_prefix_for_region  # noqa: PLC0415 - as above

    return ndd_prefix_for_region(region, True) or ""


class Numbers:
    """What one kind of route takes numbers for."""

    __slots__ = ("_has_trunk_zero", "_known", "_region", "default_country", "strictness")

    LARGEST = 50_000
    """Numbers remembered at most."""

    def __init__(self, strictness: Literal["possible", "valid"], default_country: str | None) -> None:
        self.strictness = strictness
        self.default_country = default_country or ""
        self._region = _region(self.default_country) if default_country else ""
        self._has_trunk_zero = bool(self._region) and _trunk_prefix(self._region).startswith("0")
        self._known: dict[tuple[bytes, int], bytes] = {}

    def __str__(self) -> str:
        country = f" ({self.default_country} where it has no country)" if self.default_country else ""
        return f"{self.strictness} number{country}"

    def digits(self, address: bytes, ton: int) -> bytes:
        """The E.164 digits of `address`, without a plus sign; b"" if it is no such number."""
        key = (address, ton)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= self.LARGEST:
                self._known.clear()
            found = self._known[key] = self._read(address, ton)
        return found

    def _read(self, address: bytes, ton: int) -> bytes:
        from phonenumbers import (  # noqa: PLC0415 - as above
            NumberParseException,
            PhoneNumber,
            PhoneNumberFormat,
            ValidationResult,
            format_number,
            is_possible_number_with_reason,
            is_valid_number,
            parse,
        )

        readings: list[PhoneNumber] = []
        for written in self._readings(address.translate(None, _SEPARATORS), ton):
            if not (self._region or written.startswith("+")):
                continue
            try:
                readings.append(parse(written, None if written.startswith("+") else self._region))
            except NumberParseException:
                continue
        fit = next((number for number in readings if is_valid_number(number)), None)
        if fit is None and self.strictness == "possible":
            possible = ValidationResult.IS_POSSIBLE  # not IS_POSSIBLE_LOCAL_ONLY: without its area nobody can call it
            fit = next((number for number in readings if is_possible_number_with_reason(number) == possible), None)
        return b"" if fit is None else format_number(fit, PhoneNumberFormat.E164)[1:].encode()

    def _readings(self, address: bytes, ton: int) -> Iterator[str]:
        """What `address` may mean, the likelier first: with "+" in front international, otherwise national.

        Where numbers at home are written with a 0 in front, one without it is rather a whole international number.
        """
        bare = address.removeprefix(b"+")
        if not bare.isdigit():
            return
        digits = bare.decode()
        if bare != address or digits.startswith("00"):
            yield f"+{digits.removeprefix('00')}"
        elif digits.startswith("0") or ton == NATIONAL:  # a trunk prefix says more than a wrong TON
            yield digits
        elif ton == INTERNATIONAL:
            yield f"+{digits}"
        else:
            yield from (f"+{digits}", digits) if self._has_trunk_zero else (digits, f"+{digits}")
