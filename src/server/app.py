"""The server as an ASGI application. Rule: all that comes in and goes out passes the same gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from ..agents.secrecy import secrets_of
from ..events import Event
from ..metrics import Metrics
from . import protocol
from .access import Access, Client
from .alerts import Watch
from .connection import Services
from .desk import Desk
from .gate import Gate
from .http.about import AboutPages
from .http.artifacts import ArtifactPages
from .http.endpoint import Endpoint, answered, refused
from .http.openapi import description
from .http.runs import RunPages
from .http.sessions import SessionPages
from .logs import EventLog, Log, log_of
from .openai_api import CompletionPages
from .owners import Owners
from .protocol import Hello
from .rooms import Rooms
from .shelf import Shelf
from .socket import Sockets
from .tracing import tracer

if TYPE_CHECKING:
    from ..orchestrator.runtime import Planloom

PAGE = Path(__file__).parent / "page"
_ANYBODY = Client("", "anybody")
_METHODS = ("GET", "POST", "PUT", "DELETE")
_HEADERS = ("Authorization", "Content-Type", "Range")


class Server:
    """All parts of one server over one `Planloom`."""

    def __init__(self, loom: Planloom, *, log: Log | None = None, environ: Mapping[str, str] | None = None) -> None:
        """
        Raises:
            ConfigError: a setting of `server` or `monitoring` can't be used.
        """
        config = loom.config
        self.loom = loom
        self.access = Access(config.server, loom.clock, environ)
        hidden = (*secrets_of(config), *self.access.secrets)
        self.log = log if log is not None else log_of(config.monitoring, secrets=hidden)
        self.metrics = Metrics() if config.monitoring.enabled else None
        self.tracer = tracer(config.monitoring, secrets=hidden)
        self._told = EventLog(self.log)
        self.owners = Owners(loom.sessions)
        self.rooms = Rooms(loom.sessions, loom.underway, self.log, self._observe)
        self.alerts = Watch(config, self.rooms, self.metrics, self.log, loom.clock)
        self.desk = Desk(loom, self.rooms, self.owners, self.log)
        self.shelf = Shelf(loom, self.rooms, self.owners)
        self.ready = asyncio.Event()
        self.version = version("planloom")
        self.sockets = Sockets(
            Services(
                clock=loom.clock,
                access=self.access,
                owners=self.owners,
                rooms=self.rooms,
                desk=self.desk,
                shelf=self.shelf,
                log=self.log,
                hello=self._hello,
                frames_per_second=config.server.frames_per_second,
                slow_reader_s=config.server.slow_reader_s,
            ),
            config.server,
            self.metrics,
        )
        self.endpoints = self._endpoints()

    def _endpoints(self) -> list[Endpoint]:
        about = AboutPages(self.loom, self.access, self.metrics, self.ready.is_set, self.describe)
        groups = (
            about,
            SessionPages(self.loom, self.shelf, self.owners, self.desk),
            RunPages(self.loom, self.shelf, self.desk, self.access),
            ArtifactPages(self.shelf, self.desk),
            CompletionPages(self.loom, self.desk, self.owners, self.access, self.log),
        )
        return [endpoint for group in groups for endpoint in group.endpoints()]

    def describe(self) -> dict[str, Any]:
        """The OpenAPI description."""
        return description(self.endpoints, self.version)

    def app(self) -> Starlette:
        """The ASGI application; its lifespan takes up the runs that were left, and leaves its own when it ends."""
        routes: list[BaseRoute] = [WebSocketRoute("/ws/chat", self.sockets.endpoint)]
        routes += [self._route(endpoint) for endpoint in self.endpoints]
        if (PAGE / "index.html").is_file():
            from starlette.staticfiles import StaticFiles

            routes.append(Mount("/", StaticFiles(directory=PAGE, html=True)))
        made = Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={HTTPException: _no_such_address})
        if origins := [origin.rstrip("/").lower() for origin in self.loom.config.server.origins]:
            made.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=_METHODS, allow_headers=_HEADERS)
        made.add_middleware(
            Gate,
            access=self.access,
            metrics=self.metrics,
            endpoints=self.endpoints,
            clock=self.loom.clock,
            patience_s=self.loom.config.server.slow_reader_s,
        )
        return made

    def _route(self, endpoint: Endpoint) -> Route:
        limit = self.loom.config.server.max_frame_bytes

        async def handle(request: Request) -> Response:
            client = self.access.client(request)
            if client is None and not endpoint.is_open:
                return refused("unauthorized", "expected a token: Authorization: Bearer TOKEN")
            if client is not None and (wait_s := self.access.may_request(client)):
                return refused("rate", "expected fewer requests a minute, got one more", retry_after_s=wait_s)
            return await answered(endpoint, request, client or _ANYBODY, max_bytes=limit, log=self.log)

        return Route(endpoint.path, handle, methods=[endpoint.method])

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(_import_what_runs_need)
        watching = [asyncio.create_task(self.rooms.watch()), asyncio.create_task(self.alerts.run())]
        taken = await self.desk.take_up()
        if taken:
            self.log.info("runs taken up", count=taken)
        self.ready.set()
        try:
            yield
        finally:
            self.ready.clear()
            self.sockets.close()
            await self.desk.close()
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            if self.tracer is not None:
                await asyncio.to_thread(self.tracer.close)

    def _observe(self, event: Event) -> None:
        """What an event adds to logs, metrics and traces. Never raises: a run must not end because of it."""
        for watcher in (self._told, self.metrics, self.tracer, self.alerts):
            try:
                if watcher is not None:
                    watcher.take(event)
            except Exception as error:  # noqa: BLE001 - the border to what only watches
                self.log.error("event not counted", type=event.type, kind=type(error).__name__)

    def _hello(self, client: Client | None) -> Hello:
        config = self.loom.config
        notice = "" if self.access.needs_token else "No token is set: everybody on this machine may use this server."
        return Hello(
            version=protocol.VERSION,
            product=f"planloom {self.version}",
            authorized=client is not None,
            owner=client.owner if client is not None else "",
            notice=notice,
            has_model=self.loom.models is not None,
            plan_approval=config.execution.plan_approval,
            max_frame_bytes=config.server.max_frame_bytes,
        )


def _import_what_runs_need() -> None:
    """So that the first goal does not wait for it."""
    from ..orchestrator import graph
    from ..orchestrator.planning import lint

    assert graph and lint


async def _no_such_address(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    if status == 405:
        found = refused("refused", f"expected another method, got {request.method}")
        found.status_code = 405
        if isinstance(error, HTTPException) and error.headers:
            found.headers.update(error.headers)
        return found
    return refused("not_found", "expected an address of this server, got another; /openapi.json lists them")


def create_app(loom: Planloom, **options: Any) -> Starlette:
    """The ASGI application over a `Planloom`, for any ASGI server; options as for `Server`."""
    return Server(loom, **options).app()
