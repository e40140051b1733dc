"""The commands' end of the control socket: one request, one answer, no loop."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from smscd.admin import CONTROL_SOCKET
from smscd.errors import ControlError

ANSWER_SECONDS = 60.0
"""How long a command may take to answer, or to tell its next step."""


def call(places: Path | Sequence[Path], command: str, /, **arguments: Any) -> Any:
    """What the smscd on `places` (the first of them that answers) says to `command`. ControlError if it cannot."""
    with _asked(places, command, arguments) as response:
        return _understood(response, response.read())


@contextmanager
def conversation(places: Path | Sequence[Path]) -> Iterator[Callable[..., Any]]:
    """`call` for many commands, by one connection."""
    data_dir, connected = _connect([places] if isinstance(places, Path) else places)
    connection = HTTPConnection("smscd")
    connection.sock = connected

    def ask(command: str, /, **arguments: Any) -> Any:
        with _translated(data_dir):
            connection.request("POST", f"/{command}", json.dumps(arguments), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return _understood(response, response.read())

    try:
        yield ask
    finally:
        connection.close()


def stream(places: Path | Sequence[Path], command: str, /, **arguments: Any) -> Iterator[Any]:
    """The same for long work: every object it tells, as it comes."""
    with _asked(places, command, arguments) as response:
        if response.status != 200:
            _understood(response, response.read())
        for line in response:
            yield _understood(response, line)


def _understood(response: HTTPResponse, body: bytes) -> Any:
    try:
        value = json.loads(body)
    except ValueError:
        reason = f"smscd answered {response.status} {response.reason} and nothing that can be read"
        raise ControlError(reason, "the same version of smscd on both ends") from None
    if isinstance(value, dict) and value.keys() == {"error", "try"}:
        raise ControlError(str(value["error"]), str(value["try"]))
    return value


@contextmanager
def _asked(places: Path | Sequence[Path], command: str, arguments: dict[str, Any]) -> Iterator[HTTPResponse]:
    data_dir, connected = _connect([places] if isinstance(places, Path) else places)
    connection = HTTPConnection("smscd")  # a name for the Host header; the socket is connected already
    connection.sock = connected
    try:
        with _translated(data_dir):
            connection.request("POST", f"/{command}", json.dumps(arguments), {"Content-Type": "application/json"})
            yield connection.getresponse()
    finally:
        connection.close()


@contextmanager
def _translated(data_dir: Path) -> Iterator[None]:
    """What can go wrong on a socket, in words."""
    try:
        yield
    except TimeoutError as error:
        reason = f"the smscd on {data_dir} has not answered for {ANSWER_SECONDS:.0f} seconds"
        raise ControlError(reason, "its log, and `smscd status`") from error
    except (OSError, HTTPException) as error:
        raise ControlError(f"the smscd on {data_dir} went away in the middle of it", "smscd status") from error


def _connect(places: Sequence[Path]) -> tuple[Path, socket.socket]:
    for data_dir in places:
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connecting.settimeout(ANSWER_SECONDS)
        try:
            connecting.connect(str(data_dir / CONTROL_SOCKET))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            connecting.close()
        except PermissionError as error:
            connecting.close()
            reason = f"the smscd on {data_dir} belongs to another user"
            raise ControlError(reason, "the same command as that user, or as root") from error
        except OSError as error:
            connecting.close()
            raise ControlError(f"{data_dir / CONTROL_SOCKET}: {error}", "--data-dir DIR") from error
        else:
            return data_dir, connecting
    where = " or ".join(str(data_dir) for data_dir in places)
    raise ControlError(f"no smscd is running on {where}", "`smscd run`, or --config FILE of the one that is running")
