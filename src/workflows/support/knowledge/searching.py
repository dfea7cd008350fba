"""Search among the desk's articles. Rule: what is missing is said, and the desk goes on without it.

The index lies in the state folder, one for each folder of articles, and is brought up to date when a file changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from ....config import Config
from ....documents.library import Library
from ....errors import SearchIndexError, UsageError
from ....models.embeddings.lexical import LexicalEmbedder
from ..shapes import Passage

_COUNT = 3
_KEPT = 500
_LONGEST_HEADING = 60
_LOCKS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = weakref.WeakKeyDictionary()
_FOUND: dict[tuple[str, str], tuple[Passage, ...]] = {}


class MissingError(Exception):
    """There are no articles to search; says why."""


async def search(question: str, config: Config) -> Sequence[Passage]:
    """The passages that fit best, best first; none when nothing fits. Equal questions are looked up once.

    Raises:
        MissingError: the folder of articles is not there, is empty, or can't be indexed.
    """
    folder = folder_of(config)
    stamp = await asyncio.to_thread(_stamp, folder)
    if (known := _FOUND.get((stamp, question))) is not None:
        return known
    async with _LOCKS.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        try:
            found = await _searched(question, folder, stamp, config)
        except (SearchIndexError, UsageError, OSError) as error:
            raise MissingError(f"the articles in {str(folder)!r} can't be searched: {error}") from error
    if len(_FOUND) >= _KEPT:
        _FOUND.clear()
    _FOUND[stamp, question] = found
    return found


def folder_of(config: Config) -> Path:
    """Where the articles are."""
    named = config.support.knowledge
    return Path(named).expanduser().resolve() if named else _example()


async def _searched(question: str, folder: Path, stamp: str, config: Config) -> tuple[Passage, ...]:
    async with Library(config, LexicalEmbedder(), _place(config, stamp)) as library:
        if not library.is_there:
            await library.index([folder])
        found = await library.search(question, count=_COUNT, under=folder)
    return tuple(
        Passage(
            title=hit.title,
            text=_without_headings(hit.text),
            source=f"{Path(hit.path).relative_to(folder)}, {hit.place}",
            score=round(hit.score, 3),
        )
        for hit in found.hits
    )


def _without_headings(text: str) -> str:
    """The paragraphs of a passage in one line; headings end without a full stop."""
    lines = [line.strip("# ").strip() for line in text.splitlines() if line.strip()]
    while len(lines) > 1 and lines[0][-1:] not in ".!?:" and len(lines[0]) < _LONGEST_HEADING:
        lines.pop(0)
    return " ".join(lines)


def _place(config: Config, stamp: str) -> Path:
    return Path(config.state).expanduser().resolve() / "support" / f"articles-{stamp}" / "index"


def _stamp(folder: Path) -> str:
    """What the articles are, by path, size and time.

    Raises:
        MissingError: there are none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    if not paths:
        raise MissingError(
            f"expected a folder with articles, got {str(folder)!r}, which has none; set support.knowledge"
        )
    told = "\n".join(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]


@lru_cache(maxsize=1)
def _example() -> Path:
    return Path(str(files(__package__).joinpath("articles")))
