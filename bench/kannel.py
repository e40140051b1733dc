"""Kannel (Debian: apt-get install kannel) in front of the same sink.

Its SMPP door, opensmppbox, is not packaged: by default messages come in by `sendsms` over kept-alive connections
(sendsms.py), and what became of them goes out as calls of a dlr-url. Whoever has an opensmppbox on the PATH, or names
it in OPENSMPPBOX, measures that too. Receipts are remembered in memory and the store is a file: the lightest settings
that survive a kill of the process at all; Kannel never calls fsync.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from processes import free_port

CONFIG = """\
group = core
admin-port = {admin}
admin-password = secret
admin-interface = 127.0.0.1
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
log-file = "{directory}/bearerbox.log"
log-level = 4
store-type = file
store-location = "{directory}/kannel.store"
dlr-storage = internal
sms-incoming-queue-limit = 1000000
sms-outgoing-queue-limit = 1000000

group = smsc
smsc = smpp
smsc-id = sink
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = gw
smsc-password = gw-pass
system-type = ""
address-range = ""
max-pending-submits = 100
source-addr-ton = 1
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1

"""

SMSBOX = """
group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {door}
sendsms-interface = 127.0.0.1
log-file = "{directory}/smsbox.log"
log-level = 4

group = sendsms-user
username = test
password = secret
"""

SMPPBOX = """
group = opensmppbox
opensmppbox-id = esme
opensmppbox-port = {door}
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
our-system-id = kannel
route-to-smsc = sink
smpp-logins = "{directory}/logins.txt"
use-systemid-as-smsboxid = true
log-file = "{directory}/smppbox.log"
log-level = 4
"""


def program(box: str) -> str:
    """Where Debian puts it, which is not on everybody's PATH."""
    named = os.environ.get("OPENSMPPBOX") if box == "opensmppbox" else None
    found = named or shutil.which(box) or shutil.which(f"/usr/sbin/{box}")
    return found or sys.exit(f"{box} is not installed (Debian: apt-get install kannel)")


@contextlib.contextmanager
def running(directory: Path, sink_port: int, kind: str = "kannel") -> Iterator[tuple[dict[str, int], int]]:
    """(process ids, port of its HTTP door, or of its SMPP door if `kind` is smppbox)."""
    boxes, door = free_port(), free_port()
    told = {"directory": directory, "admin": free_port(), "boxes": boxes, "door": door, "port": sink_port}
    core, smsbox, smppbox = (text.format(**told) for text in (CONFIG, SMSBOX, SMPPBOX))
    (directory / "kannel.conf").write_text(core + smsbox)
    (directory / "smppbox.conf").write_text("group = core\ndlr-storage = internal\n" + smppbox)
    (directory / "logins.txt").write_text("test secret any 127.0.0.1\n")
    front = ("smsbox", "kannel.conf") if kind == "kannel" else ("opensmppbox", "smppbox.conf")
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for box, config, port in (("bearerbox", "kannel.conf", boxes), (*front, door)):
            quiet = ("-v", "4")  # or every step is written to standard error: twice the CPU
            command = [program(box), *quiet, str(directory / config)]
            processes[box] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _wait_for(port)
        time.sleep(1.5)  # until it has bound to the sink, and looks again at its door: nothing tells
        yield {box: process.pid for box, process in processes.items()}, door
    finally:
        for process in reversed(processes.values()):
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    sys.exit("kannel did not start")
