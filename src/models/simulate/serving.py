"""The provider behind a real port. Rule: on loopback unless told otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...listening import BACKLOG, listener, origin, when_told_to_end
from .app import create_app
from .provider import Provider
from .settings import Settings

if TYPE_CHECKING:
    import socket

    import uvicorn

LOOPBACK = "127.0.0.1"
_CLOSING_S = 1


@dataclass(frozen=True, slots=True)
class Running:
    """A provider that listens. `base_url` is what an OpenAI client is given."""

    base_url: str
    provider: Provider


@asynccontextmanager
async def running(settings: Settings | None = None, *, host: str = LOOPBACK, port: int = 0) -> AsyncIterator[Running]:
    """A provider on this event loop; port 0: a free one. Replies still on their way get a second at the end.

    Raises:
        UsageError: the port can't be had.
    """
    app = create_app(settings)
    listening = listener(host, port)
    server, ready = _server(app)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await _wait(ready, serving)
        yield Running(f"{origin(listening)}/v1", app.state.provider)
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        listening.close()


async def serve(settings: Settings, *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serves until the process is told to end (SIGINT, SIGTERM); `announce` gets the base URL once it listens.

    Raises:
        UsageError: the port can't be had.
    """
    listening = listener(host, port)
    server, ready = _server(create_app(settings))
    when_told_to_end(lambda: setattr(server, "should_exit", True))
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        await _wait(ready, serving)
        announce(f"{origin(listening)}/v1")
        await serving
    finally:
        listening.close()


async def _wait(ready: asyncio.Event, serving: asyncio.Future[Any]) -> None:
    """Until the server listens; what keeps it from that is raised."""
    waiting = asyncio.ensure_future(ready.wait())
    await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if serving.done():
        serving.result()


def _server(app: Any) -> tuple[uvicorn.Server, asyncio.Event]:
    import uvicorn

    ready = asyncio.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # signals are the process's business, not the server's

    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=_CLOSING_S,
        server_header=False,
    )
    return Server(config), ready
