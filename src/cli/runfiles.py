"""The runs that the journals below one folder tell of. Rule: reads only, and takes no lock."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import events
from ..errors import JournalError
from ..events import Event
from ..memory.journal import holder, read
from ..memory.sessions.index import Index, Summary

_LOCKS = Path("/proc/locks")  # Linux: who holds what; looking there takes no lock, so that no writer is refused


@dataclass(slots=True, kw_only=True)
class Brief:
    """A run in a line. `status` is empty while nothing says how it ended; `seconds` as the run itself counted them, or
    up to the last event; `state` is the status, or running or cut."""

    run_id: str
    session_id: str
    began_at: float
    last_at: float
    goal: str = ""
    status: str = ""
    state: str = "cut"
    seconds: float = 0.0
    steps: int = 0
    ok: int = 0
    failed: int = 0
    cost_usd: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


class RunFiles:
    """`damaged` says which sessions could not be read, and why."""

    def __init__(self, state: Path) -> None:
        self.sessions = state / "sessions"
        self.damaged: list[str] = []
        self._index = Index(self.sessions, state / "sessions.sqlite")
        self._known: list[Summary] | None = None

    def newest(self, limit: int, *, status: str | None = None) -> list[Brief]:
        """The newest runs, newest first; 0: all. Sessions that can't hold one of them are not read."""
        found: list[Brief] = []
        for summary in self._summaries():
            kept = sorted((brief.began_at for brief in found), reverse=True)
            if limit and len(kept) >= limit and kept[limit - 1] > summary.updated:
                break
            found += [brief for brief in self._briefs(summary.id) if status in (None, brief.state)]
        found.sort(key=lambda brief: (-brief.began_at, brief.run_id))
        return found[: limit or None]

    def find(self, run: str | None) -> Brief | None:
        """The run of this id, or the only one whose id begins so; None: the newest. None when there is none."""
        if run is None:
            return next(iter(self.newest(1)), None)
        starting = {name: s.id for s in self._summaries() for name in s.runs if run and name.startswith(run)}
        name = run if run in starting else (next(iter(starting)) if len(starting) == 1 else None)
        if name is None:
            return None
        return next((brief for brief in self._briefs(starting[name]) if brief.run_id == name), None)

    def names(self) -> list[str]:
        """The ids of all runs, those of the session used last first."""
        return [name for summary in self._summaries() for name in sorted(summary.runs, reverse=True)]

    def events(self, brief: Brief) -> Iterator[Event]:
        """The events of a run, in order.

        Raises:
            JournalError: the journal is damaged.
        """
        for record in read(self.sessions / brief.session_id):
            if record.run_id == brief.run_id and (event := record.event(brief.session_id)) is not None:
                yield event

    def _summaries(self) -> list[Summary]:
        if self._known is None:
            self._known = self._index.all()
            self.damaged = [summary.problem for summary in self._known if summary.problem is not None]
        return self._known

    def _briefs(self, session: str) -> list[Brief]:
        folder = self.sessions / session
        found: dict[str, _Fold] = {}
        try:
            for record in read(folder):
                if record.run_id and (event := record.event(session)) is not None:
                    found.setdefault(event.run_id, _Fold(event)).add(event)
        except JournalError:
            return []  # `damaged` tells of it
        return [fold.brief(_is_held(folder, fold.last_at)) for fold in found.values()]


class _Fold:
    """What a list says of one run."""

    def __init__(self, first: Event) -> None:
        self.first = first
        self.last_at = first.at
        self.goal = ""
        self.status = ""
        self.seconds = 0.0
        self.usd = 0.0
        self.states: dict[str, str] = {}
        self.parents: set[str] = set()

    def add(self, event: Event) -> None:
        self.last_at = max(self.last_at, event.at)
        match event.payload:
            case events.RunAccepted(goal=goal):
                self.goal = goal
            case events.RunStarted(goal=goal):
                self.goal = goal or self.goal
            case events.RunResumed():
                self.status = ""
            case events.StepAdded(step=step, parent=parent):
                self.states[step] = "waiting"
                self.parents |= {parent} if parent is not None else set()
            case events.StepFinished(step=step, status=status):
                self.states[step] = status
            case events.StepInvalidated(step=step) | events.StepVerified(step=step, verdict="fail"):
                self.states[step] = "waiting"
            case events.PlanChanged(removed=removed):
                self.states = {name: state for name, state in self.states.items() if name not in removed}
            case events.RunFinished() as end:
                self.status, self.seconds, self.usd = end.status, end.seconds, float(end.cost.get("usd") or 0.0)

    def brief(self, is_held: bool) -> Brief:
        states = [state for name, state in self.states.items() if name not in self.parents]
        began_at = min(self.first.at, self.last_at - self.seconds) if self.status else self.first.at
        return Brief(
            run_id=self.first.run_id,
            session_id=self.first.session_id,
            began_at=began_at,
            last_at=self.last_at,
            goal=self.goal,
            status=self.status,
            state=self.status or ("running" if is_held else "cut"),
            seconds=self.seconds if self.status else self.last_at - self.first.at,
            steps=len(states),
            ok=states.count("ok"),
            failed=_failed(states),
            cost_usd=self.usd,
        )


def _failed(states: Iterable[str]) -> int:
    return sum(state in ("failed", "in_doubt") for state in states)


def _is_held(folder: Path, last_at: float) -> bool:
    """Whether a process of this machine has the session open, and had it when the run's last event was written."""
    who = holder(folder)
    if who is None or who.since > last_at or who.host != socket.gethostname():
        return False
    try:
        inode = (folder / "lock").stat().st_ino
        locks = _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return _is_alive(who.pid)
    return any(" FLOCK " in line and f":{inode} " in line for line in locks)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
