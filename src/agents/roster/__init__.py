"""Which agents there are: files in folders, plug-ins, and the built-in ones. Rule: one is read when it is asked for.

A name is found in your own folders first, in their order, then among what programs add and plug-ins
(entry points `planloom.agents`), then among the built-in ones.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, PlanloomError
from . import agentfile
from .agent import NAME, PREFIX, Agent, Limits
from .prompts import Repository

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "planloom.agents"


class Roster:
    """Agents by name. `problems` are the files and plug-ins that can't be used, by name."""

    def __init__(self, folders: Iterable[Path] = (), *, prompts: int = 50, built_in: Path | None = None) -> None:
        self._folders = [Path(folder).expanduser() for folder in folders]
        self._built_in = built_in if built_in is not None else built_in_folder()
        self._files = Repository(self._read, prompts)
        self._added: dict[str, Agent] = {}
        self._plugged: dict[str, Agent | None] = {}
        self._lock = threading.RLock()
        self.problems: dict[str, str] = {}

    def add(self, *agents: Agent) -> None:
        """Adds agents made in code; one of the same name is replaced."""
        with self._lock:
            self._added.update({agent.name: agent for agent in agents})

    def names(self) -> list[str]:
        """All names, sorted. Looks into the folders, reads no file."""
        found = {path.stem for folder in [*self._folders, self._built_in] for path in _files(folder)}
        return sorted(found | set(self._added) | set(self._plug_ins))

    def find(self, name: str) -> Agent | None:
        """The agent of this name, None if there is none or it can't be used (see `problems`)."""
        if not NAME.fullmatch(name):
            return None
        try:
            found = self._find(name)
        except PlanloomError as error:
            self.problems[name] = str(error)
            return None
        self.problems.pop(name, None) if found is not None else None
        return found

    def __iter__(self) -> Iterator[Agent]:
        return (found for name in self.names() if (found := self.find(name)) is not None)

    def _find(self, name: str) -> Agent | None:
        for folder in self._folders:
            if (path := folder / f"{name}.md").is_file():
                return self._files.get(path)
        if name in self._added:
            return self._added[name]
        if name in self._plug_ins:
            return self._plugged_in(name)
        path = self._built_in / f"{name}.md"
        return self._files.get(path) if path.is_file() else None

    def _read(self, path: Path, text: str) -> Agent:
        return agentfile.parse(path, text, source="built-in" if path.parent == self._built_in else str(path))

    @cached_property
    def _plug_ins(self) -> dict[str, EntryPoint]:
        from importlib.metadata import entry_points

        return {point.name: point for point in entry_points(group=GROUP)}

    def _plugged_in(self, name: str) -> Agent | None:
        """The agent of a plug-in, loaded once; a failing one is a problem with the plug-in's name in it."""
        with self._lock:
            if name not in self._plugged:
                self._plugged[name] = None  # a failing plug-in is not tried again
                self._plugged[name] = loaded(self._plug_ins[name])
            return self._plugged[name]


def loaded(point: Any) -> Agent:
    """The agent of an entry point: an `Agent`, the path of an agent's file, or a function that gives one.

    Raises:
        ConfigError: it raises or gives something else; names the plug-in.
    """
    who = f"{point.name} ({point.value}{f', of {point.dist.name}' if point.dist is not None else ''})"
    try:
        made = point.load()
        made = made() if callable(made) and not isinstance(made, Agent) else made
        if isinstance(made, (str, Path)):
            path = Path(made)
            made = agentfile.parse(path, path.read_text(encoding="utf-8"), source=f"plug-in {point.value}")
    except Exception as error:  # the border to other people's code
        raise ConfigError(f"plug-in {who}: {type(error).__name__}: {error}") from error
    if not isinstance(made, Agent) or made.name != point.name:
        got = f"one named {made.name!r}" if isinstance(made, Agent) else type(made).__name__
        raise ConfigError(f"plug-in {who}: expected an Agent named {point.name!r}, got {got}")
    return made


def built_in_folder() -> Path:
    """Where the built-in agents are."""
    return Path(str(resources.files("planloom.prompts"))) / "agents"


def _files(folder: Path) -> Sequence[Path]:
    try:
        return [path for path in folder.glob("*.md") if NAME.fullmatch(path.stem)]
    except OSError:
        return []


__all__ = ["Agent", "Limits", "Roster", "PREFIX"]
