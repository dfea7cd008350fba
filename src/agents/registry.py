"""Which actions exist. Rule: nothing is imported before someone asks for it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from ..errors import ConfigError, UsageError
from .tool import Tool

# group name -> module below agents.tools; a group's tools are named GROUP.something
BUILT_IN = ("charts", "files", "git", "http", "reports", "results", "tables", "text")


class Registry:
    """Tools by name. Built-in groups and the modules of the configuration are imported on first use by any thread."""

    def __init__(self, modules: Iterable[str] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        self._sources: dict[str, str] = {}
        self._pending = dict.fromkeys(BUILT_IN)
        self._modules = list(modules)
        self._lock = threading.RLock()

    def add(self, *tools: Tool, source: str = "code") -> None:
        """Adds tools.

        Raises:
            UsageError: a tool of this name is there already.
        """
        for item in tools:
            if item.name in self._tools and self._tools[item.name] is not item:
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
            return self._tools.get(name)

    def names(self) -> list[str]:
        """All names, sorted. Imports every group."""
        with self._lock:
            for group in list(self._pending):
                self._load_group(group)
            self._load_modules()
            return sorted(self._tools)

    def source(self, name: str) -> str:
        """Where a tool comes from: built-in, code, or the module of the configuration."""
        return self._sources[name]

    def __iter__(self) -> Iterator[Tool]:
        return (self._tools[name] for name in self.names())

    def __repr__(self) -> str:
        return f"Registry(loaded={len(self._tools)}, pending={[*self._pending, *self._modules]})"

    def _load_group(self, group: str) -> None:
        module = importlib.import_module(f".tools.{group}", __package__)
        self.add(*tools_of(module), source="built-in")
        self._pending.pop(group, None)

    def _load_modules(self) -> None:
        while self._modules:
            name = self._modules.pop(0)
            self.add(*tools_of(load_module(name)), source=name)


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
