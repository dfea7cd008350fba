"""Tools of installed packages, by the entry points `planloom.tools`: `GROUP = module, Tool, list, or function`.

Rule: a plug-in is loaded when one of its tools is asked for; one that fails is named and stops nobody else.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .tool import Tool

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "planloom.tools"


class PlugIns:
    """Plug-ins by the group of tools they bring. `problems` says of each failing one why."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        self._loaded: dict[str, dict[str, Tool]] = {}
        self._told: set[str] = set()
        self._lock = threading.RLock()

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        from importlib.metadata import entry_points

        return {point.name: point for point in entry_points(group=GROUP)}

    def find(self, name: str) -> Tool | None:
        """The tool of this name; loads the plug-in whose group it is in."""
        return self._load(name.partition(".")[0]).get(name)

    def names(self) -> list[str]:
        """The names of all tools; loads every plug-in."""
        return sorted(tool.name for tool in self.tools())

    def tools(self) -> Iterator[Tool]:
        """All tools; loads every plug-in."""
        for group in sorted(self._points):
            yield from self._load(group).values()

    def source(self, name: str) -> str:
        """The plug-in a tool is from."""
        point = self._points.get(name.partition(".")[0])
        return f"plug-in {point.value}" if point is not None else ""

    async def prepare(self, actions: Iterable[str]) -> None:
        """Loads the plug-ins of these actions."""
        for action in actions:
            self.find(action)

    def take_notices(self) -> list[str]:
        """The plug-ins that failed, each once."""
        told = [text for name, text in self.problems.items() if name not in self._told]
        self._told |= set(self.problems)
        return told

    async def close(self) -> None:
        """Nothing was started."""

    def _load(self, group: str) -> dict[str, Tool]:
        with self._lock:
            if group not in self._loaded and group in self._points:
                self._loaded[group] = {}  # a failing plug-in is not tried again
                try:
                    self._loaded[group] = {tool.name: tool for tool in tools_of_plug_in(self._points[group])}
                except ConfigError as error:
                    self.problems[group] = str(error)
            return self._loaded.get(group, {})


def tools_of_plug_in(point: Any) -> list[Tool]:
    """The tools an entry point gives; all are named `NAME.something`.

    Raises:
        ConfigError: it raises, or gives something else; names the plug-in.
    """
    who = f"plug-in {point.name} ({point.value}{f', of {point.dist.name}' if point.dist is not None else ''})"
    try:
        made = point.load()
        if callable(made) and not isinstance(made, (Tool, ModuleType)):
            made = made()
    except Exception as error:  # the border to other people's code
        raise ConfigError(f"{who}: {type(error).__name__}: {error}") from error
    if isinstance(made, ModuleType):
        made = [value for value in vars(made).values() if isinstance(value, Tool)]
    found = [made] if isinstance(made, Tool) else list(made) if isinstance(made, Iterable) else []
    wrong = next((item for item in found if not isinstance(item, Tool)), None)
    if not found or wrong is not None:
        raise ConfigError(f"{who}: expected tools, got {type(made if wrong is None else wrong).__name__}")
    other = next((item.name for item in found if not item.name.startswith(f"{point.name}.")), None)
    if other is not None:
        raise ConfigError(f"{who}: expected tools named {point.name}.something, got {other!r}; give them a name=")
    return found
