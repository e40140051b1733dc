"""Where measured figures are kept, and under what circumstances they came about."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import interpreter
from runs import Figures

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "figures"


def circumstances() -> dict[str, str]:
    """To be asked before the measuring begins: the load is that of the others."""
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "on": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": told.stdout.strip() or "unknown",
        "cores": str(os.cpu_count()),
        **interpreter.measured(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def sentence(kept: dict[str, str]) -> str:
    rounds = f"; medians of {kept['rounds']} rounds" if kept.get("rounds", "1") != "1" else ""
    build = f" ({kept['build']})" if "build" in kept else ""
    return (
        f"Measured {kept['on']} at commit {kept['commit']}: {kept['cores']} cores, CPython {kept['python']}{build}, "
        f"SQLite {kept['sqlite']}; load of the machine before it {kept['load']}{rounds}."
    )


def read(name: str, out: Path = OUT) -> dict[str, Any]:
    """What was kept as `name`; nothing if nothing was."""
    file = out / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def keep(name: str, figures: dict[str, Any], out: Path = OUT) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")


def keep_runs(name: str, measured: dict[str, str], rounds: int, figures: list[Figures], out: Path) -> None:
    """Runs that are medians of `rounds`."""
    runs = [dataclasses.asdict(each) for each in figures]
    keep(name, {"measured": measured | {"rounds": str(rounds)}, "runs": runs}, out)
