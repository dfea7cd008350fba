"""A folder for sessions, and events to fill them with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from planloom import events
from planloom.clock import ManualClock
from planloom.config import Sessions
from planloom.events import Event
from planloom.memory.journal import Journal

RUN = "20260102-030405-abcdef"


class Place:
    """Journals of one folder, closed at the end of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.opened: list[Journal] = []

    def path(self, session: str = "s") -> Path:
        return self.folder / session

    def journal(self, session: str = "s", **settings: Any) -> Journal:
        made = Journal(self.path(session), session, self.clock, Sessions(**settings), purpose="test")
        self.opened.append(made)
        return made

    def filled(self, count: int, session: str = "s", **settings: Any) -> list[Event]:
        """A closed journal with a run of `count` finished steps, one group each."""
        journal = self.journal(session, **settings)
        shown: list[Event] = []
        journal.listen(shown.append)
        journal.append(events.RunStarted("goal", {}, "plan", {}), RUN)
        for number in range(count):
            journal.append(events.StepAdded(f"s{number}", "t", (), "read"), RUN)
        journal.commit()
        for number in range(count):
            journal.append(events.StepStarted(f"s{number}", 1, 0), RUN)
            journal.append(finished(f"s{number}", {"n": number, "text": "words " * 5}), RUN)
            journal.commit()
        journal.close()
        return shown

    def only_file(self, session: str = "s") -> Path:
        (path,) = self.path(session).glob("*.journal")
        return path

    def die(self, journal: Journal) -> None:
        """Leaves a journal as a killed process would: nothing more is written, and the lock is free."""
        journal._appender.abandon()
        journal._lock.release()
        self.opened.remove(journal)


def finished(step: str, value: Any = None, **more: Any) -> events.StepFinished:
    return events.StepFinished(step, "ok", more.pop("epoch", 0), 1, 0.5, value=value, digest="d", key="k", **more)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "sessions")
    yield made
    for journal in made.opened:
        with suppress(Exception):
            journal.close()


@pytest.fixture
def result() -> Callable[..., events.StepFinished]:
    return finished
