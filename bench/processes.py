"""What a process costs, and how a server is waited for."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MEBIBYTE = 1 << 20
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 120.0) -> None:
    """Until it listens; the program ends if the process does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        if process.poll() is not None:
            sys.exit("the server did not start")
        time.sleep(0.02)
    sys.exit("the server does not listen")


def _ticks(stat: Path) -> float:
    fields = stat.read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def cpu_of(pid: int) -> float:
    """Seconds of CPU, user and system, of all its threads until now."""
    return _ticks(Path(f"/proc/{pid}/stat"))


def threads_of(pid: int) -> dict[int, float]:
    """The same by thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            found[int(task.name)] = _ticks(task / "stat")
    return found


def scheduled(pid: int) -> tuple[float, float]:
    """Seconds that its threads have run, and that they were ready and waited for a core."""
    ran = waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            figures = (task / "schedstat").read_text().split()
            ran, waited = ran + int(figures[0]), waited + int(figures[1])
    return ran / 1e9, waited / 1e9


def rss_of(pid: int) -> float:
    """MiB that it holds now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MEBIBYTE


def peak_rss_of(pid: int) -> float:
    """MiB that it ever held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass
class Cost:
    """Of one process over one run."""

    cpu_s_per_1000: float
    peak_rss_mib: float


class Meter:
    """CPU of some processes from now on."""

    def __init__(self, pids: dict[str, int]) -> None:
        self.pids = pids
        self.before = {name: cpu_of(pid) for name, pid in pids.items()}

    def costs(self, messages: int) -> dict[str, Cost]:
        return {
            name: Cost((cpu_of(pid) - self.before[name]) * 1000 / max(messages, 1), peak_rss_of(pid))
            for name, pid in self.pids.items()
        }
