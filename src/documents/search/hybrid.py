"""A question against the index: by words (BM25) and by vectors, put together.

Rule: when one way can't be used the other answers, and says so.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import BudgetError, ModelError, TransientError
from ...models.embeddings import Embedder
from ..index import sameness
from ..index.embedded import PassageVectors
from ..index.records import Stored
from ..index.store import EVERYWHERE, Store
from ..places import Place
from .fusion import fused
from .scope import Scope
from .terms import asked, match_expression

_CANDIDATES = 50
# Vectors of words know hardly more than the words: they help with parts of words and spelling (benchmarks.retrieval).
_WEIGHTS = {"endpoint": 1.0, "sentence-transformers": 1.0, "lexical": 0.2}
_LEAST = {"lexical": 0.1}  # cosine; below, two texts share nothing but chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that fits. `score` 0 to 1, 1: best by words and by vectors. `by`: the ways that found it."""

    path: str
    title: str
    place: Place
    text: str
    score: float
    by: tuple[str, ...]
    kind: str = ""
    modified: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `place` as people read it, `at` for machines."""
        return {
            "path": self.path,
            "place": str(self.place),
            "score": round(self.score, 4),
            "text": self.text,
            "title": self.title,
            "by": list(self.by),
            "at": self.place.to_dict(),
            "kind": self.kind,
            "modified": dt.datetime.fromtimestamp(self.modified).astimezone().isoformat(timespec="seconds"),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The passages that fit best, best first. `notes` say what could not be used."""

    hits: Sequence[Hit]
    notes: Sequence[str] = field(default=())


async def search(
    question: str, store: Store, vectors: PassageVectors, embedder: Embedder, *, count: int, inside: Scope = EVERYWHERE
) -> Found:
    """The passages that fit a question; each text once. `inside`: only of files in this scope.

    Raises:
        SearchIndexError: the index can't be read.
    """
    depth = max(_CANDIDATES, 3 * count)
    among = await asyncio.to_thread(store.ids_in, inside) if inside else None
    async with asyncio.TaskGroup() as group:
        words = group.create_task(asyncio.to_thread(by_words, question, store, depth, inside))
        near = group.create_task(_by_vectors(question, store, vectors, embedder, depth, among=among))
    ranking, note = near.result()
    rankings = {"words": words.result(), "vectors": ranking}
    weights = {"words": 1.0, "vectors": _WEIGHTS[embedder.space.provider]}
    best = fused({name: ids for name, ids in rankings.items() if ids or name == "words"}, weights)
    hits = await asyncio.to_thread(_hits, best, rankings, store, count)
    return Found(hits=hits, notes=[note] if note else [])


def by_words(question: str, store: Store, count: int, inside: Scope = EVERYWHERE) -> list[int]:
    """Ids of passages by BM25, best first; none when the question has no word."""
    words = asked(question)
    return store.by_words(match_expression(words), count, inside=inside) if words else []


async def _by_vectors(
    question: str,
    store: Store,
    vectors: PassageVectors,
    embedder: Embedder,
    count: int,
    *,
    among: Sequence[int] | None,
) -> tuple[list[int], str]:
    """Ids of passages by likeness, best first, and why there are none when there should be."""
    index = await asyncio.to_thread(vectors.index)
    if vectors.fault is not None:
        return [], f"found by words only: {vectors.fault}"
    if not len(index):
        return [], ""
    try:
        query = await embedder.embed_query(question)
    except (ModelError, TransientError, BudgetError) as error:
        return [], f"found by words only, no vector of the question: {error}"
    if await asyncio.to_thread(sameness.is_another, store, embedder):
        await asyncio.to_thread(sameness.note_change, store)
        return [], f"found by words only: {sameness.told(embedder, 'index again')}"
    if len(query) != index.dimensions:
        return [], "found by words only: the model gives vectors of another length than the index has; index again"
    matches = await asyncio.to_thread(lambda: vectors.search(query, count, among=among))
    least = _LEAST.get(embedder.space.provider, -1.0)
    return [match.id for match in matches if match.score >= least], ""


def _hits(best: Sequence[tuple[int, float]], rankings: dict[str, list[int]], store: Store, count: int) -> list[Hit]:
    stored = store.passages([id_ for id_, _ in best])
    ways = {name: set(ids) for name, ids in rankings.items()}
    hits: list[Hit] = []
    seen: set[str] = set()
    for id_, score in best:
        passage = stored.get(id_)
        if passage is None or (plain := " ".join(passage.text.split())) in seen:
            continue
        seen.add(plain)
        hits.append(_hit(passage, score, tuple(name for name, ids in ways.items() if id_ in ids)))
        if len(hits) == count:
            break
    return hits


def _hit(passage: Stored, score: float, by: tuple[str, ...]) -> Hit:
    return Hit(
        path=passage.path,
        title=passage.title,
        place=passage.place,
        text=passage.text,
        score=score,
        by=by,
        kind=passage.kind,
        modified=passage.modified,
    )
