"""Who may go: fair between sessions, in order within one, never above the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planloom.models.book import Book, Request
from planloom.models.quota import COLD_CALLS, Limits, Quota
from planloom.models.ratelimits import Headers, Told


def book(**limits: float) -> Book:
    return Book(Quota(Limits(**limits), margin_s=0, heard=True))


def end_at_once(desk: Book, granted: list[Request], now: float) -> None:
    for request in granted:
        desk.settle(request, request.tokens, now)


def run(desk: Book, until: float) -> list[tuple[float, Request]]:
    """Grants from 0 on; calls end at once with what was estimated."""
    now, went = 0.0, []
    while True:
        granted = desk.grant(now)
        end_at_once(desk, granted, now)
        went += [(now, request) for request in granted]
        now = desk.opens_at(now)[0]
        if now > until:
            return went


def test_calls_of_one_session_go_in_order() -> None:
    desk = book(tokens_per_minute=100)
    asked = [desk.ask("a", tokens, 0) for tokens in (60, 50, 10, 90)]
    went = run(desk, 1000)
    assert [request for _, request in went] == asked
    assert [at for at, _ in went] == [0, 60, 60, 120]


def test_nothing_waits_where_nothing_is_limited() -> None:
    desk = book()
    for _ in range(100):
        desk.ask("a", 1_000_000, 0)
    assert len(desk.grant(0)) == 100
    assert repr(desk).endswith("waiting {})")


def test_equal_sessions_get_equal_tokens_at_every_moment() -> None:
    desk = book(tokens_per_minute=1000)
    for session in range(10):
        for _ in range(40):
            desk.ask(str(session), 25, 0)
    went = run(desk, 540)
    for end in (0, 60, 300, 540):
        counts = [sum(r.tokens for at, r in went if at <= end and r.session == str(s)) for s in range(10)]
        assert min(counts) >= 0.9 * max(counts), (end, counts)


def test_a_session_with_huge_calls_gets_its_share_and_no_more() -> None:
    desk = book(tokens_per_minute=1000)
    for _ in range(100):
        desk.ask("huge", 900, 0)
    for _ in range(6000):
        desk.ask("small", 10, 0)
    went = run(desk, 6000)
    given = {name: sum(r.tokens for at, r in went if r.session == name) for name in ("huge", "small")}
    assert abs(given["huge"] - given["small"]) <= 900 + 10


def test_a_large_call_gets_its_room_though_small_ones_keep_coming() -> None:
    desk = book(tokens_per_minute=1000)
    for session in ("s1", "s2", "s3"):
        for _ in range(300):
            desk.ask(session, 10, 0)
    large = desk.ask("large", 1000, 0)
    assert any(request is large for at, request in run(desk, 120))


def test_small_calls_fill_a_gap_that_the_large_one_can_not_use() -> None:
    desk = book(tokens_per_minute=100)
    for tokens in (70, 60):
        desk.ask("large", tokens, 0)
    for name, tokens in (("s1", 20), ("s2", 30)):
        desk.ask(name, tokens, 0)
    desk.lines["s1"].tag = desk.lines["s2"].tag = 100
    assert [r.tokens for r in desk.grant(0)] == [70, 20]  # 30 and 60 have room together at 60, 20 now
    assert desk.opens_at(0) == (60, "tokens_per_minute")
    assert [r.tokens for r in desk.grant(60)] == [60, 30]


def test_calls_in_the_gap_never_put_the_large_one_off() -> None:
    desk = book(tokens_per_minute=100)
    desk.ask("a", 50, 0)
    end_at_once(desk, desk.grant(0), 0)
    desk.ask("a", 30, 30)
    end_at_once(desk, desk.grant(30), 30)
    large = desk.ask("large", 60, 31)
    for i in range(20):
        desk.ask("small", 15, 31 + i)
        end_at_once(desk, desk.grant(31 + i), 31 + i)
    assert large in desk.grant(60)


def test_real_use_decides_who_is_next() -> None:
    desk = book(tokens_per_minute=100)
    for name in ("dear", "cheap"):
        for _ in range(3):
            desk.ask(name, 50, 0)
    first = desk.grant(0)
    assert [r.session for r in first] == ["dear", "cheap"]
    desk.settle(first[1], 10, 1)
    desk.settle(first[0], 50, 1)
    assert desk.grant(1) == []  # 60 of 100 are used
    assert [r.session for r in desk.grant(60)] == ["cheap", "dear"]


def test_what_a_call_did_not_use_is_free_at_once() -> None:
    desk = book(tokens_per_minute=100)
    desk.ask("a", 100, 0)
    second = desk.ask("a", 60, 0)
    (first,) = desk.grant(0)
    assert desk.grant(1) == []
    desk.settle(first, 40, 2)
    assert desk.grant(2) == [second]


def test_a_call_taken_back_counts_nowhere() -> None:
    desk = book(tokens_per_minute=100, requests_per_minute=1, requests_per_day=1)
    desk.ask("a", 100, 0)
    (first,) = desk.grant(0)
    desk.undo(first, 1)
    second = desk.ask("a", 100, 0)
    assert desk.grant(1) == [second]


def test_a_call_above_the_limit_is_told_and_blocks_nobody() -> None:
    desk = book(tokens_per_minute=100)
    never, other = desk.ask("a", 101, 0), desk.ask("b", 100, 0)
    assert desk.grant(0) == [never, other]
    assert never.is_impossible and never.hold is None
    assert other.hold is not None


def test_the_day_is_a_window_too() -> None:
    desk = book(requests_per_day=2)
    for _ in range(3):
        desk.ask("a", 1, 0)
    assert [at for at, _ in run(desk, 100_000)] == [0, 0, 86_400]


def test_until_a_response_came_few_calls_go() -> None:
    desk = Book(Quota(Limits()))
    for _ in range(100):
        desk.ask("a", 1, 0)
    first = desk.grant(0)
    assert len(first) == COLD_CALLS
    assert desk.opens_at(0) == (float("inf"), "first_response")
    assert first[0].hold is not None
    desk.quota.learn(Headers(requests=Told(limit=20, remaining=19)), first[0].hold, now=1)
    desk.settle(first[0], 1, 1)
    assert len(desk.grant(1)) == 20 - COLD_CALLS


def test_a_session_is_forgotten_after_a_minute_without_calls() -> None:
    desk = book()
    for i in range(1000):
        desk.ask(str(i), 5, i)
        end_at_once(desk, desk.grant(i), i)
    assert len(desk.lines) <= 121


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 120), st.integers(0, 120), st.floats(0, 30), st.floats(0, 40)),
        max_size=60,
    ),
    st.integers(1, 8),
)
def test_no_minute_ever_holds_more_than_the_limits(calls: list[tuple[str, int, int, float, float]], rpm: int) -> None:
    desk, now, running, log = book(tokens_per_minute=120, requests_per_minute=rpm), 0.0, [], []
    for session, estimate, real, gap, seconds in calls:
        now += gap
        desk.ask(session, estimate, now)
        for end, request, used in sorted(running, key=lambda item: item[0]):
            if end <= now:
                desk.settle(request, min(used, request.tokens), end if end > now - gap else now)
                running.remove((end, request, used))
        for request in desk.grant(now):
            running.append((now + seconds, request, real))
            log.append((now, request))
        for start, _ in log:
            inside = [r for at, r in log if start <= at < start + 60 - 1e-6]
            assert len(inside) <= rpm
            assert sum(r.hold.tokens.amount for r in inside if r.hold) <= 120
