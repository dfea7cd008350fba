"""Walks a folder once: every file with its size, time and kind, and what was left out.

Rule: nothing outside the folder is entered. Symbolic links are counted, never followed, so loops can't happen.
Inside a git repository git says which files count (its ignore rules); elsewhere the usual junk is left out.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ....errors import ToolError, TransientError
from ...tool import ToolContext
from .. import gitcommand as git
from .kinds import Kind, kind_of

_VERSIONS = {".git", ".hg", ".svn"}
_INSTALLED = {"node_modules", "bower_components", ".venv", "venv", ".eggs", ".terraform"}
_CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox", ".nox", ".cache", ".gradle", ".next"}
_LEFTOVERS = {".nuxt", ".parcel-cache", ".ipynb_checkpoints", ".Trash"}
_OURS = {".planloom", "planloom-out"}
JUNK = frozenset(_VERSIONS | _INSTALLED | _CACHES | _LEFTOVERS | _OURS)
_JUNK_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
_NAMED = 20
_PROGRESS_EVERY = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file. `path` is relative to the folder with `/`, `modified` Unix seconds."""

    path: str
    size: int
    modified: float
    kind: Kind


@dataclass(slots=True)
class LeftOut:
    """What a walk did not take in: `skipped` counts by reason, at most 20 `unreadable` are named."""

    source: Literal["git", "folder"] = "folder"
    folders: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    unreadable_count: int = 0
    notes: list[str] = field(default_factory=list)

    def add_unreadable(self, path: str) -> None:
        self.unreadable_count += 1
        if len(self.unreadable) < _NAMED:
            self.unreadable.append(path)


def folder(path: str, context: ToolContext) -> Path:
    """The absolute path of an existing folder.

    Raises:
        ToolError: there is nothing, or a file.
    """
    found = context.workspace.readable(path)
    if not found.is_dir():
        raise ToolError(f"expected a folder, got the file {str(found)!r}; name the folder it is in")
    return found


def walk(root: Path, context: ToolContext, left_out: LeftOut | None = None) -> Iterator[Entry]:
    """Every regular file below `root` once, in bounded memory. `left_out` is filled on the way.

    Raises:
        ToolError: `root` itself can't be read, or the step was cancelled.
    """
    left_out = LeftOut() if left_out is None else left_out
    if not os.access(root, os.R_OK | os.X_OK):
        raise ToolError(f"expected a folder that may be read, got {str(root)!r}; check its permissions")
    if _git_decides(root):
        left_out.source = "git"
        paths = _listed(root, context, left_out)
    else:
        paths = _walked(root, context, left_out)
    for number, (path, found) in enumerate(paths, 1):
        if number % _PROGRESS_EVERY == 0:
            context.progress(number, None, f"{number:,} files")
            if context.cancelled():
                raise ToolError("the walk was cancelled")
        full = f"{root}/{path}"
        if not os.access(full, os.R_OK):
            left_out.add_unreadable(path)
        yield Entry(path, found.st_size, found.st_mtime, kind_of(full))


def _git_decides(root: Path) -> bool:
    """Whether `root` is in a work tree that does not ignore it."""
    try:
        if git.run(root, "rev-parse", "--is-inside-work-tree").strip() != "true":
            return False
    except (ToolError, TransientError):
        return False
    return (root / ".git").exists() or not git.answers(root, "check-ignore", "--quiet", ".")


def _is_ours(root: Path, path: str, out: Path) -> bool:
    """Whether `path` is where runs write, so that a report never counts itself."""
    full = root / path
    return path.rpartition("/")[2] in _OURS or (full == out and not root.is_relative_to(out))


def _listed(root: Path, context: ToolContext, left_out: LeftOut) -> Iterator[tuple[str, os.stat_result]]:
    parents: set[str] = set()
    ours = _ours_below(root, context)
    last = ""
    options = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = git.records(root, *options, cancelled=context.cancelled)
    for path in names:
        if path == last or path.startswith(ours):
            continue
        last = path
        try:
            found = os.lstat(f"{root}/{path.rstrip('/')}")
        except FileNotFoundError:
            continue
        except OSError:
            left_out.add_unreadable(path)
            continue
        if stat.S_ISDIR(found.st_mode):
            left_out.skipped["nested git repositories"] += 1
        elif _is_regular(found, left_out):
            parents.add(path.rpartition("/")[0])
            yield path, found
    left_out.folders = len(_with_ancestors(parents))
    _count_ignored(root, context, left_out)


def _ours_below(root: Path, context: ToolContext) -> tuple[str, ...]:
    """Prefixes of the paths where runs write."""
    out = context.workspace.out
    own = [f"{name}/" for name in sorted(_OURS)]
    if out != root and out.is_relative_to(root):
        own.append(f"{out.relative_to(root).as_posix()}/")
    return tuple(own)


def _with_ancestors(parents: set[str]) -> set[str]:
    found: set[str] = set()
    for parent in parents:
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]  # noqa: PLW2901  # climbs
    return found


def _count_ignored(root: Path, context: ToolContext, left_out: LeftOut) -> None:
    options = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    try:
        ignored = sum(1 for _ in git.records(root, *options, cancelled=context.cancelled))
    except TransientError as error:
        left_out.notes.append(str(error))
        return
    if ignored:
        left_out.skipped["entries that git ignores"] = ignored


def _walked(root: Path, context: ToolContext, left_out: LeftOut) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(f"{root}/{prefix}") as entries:
                for entry in entries:
                    path = f"{prefix}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        if _is_junk(entry) or _is_ours(root, path, context.workspace.out):
                            left_out.skipped[entry.name] += 1
                        else:
                            left_out.folders += 1
                            waiting.append(f"{path}/")
                    elif found := _measured(entry, path, left_out):
                        yield path, found
        except OSError:
            left_out.add_unreadable(prefix or ".")


def _is_junk(entry: os.DirEntry[str]) -> bool:
    return entry.name in JUNK and (entry.name != "venv" or Path(entry.path, "pyvenv.cfg").exists())


def _measured(entry: os.DirEntry[str], path: str, left_out: LeftOut) -> os.stat_result | None:
    if entry.name in _JUNK_FILES:
        left_out.skipped[entry.name] += 1
        return None
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError:
        left_out.add_unreadable(path)
        return None
    return found if _is_regular(found, left_out) else None


def _is_regular(found: os.stat_result, left_out: LeftOut) -> bool:
    if stat.S_ISLNK(found.st_mode):
        left_out.skipped["symbolic links"] += 1
    elif not stat.S_ISREG(found.st_mode):
        left_out.skipped["sockets, pipes and devices"] += 1
    return stat.S_ISREG(found.st_mode)
