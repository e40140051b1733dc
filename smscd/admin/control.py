"""The control socket: commands for the running daemon, as HTTP over a unix socket in the data directory.

`POST /COMMAND` with a JSON object of arguments is answered with the command's result as JSON.  A command that returns
an asynchronous generator is answered with one JSON line per object, as they come: that is how long work shows progress.
A command that cannot be carried out is answered with 4xx and {"error": what is wrong, "try": what to try}.

Who may open the socket may do everything: it is mode 0600 from the moment it exists.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import socket
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from smscd.admin import JSON_LINES
from smscd.admin.badhttp import server_logger
from smscd.background import courteous
from smscd.errors import ControlError

log = structlog.get_logger(__name__)

Command = Callable[[dict[str, Any]], Awaitable[Any]]
"""Takes the arguments, returns something that JSON can say or an asynchronous generator of such things."""

LONGEST_PATH = 107
"""What `sun_path` holds on Linux, without its closing zero octet (unix(7))."""

LARGEST_REQUEST = 1 << 20
"""Octets of arguments; nothing an operator types comes near, and a mistake must not fill memory."""

SHUTDOWN_SECONDS = 1.0
"""How long a command that is being answered may go on when the daemon stops."""


PORTION = 50
"""Items of a long list that are encoded before everybody else has their turn: half a millisecond."""


class ControlServer:
    """Serves `commands` on a unix socket at `path`."""

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self.path = path
        self._commands = commands
        self._runner: web.AppRunner | None = None
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        """Listen. A socket that a dead process left behind is replaced; ControlError if a living one answers there."""
        listening = _private_socket(self.path)
        application = web.Application(client_max_size=LARGEST_REQUEST)
        application.router.add_route("*", "/{command}", self._answer)
        runner = web.AppRunner(
            application, access_log=None, logger=server_logger(), handle_signals=False,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )  # fmt: skip
        await runner.setup()
        assert runner.server is not None
        self._server = await asyncio.get_running_loop().create_unix_server(runner.server, sock=listening)
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening, let running commands finish for a moment, remove the socket."""
        if self._server is None or self._runner is None:
            return
        self._server.close()
        self.path.unlink(missing_ok=True)
        await self._runner.cleanup()
        self._server = self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["command"]
        if request.method != "POST":
            return _refuse(405, ControlError("commands are sent with POST", f"POST /{name}"))
        command = self._commands.get(name)
        if command is None:
            known = ", ".join(sorted(self._commands))
            return _refuse(404, ControlError(f"this smscd has no command {name!r}", f"one of {known}"))
        try:
            arguments = _arguments(await request.read())
        except ControlError as error:
            return _refuse(400, error)
        except web.RequestPayloadError:  # it says that it is compressed, or comes in chunks, and is not
            return _refuse(400, ControlError("the body cannot be read", "a JSON object as the body of the request"))
        try:
            with courteous():
                result = await command(arguments)
                if not isinstance(result, AsyncGenerator):
                    return web.Response(body=await _encoded(result), content_type="application/json")
            return await _stream(request, name, result)
        except ControlError as error:
            return _refuse(422, error)
        except ConnectionError:
            raise  # whoever asked has gone: aiohttp closes the connection, the command's work stands
        except Exception:  # a fault in one command must not take the daemon down
            log.exception("control command failed", command=name)
            return _refuse(500, _fault(name))


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        arguments = json.loads(body or b"{}")
    except (ValueError, RecursionError):  # nested deeper than anybody means it
        raise ControlError("the arguments are not JSON", "a JSON object as the body of the request") from None
    if not isinstance(arguments, dict):
        raise ControlError("the arguments are not a JSON object", "a JSON object as the body of the request")
    return arguments


async def _stream(request: web.Request, name: str, objects: AsyncGenerator[Any, None]) -> web.StreamResponse:
    """One line per object. The status line has left when work fails half-way: the last line then carries "error"."""
    response = web.StreamResponse(headers={"Content-Type": JSON_LINES})
    await response.prepare(request)
    try:
        async with contextlib.aclosing(objects):  # a reader who goes away ends the work at its next step
            async for item in objects:
                await response.write(json.dumps(item).encode() + b"\n")
    except ControlError as error:
        await response.write(json.dumps(_said(error)).encode() + b"\n")
    except ConnectionError:
        raise
    except Exception:
        log.exception("control command failed", command=name)
        await response.write(json.dumps(_said(_fault(name))).encode() + b"\n")
    await response.write_eof()
    return response


async def _encoded(value: Any) -> bytes:
    """JSON of `value`; of a long list in it a portion at a time, since the encoder lets nobody in between."""
    if not isinstance(value, dict):
        return json.dumps(value).encode() + b"\n"
    pieces: list[str] = []
    for key, of in value.items():
        if isinstance(of, list) and len(of) > PORTION:
            items = []
            for at in range(0, len(of), PORTION):
                items.append(json.dumps(of[at : at + PORTION])[1:-1])
                await asyncio.sleep(0)
            said = f"[{', '.join(items)}]"
        else:
            said = json.dumps(of)
        pieces.append(f"{json.dumps(key)}: {said}")
    return f"{{{', '.join(pieces)}}}\n".encode()


def _fault(name: str) -> ControlError:
    """What an operator is told about a fault of ours; the log has the traceback."""
    return ControlError(f"{name} failed inside smscd", "the daemon's log says why")


def _said(error: ControlError) -> dict[str, str]:
    return {"error": error.reason, "try": error.remedy}


def _refuse(status: int, error: ControlError) -> web.Response:
    return _json(status, _said(error))


def _json(status: int, value: Any) -> web.Response:
    return web.Response(status=status, body=json.dumps(value).encode() + b"\n", content_type="application/json")


def _private_socket(path: Path) -> socket.socket:
    """A listening socket at `path` that is mode 0600 at once; ControlError if `path` cannot be had."""
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ControlError(
            f"the path of the control socket is longer than {LONGEST_PATH} octets: {path}", "a shorter data_dir"
        )
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    umask = os.umask(0o077)
    try:
        listening.bind(str(path))
        path.chmod(0o600)  # bind gives 0777 less the umask
    except OSError as error:
        listening.close()
        raise ControlError(
            f"cannot make the control socket {path}: {error.strerror}", "a data_dir smscd may write to"
        ) from error
    finally:
        os.umask(umask)
    listening.setblocking(False)
    return listening


def _clear(path: Path) -> None:
    """Remove a socket nobody listens on; ControlError if somebody does, or if it is not a socket."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path} is not a socket", "move it away")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        refused = probe.connect_ex(str(path))
    if refused not in {errno.ECONNREFUSED, errno.ENOENT}:
        raise ControlError(f"another smscd answers on {path}", "stop it first, or use another data_dir")
    path.unlink(missing_ok=True)
