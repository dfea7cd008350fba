from __future__ import annotations

from pathlib import Path

import pytest

from planloom.clock import SystemClock
from planloom.events import Event, Notice
from planloom.memory.journal import Journal
from planloom.server.room import MOST, Room


def _held(path: Path) -> Journal:
    return Journal(path, "s", SystemClock())


class _Holding:
    """A journal as `Room.warm` wants it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Journal:
        self.journal = _held(self.path)
        return self.journal

    def __exit__(self, *_: object) -> None:
        self.journal.close()


def _say(journal: Journal, *texts: str) -> None:
    for text in texts:
        journal.append(Notice(text), "r")
    journal.commit()


def _texts(events: list[Event]) -> list[str]:
    return [event.payload.text for event in events]  # type: ignore[attr-defined]


class _Reader:
    def __init__(self, room: Room, cursor: int = 0) -> None:
        self.cursor, self.wakes = cursor, 0
        room.join(self, self.wake, lambda: self.cursor)

    def wake(self) -> None:
        self.wakes += 1


def test_a_warm_room_hears_the_journal_and_wakes_its_readers(tmp_path: Path) -> None:
    room = Room("s", tmp_path / "s", last=0)
    reader, holding = _Reader(room), _Holding(tmp_path / "s")
    room.warm(lambda: holding)
    _say(holding.journal, "one", "two")
    kept = room.after(0)
    assert kept is not None
    assert _texts([heard.event for heard in kept]) == ["one", "two"]
    assert reader.wakes == 2
    room.cool()


def test_a_cold_room_sees_what_another_wrote(tmp_path: Path) -> None:
    room = Room("s", tmp_path / "s", last=0)
    reader = _Reader(room)
    with _Holding(tmp_path / "s") as journal:
        _say(journal, "from elsewhere")
        room.look()
    kept = room.after(reader.cursor)
    assert kept is not None
    assert _texts([heard.event for heard in kept]) == ["from elsewhere"]


def test_a_room_that_warms_again_misses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    room = Room("s", tmp_path / "s", last=0)
    _Reader(room)
    with _Holding(tmp_path / "s") as journal:
        _say(journal, "a")
    room.look()
    with _Holding(tmp_path / "s") as journal:
        _say(journal, "b")
    holding = _Holding(tmp_path / "s")
    room.warm(lambda: holding)
    _say(holding.journal, "c")
    room.cool()
    room.look()
    kept = room.after(0)
    assert kept is not None
    assert _texts([heard.event for heard in kept]) == ["a", "b", "c"]


def test_a_reader_that_never_reads_costs_a_bounded_buffer_and_finds_all_in_the_journal(tmp_path: Path) -> None:
    room, holding = Room("s", tmp_path / "s", last=0), _Holding(tmp_path / "s")
    _Reader(room)
    room.warm(lambda: holding)
    for n in range(3 * MOST):
        _say(holding.journal, str(n))
    assert len(room._kept) <= MOST
    assert room.after(0) is None
    found, cursor = [], 0
    while cursor < room.last:
        page = room.past(cursor) if room.after(cursor) is None else [h.event for h in room.after(cursor) or ()]
        found += page
        cursor = page[-1].seq
    assert _texts(found) == [str(n) for n in range(3 * MOST)]
    room.cool()


def test_what_all_have_taken_is_dropped(tmp_path: Path) -> None:
    room, holding = Room("s", tmp_path / "s", last=0), _Holding(tmp_path / "s")
    reader = _Reader(room)
    room.warm(lambda: holding)
    for n in range(500):
        _say(holding.journal, str(n))
        reader.cursor = room.last
    assert len(room._kept) < 200
    room.cool()


@pytest.mark.parametrize("users", [1, 3])
def test_a_room_gives_the_session_back_with_its_last_run(tmp_path: Path, users: int) -> None:
    room = Room("s", tmp_path / "s", last=0)
    holding = _Holding(tmp_path / "s")
    for _ in range(users):
        room.warm(lambda: holding)
    for _ in range(users):
        assert room.is_warm
        room.cool()
    assert not room.is_warm
    _held(tmp_path / "s").close()  # somebody else can write it
