"""Sessions: conversations with their messages, runs and shared context, which outlive the process.

Rule: a session is what its journal adds up to. In memory are the last `sessions.max_open` that were used; the others
leave it, give their lock back, and come back when they are asked for.
"""

from __future__ import annotations

import shutil
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ... import config
from ...clock import Clock
from ...errors import UsageError
from ...events import ContextSet, MessageAdded, Payload
from ..journal import Journal, read
from ..journal.lock import Lock
from .index import Index, Summary
from .names import checked, new_id
from .state import Message, OpenApproval, RunState, State, folded


@dataclass(slots=True)
class _Loaded:
    """A session in memory; `users` are those who hold it, so that it stays."""

    journal: Journal
    state: State
    users: int = 0


class Sessions:
    """All sessions below a state folder. Not for use from several threads."""

    def __init__(self, state: Path, settings: config.Sessions, clock: Clock) -> None:
        self.folder = state / "sessions"
        self.settings = settings
        self.clock = clock
        self.index = Index(self.folder, state / "sessions.sqlite")
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()

    def path(self, session_id: str) -> Path:
        """The folder of a session, there or not.

        Raises:
            UsageError: the id can't be one.
        """
        return self.folder / checked(session_id)

    def open(self, session_id: str | None = None) -> Session:
        """A session, new without an id. Nothing is read or locked before it is used.

        Raises:
            UsageError: the id can't be one.
        """
        return Session(self, checked(session_id or new_id()))

    def all(self) -> list[Summary]:
        """Every session in short, the one used last first."""
        return self.index.all()

    def load(self, session_id: str) -> State:
        """What a session is now, whoever writes it; takes no lock.

        Raises:
            UsageError: there is no such session.
            JournalError: its journal is damaged.
        """
        kept = self._loaded.get(session_id)
        if kept is not None:
            return kept.state
        return folded(read(self.existing(session_id)))

    def existing(self, session_id: str) -> Path:
        """The folder of a session that is there.

        Raises:
            UsageError: there is no such session.
        """
        path = self.path(session_id)
        if not path.is_dir():
            raise UsageError(f"expected the id of a session, got {session_id!r}; `planloom sessions list` shows them")
        return path

    def delete(self, session_id: str) -> None:
        """Removes a session for good; its artifacts go with the next compaction when no other session has them.

        Raises:
            UsageError: there is no such session.
            BusyError: somebody writes it.
        """
        path = self.existing(session_id)
        self.unload(session_id)
        lock = Lock(path, purpose="deletion", now=self.clock.wall())
        try:
            shutil.rmtree(path)
        finally:
            lock.release()

    def unload(self, session_id: str) -> None:
        """Takes a session out of memory, unless somebody holds it; it comes back on demand.

        Raises:
            JournalError: what was put off can't be written.
        """
        kept = self._loaded.get(session_id)
        if kept is not None and not kept.users:
            del self._loaded[session_id]
            kept.journal.close()

    def unload_idle(self) -> None:
        """Takes the sessions that nobody holds out of memory, so that their locks are free.

        Raises:
            JournalError: as `unload`.
        """
        for name in list(self._loaded):
            self.unload(name)

    def close(self) -> None:
        """Takes all sessions out of memory; may be called again."""
        loaded, self._loaded = self._loaded, OrderedDict()
        for kept in loaded.values():
            kept.journal.close()

    @property
    def in_memory(self) -> int:
        """How many sessions are in memory."""
        return len(self._loaded)

    def loaded(self, session_id: str) -> _Loaded:
        """The session in memory, brought there if need be.

        Raises:
            BusyError: another process writes it.
            JournalError: its journal is damaged or can't be written.
        """
        kept = self._loaded.get(session_id)
        if kept is None:
            kept = self._loaded[session_id] = self._brought(session_id)
        self._loaded.move_to_end(session_id)
        self._make_room(session_id)
        return kept

    def _brought(self, session_id: str) -> _Loaded:
        journal = Journal(self.folder / session_id, session_id, self.clock, self.settings, purpose="session")
        try:
            state = folded(read(journal.path)) if journal.seq else State()
        except BaseException:
            journal.close()
            raise
        journal.listen(state.take_event)
        return _Loaded(journal, state)

    def _make_room(self, wanted: str) -> None:
        """Unloads those that were not used for longest, never one that is held or asked for right now."""
        surplus = len(self._loaded) - self.settings.max_open
        idle = [name for name, kept in self._loaded.items() if not kept.users and name != wanted]
        for name in idle[: max(0, surplus)]:
            self.unload(name)


@dataclass(frozen=True, slots=True)
class Session:
    """A handle to one session; costs nothing while it is not used."""

    sessions: Sessions = field(repr=False)
    id: str

    @property
    def state(self) -> State:
        """What the session is now.

        Raises:
            BusyError, JournalError: as for `Sessions.loaded`.
        """
        return self.sessions.loaded(self.id).state

    @contextmanager
    def held(self) -> Iterator[Journal]:
        """The session's journal, which stays open as long as this lasts."""
        kept = self.sessions.loaded(self.id)
        kept.users += 1
        try:
            yield kept.journal
        finally:
            kept.users -= 1

    def say(self, role: str, text: str) -> None:
        """Adds a message; on disk when this returns."""
        self.add(MessageAdded(role, text))

    def set(self, name: str, value: Any) -> None:
        """Sets a value that all runs share, None takes it away; on disk when this returns."""
        self.add(ContextSet(name, value))

    def add(self, *payloads: Payload, run_id: str = "") -> None:
        """Adds events as one group; on disk when this returns.

        Raises:
            BusyError, JournalError: as for `Sessions.loaded`, or they can't be written.
        """
        journal = self.sessions.loaded(self.id).journal
        for payload in payloads:
            journal.append(payload, run_id)
        journal.commit()


__all__ = ["Sessions", "Session", "State", "Summary", "Message", "RunState", "OpenApproval", "new_id", "checked"]
