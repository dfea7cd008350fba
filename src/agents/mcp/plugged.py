"""Servers of installed packages, by the entry points `planloom.servers`: `NAME = function(config)`.

Rule: a server that ships what it offers is started when one of its tools is called, never to be listed. One that the
settings name too is left to the settings; a plug-in that fails is named and stops nobody else.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config import Config, Mcp, McpServer
from ...errors import ConfigError
from ..catalog import Shelf
from ..tool import Tool

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .servers import Servers

GROUP = "planloom.servers"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluggedServer:
    """A server that a package brings. `listing` is the file with what it offers, None: it has to be asked."""

    settings: McpServer
    listing: Path | None = None


class PluggedServers:
    """The servers of plug-ins, as a source of tools. `problems` says of each failing one why."""

    def __init__(self, config: Config, *, environ: Mapping[str, str], shelf: Shelf) -> None:
        self.problems: dict[str, str] = {}
        self._config = config
        self._environ = environ
        self._shelf = shelf
        self._servers: Servers | None = None
        self._told: set[str] = set()
        self._lock = threading.Lock()

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        from importlib.metadata import entry_points

        taken = self._config.mcp.servers
        return {point.name: point for point in entry_points(group=GROUP) if point.name not in taken}

    def find(self, name: str) -> Tool | None:
        """The tool of this name."""
        return self._made().find(name) if name.partition(".")[0] in self._points else None

    def names(self) -> list[str]:
        """The names that are known without starting anything."""
        return self._made().names() if self._points else []

    def tools(self) -> Iterator[Tool]:
        """Every tool; starts those that do not ship what they offer, and of which nothing is known yet."""
        return self._made().tools() if self._points else iter(())

    def source(self, name: str) -> str:
        """The plug-in a tool is from."""
        point = self._points.get(name.partition(".")[0])
        return f"plug-in {point.value}" if point is not None else ""

    async def prepare(self, actions: Iterable[str]) -> None:
        """Sees to it that `find` need not wait for these actions."""
        wanted = [action for action in actions if action.partition(".")[0] in self._points]
        if wanted:
            await self._made().prepare(wanted)

    def take_notices(self) -> list[str]:
        """The plug-ins that failed and what their servers said, each once."""
        told = [text for name, text in self.problems.items() if name not in self._told]
        self._told |= set(self.problems)
        return told + (self._servers.take_notices() if self._servers is not None else [])

    async def close(self) -> None:
        """Ends the servers that were started."""
        if self._servers is not None:
            await self._servers.close()

    def _made(self) -> Servers:
        from .servers import Servers

        with self._lock:
            if self._servers is None:
                plugged = {name: made for name in self._points if (made := self._load(name)) is not None}
                settings = Mcp(servers={name: made.settings for name, made in plugged.items()})
                self._servers = Servers(settings, environ=self._environ, shelf=self._shelf)
                for server in self._servers:
                    if server.listing is None:
                        server.listing = shipped(plugged[server.name].listing)
            return self._servers

    def _load(self, name: str) -> PluggedServer | None:
        try:
            return loaded(self._points[name], self._config)
        except ConfigError as error:
            self.problems[name] = str(error)
            return None


def loaded(point: Any, config: Config) -> PluggedServer:
    """The server of an entry point, for these settings.

    Raises:
        ConfigError: it raises, gives something else, or settings that can't work; names the plug-in.
    """
    from .launch import check

    who = f"plug-in {point.name} ({point.value}{f', of {point.dist.name}' if point.dist is not None else ''})"
    try:
        made = point.load()(config)
        if isinstance(made, PluggedServer):
            check(point.name, made.settings)
            return made
    except Exception as error:  # the border to other people's code
        raise ConfigError(f"{who}: {type(error).__name__}: {error}") from error
    raise ConfigError(f"{who}: expected a PluggedServer, got {type(made).__name__}")


def shipped(path: Path | None) -> Any:
    """The listing in a file; None when there is none that can be used."""
    from .listing import Listing

    try:
        return Listing.from_dict(json.loads(path.read_text(encoding="utf-8"))) if path is not None else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
