"""The list of a folder's files as a CSV file: written by one walk, read by the steps that come after it.

Rule: with an inventory nobody walks the folder again, and every step sees the same files.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

from ....errors import ToolError
from ...tool import ToolContext
from .folder import Entry, walk
from .kinds import kind_of, told_by_content

_COLUMNS = ["path", "kind", "bytes", "modified"]


def written(entries: Iterable[Entry], target: Path) -> Iterator[Entry]:
    """Passes the entries on and writes each to `target`; complete when all were taken."""
    with target.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_COLUMNS)
        for entry in entries:
            rows.writerow([entry.path, entry.kind.name, entry.size, moment(entry.modified)])
            yield entry


def entries_of(root: Path, inventory: str | None, context: ToolContext) -> Iterator[Entry]:
    """The files of `root`: from the inventory when there is one, else by a walk.

    Raises:
        ToolError: the inventory is missing or is none.
    """
    if inventory is None:
        return walk(root, context)
    return _read(root, context.workspace.readable(inventory))


def _read(root: Path, source: Path) -> Iterator[Entry]:
    with source.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file)
        if next(rows, None) != _COLUMNS:
            raise ToolError(f"expected an inventory made by files.scan, got {str(source)!r}")
        for path, kind, size, modified in rows:
            at = dt.datetime.fromisoformat(modified).timestamp()
            yield Entry(path, int(size), at, told_by_content(kind) or kind_of(root / path))


def moment(at: float) -> str:
    """Unix seconds as ISO text in UTC; times that no calendar has become 1970-01-01."""
    try:
        return dt.datetime.fromtimestamp(int(at), dt.UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return dt.datetime.fromtimestamp(0, dt.UTC).isoformat()


def day(at: float) -> str:
    """Unix seconds as a date in UTC: 2025-06-30."""
    return moment(at)[:10]
