"""The preloaded shim (`shim.c`): built once, told by a mapped file what the disk and the clock do to smscd."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

SOURCE = Path(__file__).with_name("shim.c")
_CONTROL = struct.Struct("iiq16s16s")


@cache
def _directory() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="smscd-shim-")  # gone when the interpreter ends


@cache
def built() -> Path:
    """The shared object; skips the test, loudly, where there is no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("NOT PROVEN HERE: no C compiler, so neither power cuts nor failing disks can be played")
    target = Path(_directory().name) / "shim.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O2", "-o", str(target), str(SOURCE), "-ldl"],
        check=True,
    )
    return target


class Shim:
    """What happens to one process below `data_dir`; every setting takes effect at its next system call.

    `shadowed`: what a power cut would leave is kept in `shadow`, which costs a copy of the file at every sync.
    """

    def __init__(self, directory: Path, data_dir: Path, *, shadowed: bool) -> None:
        self.shadow = directory / "shadow"
        self.shadow.mkdir()
        self._shadowed = shadowed
        self._control = directory / "control"
        self._sync_errno = self._write_errno = self._clock_offset = 0
        self._sync_of = self._write_of = ""
        self._library = built()
        self._data_dir = data_dir
        self._tell()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self._library),
            "CHAOS_DIR": str(self._data_dir),
            "CHAOS_CONTROL": str(self._control),
            **({"CHAOS_SHADOW": str(self.shadow)} if self._shadowed else {}),
        }

    def fail_sync(self, errno: int, of: str = "") -> None:
        """fsync and fdatasync of files whose names end in `of` fail with `errno`; 0: they work again."""
        self._sync_errno, self._sync_of = errno, of
        self._tell()

    def fail_write(self, errno: int, of: str = "") -> None:
        """Every write to files whose names end in `of` fails with `errno`; 0: they work again."""
        self._write_errno, self._write_of = errno, of
        self._tell()

    def step_clock(self, seconds: int) -> None:
        """Put the wall clock forward (or back) by so much against the true time."""
        self._clock_offset = seconds
        self._tell()

    def _tell(self) -> None:
        """In place and in one write: the other side has the file mapped."""
        descriptor = os.open(self._control, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(
            descriptor,
            _CONTROL.pack(
                self._sync_errno, self._write_errno, self._clock_offset, self._sync_of.encode(), self._write_of.encode()
            ),
            0,
        )
        os.close(descriptor)
