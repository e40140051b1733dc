"""How a command says that something went wrong. No tables here: `smscd run` loads this and not rich."""

from __future__ import annotations

import sys


def complain(reason: str, remedy: str = "") -> int:
    """What is wrong and what to try, on standard error; the exit code that goes with it."""
    for line in reason.splitlines() or [""]:
        sys.stderr.write(f"error: {printable(line)}\n")
    if remedy:
        sys.stderr.write(f"try: {printable(remedy)}\n")
    return 1


def printable(text: str) -> str:
    """`text` with everything escaped that moves the cursor or hides something."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
