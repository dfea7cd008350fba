"""Limits that are told by responses, and what a rejection does."""

from __future__ import annotations

import random

import pytest

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


def rejected(
    made: Quota, now: float, *, since: float | None = None, after_s: float | None = 0, tokens: float = 1
) -> None:
    made.rejected(Headers(retry_after_s=after_s), tokens, now if since is None else since, now)


def test_a_rejection_pauses_as_long_as_was_asked() -> None:
    made = quota(requests_per_minute=100)
    made.take(1, 0)
    rejected(made, 1, since=0, after_s=7.5)
    assert made.opens_at(1, 1) == (8.5, "pause")
    assert made.opens_at(1, 8.5) == (8.5, "")


def test_a_rejection_at_a_known_limit_halves_and_time_brings_it_back_step_by_step() -> None:
    made = quota(requests_per_minute=100)
    admitted(made, 0)
    rejected(made, 0)
    assert [round(made.share(now), 9) for now in (0, 4.9, 5, 10, 25)] == [0.5, 0.5, 0.6, 0.7, 1.0]
    assert made.opens_at(1, 0) == (5, "requests_per_minute")
    assert admitted(made, 60) == 100


def test_a_burst_of_rejections_halves_once() -> None:
    made = quota(requests_per_minute=100)
    admitted(made, 0)
    for _ in range(20):
        rejected(made, 1, since=0)
    assert made.share(1) == 0.5
    rejected(made, 3, since=2)
    assert made.share(3) == 0.25
    for at in range(4, 40):
        rejected(made, at, since=at - 0.5)
    assert made.share(40) == LEAST_SHARE


def test_rejections_far_below_the_limits_lower_nothing() -> None:
    made = quota(requests_per_minute=10_000, tokens_per_minute=2_000_000)
    chance = random.Random(1)
    for at in range(600):
        hold = made.take(8_000, at)
        made.settle(hold, 500, at)
        if chance.random() < 0.1:
            rejected(made, at, after_s=None, tokens=8_000)
    assert made.share(600) == 1
    assert made.opens_at(8_000, 600) == (600, "")
    assert admitted(made, 601, tokens=8_000) > 100


def test_a_tenth_of_a_burst_that_is_rejected_first_lowers_nothing() -> None:
    made = quota(requests_per_minute=10_000)
    assert admitted(made, 0) == 10_000
    other = quota()
    for _ in range(100):
        other.take(1, 0)
    for _ in range(10):
        rejected(other, 0, after_s=None)
    assert other.share(0) == 1


@pytest.mark.parametrize("resource", ["requests", "tokens"])
def test_a_rejection_that_says_nothing_is_left_halves(resource: str) -> None:
    made = quota(requests_per_minute=10_000, tokens_per_minute=2_000_000)
    told = Headers(**{resource: Told(limit=1_000, remaining=0, reset_s=30)})
    hold = made.take(100, 0)
    made.settle(hold, 0, 1)
    made.learn(told, hold, 1)
    made.rejected(told, 100, 0, 1)
    assert made.share(1) == 0.5
    assert made.opens_at(100, 1)[0] > 1


def test_pauses_nobody_asked_for_grow_while_all_is_rejected_and_start_anew_after_success() -> None:
    made, pauses = quota(requests_per_minute=1), []
    for now in (0, 100, 200, 300):
        made.take(1, now)
        rejected(made, now, after_s=None)
        pauses.append(made.paused_until - now)
    assert pauses == [1, 2, 4, 8]
    made.accepted()
    made.take(1, 400)
    rejected(made, 400, after_s=None)
    assert made.paused_until == 401


def test_a_lone_rejection_without_a_wish_pauses_nobody_else() -> None:
    made = quota(requests_per_minute=100)
    made.take(1, 0)
    rejected(made, 0, after_s=None)
    assert made.opens_at(1, 0) == (0, "")


def test_where_no_limit_is_known_rejections_that_cluster_halve_what_went_through() -> None:
    made = quota()
    for _ in range(300):
        made.take(10, 0)
    for _ in range(100):
        rejected(made, 1, since=0)
    assert made.share(1) == 1  # a third of a burst may be chance
    for _ in range(50):
        rejected(made, 1, since=0)
    assert made.share(1) == 0.5
    assert admitted(made, 1) == 0
    assert 80 < admitted(made, 60) <= 200 * 1.6
    assert admitted(made, 300, tokens=5) == 10_000


def test_a_guess_of_an_unknown_limit_never_starves() -> None:
    made = quota()
    for at in range(100):
        made.take(10, at)
        rejected(made, at)
    assert admitted(made, 200) >= 60


def test_a_large_call_goes_when_the_share_is_whole_again() -> None:
    made = quota(tokens_per_minute=100)
    rejected(made, 0, tokens=100)
    now = 0.0
    while made.opens_at(100, now)[0] > now:
        now = made.opens_at(100, now)[0]
    assert now == 25
