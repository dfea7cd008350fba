"""All servers of the settings, as a source of tools for the registry.

Rule: what is known from the shelf is offered without starting anything; a server is started when one of its tools is
called, or when a list of all tools is needed and nothing is known of it yet.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, wait

from ...config import Mcp
from ...errors import PlanloomError, TransientError, UsageError
from ..catalog import Shelf
from ..tool import Tool
from .launch import check
from .loop import Loop
from .server import Server

_NOTICES = 100
_AGAIN_S = 30.0  # until a server that could not be asked for its tools is asked again
_SLACK_S = 20.0


class Servers:
    """The servers by name. Any thread may look tools up; `close` ends what was started."""

    def __init__(self, settings: Mcp, *, environ: Mapping[str, str], shelf: Shelf | None = None) -> None:
        """`environ` is where `${ENV:NAME}` looks; `shelf` None: nothing is remembered for the next process.

        Raises:
            ConfigError: the settings of a server can't work.
        """
        self._loop = Loop()
        self._lock = threading.Lock()
        self._notices: deque[str] = deque(maxlen=_NOTICES)
        self._asked: dict[str, Future[None]] = {}
        self._not_before: dict[str, float] = {}
        shelf = shelf or Shelf(None)
        self._servers: dict[str, Server] = {}
        for name, server in settings.servers.items():
            check(name, server)
            if server.enabled:
                self._servers[name] = Server(
                    name, server, environ, shelf, max_bytes=settings.max_message_bytes, loop=self._loop, tell=self._tell
                )

    # ---- as a source of tools

    def find(self, name: str) -> Tool | None:
        """The tool of this name, None if there is none. Starts its server if nothing is known of it yet."""
        server = self._servers.get(name.partition(".")[0])
        if server is None:
            return None
        if server.listing is None:
            self._ask([server])
        return server.tools().get(name)

    def names(self) -> list[str]:
        """The names that are known without starting anything."""
        return [name for server in self._servers.values() for name in server.tools()]

    def tools(self) -> Iterator[Tool]:
        """Every tool that may be called. Starts servers of which nothing is known yet, side by side."""
        self._ask([server for server in self._servers.values() if server.listing is None])
        for server in self._servers.values():
            yield from server.tools().values()

    async def prepare(self, actions: Iterable[str]) -> None:
        """Sees to it that `find` need not wait for these actions."""
        groups = {action.partition(".")[0] for action in actions}
        unknown = [s for name, s in self._servers.items() if name in groups and s.listing is None]
        if unknown:
            await asyncio.to_thread(self._ask, unknown)

    def take_notices(self) -> list[str]:
        """What people should know of the servers, once each."""
        with self._lock:
            told = list(self._notices)
            self._notices.clear()
        return told

    # ---- for people

    async def learn(self, name: str) -> None:
        """Connects a server, which tells what it offers. Raises as `Connection.connect`, and UsageError as `server`."""
        await self._loop.run(self.server(name).learn())

    def server(self, name: str) -> Server:
        """The server of this name.

        Raises:
            UsageError: there is none in the settings.
        """
        if name not in self._servers:
            known = ", ".join(self._servers) or "none"
            raise UsageError(f"expected an MCP server of the settings, got {name!r}; there are: {known}")
        return self._servers[name]

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers.values())

    def __len__(self) -> int:
        return len(self._servers)

    async def close(self) -> None:
        """Ends every server and waits until nothing of them is left; may be called again."""
        if self._loop.is_running:
            await self._loop.run(self._close())
            await asyncio.to_thread(self._loop.stop)

    async def _close(self) -> None:
        await asyncio.gather(*(server.close() for server in self._servers.values()), return_exceptions=True)

    def _ask(self, servers: list[Server]) -> None:
        """Learns what servers offer, each at most once at a time; one that can't be asked is told of, and left out."""
        now = time.monotonic()
        started: dict[str, Future[None]] = {}
        with self._lock:
            for server in servers:
                if self._not_before.get(server.name, 0.0) > now:
                    continue
                if server.name not in self._asked:
                    self._asked[server.name] = self._loop.start(server.learn())
                started[server.name] = self._asked[server.name]
        longest = max((server.settings.connect_timeout_s for server in servers), default=0.0)
        done, _ = wait(started.values(), timeout=longest + _SLACK_S)
        for name, future in started.items():
            failure = future.exception() if future in done else TransientError(f"MCP server {name!r} hangs")
            with self._lock:
                is_first = self._asked.pop(name, None) is not None
                if failure is not None:
                    self._not_before[name] = time.monotonic() + _AGAIN_S
            if failure is not None and is_first:
                why = str(failure) if isinstance(failure, PlanloomError) else f"{type(failure).__name__}: {failure}"
                self._tell(f"the tools of {name} are left out: {why}")

    def _tell(self, text: str) -> None:
        with self._lock:
            if text not in self._notices:
                self._notices.append(text)

    def __repr__(self) -> str:
        return f"Servers({', '.join(self._servers)})"
