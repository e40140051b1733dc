"""What a process did, in order, as strace saw it: writes with their octets, syncs, and where each went."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.running import until

WRITES = frozenset({"write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg"})
SYNCS = frozenset({"fsync", "fdatasync"})
_CALL = re.compile(r"^(?P<thread>\d+)\s+(?P<name>\w+)\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<rest>.*)$")
_RESUMED = re.compile(r"^(?P<thread>\d+)\s+<\.\.\. (?P<name>\w+) resumed>")
_HEX = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(slots=True)
class Call:
    """One system call; `begun` and `ended` are places in the one order of everything that happened."""

    name: str
    path: str
    octets: bytes
    begun: int
    ended: int


@cache
def usable() -> None:
    """Skip the test, loudly, where processes cannot be traced."""
    if shutil.which("strace") is None:
        pytest.skip("NOT PROVEN HERE: no strace, so the order of sync and answer cannot be seen")
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("NOT PROVEN HERE: ptrace is not permitted, so the order of sync and answer cannot be seen")


def strace(out: Path) -> list[str]:
    """The words to put before a command. The traced process stays the child of whoever starts it (-D).

    Of what is written a frame of the log is shown (-s), and no more of the zeros that lengthen it at the start.
    """
    calls = ",".join(sorted(WRITES | SYNCS))
    return ["strace", "-D", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "4120", "-e", f"trace={calls}", "-o", str(out)]


def calls(out: Path) -> list[Call]:
    """The calls in `out` that have ended well, in the order in which they began."""
    open_calls: dict[str, Call] = {}
    seen: list[Call] = []
    for at, line in enumerate(out.read_text(errors="replace").splitlines()):
        if (resumed := _RESUMED.match(line)) is not None:
            call = open_calls.pop(resumed["thread"], None)
            if call is not None:
                call.octets += _octets(line)
                call.ended = at if "= -1 " not in line else 0
        elif (begun := _CALL.match(line)) is not None:
            call = Call(begun["name"], _path(begun["path"]), _octets(begun["rest"]), at, at)
            seen.append(call)
            if line.endswith("<unfinished ...>"):
                call.ended = 0
                open_calls[begun["thread"]] = call
            elif "= -1 " in line:
                call.ended = 0
    return [call for call in seen if call.ended]


def closed(out: Path) -> None:
    """Wait until strace, which ends a moment after what it traces, has written everything."""
    until(lambda: re.search(r"^\d+ +\+\+\+ (exited|killed)[^\n]*\n\Z", out.read_text(errors="replace"), re.MULTILINE))


def _octets(text: str) -> bytes:
    return bytes.fromhex("".join(_HEX.findall(text)))


def _path(text: str) -> str:
    return _octets(text).decode() if "\\x" in text else text


def answered_before_synced(everything: list[Call], tag: bytes, answer: bytes) -> str | None:
    """What is wrong with the order in which `tag` was written and synced and `answer` given; None if nothing is."""
    answers = [c for c in everything if answer in c.octets and ("TCP" in c.path or "socket:" in c.path)]
    if not answers:
        return f"no answer to {tag!r} was seen"
    answered = answers[0].begun
    written = [c for c in everything if c.path.endswith("-wal") and tag in c.octets and c.ended < answered]
    if not written:
        return f"{tag!r} was not in the log when it was answered"
    synced = [c for c in everything if c.name in SYNCS and c.path == written[-1].path
              and c.begun > written[0].ended and c.ended < answered]  # fmt: skip
    return None if synced else f"{tag!r} was in the log, but not synced when it was answered"
