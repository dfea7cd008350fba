"""Adds up a folder: totals, kinds, sizes, the largest files, and the prose worth reading.

Rule: one pass in bounded memory; what is kept grows with the number of kinds and top folders, not of files.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any, TypeVar

from typing_extensions import TypedDict

from .. import figures as say
from .folder import Entry
from .listing import moment

_PROSE_BYTES = (200, 2_000_000)
_LARGEST = 20
_Item = TypeVar("_Item", bound=tuple[Any, str, Entry])
_UNUSUAL_PROSE = ("license", "licence", "copying", "notice", "changelog", "third-party", "third_party")
_STEPS = (0, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
SIZE_LABELS = ("empty", "under 1 kB", "1-10 kB", "10-100 kB", "100 kB-1 MB", "1-10 MB", "10-100 MB", "over 100 MB")
_TOP = "files at the top"


class FileEntry(TypedDict):
    """A file; `path` is relative to the folder, `modified` ISO time in UTC."""

    path: str
    kind: str
    bytes: int
    modified: str


class KindTotal(TypedDict):
    """All files of one kind."""

    kind: str
    group: str
    files: int
    bytes: int


class OtherKinds(TypedDict):
    """The kinds beyond the limit, added up; all 0 when there are none."""

    kinds: int
    files: int
    bytes: int


class ProseFile(TypedDict):
    """Prose to read; `path` is absolute, `name` relative to the folder."""

    path: str
    name: str
    bytes: int


class Unreadable(TypedDict):
    """Entries that could not be read; at most 20 are named."""

    count: int
    names: list[str]


class Scan(TypedDict):
    """`source` says who chose the files: git (its ignore rules) or folder (all but the usual junk).

    `depth`: levels of folders below this one. `inventory`: path of the CSV with every file, None if not kept.
    `oldest`, `newest`: None in an empty folder. `kinds` are ordered by bytes. `sentence` sums it up;
    `sections` are parts of a report, which show the `charts`, once drawn, by name.
    """

    path: str
    name: str
    source: str
    files: int
    folders: int
    bytes: int
    depth: int
    kinds: list[KindTotal]
    other_kinds: OtherKinds
    largest: list[FileEntry]
    oldest: FileEntry | None
    newest: FileEntry | None
    prose: list[ProseFile]
    prose_paths: list[str]
    skipped: list[str]
    unreadable: Unreadable
    inventory: str | None
    sentence: str
    sections: list[say.Section]
    charts: list[say.Chart]


@dataclass(slots=True)
class Tally:
    """What a pass over the files adds up."""

    max_prose: int
    files: int = 0
    size: int = 0
    depth: int = 0
    kinds: dict[str, KindTotal] = field(default_factory=dict)
    tops: dict[str, int] = field(default_factory=dict)
    steps: list[int] = field(default_factory=lambda: [0] * len(SIZE_LABELS))
    largest: list[tuple[int, str, Entry]] = field(default_factory=list)
    prose: list[tuple[tuple[int, int, int], str, Entry]] = field(default_factory=list)
    oldest: Entry | None = None
    newest: Entry | None = None

    def add(self, entry: Entry) -> None:
        self.files += 1
        self.size += entry.size
        self.depth = max(self.depth, entry.path.count("/"))
        top = entry.path.partition("/")
        name = f"{top[0]}/" if top[1] else _TOP
        self.tops[name] = self.tops.get(name, 0) + entry.size
        self.steps[step_of(entry.size)] += 1
        self._add_kind(entry)
        _keep(self.largest, (entry.size, entry.path, entry), _LARGEST)
        if (rank := _prose_rank(entry)) is not None:
            _keep(self.prose, (rank, entry.path, entry), self.max_prose)
        if self.oldest is None or entry.modified < self.oldest.modified:
            self.oldest = entry
        if self.newest is None or entry.modified > self.newest.modified:
            self.newest = entry

    def _add_kind(self, entry: Entry) -> None:
        kind = self.kinds.get(entry.kind.name)
        if kind is None:
            kind = {"kind": entry.kind.name, "group": entry.kind.group, "files": 0, "bytes": 0}
            self.kinds[entry.kind.name] = kind
        kind["files"] += 1
        kind["bytes"] += entry.size


def _keep(heap: list[_Item], item: _Item, limit: int) -> None:
    """Keeps the `limit` greatest items."""
    if len(heap) < limit:
        heapq.heappush(heap, item)
    elif limit:
        heapq.heappushpop(heap, item)


def step_of(size: int) -> int:
    """The position in `SIZE_LABELS` of a file's size."""
    return next((i for i, limit in enumerate(_STEPS) if size < limit or (limit == 0 and size == 0)), len(_STEPS))


def _prose_rank(entry: Entry) -> tuple[int, int, int] | None:
    """How much a file is worth reading: READMEs near the top first, then by size; None for what is no prose."""
    low, high = _PROSE_BYTES
    if entry.kind.group != "prose" or not low <= entry.size <= high:
        return None
    name = entry.path.rpartition("/")[2].lower()
    if name.startswith(_UNUSUAL_PROSE):
        return None
    is_readme = name.startswith("readme")
    return int(is_readme), -entry.path.count("/") if is_readme else 0, entry.size


def file_entry(entry: Entry) -> FileEntry:
    return {"path": entry.path, "kind": entry.kind.name, "bytes": entry.size, "modified": moment(entry.modified)}


def best(heap: list[_Item]) -> list[Entry]:
    """The kept entries, the greatest first."""
    return [item[2] for item in sorted(heap, key=lambda item: item[:2], reverse=True)]


def kinds_by_size(tally: Tally) -> list[KindTotal]:
    return sorted(tally.kinds.values(), key=lambda k: (-k["bytes"], -k["files"], k["kind"]))
