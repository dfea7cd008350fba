"""Embedding servers as strangers write them, over real HTTP on a loopback port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from planloom.clock import SystemClock
from planloom.config import Config
from planloom.models.client import Models
from planloom.models.governed import governed

Script = Callable[[list[str]], Any]


class Server:
    """`script` gives vectors for texts, or a whole response. `batches` are the texts of each request."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.batches: list[list[str]] = []
        self.url = ""

    async def answer(self, request: Request) -> Response:
        texts = (await request.json())["input"]
        self.batches.append(texts)
        said = self.script(texts)
        if isinstance(said, Response):
            return said
        data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(said)]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return JSONResponse({"object": "list", "data": data, "model": "m", "usage": usage})

    def models(self, **settings: Any) -> Models:
        given = {"base_url": self.url, "embeddings": {"model": "embedder"}, "max_attempts": 1, **settings}
        return governed(Config.model_validate({"models": given}), SystemClock())


def vector(text: str, width: int = 8) -> list[float]:
    """Not 0, and different for different texts."""
    row = [float((sum(text.encode()) * (at + 3)) % 17 + 1) for at in range(width)]
    row[len(text) % width] += 40
    return row


def vectors(texts: list[str]) -> list[list[float]]:
    return [vector(text) for text in texts]


def refusal(status: int = 400, message: str = "bad input") -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error", "code": None}}, status)


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """The server, listening."""
    server, started = Server(script), threading.Event()
    app = Starlette(routes=[Route("/v1/embeddings", server.answer, methods=["POST"])])

    class Running(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            started.set()

    config = uvicorn.Config(app, port=0, http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
    running = Running(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    assert started.wait(20)
    server.url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        running.should_exit = running.force_exit = True
        thread.join(20)
