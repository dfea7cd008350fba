"""Messages over a server's standard input and output, one a line.

Rule: a server is a stranger. A line that is no message is counted and dropped, a message of a kind the protocol does
not have never reaches the library, and a message that is too large fails its call only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .launch import Launch
from .process import Process, TooLong

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

_ID = re.compile(rb'"id"\s*:\s*(\d+)\s*[,}]')
_METHOD_NOT_FOUND, _INVALID_PARAMS = -32601, -32602
TOO_LARGE, UNREADABLE = -32001, -32700
_SHOWN_CHARS = 120
_NOISE_LINES = 10_000


class NoiseError(Exception):
    """The server writes what is no message, and goes on doing it."""


@dataclass(slots=True)
class Pipes:
    """The two ends a session works with, the process behind them, and what it wrote that was no message."""

    read: MemoryObjectReceiveStream[SessionMessage | Exception]
    write: MemoryObjectSendStream[SessionMessage]
    process: Process
    closed: asyncio.Future[None]
    noise: list[str] = field(default_factory=list)
    noise_lines: int = 0
    is_hopeless: bool = False  # it reacts to nothing, so that it need not be asked to end

    def dropped(self, line: bytes) -> None:
        self.noise_lines += 1
        if len(self.noise) < 3:
            self.noise.append(repr(line[:_SHOWN_CHARS].decode("utf-8", "replace")))
        if self.noise_lines > _NOISE_LINES:
            raise NoiseError

    def told(self) -> str:
        """What was dropped, in a few words; empty when nothing was."""
        if not self.noise_lines:
            return ""
        return f"{self.noise_lines} lines of its output are no messages, the first: {self.noise[0]}"


@asynccontextmanager
async def stdio(launch: Launch, max_bytes: int) -> AsyncIterator[Pipes]:
    """A started server and the streams to it; it is gone when this is left.

    Raises:
        ToolError, TransientError: as `Process.start`.
    """
    import anyio

    process = await Process.start(launch)
    to_session, read = anyio.create_memory_object_stream[Any](0)
    write, from_session = anyio.create_memory_object_stream[Any](0)
    pipes = Pipes(read, write, process, asyncio.get_running_loop().create_future())
    tasks = [
        asyncio.create_task(_read(pipes, to_session, max_bytes), name=f"mcp {launch.name} out"),
        asyncio.create_task(_write(process, from_session), name=f"mcp {launch.name} in"),
    ]
    is_clean = False
    try:
        yield pipes
        is_clean = True
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.shield(
            asyncio.ensure_future(process.end(now=not is_clean or pipes.is_hopeless or pipes.closed.done()))
        )
        await asyncio.wait(tasks)
        for stream in (to_session, read, write, from_session):
            stream.close()


async def _read(pipes: Pipes, to_session: Any, max_bytes: int) -> None:
    """Hands every message on; closes the stream when the server's output closes, which fails the calls under way."""
    from mcp.shared.message import SessionMessage

    try:
        async for line in pipes.process.lines(max_bytes):
            message = _too_large(line, max_bytes) if isinstance(line, TooLong) else _message(pipes, line)
            if message is None:
                continue
            if (refusal := _refusal(message)) is not None:
                if refusal:
                    await pipes.process.write(refusal)
                continue
            await to_session.send(SessionMessage(message))
    except (NoiseError, OSError, ValueError):
        pass
    finally:
        to_session.close()
        if not pipes.closed.done():
            pipes.closed.set_result(None)


async def _write(process: Process, from_session: Any) -> None:
    async for item in from_session:
        try:
            line = item.message.model_dump_json(by_alias=True, exclude_none=True)
            await process.write(line.encode("utf-8", "replace") + b"\n")
        except (OSError, RuntimeError):
            return  # its output closes too, and that is what counts


def _message(pipes: Pipes, line: bytes) -> Any:
    from mcp.types import JSONRPCMessage
    from pydantic import ValidationError

    try:
        return JSONRPCMessage.model_validate_json(line.decode("utf-8", "replace"))
    except (ValidationError, RecursionError):
        if (
            b'"jsonrpc"' in line
            and (b'"result"' in line or b'"error"' in line)
            and (found := _id(line[:256], line[-256:])) is not None
        ):
            return _error(found, UNREADABLE, f"the server's reply can't be read: {line[:_SHOWN_CHARS]!r}...")
        if line.strip():
            pipes.dropped(line)
        return None


def _too_large(line: TooLong, max_bytes: int) -> Any:
    """The error that takes the place of a reply above the limit.

    Raises:
        ValueError: it can't be told whose reply it is.
    """
    found = _id(line.head, line.tail)
    if found is None:
        raise ValueError("a message above the limit without an id at its start or end")
    told = f"the server's reply has {line.size:,} bytes, more than mcp.max_message_bytes ({max_bytes:,})"
    return _error(found, TOO_LARGE, told)


def _id(head: bytes, tail: bytes) -> int | None:
    """The id of a message of which only the ends are looked at."""
    found = _ID.search(head) or _ID.search(tail)
    return int(found[1]) if found is not None else None


def _error(request_id: int, code: int, told: str) -> Any:
    from mcp.types import ErrorData, JSONRPCError, JSONRPCMessage

    return JSONRPCMessage(JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=told)))


def _refusal(message: Any) -> bytes | None:
    """None for a message the session knows; else the line to answer it with, empty when none is due."""
    from mcp import types
    from pydantic import ValidationError

    root = message.root
    match root:
        case types.JSONRPCNotification():
            kind: Any = types.ServerNotification
        case types.JSONRPCRequest():
            kind = types.ServerRequest
        case _:
            return None
    try:
        kind.model_validate(root.model_dump(by_alias=True, mode="json", exclude_none=True))
    except (ValidationError, ValueError):
        if isinstance(root, types.JSONRPCNotification):
            return b""
        known = {"ping", "roots/list", "sampling/createMessage", "elicitation/create"}
        code = _INVALID_PARAMS if root.method in known else _METHOD_NOT_FOUND
        error = types.ErrorData(code=code, message=f"not offered by this client: {root.method[:100]}")
        reply = types.JSONRPCMessage(types.JSONRPCError(jsonrpc="2.0", id=root.id, error=error))
        return reply.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"
    return None
