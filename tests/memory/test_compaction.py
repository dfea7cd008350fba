"""Compaction makes journals smaller and changes no fact; of runs that have not ended it touches nothing."""

from __future__ import annotations

import contextlib

import pytest

from planloom import events
from planloom.errors import JournalError
from planloom.memory.journal import compact, ended_runs, read, repair, verify

DONE = events.RunFinished("done", "", "answer", 1.0, {})
WAITS = events.RunFinished("needs_approval", "waits", "", 1.0, {})


def story(place, result, run: str, end: events.RunFinished | None, *, close: bool = True) -> None:
    journal = place.journal()
    for payload in (
        events.RunStarted("goal", {}, "plan", {}),
        events.StepProgress("a", 1.0, None, ""),
        result("a", {"rows": [1] * 50}),
        events.StepInvalidated("a", 1, "x"),
        result("a", {"rows": [2] * 50}, epoch=1),
        events.AnswerToken("answer"),
        end,
    ):
        if payload is not None:
            journal.append(payload, run)
            journal.commit()
    journal.close() if close else place.die(journal)


def rows(place) -> list[tuple[str, str, object]]:
    return [(r.run_id, r.type, (r.payload.get("value") or {}).get("rows")) for r in read(place.path())]


def test_ended_run_keeps_its_facts_and_loses_progress_and_redone_values(place, result):
    story(place, result, "r", DONE)
    numbers = [record.seq for record in read(place.path())]
    done = compact(place.path(), place.clock)
    assert (done.events_dropped, done.values_dropped) == (2, 1)
    assert rows(place) == [
        ("r", "run.started", None),
        ("r", "step.finished", None),
        ("r", "step.invalidated", None),
        ("r", "step.finished", [2] * 50),
        ("r", "run.finished", None),
    ]
    assert [record.seq for record in read(place.path())] == [numbers[i] for i in (0, 2, 3, 4, 6)]
    assert verify(place.path()).ok and verify(place.path()).is_clean


@pytest.mark.parametrize("end", [None, WAITS])
def test_run_that_has_not_ended_keeps_everything(place, result, end):
    story(place, result, "r", end)
    before = list(read(place.path()))
    compact(place.path(), place.clock, drop_runs={"r"})
    assert list(read(place.path())) == before


def test_run_that_went_on_after_its_end_has_not_ended(place, result):
    story(place, result, "r", DONE)
    story(place, result, "r", None)
    assert ended_runs(read(place.path())) == {}


def test_dropped_run_goes_and_the_others_stay(place, result):
    story(place, result, "old", DONE)
    story(place, result, "new", DONE)
    compact(place.path(), place.clock, drop_runs={"old"})
    assert {record.run_id for record in read(place.path())} == {"new"}


def test_numbers_go_on_when_the_last_events_were_dropped(place, result):
    story(place, result, "r", DONE)
    last = list(read(place.path()))[-1].seq
    compact(place.path(), place.clock, drop_runs={"r"})
    assert list(read(place.path())) == []
    with contextlib.closing(place.journal()) as journal:
        assert journal.append(DONE, "r2").seq == last + 1
    assert [record.seq for record in read(place.path())] == [last + 1]


def test_numbers_leave_a_gap_when_the_process_before_the_compaction_died(place, result):
    story(place, result, "r", DONE, close=False)
    compact(place.path(), place.clock)
    assert place.journal().append(DONE, "r2").seq > 100_000


def test_second_compaction_has_nothing_to_do(place, result):
    story(place, result, "r", DONE)
    compact(place.path(), place.clock)
    (file,) = place.path().glob("*.journal")
    stamp = file.stat().st_mtime_ns
    again = compact(place.path(), place.clock)
    assert again.before_bytes == again.after_bytes and file.stat().st_mtime_ns == stamp


def test_journal_goes_on_after_compaction_and_compacts_again(place):
    place.filled(50)
    for _ in range(3):
        compact(place.path(), place.clock)
        place.filled(50)
    assert verify(place.path()).ok
    before = list(read(place.path()))
    compact(place.path(), place.clock)
    assert list(read(place.path())) == before and len(before) == 4 * 151


def test_compaction_of_many_files_leaves_one_and_reads_the_same(place):
    place.filled(300, segment_bytes=4096)
    before = list(read(place.path()))
    done = compact(place.path(), place.clock)
    assert list(read(place.path())) == before and done.after_bytes < done.before_bytes
    assert len(list(place.path().glob("*.journal"))) == 1


def test_compaction_that_dies_after_the_swap_is_finished_by_the_next_opening(place):
    place.filled(300, segment_bytes=4096)
    before = list(read(place.path()))
    old = {path.name: path.read_bytes() for path in place.path().glob("*.journal")}
    compact(place.path(), place.clock)
    for name, data in old.items():
        (place.path() / name).write_bytes(data)
    assert list(read(place.path())) == before and verify(place.path()).ok
    place.journal().close()
    assert len(list(place.path().glob("*.journal"))) == 1 and list(read(place.path())) == before


def test_reader_that_began_before_the_compaction_sees_every_event_once(place):
    shown = place.filled(300, segment_bytes=4096)
    records = read(place.path())
    first = [next(records).seq for _ in range(100)]
    compact(place.path(), place.clock)
    assert first + [record.seq for record in records] == [event.seq for event in shown]


def test_damaged_journal_is_not_compacted(place):
    place.filled(12)
    path = place.only_file()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match="repair"):
        compact(place.path(), place.clock)
    assert path.read_bytes() == bytes(data)
    repair(place.path(), place.clock)
    assert compact(place.path(), place.clock).after_bytes


def test_compaction_of_a_session_that_is_not_there_makes_nothing_up(place):
    assert compact(place.path(), place.clock).after_bytes == 0


def test_uncompressed_compaction_reads_the_same(place):
    place.filled(50)
    before = list(read(place.path()))
    compact(place.path(), place.clock, compression="none")
    compact(place.path(), place.clock)
    assert list(read(place.path())) == before
