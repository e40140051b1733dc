"""A well-behaved ESME beside the hostile ones: while it sings, smscd serves everybody else as it should."""

from __future__ import annotations

import threading
from collections.abc import Callable

from smscd import pdu
from tests.hostile.peer import Peer, submit
from tests.machine import PATIENCE, Stopwatch, slack

EVERY = 0.05
"""Seconds between two submits."""
SLOWEST = 1.0
"""Seconds from submit_sm to submit_sm_resp, at most; on a quiet machine, and without those in which it stood still."""


class Canary:
    """Submits with a receipt every 50 ms, or at once when asked to prove itself, on a bind and from an address of its
    own."""

    def __init__(self, port: int, system_id: str = "canary") -> None:
        self._peer = Peer(port, source="127.0.0.1").bind(system_id)
        self._answered = threading.Condition()
        self._waits: list[float] = []
        self._begun = 0
        self._receipts = 0
        self._fault = ""
        self._resting = False
        self._watch = Stopwatch().__enter__()
        self._nudge = threading.Event()
        self._thread = threading.Thread(target=self._sing, name="canary", daemon=True)
        self._thread.start()

    def _sing(self) -> None:
        try:
            while not self._resting:
                self._submit()
                self._nudge.wait(EVERY)
                self._nudge.clear()
        except (AssertionError, OSError) as fault:
            with self._answered:
                self._fault = repr(fault)
                self._answered.notify_all()

    def _submit(self) -> None:
        started = self._watch.read()
        self._begun += 1
        number = self._peer.say(submit(b"tweet", receipt=True))
        while True:
            heard = self._peer.hear()
            assert heard is not None, "the connection ended"
            if isinstance(heard, pdu.DeliverSm):
                self._peer.send(pdu.deliver_sm_resp(heard.sequence_number))
                self._receipts += 1
            elif isinstance(heard, pdu.EnquireLink):
                self._peer.send(pdu.header(pdu.EnquireLinkResp.command_id, 0, heard.sequence_number))
            else:
                assert (type(heard), heard.sequence_number) == (pdu.SubmitSmResp, number), f"heard {heard!r}"
                assert heard.command_status == pdu.ESME_ROK, pdu.status.status_name(heard.command_status)
                break
        with self._answered:
            self._waits.append(self._watch.read() - started)
            self._answered.notify_all()

    def prove(self, since: int) -> None:
        """Assert that it lives, gets its receipts, and since answer `since` never waited too long."""
        begun, receipts = self._begun, self._receipts
        self._until(lambda: len(self._waits) > begun, "answers")
        self._until(lambda: self._receipts > receipts, "receipts")
        worst = max(self._waits[since:])
        assert worst < SLOWEST * slack(), f"the canary waited {worst:.3f} s for an answer"

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        def there() -> bool:
            self._nudge.set()
            return bool(self._fault) or condition()

        with self._answered:
            came = self._answered.wait_for(there, PATIENCE)
        assert not self._fault, f"the canary died: {self._fault}"
        assert came, f"the canary gets no more {what}"

    @property
    def answers(self) -> int:
        """How many submits were answered so far."""
        return len(self._waits)

    def rest(self) -> None:
        """End it."""
        self._resting = True
        self._nudge.set()
        self._thread.join(PATIENCE)
        self._peer.close()
        self._watch.__exit__(None, None, None)
