"""What the index knows, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A file as the index has it; `reason` says why it could not be read, empty: it could."""

    id: int
    path: str
    sha256: str
    size_bytes: int
    mtime_ns: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A passage in the index. `kind` and `modified`, in Unix seconds, are its file's."""

    id: int
    path: str
    title: str
    text: str
    place: Place
    kind: str = ""
    modified: float = 0.0

    def embedded_text(self) -> str:
        """What its vector is made of: the text, and what it is about."""
        return embedded_text(self.path, self.title, self.place.section, self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that is not in the index, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one indexing did. `embedded` passages were made vectors of now, `cached` ones had theirs already.

    `files`, `chunks`: all that the folders hold in the index. `pending`: passages that have no vector yet, since the
    model could not be used; `notes` say why. `stopped`: it was cancelled, and what was done is kept.
    """

    files: int = 0
    chunks: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: int = 0
    embedded: int = 0
    cached: int = 0
    calls: int = 0
    pending: int = 0
    failed: Sequence[Failure] = ()
    notes: Sequence[str] = ()
    embedding: str = ""
    seconds: float = 0.0
    stopped: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        told: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        told["failed"] = [{"path": one.path, "reason": one.reason} for one in self.failed]
        told["notes"] = list(self.notes)
        told["seconds"] = round(self.seconds, 3)
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the index stands. `vectors`: how they are searched, None: exactly."""

    folder: str
    files: int
    chunks: int
    failed: Sequence[Failure]
    roots: Sequence[str]
    embedding: str
    pending: int
    size_bytes: int
    vectors: Mapping[str, Any] | None = None
    kinds: Mapping[str, int] = field(default_factory=dict)


def embedded_text(path: str, title: str, section: str, text: str) -> str:
    """What a passage's vector is made of."""
    about = title or path.replace("\\", "/").rpartition("/")[2]
    return f"{about}\n{section}\n{text}" if section else f"{about}\n{text}"
