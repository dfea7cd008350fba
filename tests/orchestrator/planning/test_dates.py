from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.orchestrator.planning.playbooks.dates import find_ranges, parse_range

TODAY = date(2025, 5, 14)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2025", "2025-01-01", "2025-12-31"),
        ("2024-2025", "2024-01-01", "2025-12-31"),
        ("2025-02", "2025-02-01", "2025-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("02/2025", "2025-02-01", "2025-02-28"),
        ("2025-03-07", "2025-03-07", "2025-03-07"),
        ("2025-01-01 to 2025-03-31", "2025-01-01", "2025-03-31"),
        ("2025-01-01/2025-03-31", "2025-01-01", "2025-03-31"),
        ("2025-01-01..2025-03-31", "2025-01-01", "2025-03-31"),
        ("13/04/2025", "2025-04-13", "2025-04-13"),
        ("04/13/2025", "2025-04-13", "2025-04-13"),
        ("04/04/2025", "2025-04-04", "2025-04-04"),
        ("03.04.2025", "2025-04-03", "2025-04-03"),
        ("15 March 2025", "2025-03-15", "2025-03-15"),
        ("March 15th, 2025", "2025-03-15", "2025-03-15"),
        ("the 15th of March 2025", "2025-03-15", "2025-03-15"),
        ("1-15 March 2025", "2025-03-01", "2025-03-15"),
        ("March 1 to 15, 2025", "2025-03-01", "2025-03-15"),
        ("January 2025", "2025-01-01", "2025-01-31"),
        ("January to March 2025", "2025-01-01", "2025-03-31"),
        ("from Jan. to Mar. 2025", "2025-01-01", "2025-03-31"),
        ("Jan\u2013Mar 2025", "2025-01-01", "2025-03-31"),
        ("between May 2024 and June 2024", "2024-05-01", "2024-06-30"),
        ("November to February 2025", "2024-11-01", "2025-02-28"),
        ("November 2023 to February", "2023-11-01", "2024-02-29"),
        ("November to February", "2024-11-01", "2025-02-28"),
        ("Q3 2024", "2024-07-01", "2024-09-30"),
        ("2024 Q3", "2024-07-01", "2024-09-30"),
        ("2024Q3", "2024-07-01", "2024-09-30"),
        ("the third quarter of 2024", "2024-07-01", "2024-09-30"),
        ("Q1 to Q3 2024", "2024-01-01", "2024-09-30"),
        ("H1 2025", "2025-01-01", "2025-06-30"),
        ("second half of 2024", "2024-07-01", "2024-12-31"),
        ("today", "2025-05-14", "2025-05-14"),
        ("yesterday", "2025-05-13", "2025-05-13"),
        ("this week", "2025-05-12", "2025-05-18"),
        ("last week", "2025-05-05", "2025-05-11"),
        ("this month", "2025-05-01", "2025-05-31"),
        ("last month", "2025-04-01", "2025-04-30"),
        ("last quarter", "2025-01-01", "2025-03-31"),
        ("this year", "2025-01-01", "2025-12-31"),
        ("last year", "2024-01-01", "2024-12-31"),
        ("past year", "2024-05-15", "2025-05-14"),
        ("last 30 days", "2025-04-15", "2025-05-14"),
        ("past two weeks", "2025-05-01", "2025-05-14"),
        ("last 3 months", "2025-02-15", "2025-05-14"),
        ("year to date", "2025-01-01", "2025-05-14"),
        ("since May", "2025-05-01", "2025-05-14"),
        ("since June", "2024-06-01", "2025-05-14"),
        ("after 2024", "2025-01-01", "2025-05-14"),
        ("from March 2024 on", "2024-03-01", "2025-05-14"),
        ("2024 to today", "2024-01-01", "2025-05-14"),
        ("10 days ago", "2025-05-04", "2025-05-04"),
        ("the day before yesterday", "2025-05-12", "2025-05-12"),
    ],
)
def test_words_become_a_range_that_includes_both_ends(text: str, start: str, end: str) -> None:
    assert tuple(day.isoformat() for day in parse_range(text, TODAY)) == (start, end)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("December", "2024-12-01", "2024-12-31"),
        ("May", "2025-05-01", "2025-05-31"),
        ("Q4", "2024-10-01", "2024-12-31"),
        ("29 February", "2024-02-29", "2024-02-29"),
    ],
)
def test_without_a_year_the_latest_that_has_begun_is_meant(text: str, start: str, end: str) -> None:
    assert tuple(day.isoformat() for day in parse_range(text, TODAY)) == (start, end)


def test_last_quarter_in_january_is_in_the_year_before() -> None:
    assert parse_range("last quarter", date(2025, 1, 1)) == (date(2024, 10, 1), date(2024, 12, 31))


def test_a_month_back_from_its_last_day_ends_in_the_shorter_month() -> None:
    assert parse_range("last 1 months", date(2025, 3, 31)) == (date(2025, 3, 1), date(2025, 3, 31))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("03/04/2025", "2025-04-03 or 2025-03-04"),
        ("31 February 2025", "a day that exists"),
        ("29 February 2025", "a day that exists"),
        ("March 2025 to January 2025", "begins before it ends"),
        ("until March", "a range with a beginning"),
        ("since December 2025", "a beginning up to today"),
        ("after this month", "a beginning up to today"),
        ("last 9999 years", "after the year 1"),
        ("last 0 days", "a number of days from 1"),
        ("the 1990s", "a date range such as"),
        ("last fortnight", "a date range such as"),
        ("24 hours ago", "a date range such as"),
        ("soon", "a date range such as"),
        ("", "a date range such as"),
        ("5", "a date range such as"),
        ("Aurora Home 2025", "a date range such as"),
    ],
)
def test_what_is_no_range_or_reads_two_ways_is_refused_with_the_reason(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_range(text, TODAY)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sales for Aurora from January to March 2025, please", ["from January to March 2025"]),
        ("compare January 2025 with January 2024", ["January 2025", "January 2024"]),
        ("May I see what was sold in may 2024?", ["may 2024"]),
        ("march through the folder", []),
        ("what may be in it, and in May", ["May"]),
        ("invoice-2024 costs $2000 in version 2.2025", []),
    ],
)
def test_ranges_are_found_inside_a_sentence(text: str, found: list[str]) -> None:
    assert [text[one.start : one.end] for one in find_ranges(text)] == found


days = st.dates(date(1901, 1, 1), date(2099, 12, 31))


@given(first=days, length=st.integers(0, 4000), today=days)
def test_iso_ranges_are_what_they_say_on_any_day(first: date, length: int, today: date) -> None:
    last = first + timedelta(days=length)
    assert parse_range(f"{first} to {last}", today) == (first, last)


@given(today=days, count=st.integers(1, 400), period=st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_calendar_and_rolling_periods_hold_for_any_day(today: date, count: int, period: str) -> None:
    start, end = parse_range(f"this {period}", today)
    assert start <= today <= end
    assert parse_range(f"last {period}", today)[1] == start - timedelta(days=1)
    assert parse_range(f"next {period}", today)[0] == end + timedelta(days=1)
    begin, until = parse_range(f"last {count} {period}s", today)
    assert begin <= until == today


@given(st.text(alphabet="0123456789 /.-QqHhtofbrMmJjanesuyl", max_size=40), days)
def test_any_text_is_a_range_or_refused(text: str, today: date) -> None:
    try:
        start, end = parse_range(text, today)
    except ValueError:
        return
    assert start <= end
