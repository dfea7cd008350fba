"""An OpenAI-compatible server whose replies a test scripts, over real HTTP on a loopback port."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from planloom.config import Models as Settings
from planloom.models.client import Models

Body = dict[str, Any]
Script = Callable[[Body], Any]


class Scripted:
    """`script` gives a reply for each request: text, pieces of text for a stream, or a whole Response."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Body] = []
        self.url = ""

    def models(self) -> Models:
        return Models(Settings(base_url=self.url, model="scripted"))

    async def answer(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        said = self.script(body)
        if isinstance(said, Response):
            return said
        if body.get("stream"):
            return StreamingResponse(_events([said] if isinstance(said, str) else said), media_type="text/event-stream")
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})


async def _events(pieces: Iterable[str | None]) -> AsyncIterator[str]:
    """Server-sent events; None instead of a piece cuts the stream."""
    for piece in pieces:
        if piece is None:
            return
        yield _event({"content": piece}, None)
        await asyncio.sleep(0)  # lets the server notice that the client left
    yield _event({}, "stop")
    yield "data: [DONE]\n\n"


def _event(delta: Body, finish: str | None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


@contextmanager
def serving(script: Script) -> Iterator[Scripted]:
    """The server, listening."""
    scripted, started = Scripted(script), threading.Event()
    app = Starlette(routes=[Route("/v1/chat/completions", scripted.answer, methods=["POST"])])

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    config = uvicorn.Config(app, port=0, http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
    server = Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert started.wait(20)
    scripted.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield scripted
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


def asked(body: Body) -> str:
    """The text of the user's message."""
    return str(body["messages"][-1]["content"])


def lines(text: str) -> list[Body]:
    """The JSON objects that stand on lines of their own."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]
