"""Finds files with the same content: by size, then the first bytes, then SHA-256 of everything.

Rule: one file under several hard links is not a duplicate, it takes its space once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext
from .. import figures as say
from .contents import sha256
from .folder import Entry

_HEAD_BYTES = 65_536
_GROUPS = 50
_PATHS = 20


class DuplicateGroup(TypedDict):
    """Files with the same content. `wasted` = `bytes` * (`copies` - 1); at most 20 `paths` are named."""

    sha256: str
    bytes: int
    copies: int
    wasted: int
    paths: list[str]


class Duplicates(TypedDict):
    """`groups`: the 50 that waste most of `group_count`. `extra_files`: how many files could go."""

    group_count: int
    extra_files: int
    wasted_bytes: int
    groups: list[DuplicateGroup]
    unreadable: int
    sentence: str
    sections: list[say.Section]
    charts: list[say.Chart]


@dataclass(slots=True)
class _Search:
    root: Path
    context: ToolContext
    unreadable: int = 0
    read: int = 0
    total: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)

    def key(self, path: str, first_bytes: int) -> str | None:
        """The hash of a file, None when it can't be read or is another link to one that was counted."""
        full = self.root / path
        if self.context.cancelled():
            raise ToolError("the search for duplicates was cancelled")
        try:
            return sha256(full, first_bytes=first_bytes)
        except OSError:
            self.unreadable += 1
            return None

    def is_new(self, path: str) -> bool:
        try:
            found = (self.root / path).lstat()
        except OSError:
            self.unreadable += 1
            return False
        if found.st_nlink < 2:
            return True
        link = (found.st_dev, found.st_ino)
        is_new = link not in self.seen
        self.seen.add(link)
        return is_new


def duplicates_in(root: Path, entries: Callable[[], Iterable[Entry]], least: int, context: ToolContext) -> Duplicates:
    """Groups of equal files of at least `least` bytes. `entries` is called twice: for sizes, then for candidates."""
    counts = Counter(e.size for e in entries() if e.size >= max(least, 1))
    by_size: dict[int, list[str]] = defaultdict(list)
    for entry in entries():
        if counts[entry.size] > 1:
            by_size[entry.size].append(entry.path)
    search = _Search(root, context, total=sum(size * len(paths) for size, paths in by_size.items()))
    groups = sorted(_equal(search, by_size), key=lambda g: (-g["wasted"], g["paths"]))
    return _result(groups, search.unreadable, has_files=bool(counts))


def _equal(search: _Search, by_size: dict[int, list[str]]) -> Iterator[DuplicateGroup]:
    for size, paths in by_size.items():
        new = [path for path in sorted(paths) if search.is_new(path)]
        same_head = _split(search, new, min(_HEAD_BYTES, size)) if len(new) > 1 else {}
        for key, some in same_head.items():
            same = {key: some} if size <= _HEAD_BYTES else _split(search, some, 0)
            yield from (_group(key, size, equal) for key, equal in same.items())
        search.read += size * len(paths)
        search.context.progress(search.read, search.total, "comparing files of the same size")


def _split(search: _Search, paths: list[str], first_bytes: int) -> dict[str, list[str]]:
    """Paths by hash, only those with company."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        if (key := search.key(path, first_bytes)) is not None:
            found[key].append(path)
    return {key: some for key, some in found.items() if len(some) > 1}


def _group(key: str, size: int, paths: list[str]) -> DuplicateGroup:
    wasted = size * (len(paths) - 1)
    return {"sha256": key, "bytes": size, "copies": len(paths), "wasted": wasted, "paths": paths[:_PATHS]}


def _result(groups: list[DuplicateGroup], unreadable: int, *, has_files: bool) -> Duplicates:
    extra = sum(g["copies"] - 1 for g in groups)
    wasted = sum(g["wasted"] for g in groups)
    sentence = "No two files have the same content." if has_files else ""
    if groups:
        files = say.counted(extra, "file is a copy of another", "files are copies of others")
        sentence = f"{files}; without them {say.size(wasted)} would be free."
    return {
        "group_count": len(groups),
        "extra_files": extra,
        "wasted_bytes": wasted,
        "groups": groups[:_GROUPS],
        "unreadable": unreadable,
        "sentence": sentence,
        "sections": [_section(groups, sentence, unreadable)] if has_files else [],
        "charts": _charts(groups),
    }


def _section(groups: list[DuplicateGroup], sentence: str, unreadable: int) -> say.Section:
    text = sentence
    if len(groups) > 10:
        text += f" The 10 groups that take most space, of {say.number(len(groups))}:"
    if unreadable:
        text += f" {say.counted(unreadable, 'file')} could not be read and compared."
    rows = [[_paths(g), say.number(g["copies"]), say.size(g["bytes"]), say.size(g["wasted"])] for g in groups[:10]]
    table: say.Table = {"columns": ["Files", "Copies", "Size of one", "Could be free"], "rows": rows}
    return say.section("Duplicates", text, table=table, charts=_charts(groups))


def _paths(group: DuplicateGroup) -> str:
    more = group["copies"] - 2
    return ", ".join(group["paths"][:2]) + (f" and {more} more" if more > 0 else "")


def _charts(groups: list[DuplicateGroup]) -> list[say.Chart]:
    shown = groups[:10]
    labels = say.labels([g["paths"][0] for g in shown])
    values = [g["wasted"] for g in shown]
    title = "Space that copies take"
    return say.drawable(say.chart("barh", title, labels, values, value_format="bytes", name="duplicates"))
