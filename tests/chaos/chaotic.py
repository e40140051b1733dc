"""A running smscd that can be traced, preloaded, sabotaged, and started again on what a power cut left."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.chaos.shim import Shim
from tests.machine import PATIENCE
from tests.running import Running, until

ROOT = Path(__file__).parents[2]

TEXT = """\
[smscd]
log_level = "warning"

[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[esme]]
system_id = "other"
password = "secret"

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "20ms"

[[route]]
destination_addr = "888*"
connectors = ["esme:other"]

[[route]]
connectors = ["handsets"]

[retry]
schedule = ["200ms", "1s"]
"""
"""An emulated network, and a second account that gets what is sent to 888…"""


class Chaotic(Running):
    """See `Running`. `sabotage` names a broken build of `launcher.py`; `prefix` goes before the command (strace)."""

    def __init__(
        self,
        directory: Path,
        text: str = TEXT,
        *,
        sabotage: str = "",
        prefix: Sequence[str] = (),
        shimmed: bool = False,
        shadowed: bool = False,
        data_dir: Path | None = None,
    ) -> None:
        directory.mkdir(exist_ok=True)
        super().__init__(directory, text)
        if data_dir is not None:
            self.data_dir = data_dir
            self.write_config(text)
        self.sabotage = sabotage
        self.prefix = list(prefix)
        self._shim = Shim(directory, self.data_dir, shadowed=shadowed) if shimmed or shadowed else None

    @property
    def shim(self) -> Shim:
        assert self._shim is not None, "started without the shim"
        return self._shim

    def launch(self, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        command = ["tests.chaos.launcher", self.sabotage] if self.sabotage else ["smscd"]
        environ = {**os.environ, **(environment or {}), **(self._shim.environment if self._shim else {})}
        environ.pop("SMSCD_CONFIG", None)
        process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", *command, "run", "--config", str(self.config)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environ, cwd=ROOT,
        )  # fmt: skip
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        self._readers.append(reader)
        return process

    async def begin(self) -> Self:
        """`start`, without holding up the ESMEs of the same test."""
        return await asyncio.to_thread(self.start)

    def cut_power(self) -> None:
        """Kill, and leave on the disk what had been synced and nothing else."""
        self.kill()
        shutil.rmtree(self.data_dir)
        shutil.copytree(self.shim.shadow, self.data_dir)
        self.data_dir.chmod(0o700)

    async def ended(self, patience: float = PATIENCE) -> int:
        """The exit code of a process that ends by itself, or is being stopped."""
        assert self.process is not None
        code = await asyncio.to_thread(self.process.wait, patience)
        self._read_to_the_end()
        return code

    async def halt(self, patience: float = PATIENCE) -> int:
        """`stop`, without holding up the ESMEs of the same test, which have an unbind to answer."""
        self.terminate()
        return await self.ended(patience)

    async def waiting_for_esme(self, count: int) -> None:
        """Return when so many receipts are on the disk and wait for an ESME."""
        wanted = {"kind": "RECEIPT", "stage": "QUEUED", "limit": count + 1}
        await asyncio.to_thread(until, lambda: len(self.ask("message.list", **wanted)["messages"]) == count)

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
