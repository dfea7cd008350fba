import pytest
from timed_runs import random_run
from told import Told

from planloom.orchestrator.analysis import analyze
from planloom.orchestrator.analysis.rows import fold, load, ticks


def many(count: int, failed: int = 0):
    told = Told().add(0, "list", "each")
    names = [f"each[{n}]" for n in range(count)]
    told.add(0, *names, parent="each")
    for number, name in enumerate(names):
        told.start(number, name).end(number + 1, name, "failed" if number < failed else "ok")
    return analyze(told.finish(count))


@pytest.mark.parametrize("room", [3, 7, 40])
def test_every_step_is_in_one_row_and_there_are_no_more_rows_than_room(room: int):
    for seed in range(40):
        analysis = analyze(random_run(seed).events)
        rows = fold(analysis, room)
        assert len(rows) <= room
        assert sorted(s.id for row in rows for s in row.steps) == sorted(s.id for s in analysis.leaves)


def test_what_failed_keeps_its_row_among_a_thousand():
    rows = fold(many(1000, failed=5), 30)
    assert len(rows) <= 30
    assert {row.label for row in rows if row.step} >= {f"each[{n}]" for n in range(5)}
    assert [len(row.steps) for row in rows if row.step is None] == [994]


def test_without_a_limit_each_step_has_a_row():
    assert len(fold(many(1000), 0)) == 1001


def test_load_counts_what_ran_side_by_side():
    told = Told().add(0, "a", "b").start(0, "a").start(1, "b").end(2, "a").end(3, "b")
    assert load(analyze(told.finish(4)).leaves, [0, 1, 2, 3, 4]) == [1, 2, 1, 0]


@pytest.mark.parametrize(
    ("end", "most", "expected"),
    [
        (0, 5, [0]),
        (4.2, 5, [0, 2, 4]),
        (1, 11, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        (100, 4, [0, 60]),
        (7200, 5, [0, 1800, 3600, 5400, 7200]),
    ],
)
def test_ticks_are_round_moments(end: float, most: int, expected: list[float]):
    assert ticks(end, most) == pytest.approx(expected)


@pytest.mark.parametrize("end", [0.003, 0.7, 9, 61, 3599, 86_401, 10_000_000])
@pytest.mark.parametrize("most", [2, 3, 10])
def test_there_are_never_more_ticks_than_wanted(end: float, most: int):
    assert 1 <= len(ticks(end, most)) <= most
