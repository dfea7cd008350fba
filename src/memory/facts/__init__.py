"""What is known about people. Rule: each person has a file of their own; nothing is shared between them.

Vectors stand beside the facts, so a fact that is forgotten is gone with all that was made of it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...clock import Clock
from ...errors import BudgetError, ModelError, TransientError, UsageError
from ...models.embeddings import Embedder
from ...models.embeddings.lexical import LexicalEmbedder
from .fact import Added, Fact, NewFact, says_the_same
from .store import FactStore, Kept

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Added", "Fact", "Facts", "NewFact"]

_MOST_CHARS = 4000
_LEAST = {"lexical": 0.08, "endpoint": 0.2, "sentence-transformers": 0.2}  # cosine; less has nothing to do with it


class Facts:
    """The facts of any number of people below `folder`. All methods from one event loop."""

    def __init__(self, folder: Path, embedder: Embedder, clock: Clock) -> None:
        self._folder = folder
        self._embedder = embedder
        self._clock = clock
        self._locks: dict[str, asyncio.Lock] = {}

    async def add(self, user: str, facts: Iterable[NewFact]) -> list[Added]:
        """Remembers facts with one call for all their vectors. One that is known already is not added twice: the newer
        words stay, with all sources and the higher confidence.

        Raises:
            UsageError: a fact is empty, too long, or its confidence is not above 0 and at most 1.
            SearchIndexError: the file can't be written; nothing was added.
        """
        wanted = [_checked(fact) for fact in facts]
        if not wanted:
            return []
        space, vectors = await self._vectors([fact.text for fact in wanted])
        async with self._lock(user):
            store = FactStore(self._folder, user)
            kept = {one.fact.id: one for one in await asyncio.to_thread(store.all)}
            added = [
                self._join(kept, fact, space, vectors[number] if vectors is not None else None)
                for number, fact in enumerate(wanted)
            ]
            await asyncio.to_thread(store.put, [kept[one.fact.id] for one in added])
        await self._is_another_model(user)
        return added

    async def all(self, user: str, *, category: str | None = None) -> list[Fact]:
        """A person's facts, oldest first."""
        kept = await asyncio.to_thread(FactStore(self._folder, user).all)
        return [one.fact for one in kept if category in (None, one.fact.category)]

    async def recall(self, user: str, query: str, *, count: int = 5, category: str | None = None) -> list[Fact]:
        """A person's facts that have to do with a text, most first, with their scores.

        Without the model that made the vectors, words decide.
        """
        kept = [one for one in await self._kept(user) if category in (None, one.fact.category)]
        if not kept or not query.strip():
            return []
        try:
            asked = await self._embedder.embed_query(query)
            if await self._is_another_model(user):
                kept = [one for one in await self._kept(user) if category in (None, one.fact.category)]
            return _nearest(kept, asked, self._least, count)
        except (ModelError, TransientError, BudgetError):
            lexical = LexicalEmbedder()
            made = await lexical.embed([one.fact.text for one in kept])
            again = [Kept(one.fact, "", row) for one, row in zip(kept, made.vectors, strict=True)]
            return _nearest(again, await lexical.embed_query(query), _LEAST["lexical"], count)

    def wordings(self, user: str, ids: Sequence[str]) -> dict[str, list[str]]:
        """All texts that a person's facts have and had, by id, without those that are not there. Reads the disk."""
        return FactStore(self._folder, user).wordings(ids)

    async def forget(self, user: str, ids: Sequence[str], *, texts: Sequence[str] = ()) -> int:
        """Removes facts here: text, vector and what is kept of it in the cache; gives how many there were.

        `texts` are more whose kept vectors go. What sessions say of facts is for `memory.forgetting`.
        """
        async with self._lock(user):
            store = FactStore(self._folder, user)
            gone = await asyncio.to_thread(store.wordings, ids)
            count = await asyncio.to_thread(store.delete, ids)
        await self._embedder.forget([*texts, *(text for found in gone.values() for text in found)])
        return count

    @property
    def _least(self) -> float:
        return _LEAST[self._embedder.space.provider]

    def _lock(self, user: str) -> asyncio.Lock:
        return self._locks.setdefault(user, asyncio.Lock())

    def _join(self, kept: dict[str, Kept], new: NewFact, space: str, vector: NDArray[Any] | None) -> Added:
        """Puts a fact among the others."""
        now = self._clock.wall()
        before = next((one for one in kept.values() if self._is_same(one, new, space, vector)), None)
        if before is None:
            fact = Fact(
                id=secrets.token_hex(6),
                text=new.text,
                category=new.category,
                source=new.source,
                confidence=new.confidence,
                created_at=now,
                updated_at=now,
            )
        else:
            fact = replace(
                before.fact,
                text=new.text,
                source="; ".join(dict.fromkeys(one for one in (*before.fact.source.split("; "), new.source) if one)),
                confidence=max(before.fact.confidence, new.confidence),
                updated_at=now,
            )
        kept[fact.id] = Kept(fact, space, vector)
        return Added(fact=fact, merged=before is not None)

    def _is_same(self, one: Kept, new: NewFact, space: str, vector: NDArray[Any] | None) -> bool:
        if one.fact.category != new.category:
            return False
        is_model = self._embedder.space.provider != "lexical"
        comparable = is_model and one.vector is not None and vector is not None and one.space == space
        likeness = float(one.vector @ vector) if comparable and one.vector is not None and vector is not None else 0.0
        return says_the_same(one.fact.text, new.text, likeness=likeness)

    async def _is_another_model(self, user: str) -> bool:
        """Whether the model behind the name has changed since; the vectors it made count no more then."""
        probe = self._embedder.probe
        if probe is None:
            return False
        async with self._lock(user):
            return await asyncio.to_thread(FactStore(self._folder, user).check_model, self._embedder.space.key, probe)

    async def _kept(self, user: str) -> list[Kept]:
        """All facts; those whose vectors another embedding made, or that have none, get new ones."""
        store = FactStore(self._folder, user)
        kept = await asyncio.to_thread(store.all)
        space = self._embedder.space.key
        old = [one for one in kept if one.space != space or one.vector is None]
        if not old:
            return kept
        made_with, vectors = await self._vectors([one.fact.text for one in old])
        if vectors is None:
            return kept
        async with self._lock(user):
            now = {one.fact.id: one.fact for one in await asyncio.to_thread(store.all)}
            renewed = {
                one.fact.id: Kept(one.fact, made_with, vectors[number])
                for number, one in enumerate(old)
                if now.get(one.fact.id) == one.fact and vectors[number].any()
            }
            await asyncio.to_thread(store.put, renewed.values())
        return [renewed.get(one.fact.id, one) for one in kept]

    async def _vectors(self, texts: Sequence[str]) -> tuple[str, NDArray[Any] | None]:
        """Vectors of facts, and the embedding's key; None when the model can't be used now."""
        try:
            made = await self._embedder.embed(texts)
        except (ModelError, TransientError, BudgetError):
            return "", None
        return self._embedder.space.key, made.vectors


def _nearest(kept: Sequence[Kept], query: NDArray[Any], least: float, count: int) -> list[Fact]:
    scored = [
        replace(one.fact, score=round(max(0.0, min(1.0, float(one.vector @ query))), 4))
        for one in kept
        if one.vector is not None and len(one.vector) == len(query)
    ]
    fitting = [fact for fact in scored if fact.score >= least]
    return sorted(fitting, key=lambda fact: (-fact.score * fact.confidence, -fact.updated_at, fact.id))[:count]


def _checked(fact: NewFact) -> NewFact:
    text = " ".join(fact.text.encode("utf-8", "replace").decode("utf-8").split())
    if not text or len(text) > _MOST_CHARS:
        raise UsageError(f"expected a fact of 1 to {_MOST_CHARS} characters, got {len(text)}")
    if not 0 < fact.confidence <= 1:
        raise UsageError(f"expected a confidence above 0 and at most 1, got {fact.confidence!r}")
    return replace(fact, text=text, category=fact.category.strip() or "general", source=fact.source.strip())
