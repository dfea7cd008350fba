"""Limits that are told by responses, and what a rejection does."""

from __future__ import annotations

from planloom.models.quota import LEAST_SHARE, Hold, Limits, Quota
from planloom.models.ratelimits import Headers, Told


def quota(**limits: float) -> Quota:
    return Quota(Limits(**limits), margin_s=0, heard=True)


def nothing(made: Quota) -> Hold:
    """What a call holds that was never sent."""
    hold = made.take(0, 0)
    made.undo(hold, 0)
    return hold


def admitted(made: Quota, now: float, tokens: float = 1) -> int:
    """How many calls go at one moment, at most 10,000."""
    count = 0
    while count < 10_000 and made.opens_at(tokens, now)[0] <= now:
        made.take(tokens, now)
        count += 1
    return count


def test_a_told_limit_lowers_the_configured_one_and_never_raises_it() -> None:
    made = quota(requests_per_minute=100)
    made.learn(Headers(requests=Told(limit=30)), hold=nothing(made), now=0)
    assert admitted(made, 0) == 30
    other = quota(requests_per_minute=10)
    other.learn(Headers(requests=Told(limit=30)), hold=nothing(other), now=0)
    assert admitted(other, 0) == 10


def test_a_new_word_replaces_the_old_one() -> None:
    made = quota()
    made.learn(Headers(requests=Told(limit=30)), hold=nothing(made), now=0)
    made.learn(Headers(requests=Told(limit=50)), hold=nothing(made), now=0)
    assert admitted(made, 0) == 50


def test_what_others_used_is_believed_until_it_is_back() -> None:
    made = quota()
    hold = made.take(100, 0)
    made.learn(Headers(tokens=Told(limit=1000, remaining=300, reset_s=20)), hold=hold, now=1)
    assert made.opens_at(300, 1) == (1, "")
    assert made.opens_at(301, 1) == (21, "tokens_per_minute")
    assert made.opens_at(900, 21) == (21, "")


def test_a_provider_that_gives_nothing_back_is_believed() -> None:
    made = quota(tokens_per_minute=1000)
    holds = [made.take(250, 0) for _ in range(4)]
    for hold in holds:
        made.settle(hold, 100, 2)
        made.learn(Headers(tokens=Told(limit=1000, remaining=0, reset_s=58)), hold=hold, now=2)
    assert made.opens_at(100, 2) == (60, "tokens_per_minute")
    assert made.opens_at(1000, 60) == (60, "")


def test_calls_on_their_way_are_not_taken_for_others_use_once_a_later_word_came() -> None:
    made = quota()
    first, second = made.take(400, 0), made.take(400, 1)
    made.learn(Headers(tokens=Told(limit=1000, remaining=200)), hold=first, now=2)
    assert made.opens_at(200, 2)[0] > 2
    made.learn(Headers(tokens=Told(limit=1000, remaining=200)), hold=second, now=3)
    assert made.opens_at(200, 3) == (3, "")
    made.learn(Headers(tokens=Told(limit=1000, remaining=200)), hold=first, now=4)
    assert made.opens_at(200, 4) == (4, "")


def test_requests_told_per_day_do_not_block_a_smaller_limit_per_minute() -> None:
    made = quota(requests_per_minute=30)
    made.learn(Headers(requests=Told(limit=14_400, remaining=10_000, reset_s=6)), hold=nothing(made), now=0)
    assert admitted(made, 0) == 30


def test_a_rejection_pauses_as_long_as_was_asked() -> None:
    made = quota(requests_per_minute=100)
    made.take(1, 0)
    made.rejected(7.5, since=0, now=1)
    assert made.opens_at(1, 1) == (8.5, "pause")
    assert made.opens_at(1, 8.5) == (8.5, "")


def test_a_rejection_halves_and_time_brings_it_back_step_by_step() -> None:
    made = quota(requests_per_minute=100)
    made.rejected(0, since=0, now=0)
    assert [made.share(now) for now in (0, 4.9, 5, 10, 25, 99)] == [0.5, 0.5, 0.6, 0.7, 1.0, 1.0]
    assert admitted(made, 0) == 50
    assert made.opens_at(1, 0) == (5, "requests_per_minute")


def test_a_burst_of_rejections_halves_once() -> None:
    made = quota(requests_per_minute=100)
    for _ in range(20):
        made.rejected(0, since=0, now=1)
    assert made.share(1) == 0.5
    made.rejected(0, since=2, now=3)
    assert made.share(3) == 0.25
    for at in range(4, 40):
        made.rejected(0, since=at - 0.5, now=at)
    assert made.share(40) == LEAST_SHARE


def test_pauses_nobody_asked_for_grow_and_start_anew_after_success() -> None:
    made, pauses = quota(), []
    for now in (0, 100, 200, 300):
        made.rejected(None, since=now, now=now)
        pauses.append(made.paused_until - now)
    assert pauses == [1, 2, 4, 8]
    made.accepted()
    made.rejected(None, since=400, now=400)
    assert made.paused_until == 401


def test_without_any_limit_a_rejection_halves_what_was_going_on() -> None:
    made = quota()
    for i in range(40):
        made.take(10, i)
    made.rejected(0, since=39, now=40)
    assert admitted(made, 60) == 0  # 40 calls within the last minute, and 20 may be inside
    assert admitted(made, 60 + 40) >= 20
    assert admitted(made, 200, tokens=5) == 10_000


def test_a_large_call_goes_when_the_share_is_whole_again() -> None:
    made = quota(tokens_per_minute=100)
    made.rejected(0, since=0, now=0)
    now = 0.0
    while made.opens_at(100, now)[0] > now:
        now = made.opens_at(100, now)[0]
    assert now == 25
