"""Facts that are forgotten leave nothing behind: not in the memory, the sessions, the stored values, the caches.

Rule: what can't go now, because another process writes a session, is noted and goes later. The files a run made for a
person, and what was exported, are the person's own and stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import JournalError
from ..artifacts import ArtifactStore
from ..sessions import Sessions
from .intents import Intent, Intents
from .told import Erased, Told
from .wording import MARK, Wording

if TYPE_CHECKING:
    from ..facts import Facts

Trace = Callable[[Wording, Callable[[str], bool]], None]
"""Takes the words out of one more place; told whether a session, by its id, is among those it concerns.

Raises:
    JournalError: it can't; says why.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What a forgetting did: facts that were there, ids of sessions that lost words, those that are `busy` by id with
    who writes them, and what went wrong. `is_done`: nothing is left for later."""

    facts: int = 0
    sessions: Sequence[str] = ()
    busy: dict[str, str] = field(default_factory=dict)
    problems: Sequence[str] = ()

    @property
    def is_done(self) -> bool:
        return not self.busy and not self.problems


class Forgetting:
    """Forgets facts in a state folder. All methods from one event loop.

    `local`: whose the sessions of the command line are. `traces` are the places that this layer does not know.
    """

    def __init__(
        self, state: Path, facts: Facts, sessions: Sessions, *, local: str, traces: Sequence[Trace] = ()
    ) -> None:
        self._facts = facts
        self._sessions = sessions
        self._intents = Intents(state / "memory" / "forgetting")
        self._told = Told(sessions, ArtifactStore(state / "artifacts"), local=local)
        self._traces = [*traces, *_derived(state, sessions)]

    async def forget(self, user: str, ids: Sequence[str]) -> Forgotten:
        """Forgets facts of a person, by their ids, for good; goes on with those that were begun and not done.

        Raises:
            SearchIndexError: the facts can't be read, or nothing can be written.
            JournalError: a session of this process, which nobody uses, can't be closed.
        """
        wordings = await asyncio.to_thread(self._facts.wordings, user, ids)
        begun = {one.fact for one in await asyncio.to_thread(self._intents.all) if one.user == user}
        await asyncio.to_thread(self._intents.add, user, {id_: t for id_, t in wordings.items() if id_ not in begun})
        done = await self.finish()
        return replace(done, facts=len(set(ids) & {*wordings, *begun}))

    async def finish(self) -> Forgotten:
        """Goes on with what was begun: after a kill, or when a session was busy. Costs one look when there is nothing.

        Raises:
            as `forget`.
        """
        begun = await asyncio.to_thread(self._intents.all)
        erased: list[Erased] = []
        for user in sorted({one.user for one in begun}):
            own = [one for one in begun if one.user == user]
            await self._facts.forget(user, [one.fact for one in own], texts=[t for one in own for t in one.texts])
            self._sessions.unload_idle()
            erased.append(await asyncio.to_thread(self._erase, own))
        return Forgotten(
            sessions=sorted({name for one in erased for name in one.sessions}),
            busy={name: who for one in erased for name, who in one.busy.items()},
            problems=[problem for one in erased for problem in one.problems.values()],
        )

    def _erase(self, intents: list[Intent]) -> Erased:
        """Takes the words of one person's facts out of everything; the second time only where they still are."""
        wording = Wording([t for one in intents for t in one.texts], [one.fact for one in intents])
        user, left = intents[0].user, None
        if all(one.left is not None for one in intents):
            left = {name for one in intents for name in one.left or ()}
        found = self._told.survey(self._told.folders(user, wording, only=left), wording)
        gone = {sha256 for one in intents for sha256 in one.artifacts} | self._told.holding(found.values(), wording)
        if gone:
            self._note(intents, gone, None if left is None else tuple(left))
        done = self._told.erase(found, wording, gone)
        if left is None or left - {*done.busy, *done.problems}:
            self._erase_elsewhere(wording, {folder.name for folder in self._told.folders(user, wording)}, done)
        if remains := (*done.busy, *done.problems):
            self._note(intents, gone, remains)
        else:
            self._intents.remove(intents)
        return done

    def _note(self, intents: list[Intent], gone: set[str], left: tuple[str, ...] | None) -> None:
        for intent in intents:
            self._intents.put(replace(intent, artifacts=tuple(sorted(gone)), left=left))

    def _erase_elsewhere(self, wording: Wording, theirs: set[str], done: Erased) -> None:
        for number, trace in enumerate(self._traces):
            try:
                trace(wording, theirs.__contains__)
            except (JournalError, OSError) as error:
                done.problems[f"/{number}"] = str(error)  # no session's id


def _derived(state: Path, sessions: Sessions) -> list[Trace]:
    """Caches of this folder: kept replies and kept plans that hold the words go whole."""

    def replies(wording: Wording, _: Callable[[str], bool]) -> None:
        from ...models.cache import ResponseCache

        ResponseCache(state / "responses.sqlite", max_bytes=0, clock=sessions.clock).forget(wording.is_in)

    def plans(wording: Wording, _: Callable[[str], bool]) -> None:
        for path in [*(state / "plans").glob("*.yaml"), *(state / "plans").glob(".*.part")]:
            if wording.is_in(path.read_bytes()):
                path.unlink(missing_ok=True)

    return [replies, plans]


__all__ = ["MARK", "Forgetting", "Forgotten", "Trace", "Wording"]
