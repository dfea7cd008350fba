"""The socket `/ws/chat` as an ASGI endpoint. Rule: a thin shell; what is said is `connection`'s."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from .connection import Connection, Services

if TYPE_CHECKING:
    from ..config import Server
    from ..metrics import Metrics

_STRANGERS = 4
_GOING_AWAY, _POLICY, _TOO_LARGE, _TRY_LATER = 1001, 1008, 1009, 1013


class Sockets:
    """All open sockets."""

    def __init__(self, services: Services, settings: Server, metrics: Metrics | None) -> None:
        self._services = services
        self._settings = settings
        self._metrics = metrics
        self._open: set[Connection] = set()
        self._ending: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    async def endpoint(self, socket: WebSocket) -> None:
        """One socket from the handshake to its end."""
        client = self._services.access.client(socket)
        if not self._has_room(is_known=client is not None):
            await socket.close(_TRY_LATER, "expected fewer connections; try again later")
            return
        connection = Connection(self._services, client, self._sender(socket))
        self._open.add(connection)
        self._count()
        try:
            await socket.accept()
            await self._talk(socket, connection)
        finally:
            self._open.discard(connection)
            self._count()

    def _has_room(self, *, is_known: bool) -> bool:
        """Whether one more may come; those who have not said who they are get a part of the places only."""
        most = self._settings.max_connections
        if is_known or len(self._open) < most // _STRANGERS:
            return len(self._open) < most
        return sum(not connection.is_known for connection in self._open) < max(1, most // _STRANGERS)

    async def _talk(self, socket: WebSocket, connection: Connection) -> None:
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_future()
        writing = asyncio.create_task(connection.write())
        reading = asyncio.create_task(self._read(socket, connection))
        try:
            ends: set[asyncio.Future[Any]] = {writing, reading, self._ending}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            code, reason = _ended(writing, reading)
        finally:
            connection.close()
            for task in (writing, reading):
                task.cancel()
            await asyncio.gather(writing, reading, return_exceptions=True)
        if code:
            await _close(socket, code, reason)

    def _sender(self, socket: WebSocket) -> Callable[[str], Awaitable[None]]:
        metrics = self._metrics

        async def send(text: str) -> None:
            await socket.send_text(text)
            if metrics is not None:
                metrics.frames_out.inc()

        return send

    async def _read(self, socket: WebSocket, connection: Connection) -> int:
        """Takes frames until the client goes; gives the code to close with, 0: it has gone."""
        await connection.begin()
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return 0
            text = message.get("text")
            if text is None:
                text = (message.get("bytes") or b"").decode("utf-8", "replace")
            if self._metrics is not None:
                self._metrics.frames_in.inc()
            if len(text) > self._settings.max_frame_bytes:
                return _TOO_LARGE
            await connection.take(text)

    def _count(self) -> None:
        if self._metrics is not None:
            self._metrics.connections.set(len(self._open))

    def close(self) -> None:
        """Says goodbye to all, with a code that tells clients to come back; may be called again."""
        if self._ending is not None and not self._ending.done():
            self._ending.set_result(None)


def _ended(writing: asyncio.Task[None], reading: asyncio.Task[int]) -> tuple[int, str]:
    """Code and reason to close with; code 0: the client has gone."""
    if writing.done() and isinstance(writing.exception(), TimeoutError):
        return _POLICY, "nothing was read for too long; come back with resume"
    if not writing.done() and not reading.done():
        return _GOING_AWAY, "the server ends; come back with resume"
    if reading.done() and reading.exception() is None:
        code = reading.result()
        return code, "the frame is too large" if code == _TOO_LARGE else ""
    return 0, ""


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(1.0):
            await socket.close(code, reason)
    except (RuntimeError, TimeoutError, OSError, WebSocketDisconnect):
        return
