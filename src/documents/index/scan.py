"""Which files a folder holds that may be documents. Rule: names and sizes only; no file is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ...errors import UsageError
from ..kinds import is_candidate


@dataclass(frozen=True, slots=True)
class Found:
    """A file on disk."""

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(slots=True)
class Scan:
    """What was found. `skipped` files are of no kind that can be read; `unreadable` are folders, with the reason."""

    files: dict[str, Found] = field(default_factory=dict)
    skipped: int = 0
    unreadable: dict[str, str] = field(default_factory=dict)


def resolved(paths: Iterable[str | Path]) -> list[Path]:
    """Absolute paths of what is there, none of them inside another.

    Raises:
        UsageError: one is not there, or neither a file nor a folder.
    """
    found: list[Path] = []
    for path in paths:
        try:
            absolute = Path(path).expanduser().resolve()
            mode = absolute.stat().st_mode
        except (OSError, RuntimeError) as error:
            raise UsageError(f"expected a file or folder to index, got {str(path)!r}: {error}") from error
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise UsageError(f"expected a file or folder to index, got {str(path)!r}, which is neither")
        found.append(absolute)
    return [
        one for one in dict.fromkeys(found) if not any(one != other and one.is_relative_to(other) for other in found)
    ]


def scan(roots: Sequence[Path], *, ignore: Sequence[str], own: Path) -> Scan:
    """The files at and below `roots`. Links are followed to files, never to folders; `own` is left out.

    A root that is a file is taken whatever its name.
    """
    result = Scan()
    for root in roots:
        if root.is_dir():
            _folder(root, result, ignore, own)
        else:
            _file(str(root), result, is_asked=True)
    return result


def _folder(root: Path, result: Scan, ignore: Sequence[str], own: Path) -> None:
    stack = [str(root)]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda one: one.name):
                    if entry.name.startswith(".") or any(fnmatch(entry.name, one) for one in ignore):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if entry.path != str(own):
                            stack.append(entry.path)
                    else:
                        _file(entry.path, result)
        except OSError as error:
            result.unreadable[folder] = error.strerror or str(error)


def _file(path: str, result: Scan, *, is_asked: bool = False) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        result.unreadable[path.encode("utf-8", "backslashreplace").decode()] = "its name is not UTF-8; rename it"
        return
    try:
        found = Path(path).stat()
    except OSError as error:
        if is_asked:
            result.unreadable[path] = error.strerror or str(error)
        return
    if not stat.S_ISREG(found.st_mode) or not (is_asked or is_candidate(path)):
        result.skipped += 1
        return
    result.files[path] = Found(path, found.st_size, found.st_mtime_ns)
