"""The application behind a real port, by Hypercorn (HTTP/1.1 and HTTP/2). Rule: on loopback, or with a token."""

from __future__ import annotations

import asyncio
import gc
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from ..errors import UsageError
from ..listening import BACKLOG, listener, origin, when_told_to_end
from .access import is_loopback_host
from .app import PAGE, Server

if TYPE_CHECKING:
    from ..config import Config

_KEEP_ALIVE_S = 75.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens. `url` is where; `token` what was made up because none was set, empty: nothing."""

    url: str
    token: str
    server: Server


@asynccontextmanager
async def running(config: Config, *, host: str | None = None, port: int | None = None) -> AsyncIterator[Running]:
    """A server on this event loop, usable when this is entered; `host` and `port` None: by the settings, 0: a free one.

    Raises:
        UsageError: the port can't be had.
        ConfigError: a setting can't be used.
    """
    from hypercorn.asyncio import serve

    from ..orchestrator.runtime import Planloom

    config, token = _with_token(config, host or config.server.host)
    async with Planloom(config) as loom:
        server = Server(loom)
        listening = listener(config.server.host, config.server.port if port is None else port)
        _find_dead_peers(listening)
        url, handle = origin(listening), listening.detach()  # whoever serves it closes it
        ending = asyncio.Event()
        serving = asyncio.create_task(
            serve(server.app(), _hypercorn(config, handle), shutdown_trigger=_waits(ending))  # type: ignore[arg-type]
        )
        try:
            await _until_ready(server, serving)
            yield Running(url, token, server)
        finally:
            server.sockets.close()
            ending.set()
            await asyncio.gather(serving, return_exceptions=True)


async def serve_until_told(
    config: Config, *, host: str | None, port: int | None, announce: Callable[[Running], None]
) -> None:
    """Serves until the process is told to end (SIGINT, SIGTERM); `announce` is called once it can be used.

    Raises:
        as `running`.
    """
    told = asyncio.Event()
    when_told_to_end(told.set)
    async with running(config, host=host, port=port) as found:
        gc.collect()
        gc.freeze()  # what is there now stays: without it every full collection walks all of it
        announce(found)
        await told.wait()


def has_page() -> bool:
    """Whether the page is installed."""
    return (PAGE / "index.html").is_file()


def _with_token(config: Config, host: str) -> tuple[Config, str]:
    """The settings with this host, and with a token that was made up where one is needed and none is set."""
    server = config.server.model_copy(update={"host": host})
    token = ""
    if not server.token.get_secret_value() and not server.tokens and not is_loopback_host(host):
        token = secrets.token_urlsafe(24)
        server = server.model_copy(update={"token": SecretStr(token)})
    return config.model_copy(update={"server": server}), token


def _hypercorn(config: Config, handle: int) -> Any:
    from hypercorn.config import Config as Hypercorn

    _offer_no_compression()
    settings = Hypercorn()
    settings.bind = [f"fd://{handle}"]
    settings.backlog = BACKLOG
    settings.include_server_header = False
    settings.accesslog = None
    settings.errorlog = None
    settings.graceful_timeout = config.server.shutdown_s
    settings.shutdown_timeout = config.server.shutdown_s + 5.0
    settings.startup_timeout = 600.0  # runs that were left are taken up first
    settings.keep_alive_timeout = _KEEP_ALIVE_S
    settings.websocket_max_message_size = 4 * config.server.max_frame_bytes
    settings.websocket_ping_interval = None  # its task would outlive the socket; the kernel finds dead peers
    settings.h11_max_incomplete_size = 65_536
    return settings


def _offer_no_compression() -> None:
    """Sockets stay uncompressed: the state of one costs some 300 KB, and Hypercorn has no setting for it."""
    from hypercorn.protocol import ws_stream

    class Handshake(ws_stream.Handshake):
        def __init__(self, headers: list[tuple[bytes, bytes]], http_version: str) -> None:
            super().__init__([h for h in headers if h[0].lower() != b"sec-websocket-extensions"], http_version)

    ws_stream.Handshake = Handshake  # type: ignore[misc]


def _waits(event: asyncio.Event) -> Callable[..., Any]:
    async def wait() -> None:
        await event.wait()

    return wait


async def _until_ready(server: Server, serving: asyncio.Task[None]) -> None:
    """Until it can be used; what keeps it from that is raised."""
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait({ready, serving}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if serving.done():
        serving.result()
        raise UsageError("expected the server to listen, but it ended at once")


def _find_dead_peers(listening: socket.socket) -> None:
    """Has the kernel end connections whose other side is gone; what is accepted inherits it (Linux)."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 300_000)):
        if hasattr(socket, name):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
