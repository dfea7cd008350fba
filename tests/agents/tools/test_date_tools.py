from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.agents.tools import dates
from planloom.agents.tools.dates.slots import free, merged
from planloom.errors import ToolError

NOW = "2026-11-21T09:00:00"  # a Saturday


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-03-01", "2026-03-01T00:00:00+01:00"),
        ("2026-07-01T10:00Z", "2026-07-01T12:00:00+02:00"),
        ("next friday at 3pm", "2026-11-27T15:00:00+01:00"),
        ("last friday", "2026-11-20T00:00:00+01:00"),
        ("2 days ago", "2026-11-19T09:00:00+01:00"),
        ("3. März 2027", "2027-03-03T00:00:00+01:00"),
        ("end of month", "2026-11-30T23:59:59+01:00"),
        ("start of the quarter", "2026-10-01T00:00:00+02:00"),
        ("end of year", "2026-12-31T23:59:59+01:00"),
        ("beginning of week", "2026-11-16T00:00:00+01:00"),
    ],
)
def test_words_and_figures_become_times(text: str, iso: str) -> None:
    assert dates.parse(text, timezone="Europe/Berlin", now=NOW)["iso"] == iso


def test_a_time_comes_with_its_weekday_and_week() -> None:
    found = dates.parse("2027-01-01", now=NOW)
    assert found == {
        "iso": "2027-01-01T00:00:00+00:00",
        "date": "2027-01-01",
        "weekday": "Friday",
        "week": 53,
        "epoch_s": dt.datetime(2027, 1, 1, tzinfo=dt.UTC).timestamp(),
    }


def test_order_of_day_and_month_is_as_asked() -> None:
    assert dates.parse("12/11/2026", now=NOW, order="DMY")["date"] == "2026-11-12"
    assert dates.parse("12/11/2026", now=NOW, order="MDY")["date"] == "2026-12-11"


@pytest.mark.parametrize("text", ["banana", "2026-02-30", "x" * 101, " "])
def test_what_is_no_date_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ToolError, match="expected a date"):
        dates.parse(text, now=NOW)


@pytest.mark.parametrize("name", ["Mars/Base", "../../etc/passwd", "/etc/passwd", ""])
def test_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ToolError, match="time zone"):
        dates.parse("today", timezone=name, now=NOW)


def test_difference_counts_years_to_seconds_and_workdays() -> None:
    found = dates.difference("2024-02-29", "2026-11-21T06:00:00")
    assert (found["years"], found["months"], found["days"], found["hours"]) == (2, 8, 23, 6)
    assert found["total_days"] == 996.25
    assert dates.difference("2026-11-20", "2026-11-24")["workdays"] == 2
    assert dates.difference("2026-11-24", "2026-11-20")["workdays"] == -2


def test_difference_over_a_change_of_clocks_is_true_time() -> None:
    found = dates.difference("2026-03-28T12:00", "2026-03-29T12:00", timezone="Europe/Berlin")
    assert found["total_hours"] == 23


def test_shift_keeps_to_the_month_and_skips_weekends() -> None:
    assert dates.shift("2026-01-31", months=1)["date"] == "2026-02-28"
    assert dates.shift("2026-11-20", workdays=1)["date"] == "2026-11-23"
    assert dates.shift("2026-11-23", workdays=-1)["date"] == "2026-11-20"
    assert dates.shift("2026-03-29T01:30", hours=1, timezone="Europe/Berlin")["iso"] == "2026-03-29T03:30:00+02:00"


def test_shift_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ToolError, match="year 1 to 9999"):
        dates.shift("2026-01-01", years=9000)


def test_a_time_is_told_in_other_zones() -> None:
    found = dates.convert("2026-11-21T09:00", ["America/New_York", "Asia/Kolkata"], timezone="Europe/Berlin")
    assert [w["iso"] for w in found.values()] == ["2026-11-21T03:00:00-05:00", "2026-11-21T13:30:00+05:30"]


def test_last_fridays_of_the_month() -> None:
    found = dates.occurrences("FREQ=MONTHLY;BYDAY=-1FR", "2026-11-01", count=3)
    assert [w["date"] for w in found] == ["2026-11-27", "2026-12-25", "2027-01-29"]


def test_repeated_times_keep_their_hour_when_clocks_change() -> None:
    found = dates.occurrences("RRULE:FREQ=WEEKLY", "2026-10-19T09:00", count=2, timezone="Europe/Berlin")
    assert [w["iso"] for w in found] == ["2026-10-19T09:00:00+02:00", "2026-10-26T09:00:00+01:00"]


def test_occurrences_are_those_within_the_window() -> None:
    found = dates.occurrences("FREQ=DAILY;COUNT=10", "2026-01-01", after="2026-01-08", before="2026-01-20")
    assert [w["date"] for w in found] == ["2026-01-08", "2026-01-09", "2026-01-10"]


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;BYDAY=XX",
        "FREQ=DAILY;COUNT=x",
        "FREQ=DAILY;UNTIL=20261399",
        "every day",
    ],
)
def test_rules_without_sense_or_end_are_refused(rule: str) -> None:
    with pytest.raises(ToolError, match="expected"):
        dates.occurrences(rule, "2026-01-01")


def test_free_slots_lie_in_working_hours_between_what_is_taken() -> None:
    busy: list[Any] = [
        {"start": "2026-11-23T09:00", "end": "2026-11-23T10:15"},
        {"start": "2026-11-23T10:00", "end": "2026-11-23T12:00"},
        {"start": "2026-11-23T12:20", "end": "2026-11-23T16:00"},
    ]
    found = dates.free_slots(busy, "2026-11-21", "2026-11-24T10:00", minutes=30, timezone="Europe/Berlin")
    assert [(s["start"][:16], s["end"][:16], s["minutes"]) for s in found] == [
        ("2026-11-23T16:00", "2026-11-23T17:00", 60),
        ("2026-11-24T09:00", "2026-11-24T10:00", 60),
    ]


spans = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 120)), max_size=12)


@given(spans)
def test_free_and_taken_time_never_overlap_and_add_up(found: list[tuple[int, int]]) -> None:
    zero = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def at(minute: int) -> dt.datetime:
        return zero + dt.timedelta(minutes=minute)

    busy = [(at(start), at(start + length)) for start, length in found]
    slots = list(free(iter([(at(0), at(600))]), busy, dt.timedelta(minutes=1)))
    minutes = {m for m in range(600) if not any(start <= m < start + length for start, length in found)}
    assert minutes == {m for m in range(600) if any(a <= at(m) < b for a, b in slots)}
    assert all(a[1] < b[0] for a, b in zip(merged(busy), merged(busy)[1:], strict=False))
