"""How busy this machine is with others' work: limits in wall-clock time are for one that has nothing else to do."""

from __future__ import annotations

import os


def slack() -> float:
    """1 on a quiet machine; on one with more work than processors, how many times longer everything takes."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
