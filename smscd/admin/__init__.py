"""Health, metrics, HTTP, the control socket, and the records that billing reads.

What operators and their tools ask, and what they are told; what a message means is decided below.
Commands and counters are handed in by the daemon; nothing here reads the store or touches a session.
Raises ControlError where a command or a start cannot be carried out.
"""

from __future__ import annotations

CONTROL_SOCKET = "control.sock"
"""The control socket's name in the data directory; its two ends are `admin/control.py` and `cli/control.py`."""

JSON_LINES = "application/x-ndjson"
"""Content type of an answer that comes in pieces."""
