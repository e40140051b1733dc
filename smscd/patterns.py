"""Address patterns as the configuration writes them, compiled to answer quickly.

Digits are one number, a trailing `*` makes a prefix, a pattern between slashes is a regular expression, fully matched.
A `+` in front of an address is ignored: patterns are written in digits.
"""

from __future__ import annotations

from collections.abc import Iterable

from smscd.units import Expression, compile_expression, is_expression


class AddressSet:
    """The addresses that any of some patterns means. One look-up for exact numbers and prefixes, however many."""

    __slots__ = ("_exact", "_expressions", "_prefixes", "is_everything", "patterns")

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        exact, prefixes, expressions = set(), [], []
        for pattern in self.patterns:
            if is_expression(pattern):
                expressions.append(compile_expression(pattern))
            elif pattern.endswith("*"):
                prefixes.append(pattern[:-1].encode("utf-8"))
            else:
                exact.add(pattern.encode("utf-8"))
        self.is_everything = b"" in prefixes
        self._exact = frozenset(exact)
        self._prefixes = tuple(prefixes)
        self._expressions: tuple[Expression, ...] = tuple(expressions)

    def __contains__(self, address: bytes) -> bool:
        if self.is_everything:
            return True
        if address[:1] == b"+":
            address = address[1:]
        if address in self._exact or (self._prefixes and address.startswith(self._prefixes)):
            return True
        if not self._expressions:
            return False
        text = address.decode("utf-8", "replace")
        return any(expression.fullmatch(text) for expression in self._expressions)

    def specificity(self, address: bytes) -> int:
        """How closely the best pattern fits `address`: more is closer, -1 is not at all.

        Exact beats any prefix, a longer prefix a shorter one, any of them an expression, and that a bare `*`.
        """
        if address[:1] == b"+":
            address = address[1:]
        if address in self._exact:
            return 1000
        best = max((len(prefix) for prefix in self._prefixes if address.startswith(prefix)), default=-1)
        if best > 0:
            return best + 1
        text = address.decode("utf-8", "replace")
        if any(expression.fullmatch(text) for expression in self._expressions):
            return 1
        return best
