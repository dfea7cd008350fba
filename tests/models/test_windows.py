"""Exact sliding windows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planloom.models.windows import Window


def test_an_entry_counts_for_the_whole_length_and_not_longer() -> None:
    window = Window(60)
    window.take(5, 10)
    assert [window.used(now) for now in (10, 69.999, 70)] == [5, 5, 0]


def test_a_changed_entry_frees_the_difference_at_once() -> None:
    window = Window(60)
    entry = window.take(100, 0)
    window.change(entry, 30, 1)
    assert window.used(1) == 30
    window.change(entry, 80, 60)
    assert window.used(60) == 0


def test_frees_at_is_the_time_the_last_needed_entry_leaves() -> None:
    window = Window(60)
    for at, amount in ((0, 10), (5, 20), (9, 30)):
        window.take(amount, at)
    assert [window.frees_at(amount, 9) for amount in (0, 10, 11, 60)] == [9, 60, 65, 69]
    assert window.frees_at(61, 9) == float("inf")


def test_used_with_counts_what_was_inside_then_with_todays_amounts() -> None:
    window = Window(60)
    entries = [window.take(amount, at) for amount, at in ((50, 0), (40, 1), (20, 50), (10, 50))]
    window.change(entries[0], 10, 55)
    assert [window.used_with(entry, 55) for entry in entries] == [10, 50, 70, 80]
    assert [window.used_with(entry, 61) for entry in entries[1:]] == [50, 70, 80]


def test_the_margin_keeps_entries_longer_but_is_not_told_of_the_past() -> None:
    window = Window(60, 2)
    window.take(5, 10)
    window.take(7, 20)
    assert [window.used(now) for now in (70, 71.9)] == [12, 12]
    last = window.take(0, 71.9)
    assert window.used_with(last, 71.9) == 7
    assert window.frees_at(5, 71.9) == 72
    assert (window.used(72), window.used_with(last, 72)) == (7, 7)


def test_an_empty_window_has_no_drift() -> None:
    window = Window(1)
    for i in range(1000):
        window.take(0.1, i / 1000)
    assert window.used(5) == 0


@given(
    st.lists(st.tuples(st.floats(0, 20), st.integers(1, 60)), min_size=1, max_size=80),
    st.integers(60, 120),
)
def test_no_alignment_of_the_window_ever_holds_more_than_the_limit(asks: list[tuple[float, int]], limit: int) -> None:
    window, now, taken = Window(10), 0.0, []
    for gap, amount in asks:
        now += gap
        if window.used(now) + amount > limit:
            now = window.frees_at(window.used(now) + amount - limit, now)
        assert window.used(now) + amount <= limit
        window.take(amount, now)
        taken.append((now, amount))
    for start, _ in taken:
        assert sum(amount for at, amount in taken if start <= at < start + 10 - 1e-6) <= limit


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 100)), min_size=1, max_size=60))
def test_used_with_remembers_every_level_of_the_last_length(moves: list[tuple[float, int]]) -> None:
    window, now, levels = Window(10), 0.0, []
    for gap, amount in moves:
        now += gap
        entry = window.take(amount, now)
        levels.append((entry, window.used(now)))
    for entry, level in levels:
        if entry.at > now - 10:
            assert window.used_with(entry, now) == level
