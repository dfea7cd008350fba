"""What a run may look up: the person's documents, and what is known about the person. Opened on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..clock import Clock
from ..config import Config

if TYPE_CHECKING:
    from ..documents.library import Library
    from ..documents.search.asking import Answer
    from ..memory.facts import Fact, Facts
    from ..models.client import Models

_RECALLED = 5


class Knowledge:
    """Documents and facts in the folder `state`, for one event loop. Nothing is read before it is asked for.

    `user` is whose facts are used.
    """

    def __init__(self, config: Config, state: Path, models: Models | None, clock: Clock) -> None:
        self.user = config.memory.user
        self._config = config
        self._state = state
        self._models = models
        self._clock = clock
        self._library: Library | None = None
        self._facts: Facts | None = None

    async def documents(self) -> Library:
        """The index of documents.

        Raises:
            ConfigError: the embedding that the settings ask for is not there.
        """
        if self._library is None:
            from ..documents.library import library

            made = await asyncio.to_thread(library, self._config, self._models, self._state)
            self._library = self._library or made
        return self._library

    async def answer(self, question: str, *, count: int = 8, under: str | None = None) -> Answer:
        """An answer from the documents, with citations.

        Raises:
            UsageError: nothing was indexed yet.
            SearchIndexError: the index can't be read.
        """
        from ..documents.search.asking import ask

        return await ask(question, await self.documents(), self._models, count=count, under=under)

    async def facts(self) -> Facts:
        """What is known about people.

        Raises:
            ConfigError: as `documents`.
        """
        if self._facts is None:
            from ..memory.facts import Facts
            from ..models.embeddings import embedder_for

            embedder = await asyncio.to_thread(embedder_for, self._config, self._models, self._state)
            self._facts = self._facts or Facts(self._state / "memory", embedder, self._clock)
        return self._facts

    async def recall(self, query: str) -> Sequence[Fact]:
        """The user's facts that have to do with a text, most first; none when nothing was ever remembered."""
        if not await asyncio.to_thread((self._state / "memory").is_dir):
            return []
        return await (await self.facts()).recall(self.user, query, count=_RECALLED)

    async def close(self) -> None:
        """Ends the processes that read files; may be called again."""
        if self._library is not None:
            await self._library.close()
