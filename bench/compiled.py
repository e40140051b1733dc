"""What compiling would gain: the modules on a message's way by Cython, sources unchanged, beside pure Python.

    python bench/compiled.py [--rounds 5] [--count 20000] [--what submit,circle,gateway]

Needs Cython, setuptools and a C compiler, none of which smscd itself needs. The package is copied twice, one copy is
compiled (about five minutes), then the two take turns, and medians are told. Nothing of it is kept. The server's
CPU s/1000 is the figure to look at: rates suffer from whoever else is at work.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from load import Load
from runs import Figures, Plan, measured, median, show
from servers import EMULATED, Running, SinkProcess, Smscd, route, sink, upstream

PACKAGE = Path(__file__).parents[1] / "smscd"
MODULES = (
    "clock", "counters", "interception", "journey", "message", "parking", "parts", "plain", "queueing", "receipts",
    "reports", "ways",
    "admin/record", "admin/recordfile", "admin/records", "admission/esme", "admission/fields", "admission/rate",
    "connectors/esme", "connectors/emulator/connector",
    "connectors/smpp/connector", "connectors/smpp/content", "connectors/smpp/correlation", "connectors/smpp/line",
    "link/link", "link/links", "listener/pump", "optout/keys", "optout/list", "optout/matching",
    "pdu/carriers", "pdu/codec", "pdu/decoding", "pdu/encoding", "pdu/framer", "pdu/receipt", "pdu/times", "pdu/tlv",
    "routing/index", "routing/rules", "scheduler/lanes",
    "session/events", "session/in_flight", "session/lifecycle", "session/session", "session/states",
    "store/batch", "store/commit", "store/rows", "store/sqlite", "text/gsm7", "text/septets",
)  # fmt: skip
"""Where a profile of the full circle finds its time, in whichever thread."""

BUILD = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup
modules = sys.argv.pop().split()
flags = ["-O2", "-g0", "-w"]
extensions = [
    Extension("smscd." + m.replace("/", "."), ["smscd/" + m + ".py"], extra_compile_args=flags) for m in modules
]
directives = {"language_level": 3, "binding": True, "annotation_typing": False}
setup(script_args=["-q", "build_ext", "--inplace", "-j2"],
      ext_modules=cythonize(extensions, nthreads=2, quiet=True, compiler_directives=directives))
"""
"""Annotations stay words for the reader: typed by them, code would refuse what the pure code takes."""


def copied(home: Path, *, compiled: bool) -> Path:
    """`home`, with the package in it."""
    shutil.copytree(PACKAGE, home / "smscd", ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"))
    if compiled:
        subprocess.run([sys.executable, "-c", BUILD, " ".join(MODULES)], cwd=home, check=True)
        missing = [m for m in MODULES if not list((home / "smscd" / m).parent.glob(f"{Path(m).name}.*.so"))]
        if missing:
            sys.exit(f"not compiled: {', '.join(missing)}")
    return home


@contextlib.contextmanager
def serving(home: Path, ways: str) -> Iterator[Running]:
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory:
        server = Smscd(Path(directory), ways)
        server.home = home
        try:
            server.start()
            yield Running(server.port, {"smscd": server.pid})
        finally:
            server.stop()


def once(home: Path, plan: Plan) -> Figures:
    if not plan.has_sink:
        with serving(home, EMULATED) as server:
            return measured(plan, server, None)
    with sink("--receipts") as beyond:
        return _through(home, plan, beyond)


def _through(home: Path, plan: Plan, beyond: SinkProcess) -> Figures:
    with serving(home, upstream("alive", beyond.port) + route("alive")) as server:
        return measured(plan, server, beyond)


def plans(kind: str, what: list[str], count: int) -> list[Plan]:
    found = {
        "submit": Plan("submit", kind, Load(count=count)),
        "circle": Plan("full circle, emulated", kind, Load(count=count, receipts=True)),
        "gateway": Plan("full circle, upstream", kind, Load(count=count, receipts=True), has_sink=True),
    }
    return [found[each] for each in what]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--what", default="submit,circle,gateway")
    arguments = parser.parse_args()
    what = arguments.what.split(",")
    with tempfile.TemporaryDirectory(prefix="smscd-compiled-") as directory:
        homes = {kind: copied(Path(directory) / kind, compiled=kind == "compiled") for kind in ("pure", "compiled")}
        found: dict[tuple[str, str], list[Figures]] = {}
        for _ in range(arguments.rounds):
            for kind, home in homes.items():
                for plan in plans(kind, what, arguments.count):
                    found.setdefault((plan.what, kind), []).append(once(home, plan))
    show([median(figures) for _, figures in sorted(found.items())])


if __name__ == "__main__":
    main()
