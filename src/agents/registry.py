"""Which actions exist. Rule: nothing is imported before someone asks for it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol, runtime_checkable

from ..errors import ConfigError, UsageError
from .catalog import Shelf
from .catalog.described import data_of, group_key, module_key, tools_from
from .tool import Tool

# group name -> module below agents.tools; a group's tools are named GROUP.something
BUILT_IN = (
    "archives",
    "calendars",
    "charts",
    "code",
    "contacts",
    "dates",
    "documents",
    "feeds",
    "files",
    "git",
    "http",
    "images",
    "mail",
    "maths",
    "memory",
    "model",
    "notes",
    "notify",
    "pdf",
    "process",
    "reports",
    "results",
    "slides",
    "speech",
    "spreadsheets",
    "sql",
    "stocks",
    "tables",
    "text",
    "web",
)
_OURS = "built-in"


class Source(Protocol):
    """Tools that come from elsewhere, such as servers; used from any thread."""

    def find(self, name: str) -> Tool | None: ...

    def names(self) -> list[str]:
        """Those that are known without starting anything."""
        ...

    def tools(self) -> Iterator[Tool]:
        """All of them; starts what has to be asked."""
        ...

    async def prepare(self, actions: Iterable[str]) -> None:
        """Sees to it that `find` need not wait for these."""
        ...

    def take_notices(self) -> list[str]:
        """What people should know, once each."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Named(Protocol):
    """A source that says of each tool where it is from."""

    def source(self, name: str) -> str: ...


class Registry:
    """Tools by name. Built-in groups and the modules of the configuration are imported on first use by any thread."""

    def __init__(
        self, modules: Iterable[str] = (), *, sources: Iterable[Source] = (), shelf: Shelf | None = None
    ) -> None:
        """`shelf` is where tools that need not be imported are described; None: all are imported to be listed."""
        self._tools: dict[str, Tool] = {}
        self._sources: dict[str, str] = {}
        self._pending = dict.fromkeys(BUILT_IN)
        self._modules = list(modules)
        self._elsewhere = list(sources)
        self._shelf = shelf
        self._described: dict[str, list[Tool]] = {}
        self._lock = threading.RLock()

    def add(self, *tools: Tool, source: str = "code") -> None:
        """Adds tools; one's own takes the place of a built-in one of its name, whichever comes first.

        Raises:
            UsageError: another tool of this name is there already.
        """
        for item in tools:
            if self._tools.get(item.name, item) is not item and self._sources[item.name] != _OURS:
                if source == _OURS:
                    continue
                raise UsageError(
                    f"expected one tool named {item.name!r}, got a second from {source}; give it another name="
                )
            self._tools[item.name] = item
            self._sources[item.name] = source

    def find(self, name: str) -> Tool | None:
        """The tool of this name, None if there is none."""
        if (known := self._tools.get(name)) is not None:
            return known
        with self._lock:
            group = name.partition(".")[0]
            if group in self._pending:
                self._load_group(group)
            if name not in self._tools:
                self._load_modules()
            if (found := self._tools.get(name)) is not None:
                return found
        return next((tool for source in self._elsewhere if (tool := source.find(name)) is not None), None)

    def names(self) -> list[str]:
        """All names, sorted; of sources elsewhere those that are known without starting anything."""
        return sorted({*self._listed(), *(name for source in self._elsewhere for name in source.names())})

    def source(self, name: str) -> str:
        """Where a tool comes from: built-in, code, the module of the configuration, or its server."""
        if name in self._sources:
            return self._sources[name]
        found = next((source for source in self._elsewhere if source.find(name) is not None), None)
        return found.source(name) if isinstance(found, Named) else f"mcp {name.partition('.')[0]}"

    def join(self, *sources: Source) -> None:
        """Adds tools that come from elsewhere, asked after those that are there."""
        self._elsewhere += sources

    async def prepare(self, actions: Iterable[str]) -> None:
        """Sees to it that `find` need not wait for a server when it is asked for these actions."""
        wanted = list(actions)
        for source in self._elsewhere:
            await source.prepare(wanted)

    def take_notices(self) -> list[str]:
        """What people should know of where tools come from, once each."""
        return [text for source in self._elsewhere for text in source.take_notices()]

    async def close(self) -> None:
        """Ends what was started for the tools; may be called again."""
        for source in self._elsewhere:
            await source.close()

    def __iter__(self) -> Iterator[Tool]:
        """Every tool, by name. One that is described on the shelf is not imported for this; `find` gives it whole."""
        known = {tool.name: tool for source in self._elsewhere for tool in source.tools()} | self._listed()
        return (known[name] for name in sorted(known))

    def __repr__(self) -> str:
        return f"Registry(loaded={len(self._tools)}, pending={[*self._pending, *self._modules]})"

    def _listed(self) -> dict[str, Tool]:
        """The tools of groups and modules: described where the shelf has them, else imported."""
        with self._lock:
            for group in list(self._pending):
                if not self._describe(group, group_key, _OURS):
                    self._load_group(group)
            if not all(self._describe(name, module_key, name) for name in self._modules):
                self._load_modules()
            unloaded = (*self._pending, *self._modules)
            described = {tool.name: tool for name in unloaded for tool in self._described.get(name, ())}
            return described | self._tools

    def _describe(self, name: str, key_of: Callable[[str], str | None], source: str) -> bool:
        """Whether a group or module is described; takes what the shelf has."""
        if name in self._described:
            return True
        key = key_of(name) if self._shelf is not None else None
        data = self._shelf.get(f"tools {name}", key) if self._shelf is not None and key is not None else None
        if data is None:
            return False
        try:
            self._described[name] = tools_from(data, self.find)
        except (KeyError, TypeError, AttributeError):
            return False
        self._sources.update((tool.name, source) for tool in self._described[name] if tool.name not in self._sources)
        return True

    def _keep(self, name: str, key: str | None, tools: list[Tool]) -> None:
        if self._shelf is not None and key is not None and self._shelf.get(f"tools {name}", key) is None:
            self._shelf.put(f"tools {name}", key, data_of(tools))

    def _load_group(self, group: str) -> None:
        module = importlib.import_module(f".tools.{group}", __package__)
        self.add(*tools_of(module), source=_OURS)
        self._pending.pop(group, None)
        if self._shelf is not None and group not in self._described:
            self._keep(group, group_key(group), tools_of(module))

    def _load_modules(self) -> None:
        while self._modules:
            name = self._modules.pop(0)
            tools = tools_of(load_module(name))
            self.add(*tools, source=name)
            if self._shelf is not None and name not in self._described:
                self._keep(name, module_key(name), tools)


def tools_of(module: ModuleType) -> list[Tool]:
    """The tools at the top of a module, in order of definition."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, Tool) and value.function.__module__ == module.__name__
    ]


def load_module(name: str) -> ModuleType:
    """Imports a Python file (by path) or an importable module (by dotted name).

    Raises:
        ConfigError: there is no such file or module, or it raises while being imported.
    """
    try:
        if name.endswith(".py"):
            return _load_file(Path(name).expanduser().resolve())
        return importlib.import_module(name)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"tools.modules: expected a Python file or module that can be imported, got {name!r}: "
            f"{type(error).__name__}: {error}"
        ) from error


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"tools.modules: expected a Python file, got {str(path)!r}, which does not exist")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"tools.modules: expected a Python file, got {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    return module
