"""Where a run may read and write. Rule: every path a tool gets from outside goes through here."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import AccessError, ToolError


class Workspace:
    """The workspace folder, and the folder that takes the files of one run.

    Relative paths count from `root`. Reading is allowed anywhere the person can read; writing only below `root`,
    `out` and `also_writable`, after following every symbolic link.
    """

    def __init__(self, root: Path, out: Path, *, also_writable: Sequence[Path] = ()) -> None:
        self.root = root.resolve()
        self.out = out.resolve()
        self.also_writable = tuple(path.resolve() for path in also_writable)

    def readable(self, path: str) -> Path:
        """The absolute path of an existing file or folder.

        Raises:
            ToolError: there is nothing at `path`.
        """
        found = self._absolute(path)
        if not found.exists():
            raise ToolError(f"expected an existing file or folder, got {str(found)!r}; check the spelling")
        return found

    def writable(self, path: str) -> Path:
        """The absolute path of a file that may be written; its folder exists afterwards.

        Raises:
            AccessError: the path leads outside the writable folders, also by `..` or a symbolic link.
        """
        target = self._absolute(path)
        roots = (self.root, self.out, *self.also_writable)
        if not any(target.is_relative_to(root) for root in roots):
            raise AccessError(
                f"expected a path inside the workspace {str(self.root)!r}, got {str(target)!r}; "
                "write inside it, or start with another `workspace`"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def output(self, name: str) -> Path:
        """An empty new file below `out`, named like `name` (which may have folders); never an existing one.

        A taken name gets a number before its ending. Safe when several steps ask at the same time.
        """
        wanted = self.writable(str(self.out / safe_name(name)))
        for number in itertools.count(1):
            path = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}-{number}")
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
            except FileExistsError:
                continue
            return path
        raise AssertionError("unreachable")

    def shown(self, path: Path) -> str:
        """`path` as people read it: relative to the workspace when inside it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def _absolute(self, path: str) -> Path:
        if not path or "\0" in path:
            raise ToolError(f"expected a path, got {path!r}")
        try:
            return (self.root / Path(path).expanduser()).resolve()
        except (OSError, RuntimeError) as error:
            raise ToolError(f"expected a usable path, got {path!r}: {error}") from error


def safe_name(name: str) -> str:
    """`name` as a portable relative file name: letters, digits, `._-`, folders kept, no leading dots, 120 at most."""
    parts = [re.sub(r"[^\w.-]+", "-", part).strip(".-")[:120] for part in name.replace("\\", "/").split("/")]
    return "/".join(part for part in parts if part) or "file"
