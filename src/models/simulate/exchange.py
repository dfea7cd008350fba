"""One reply on its way: what is sent when, and how it ends. Rule: made by pure functions, played by `Player`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Literal

from . import answer as answers
from .answer import Answer, Head, as_json
from .problems import ApiError

Ending = Literal["complete", "cut", "stall"]
Frame = tuple[float, bytes]
_SSE = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_JSON = {"content-type": "application/json"}
_PAGE = b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """`frames` are bytes and when they are sent, in seconds since the request came.

    `cut`: the connection is closed after them, `stall`: nothing more comes for `stall_s`; without any frame not even
    the status. `teaches`: the first frame means that the prompt was read.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    ending: Ending = "complete"
    stall_s: float = 0.0
    teaches: bool = False


def refused(problem: ApiError, headers: Mapping[str, str], at_s: float = 0.0) -> Exchange:
    """An error."""
    told = {**headers, **_JSON, **problem.headers}
    return Exchange(status=problem.status, headers=told, frames=((at_s, as_json(problem.body())),))


def whole(data: Any, headers: Mapping[str, str], at_s: float) -> Exchange:
    """A JSON object in one piece."""
    return Exchange(headers={**headers, **_JSON}, frames=((at_s, as_json(data)),), teaches=True)


def raw(body: str, status: int, headers: Mapping[str, str], at_s: float, kind: str = "text/plain") -> Exchange:
    """Bytes as a scenario wrote them."""
    told = {"content-type": kind, **headers}
    return Exchange(status=status, headers=told, frames=((at_s, body.encode("utf-8", "replace")),))


def streamed(
    head: Head,
    told: tuple[Answer, ...],
    used: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    first_s: float,
    token_rate: float,
    with_usage: bool,
) -> Exchange:
    """Server-sent events: a chunk for each part, the finish, the usage where asked for, `[DONE]`."""
    extra: dict[str, Any] = {"usage": None} if with_usage else {}

    def event(at_s: float, **rest: Any) -> Frame:
        chunk = head.made("chat.completion.chunk", system_fingerprint="fp_simulated", **rest)
        return at_s, b"data: " + as_json(chunk) + b"\n\n"

    frames: list[Frame] = []
    for index, answer in enumerate(told):
        last_s = first_s
        for delta in answers.deltas(head, answer, token_rate):
            last_s = first_s + delta.after_s
            choice = {"index": index, "delta": dict(delta.added), "logprobs": None, "finish_reason": None}
            frames.append(event(last_s, choices=[choice], **extra))
        choice = {"index": index, "delta": {}, "logprobs": None, "finish_reason": answer.reason}
        frames.append(event(last_s, choices=[choice], **extra))
    frames.sort(key=lambda frame: frame[0])
    end_s = frames[-1][0]
    if with_usage:
        frames.append(event(end_s, choices=[], usage=dict(used)))
    frames.append((end_s, b"data: [DONE]\n\n"))
    return Exchange(headers={**headers, **_SSE}, frames=tuple(frames), teaches=True)


def spoiled(made: Exchange, fault: str, stall_s: float) -> Exchange:
    """The exchange with a fault of transport; other faults change nothing here."""
    at_s = made.frames[0][0]
    is_stream = len(made.frames) > 1
    match fault:
        case "html":
            headers = {**made.headers, "content-type": "text/html; charset=utf-8"}
            return Exchange(headers=headers, frames=((at_s, _PAGE),))
        case "stall":
            half = made.frames[: len(made.frames) // 2] if is_stream else ()
            return replace(made, frames=half, ending="stall", stall_s=stall_s)
        case "cut_stream":
            return replace(made, frames=_first_half(made.frames), ending="cut")
        case "truncated_body":
            return replace(made, frames=_first_half(made.frames))
    return made


def _first_half(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The first half of the frames, and half of the bytes of the one in the middle."""
    middle = len(frames) // 2
    at_s, data = frames[middle]
    return (*frames[:middle], (at_s, data[: len(data) // 2]))


class Player:
    """Plays an exchange as an ASGI response; leaves off as soon as the client is gone.

    `on_first` is called with the first frame of an exchange that teaches, `on_end` once, at the end, with whether the
    client left early.
    """

    def __init__(
        self, exchange: Exchange, arrived_s: float, on_first: Callable[[], None], on_end: Callable[[bool], None]
    ) -> None:
        self._exchange = exchange
        self._arrived_s = arrived_s
        self._on_first = on_first
        self._on_end = on_end

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        playing = asyncio.ensure_future(self._play(send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left_early = not playing.done()
            for task in (playing, leaving):
                task.cancel()
            await asyncio.wait({playing, leaving})
            self._on_end(left_early)
        if not playing.cancelled():
            playing.result()

    async def _play(self, send: Any) -> None:
        exchange = self._exchange
        loop = asyncio.get_running_loop()
        has_begun = False
        for at_s, frames in groupby(exchange.frames, key=lambda frame: frame[0]):
            if (left_s := self._arrived_s + at_s - loop.time()) > 0:
                await asyncio.sleep(left_s)
            if not has_begun:
                await self._begin(send)
                has_begun = True
            body = b"".join(data for _, data in frames)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        if exchange.ending == "stall":
            await asyncio.sleep(exchange.stall_s)
        if exchange.ending != "complete" and not has_begun:
            await self._begin(send)
        if exchange.ending == "complete":
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, send: Any) -> None:
        exchange = self._exchange
        if exchange.teaches:
            self._on_first()
        headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in self._headers()]
        await send({"type": "http.response.start", "status": exchange.status, "headers": headers})

    def _headers(self) -> list[tuple[str, str]]:
        exchange = self._exchange
        told = list(exchange.headers.items())
        if exchange.ending == "complete" and len(exchange.frames) == 1 and "content-length" not in exchange.headers:
            told.append(("content-length", str(len(exchange.frames[0][1]))))
        return told


async def _gone(receive: Any) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
