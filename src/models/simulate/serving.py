"""The provider behind a real port. Rule: on loopback unless told otherwise."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from .app import create_app
from .provider import Provider
from .settings import Settings

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"
_BACKLOG = 2048
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
    listener = _listener(host, port)
    server, ready = _server(app)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await _wait(ready, serving)
        yield Running(f"{_origin(listener)}/v1", app.state.provider)
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        listener.close()


async def serve(settings: Settings, *, host: str, port: int, announce: Callable[[str], None]) -> None:
    """Serves until the process is told to end (SIGINT, SIGTERM); `announce` gets the base URL once it listens.

    Raises:
        UsageError: the port can't be had.
    """
    listener = _listener(host, port)
    server, ready = _server(create_app(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
            loop.add_signal_handler(number, setattr, server, "should_exit", True)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await _wait(ready, serving)
        announce(f"{_origin(listener)}/v1")
        await serving
    finally:
        listener.close()


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
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_CLOSING_S,
        server_header=False,
    )
    return Server(config), ready


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio then sets TCP_NODELAY
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"expected a free port at {host}:{port}, got {error}; choose another --port") from error
    listener.setblocking(False)
    return listener


def _origin(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
