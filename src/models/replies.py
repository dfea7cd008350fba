"""Replies as they come in: read whole or handed on in pieces, within a time and a size, then the try is ended.

Rule: what is handed on is decoded and bounded; no reply takes the memory or the time of the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2

from ..errors import ModelError
from .attempt import Attempt
from .reading import json_of
from .usage import Tail

MOST_BYTES = 64 * 2**20  # of one reply, decoded
MOST_EVENT_BYTES = 2**20  # of one event of a stream: clients gather it piece by piece, which grows slow
_LINGER_S = 0.25
_LEFT_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_FINAL = frozenset({"insufficient_quota", "billing_hard_limit_reached", "insufficient_balance"})


def due(request: httpx2.Request) -> float | None:
    """When a try must have ended, loop time: the client's read time-out is for the whole of it. None: no limit."""
    seconds = request.extensions.get("timeout", {}).get("read")
    return None if seconds is None else asyncio.get_running_loop().time() + seconds


@asynccontextmanager
async def until(at: float | None) -> AsyncIterator[None]:
    """Ends what takes longer, as a time-out on the way."""
    try:
        async with asyncio.timeout_at(at):
            yield
    except TimeoutError as error:
        raise httpx2.ReadTimeout("the reply was not whole in time") from error


async def read(response: httpx2.Response) -> bytes:
    """The whole body, decoded.

    Raises:
        ModelError: it is too large.
        httpx2.TransportError, httpx2.DecodingError: it broke off.
    """
    pieces, size = [], 0
    try:
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > MOST_BYTES:
                raise too_large()
            pieces.append(piece)
    finally:
        await response.aclose()
    return b"".join(pieces)


def rebuilt(response: httpx2.Response, content: bytes) -> httpx2.Response:
    """The reply with a body that was read before."""
    return httpx2.Response(
        response.status_code, headers=_headers(response), content=content, extensions=response.extensions
    )


def watched(response: httpx2.Response, attempt: Attempt, at: float | None) -> httpx2.Response:
    """The reply as a stream that ends the try when it ends or is left."""
    return httpx2.Response(
        response.status_code,
        headers=_headers(response),
        stream=_Watched(response, attempt, at),
        extensions=response.extensions,
    )


def is_final(content: bytes) -> bool:
    """Whether a 429 means that no money is left: coming back would not help."""
    found = json_of(content)
    error = found.get("error") if isinstance(found, Mapping) else None
    return isinstance(error, Mapping) and any(str(error.get(name)) in _FINAL for name in ("code", "type"))


def too_large() -> ModelError:
    """The error of a reply that does not end."""
    return ModelError(
        f"expected a reply of at most {MOST_BYTES >> 20} MiB, {MOST_EVENT_BYTES >> 20} MiB of them in one event of a "
        "stream, got more; it was left",
        kind="reply",
    )


def _headers(response: httpx2.Response) -> list[tuple[str, str]]:
    return [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _LEFT_HEADERS]


class _Watched(httpx2.AsyncByteStream):
    """Hands a streamed reply on, and ends the try when it ends or is left."""

    def __init__(self, response: httpx2.Response, attempt: Attempt, at: float | None) -> None:
        self._response = response
        self._due = at
        self._attempt = attempt
        self._tail = Tail()
        self._open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = self._response.aiter_bytes()
        while (piece := await self._next(pieces)) is not None:
            self._attempt.lead.warmed()
            self._tail.add(piece)
            if self._tail.total_bytes > MOST_BYTES or self._tail.event_bytes > MOST_EVENT_BYTES:
                raise too_large()
            yield piece
        self._end("ok")

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        if not self._tail.is_done():
            async with until(self._due):
                return await anext(pieces, None)
        try:  # the reply is whole: the connection may end too, so that it can be used again
            async with asyncio.timeout(_LINGER_S):
                return await anext(pieces, None)
        except TimeoutError:
            return None

    async def aclose(self) -> None:
        self._end("ok" if self._tail.is_done() else "cut")
        await self._response.aclose()

    def _end(self, outcome: str) -> None:
        if self._open:
            self._open = False
            self._attempt.end(self._tail.usage(), outcome, self._response.headers)
