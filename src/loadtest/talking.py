"""One client of the server: a socket, goals in, events out. Rule: it does what a browser does, and no more."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..errors import TransientError, UsageError
from .folding import Fold
from .load import Answering
from .records import Served
from .scenarios import Frame

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_LARGEST = 16 * 2**20
_TRIES = 4
_PAUSE_S = 0.1
_OPEN_S = 60.0
_PROGRESS = '"type":"step.progress"'  # most of all frames; nothing is counted of them


class Client:
    """A client that asks one goal after the other over one connection, made again when it breaks."""

    def __init__(self, url: str, token: str, answers: Answering, clock: Clock) -> None:
        self._url = url.replace("http", "ws", 1) + "/ws/chat"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._answers = answers
        self._clock = clock
        self._socket: ClientConnection | None = None

    async def ask(self, served: Served, frame: Frame, timeout_s: float) -> None:
        """Asks one goal in the session of `served`, and follows it to its end, which `served` tells.

        Raises:
            TransientError: there is no server any more.
            UsageError: it lets nobody in without a token.
        """
        from websockets.exceptions import ConnectionClosed

        began = self._clock.now()
        fold = Fold(served)
        try:
            async with asyncio.timeout(timeout_s):
                socket = await self._connected()
                asked = {"type": "message", "id": _id(served), "session_id": served.session_id}
                await self._send(socket, asked | dict(frame))
                await self._follow(socket, fold, began)
        except TimeoutError:
            served.outcome, served.reason = "timeout", f"no end within {timeout_s:g} s"
            await self._give_up(served)
        except ConnectionClosed as error:
            served.outcome, served.reason = "connection", str(error)[:300]
            self._socket = None
        finally:
            served.seconds = self._clock.now() - began

    async def leave(self, session_id: str) -> None:
        """Hears a session no longer."""
        if self._socket is not None:
            with suppress(Exception):  # a connection that broke hears nothing either
                await self._send(self._socket, {"type": "leave", "session_id": session_id})

    async def close(self) -> None:
        """Ends the connection; may be called again."""
        socket, self._socket = self._socket, None
        if socket is not None:
            with suppress(Exception, TimeoutError):  # the other side may be gone
                async with asyncio.timeout(5.0):
                    await socket.close()

    async def _follow(self, socket: ClientConnection, fold: Fold, began: float) -> None:
        served = fold.served
        while not fold.is_over:
            text = await socket.recv()
            if not isinstance(text, str) or _PROGRESS in text:
                continue
            said = json.loads(text)
            if said["type"] == "error" and said.get("id") in (None, _id(served)):
                served.outcome, served.reason = f"refused, {said['code']}", str(said["message"])[:300]
                return
            if said["type"] == "accepted" and said.get("id") == _id(served):
                served.run_id = said["run_id"]
            if "seq" not in said or said["session_id"] != served.session_id:
                continue
            if served.first_s is None:
                served.first_s = self._clock.now() - began
            if said["run_id"] == (served.run_id or said["run_id"]):
                fold.take(said)
                await self._answer(socket, fold, said)

    async def _answer(self, socket: ClientConnection, fold: Fold, said: Mapping[str, Any]) -> None:
        while fold.asked:
            step = fold.asked.pop()
            kind = "approve" if self._answers == "grant" else "refuse"
            await self._send(socket, {"type": kind, "run_id": said["run_id"], "step": step, "note": "load test"})

    async def _give_up(self, served: Served) -> None:
        """Cancels what takes too long, so that it takes nothing from the others."""
        if self._socket is not None and served.run_id:
            with suppress(Exception):  # what can't be told any more is over with the connection
                reason = {"reason": "load test: too late"}
                await self._send(self._socket, {"type": "cancel", "run_id": served.run_id, **reason})
        await self.close()

    async def _send(self, socket: ClientConnection, frame: Mapping[str, Any]) -> None:
        await socket.send(json.dumps(frame))

    async def _connected(self) -> ClientConnection:
        if self._socket is None:
            self._socket = await self._connect()
        return self._socket

    async def _connect(self) -> ClientConnection:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake, InvalidMessage

        problem: Exception | None = None
        for attempt in range(_TRIES):
            try:
                socket = await connect(
                    self._url, additional_headers=self._headers, max_size=_LARGEST, open_timeout=_OPEN_S,
                    ping_interval=None, compression=None,
                )  # fmt: skip
                hello = json.loads(await socket.recv())
            except (OSError, InvalidHandshake, InvalidMessage, EOFError) as error:
                problem = error
                await asyncio.sleep(_PAUSE_S * 2**attempt)
                continue
            if not hello.get("authorized"):
                await socket.close()
                raise UsageError("expected a token of the server in PLANLOOM_SERVER__TOKEN, got none that it knows")
            return socket
        raise TransientError(f"expected a server at {self._url}, got: {problem}")


def _id(served: Served) -> str:
    """What replies to this goal carry; one to an earlier goal may still be on its way."""
    return f"goal{served.number}"


def new_session() -> str:
    """The id of a session nobody has."""
    return f"load{secrets.token_hex(12)}"
