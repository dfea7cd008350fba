"""An open session with a server, whichever way it is reached. Rule: the one module that knows the protocol's library.

langchain-mcp-adapters opens the sessions over HTTP. Its sessions over pipes say neither which process they started nor
what that wrote to standard error, and can't promise that it ends, so those are opened over our own `stdio`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from .launch import Launch
from .stdio import Pipes, stdio

if TYPE_CHECKING:
    from mcp import ClientSession
    from mcp.types import CallToolResult, InitializeResult

_PAGES = 100
_MOST = 2_000
_HTTP_TIMEOUT_S = 30.0


class Progress(Protocol):
    """Hears how far a call is; quick."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None: ...


class Link:
    """One connection, from its opening to its end; `initialize` comes before all else."""

    def __init__(self, session: ClientSession, pipes: Pipes | None) -> None:
        self.pipes = pipes
        self.told: InitializeResult | None = None
        self._session = session

    async def initialize(self) -> None:
        """The handshake."""
        self.told = await self._session.initialize()

    @property
    def offers(self) -> frozenset[str]:
        """What the server says it has: tools, resources, prompts."""
        assert self.told is not None
        capabilities = self.told.capabilities
        return frozenset(name for name in ("tools", "resources", "prompts") if getattr(capabilities, name) is not None)

    @property
    def next_id(self) -> int:
        """The id that the next request will have; a cancel must name it, and the library tells it in no other way."""
        return self._session._request_id

    async def cancel(self, request_id: int, reason: str) -> None:
        """Tells the server that nobody waits for this answer any more."""
        from mcp import types

        params = types.CancelledNotificationParams(requestId=request_id, reason=reason)
        note = types.CancelledNotification(params=params)
        await self._session.send_notification(types.ClientNotification(note))

    async def ping(self) -> None:
        """Returns when the server answers anything at all, a refusal too."""
        from mcp import McpError

        with contextlib.suppress(McpError):
            await self._session.send_ping()

    async def call(self, tool: str, arguments: Mapping[str, Any], progress: Progress) -> CallToolResult:
        """The result of one call, not yet judged."""
        from mcp import types

        params = types.CallToolRequestParams(name=tool, arguments=dict(arguments))
        request = types.ClientRequest(types.CallToolRequest(params=params))
        return await self._session.send_request(request, types.CallToolResult, progress_callback=progress)

    async def tools(self) -> list[Any]:
        """Every tool the server lists, at most 2,000."""
        return await self._pages("tools", self._session.list_tools)

    async def resources(self) -> list[Any]:
        """Every resource the server lists, at most 2,000."""
        return await self._pages("resources", self._session.list_resources)

    async def has_resources(self) -> bool:
        """Whether there is any resource, or a pattern for some."""
        if await self.resources():
            return True
        return bool(await self._pages("resourceTemplates", self._session.list_resource_templates, offer="resources"))

    async def prompts(self) -> list[Any]:
        """Every prompt the server lists, at most 2,000."""
        return await self._pages("prompts", self._session.list_prompts)

    async def read(self, uri: str) -> Any:
        """The library's contents of a resource."""
        from pydantic import AnyUrl

        return await self._session.read_resource(AnyUrl(uri))

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> Any:
        """The library's messages of a prompt."""
        return await self._session.get_prompt(name, dict(arguments))

    async def _pages(self, kind: str, ask: Callable[..., Awaitable[Any]], *, offer: str = "") -> list[Any]:
        from mcp import McpError, types

        found: list[Any] = []
        cursor: str | None = None
        for _ in range(_PAGES if (offer or kind) in self.offers else 0):
            try:
                page = await ask(params=types.PaginatedRequestParams(cursor=cursor))
            except McpError as error:
                if error.error.code == types.METHOD_NOT_FOUND:  # promised, and not there
                    break
                raise
            found += getattr(page, kind)
            if not page.nextCursor or page.nextCursor == cursor or len(found) >= _MOST:
                break
            cursor = page.nextCursor
        return found[:_MOST]


def load(launch: Launch) -> None:
    """Imports what a connection needs; takes a second the first time, so it is no part of a server's time to start."""
    import anyio  # noqa: F401
    import mcp.types  # noqa: F401

    if launch.url:
        import langchain_mcp_adapters.sessions  # noqa: F401


@asynccontextmanager
async def opened(
    launch: Launch, max_bytes: int, changed: Callable[[], None], unreadable: Callable[[Exception], None]
) -> AsyncIterator[Link]:
    """A connection without its handshake; entered and left by one task. The server's process is gone when it is left.

    `changed` hears when the server says that its list of tools is another, `unreadable` of replies that are none.

    Raises:
        whatever the network or the library comes up with; `failures.explained` makes it one of ours.
    """
    from mcp.types import Implementation

    _quiet()
    settings: dict[str, Any] = {
        "message_handler": _handler(changed, unreadable),
        "client_info": Implementation(name="planloom", version=_version()),
    }
    if launch.url:
        from langchain_mcp_adapters.sessions import create_session

        async with create_session(_connection(launch, settings)) as session:
            yield Link(session, None)
        return
    from mcp import ClientSession

    async with (
        stdio(launch, max_bytes) as pipes,
        ClientSession(pipes.read, pipes.write, **settings) as session,
    ):
        yield Link(session, pipes)


def _connection(launch: Launch, settings: dict[str, Any]) -> Any:
    connection: dict[str, Any] = {
        "transport": "sse" if launch.is_sse else "streamable_http",
        "url": launch.url,
        "headers": dict(launch.headers),
        "timeout": _HTTP_TIMEOUT_S,
        "session_kwargs": settings,
        "httpx_client_factory": _http_client,
    }
    return connection


def _http_client(headers: Any = None, timeout: Any = None, auth: Any = None) -> Any:
    """A client that follows no redirect, so that headers never go to another host."""
    import httpx

    return httpx.AsyncClient(headers=headers, timeout=timeout, auth=auth, follow_redirects=False)


def _handler(changed: Callable[[], None], unreadable: Callable[[Exception], None]) -> Callable[[Any], Awaitable[None]]:
    async def heard(message: Any) -> None:
        from mcp.types import ServerNotification, ToolListChangedNotification

        if isinstance(message, ServerNotification) and isinstance(message.root, ToolListChangedNotification):
            changed()
        elif isinstance(message, Exception):
            unreadable(message)

    return heard


def _quiet() -> None:
    """Keeps the library from printing what strangers send: it logs some of it on the root logger."""
    root = logging.getLogger()
    if _from_elsewhere not in root.filters:
        root.addFilter(_from_elsewhere)
    for name in ("mcp", "client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _from_elsewhere(record: logging.LogRecord) -> bool:
    return "/mcp/" not in record.pathname


def _version() -> str:
    from importlib.metadata import version

    return version("planloom")
