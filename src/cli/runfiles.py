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
    """`damaged` says of which sessions the journal could not be read, and why."""

    def __init__(self, state: Path) -> None:
        self.sessions = state / "sessions"
        self.damaged: list[str] = []

    def newest(self, limit: int, *, status: str | None = None) -> list[Brief]:
        """The newest runs, newest first; 0: all. Sessions that can't hold one of them are not read."""
        found: list[Brief] = []
        for changed, folder in self._folders():
            kept = sorted((b.began_at for b in found), reverse=True)
            if limit and len(kept) >= limit and kept[limit - 1] > changed:
                break
            found += [brief for brief in self._briefs(folder) if status in (None, brief.state)]
        found.sort(key=lambda brief: (-brief.began_at, brief.run_id))
        return found[: limit or None]

    def find(self, run: str | None) -> Brief | None:
        """The run of this id, or the only one whose id begins so; None: the newest. None when there is none."""
        if run is None:
            return next(iter(self.newest(1)), None)
        starting: list[Brief] = []
        for _, folder in self._folders():
            for brief in self._briefs(folder):
                if brief.run_id == run:
                    return brief
                if brief.run_id.startswith(run) and run:
                    starting.append(brief)
        return starting[0] if len(starting) == 1 else None

    def events(self, brief: Brief) -> Iterator[Event]:
        """The events of a run, in order.

        Raises:
            JournalError: the journal is damaged.
        """
        for record in read(self.sessions / brief.session_id):
            if record.run_id == brief.run_id and (event := record.event(brief.session_id)) is not None:
                yield event

    def _folders(self) -> list[tuple[float, Path]]:
        """The sessions with the time of their last change, newest first."""
        found = []
        for folder in self.sessions.iterdir() if self.sessions.is_dir() else ():
            if folder.is_dir():
                times = [entry.stat().st_mtime for entry in os.scandir(folder) if entry.is_file()]
                found.append((max(times, default=0.0), folder))
        return sorted(found, reverse=True)

    def _briefs(self, folder: Path) -> list[Brief]:
        found: dict[str, _Fold] = {}
        try:
            for record in read(folder):
                if (event := record.event(folder.name)) is not None:
                    fold = found.get(event.run_id)
                    if fold is None:
                        fold = found[event.run_id] = _Fold(event)
                    fold.add(event)
        except JournalError as error:
            self.damaged.append(str(error))
        return [fold.brief(_is_held(folder, fold.last_at)) for run_id, fold in found.items() if run_id]


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
    """Whether the process that wrote the session last is alive, and wrote these events."""
    who = holder(folder)
    if who is None or who.since > last_at:
        return False
    if who.host != socket.gethostname():
        return True
    try:
        os.kill(who.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
