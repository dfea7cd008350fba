"""Data and chart servers over HTTP with the latency of real ones: real reports, pictures drawn once, faults."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import io
import json
import random
import socket
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from planloom.workflows.deck import requests
from planloom.workflows.deck.shapes import REQUESTS, Brief, Points, Report, Request

Asgi = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]
DAYS = ("Aurora Home", "2025-01-01", "2025-12-31")
TODAY = dt.date(2026, 1, 15)


class Gauge:
    """How many calls are under way, and the most there were."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            yield
        finally:
            self.now -= 1


def data_server(address: str, delay_s: float, gauge: Gauge) -> Any:
    """Answers as the real one does, each report after `delay_s`."""
    from mcp.server.fastmcp import FastMCP

    reports = {name: requests.report(address, *DAYS, request=name, today=TODAY) for name in REQUESTS}
    told = requests.brief(address, *DAYS, TODAY)
    server = FastMCP("data", log_level="ERROR")

    @server.tool()
    async def brief(merchant: str, start: str, end: str) -> Brief:
        """What a deck is about."""
        return told

    @server.tool()
    async def report(request: Request, merchant: str, start: str, end: str) -> Report:
        """Answers one request."""
        with gauge.one():
            await asyncio.sleep(delay_s)
            return reports[request]

    return server


def chart_server(delay_s: float, gauge: Gauge) -> Any:
    """Gives a picture after `delay_s`."""
    from mcp.server.fastmcp import FastMCP
    from mcp.types import BlobResourceContents, EmbeddedResource, TextContent
    from PIL import Image
    from pydantic import AnyUrl

    file = io.BytesIO()
    Image.effect_noise((1280, 720), 8).save(file, "PNG")
    blob = base64.b64encode(file.getvalue()).decode()
    server = FastMCP("charts", log_level="ERROR")

    @server.tool(structured_output=False)
    async def draw(kind: str, title: str, data: Points, value_format: str = "number", name: str = "chart") -> list[Any]:
        """Draws a chart."""
        with gauge.one():
            await asyncio.sleep(delay_s)
        place = AnyUrl(f"chart://bench/{name}.png")
        picture = BlobResourceContents(uri=place, mimeType="image/png", blob=blob)
        said = TextContent(type="text", text=json.dumps({"title": title, "alt": title}))
        return [said, EmbeddedResource(type="resource", resource=picture)]

    return server


class Faulty:
    """Answers a share of the tool calls with 503, as a gateway does."""

    def __init__(self, app: Asgi, share: float, seed: int) -> None:
        self._app = app
        self._share = share
        self._chance = random.Random(seed)
        self.counts: Counter[str] = Counter()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if b'"tools/call"' in body:
            self.counts["calls"] += 1
            if self._chance.random() < self._share:
                self.counts["faults"] += 1
                await send({"type": "http.response.start", "status": 503, "headers": []})
                await send({"type": "http.response.body", "body": b"busy"})
                return
        given = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> Any:
            return next(given, None) or await receive()

        await self._app(scope, again, send)


@contextlib.contextmanager
def serving(server: Any, *, faults: float = 0.0, seed: int = 1) -> Iterator[tuple[str, Faulty]]:
    """The address of a server on a free port of loopback, in a thread of its own."""
    import uvicorn

    place = socket.socket()
    place.bind(("127.0.0.1", 0))
    app = Faulty(server.streamable_http_app(), faults, seed)
    runner = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: asyncio.run(runner.serve([place])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{place.getsockname()[1]}/mcp", app
    finally:
        runner.should_exit = True
        thread.join(10)
