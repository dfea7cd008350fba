"""What a run may look up: the person's documents, and what is known about the person. Opened on first use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..config import Config
from ..errors import PlanloomError
from ..memory.sessions import Sessions
from ..memory.sessions.names import person
from ..models.scope import current

if TYPE_CHECKING:
    from ..documents.library import Library
    from ..documents.search.asking import Answer
    from ..memory.facts import Fact, Facts
    from ..memory.forgetting import Forgetting, Forgotten, Wording
    from ..models.client import Models

_RECALLED = 5


class Knowledge:
    """Documents and facts in the folder `state`, for one event loop. Nothing is read before it is asked for.

    `sessions` are those of this process, None: it has none open.
    """

    def __init__(
        self, config: Config, state: Path, models: Models | None, clock: Clock, sessions: Sessions | None = None
    ) -> None:
        self._sessions = sessions or Sessions(state, config.sessions, clock)
        self._config = config
        self._state = state
        self._models = models
        self._clock = clock
        self._library: Library | None = None
        self._facts: Facts | None = None

    @property
    def user(self) -> str:
        """Whose facts are used: those of the person whose session the running task is in."""
        session = current().session
        local = self._config.memory.user
        return person(self._sessions.path(session), local) if session else local

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

    async def answer(
        self, question: str, *, count: int = 8, under: str | None = None, where: Sequence[str] = ()
    ) -> Answer:
        """An answer from the documents, with citations; `under` and `where` as for `Library.search`.

        Raises:
            UsageError: nothing was indexed yet, or a condition is none.
            SearchIndexError: the index can't be read.
        """
        from ..documents.search.asking import ask

        return await ask(question, await self.documents(), self._models, count=count, under=under, where=where)

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

    async def forget(self, user: str, ids: Sequence[str]) -> Forgotten:
        """Forgets facts of a person for good, wherever they stand; what a running session holds goes at its end.

        Raises:
            ConfigError: as `documents`.
            SearchIndexError: the facts can't be read, or nothing can be written.
        """
        return await (await self._forgetting()).forget(user, ids)

    async def finish_forgetting(self) -> Forgotten | None:
        """Goes on with facts that were begun to be forgotten; None: there are none, or it can't be done now."""
        if not (self._state / "memory" / "forgetting").is_dir():
            return None
        try:
            return await (await self._forgetting()).finish()
        except PlanloomError:
            return None  # the intents stay: the next end of a run, or `planloom memory forget`, goes on

    async def _forgetting(self) -> Forgetting:
        from ..memory.forgetting import Forgetting

        facts, local = await self.facts(), self._config.memory.user
        return Forgetting(self._state, facts, self._sessions, local=local, traces=[self._forget_in_audit])

    def _forget_in_audit(self, wording: Wording, concerns: Callable[[str], bool]) -> None:
        from .audit import Audit

        def is_gone(entry: Mapping[str, Any]) -> bool:
            return concerns(str(entry.get("session", ""))) and wording.is_in(entry["told"])

        if (folder := self._state / "audit").is_dir():
            Audit(folder, self._clock, max_bytes=self._config.audit.max_bytes).empty(is_gone)

    async def close(self) -> None:
        """Ends the processes that read files; may be called again."""
        if self._library is not None:
            await self._library.close()
