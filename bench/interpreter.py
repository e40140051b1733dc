"""Which Python a server is measured with, and how that was built: an optimised build decodes in a fifth less time.

    BENCH_PYTHON=/path/to/python python bench/targets.py

runs smscd and the floor with that Python, which needs what smscd needs, and the codec, which needs aiosmpplib besides;
the load client, the sink and the programs themselves stay with the Python that they are started with.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import subprocess
import sys
import sysconfig

PYTHON = os.environ.get("BENCH_PYTHON", sys.executable)


def build(arguments: str, is_debian: bool) -> str:
    """How an interpreter was built, by the arguments of its `configure`.

    PGO_PROF_USE_FLAG and the like say what the compiler could have been told, not what it was. Debian and Ubuntu run
    `make profile-opt` themselves, which leaves no trace; that it is theirs does.
    """
    if "--enable-optimizations" in arguments:
        return "optimised build"
    return "Debian's optimised build" if is_debian else "build without --enable-optimizations"


def told() -> dict[str, str]:
    """Of the interpreter that runs this."""
    is_debian = "deb_system" in sysconfig.get_scheme_names()  # also in a virtual environment
    return {
        "python": platform.python_version(),
        "build": build(sysconfig.get_config_var("CONFIG_ARGS") or "", is_debian),
        "sqlite": sqlite3.sqlite_version,
    }


def measured() -> dict[str, str]:
    """The same of the one that is measured."""
    done = subprocess.run([PYTHON, __file__], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(told()))
