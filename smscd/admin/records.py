"""Records: one JSON line per closed message and part, for billing and analytics.

The loop hands over what a commit closed and goes on; a thread of this room renders, writes and rotates.  A disk that
is full or slow costs records after a while, counted and logged, and never a message.  The store stays the truth:
what a kill -9 takes from the last moment's records can still be read with `smscd message list`.

No message text is ever written.  Addresses are complete, so the files are mode 0600.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from pathlib import Path

import structlog

from smscd.admin.record import Record, line, lines
from smscd.admin.recordfile import RecordFile
from smscd.admin.settings import RecordsSettings
from smscd.counters import DaemonCounters

log = structlog.get_logger(__name__)

MOST_WAITING = 20_000
"""Records in memory while the disk does not take them (about 30 MiB); beyond it new ones are dropped and counted."""

RETRY_SECONDS = 1.0
"""Between two attempts to write to a disk that refused."""

PAUSE = 0.02
"""Seconds in which records gather: a thread that woke for every commit would take the interpreter from the loop."""

AT_ONCE = 128
"""Records between two writes; while it makes their lines the loop waits for the interpreter."""

CLOSE_SECONDS = 5.0
"""How long a stop waits for the disk."""


class Records:
    """Takes records from the loop and has a thread write them under `directory`.

    `counters` gets `records_dropped` from the loop's side and `records_written` from the thread's: one writer each.
    """

    def __init__(self, directory: Path, settings: RecordsSettings, counters: DaemonCounters | None = None) -> None:
        self.counters = counters or DaemonCounters()
        self._file = RecordFile(directory, settings.size, settings.keep)
        self._handed: queue.SimpleQueue[Sequence[Record] | None] = queue.SimpleQueue()
        self._offered = 0
        self._done = 0  # the thread's count of what is on the disk
        self._dropping = False
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if settings.enabled:
            self._thread = threading.Thread(target=self._run, name="smscd-records", daemon=True)
            self._thread.start()

    @property
    def waiting(self) -> int:
        """Records handed over and not on the disk yet."""
        return self._offered - self._done

    def write(self, records: Sequence[Record]) -> None:
        """Hand over what one commit closed. Never waits; the list belongs to this room from here on."""
        if self._thread is None or not records:
            return
        if self.waiting >= MOST_WAITING:  # what one commit closed is taken whole: the thread may just not have run
            self._drop(len(records))
            return
        if self._dropping:
            self._dropping = False
            log.info("records are kept again", dropped_in_all=self.counters.records_dropped)
        self._offered += len(records)
        self._handed.put(records)

    def close(self) -> None:
        """Write what waits and end the thread; blocks for `CLOSE_SECONDS` at most. What is lost is counted."""
        if self._thread is None:
            return
        self._closing.set()
        self._handed.put(None)
        self._thread.join(CLOSE_SECONDS)
        if self.waiting:
            self.counters.records_dropped += self.waiting
            log.error("records lost at the stop", dropped=self.waiting)
        self._thread = None

    def _drop(self, count: int) -> None:
        self.counters.records_dropped += count
        if not self._dropping:
            self._dropping = True
            log.error("records are dropped: the disk does not take them", waiting=self.waiting)

    # the thread's side

    def _run(self) -> None:
        last = False
        while not last:
            records, last = self._gather()
            for at in range(0, len(records), AT_ONCE):
                if not self._keep(self._rendered(records[at : at + AT_ONCE])):
                    return
        try:
            self._file.close()
        except OSError as error:
            log.warning("records may not be on the disk", path=str(self._file.path), error=error.strerror)

    def _gather(self) -> tuple[list[Record], bool]:
        """Everything handed over so far, at least one list of it; whether the end was among it."""
        gathered: list[Record] = []
        self._closing.wait(PAUSE)
        try:
            handed = self._handed.get_nowait()
        except queue.Empty:  # only an idle thread has to be woken, which costs the loop more than to hand over
            handed = self._handed.get()
            self._closing.wait(PAUSE)
        while handed is not None:
            gathered += handed
            try:
                handed = self._handed.get_nowait()
            except queue.Empty:
                return gathered, False
        return gathered, True

    def _rendered(self, records: list[Record]) -> list[bytes]:
        try:
            return lines(records)
        except Exception:  # noqa: BLE001 - it is told with the record whose it is
            return [made for record in records if (made := self._tried(record))]

    def _tried(self, record: Record) -> bytes:
        """Its line; none where it cannot be made: a fault of ours costs its own record, not all that follow."""
        try:
            return line(record)
        except Exception:
            log.exception("a record cannot be made", message_id=record[0].message_id)
            self._done += 1
            return b""

    def _keep(self, lines: list[bytes]) -> bool:
        """Write `lines`, as often as it takes; False if the disk did not even take them when asked to stop."""
        failed = False
        while lines:
            stopping = self._closing.is_set()
            try:
                written = self._file.append(lines)
            except OSError as error:
                if not failed:
                    log.warning("records cannot be written, trying on", path=str(self._file.path), error=error.strerror)
                failed = True
                if stopping:
                    return False
                self._closing.wait(RETRY_SECONDS)
                continue
            self._done += written
            self.counters.records_written += written
            lines = lines[written:]
        if failed:
            log.info("records are written again", path=str(self._file.path))
        return True
