"""submit → durable answer, and the full circle with the emulated network, beside the floor, in one run.

    python bench/submit.py [--count 50000] [--rows windows,binds,circle,pace]

Prints rate, p50, p99, CPU seconds per 1,000 messages and peak RSS of the server, and the client's own CPU.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from load import Load, run

CONFIG = """
[smscd]
data_dir = "{data}"
log_level = "warning"
[[listener]]
address = "127.0.0.1:{port}"
[[esme]]
system_id = "test"
password = "secret"
window = 2000
bind_limit = 2000
deliver_window = 200
receives = ["*"]
[[connector]]
name = "handsets"
kind = "emulator"
[[route]]
connectors = ["handsets"]
"""

COLUMNS = ("what", "server", "rate/s", "p50 ms", "p99 ms", "server CPU s/1000", "server RSS MiB", "client CPU s/1000")


@contextlib.contextmanager
def server(kind: str, data_dir: Path | None = None) -> Iterator[tuple[int, int]]:
    """(pid, port) of a fresh smscd, or of a fresh floor; on what `data_dir` holds if one is given."""
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as fresh, socket.socket() as probe:
        data = str(data_dir or fresh)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        config = Path(data) / "smscd.toml"
        config.write_text(CONFIG.format(data=data, port=port))
        command = [sys.executable, "-m", "smscd", "run", "--config", str(config)]
        if kind == "floor":
            command = [sys.executable, str(Path(__file__).with_name("floor.py")), data, str(port)]
        process = subprocess.Popen(
            command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
        )
        try:
            wait_for(port, process)
            yield process.pid, port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        if process.poll() is not None:
            sys.exit("the server did not start")
        time.sleep(0.05)


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_of(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(what: str, kind: str, **wanted: object) -> None:
    """One line of the table."""
    with server(kind) as (pid, port):
        load = Load(port=port)
        for name, value in wanted.items():
            setattr(load, name, value)
        before = cpu_of(pid)
        result = run(load)
        figures = result.summary()
        rate = figures["circle_per_s"] if load.receipts else figures["rate_per_s"]
        cpu = (cpu_of(pid) - before) / max(result.answered, 1) * 1000
        row = (what, kind, rate, figures["p50_ms"], figures["p99_ms"], f"{cpu:.3f}", f"{peak_rss_of(pid):.0f}",
               figures["client_cpu_s_per_1000"])  # fmt: skip
        print(" | ".join(f"{cell!s:>18}" for cell in row), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rows", default="windows,binds,circle,pace")
    arguments = parser.parse_args()
    rows = arguments.rows.split(",")
    print(" | ".join(f"{cell:>18}" for cell in COLUMNS))
    if "windows" in rows:
        for window in (1, 10, 100, 1000):
            for kind in ("floor", "smscd"):
                measure(f"window {window}", kind, window=window, count=min(arguments.count, 500 * window * 10))
    if "binds" in rows:
        for binds in (1, 10, 100):
            measure(f"{binds} binds x 10", "smscd", binds=binds, window=10, count=arguments.count)
    if "circle" in rows:
        measure("full circle", "smscd", receipts=True, count=arguments.count)
    if "pace" in rows:
        for kind in ("floor", "smscd"):
            measure("50 msg/s", kind, rate=50.0, count=500)


if __name__ == "__main__":
    main()
