"""Circuit breakers."""

from __future__ import annotations

from planloom.models.breaker import LONGEST_S, Breaker, Breakers


def call(breaker: Breaker, ok: bool | None, now: float) -> bool:
    """Whether the call was let through."""
    leave = breaker.enter(now)
    if leave is not None:
        breaker.leave(leave, ok, now)
    return leave is not None


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(failures=3, window_s=60, open_s=10)
    for _ in range(3):
        call(breaker, False, now)
    assert breaker.state == "open"
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    breaker = Breaker(failures=3)
    for ok in (False, False, True, False, False):
        assert call(breaker, ok, 0)
    assert breaker.state == "closed"
    call(breaker, False, 0)
    assert not call(breaker, True, 1)


def test_failures_far_apart_do_not_open_it() -> None:
    breaker = Breaker(failures=3, window_s=60)
    for now in range(0, 400, 31):
        assert call(breaker, False, now)


def test_one_probe_goes_at_a_time_and_its_success_closes() -> None:
    breaker = opened()
    assert breaker.opens_at(4) == 10
    assert breaker.enter(9.9) is None
    probe = breaker.enter(10)
    assert probe is not None and probe.is_probe
    assert breaker.enter(11) is None
    breaker.leave(probe, True, 12)
    assert breaker.state == "closed" and breaker.opens_at(12) == 12


def test_each_failed_probe_doubles_the_wait_up_to_a_bound() -> None:
    breaker, waits = opened(), []
    for _ in range(6):
        now = breaker.opens_at(0)
        assert call(breaker, False, now)
        waits.append(breaker.opens_at(now) - now)
    assert waits == [20, 40, 80, LONGEST_S, LONGEST_S, LONGEST_S]


def test_a_cancelled_or_lost_probe_makes_way_for_another() -> None:
    breaker = opened()
    assert call(breaker, None, 10)
    lost = breaker.enter(10)
    assert lost is not None
    assert breaker.enter(19.9) is None
    another = breaker.enter(20)
    assert another is not None
    breaker.leave(lost, False, 21)
    assert breaker.state == "half_open"
    breaker.leave(another, True, 22)
    assert breaker.state == "closed"


def test_calls_from_before_the_opening_change_nothing() -> None:
    breaker = Breaker(failures=2, open_s=10)
    old = [breaker.enter(0) for _ in range(10)]
    assert all(old)
    for leave in old[:4]:
        assert leave is not None
        breaker.leave(leave, False, 1)
    assert breaker.opens_at(1) == 11
    assert old[5] is not None
    breaker.leave(old[5], True, 2)
    assert breaker.state == "open"
    assert repr(breaker) == "Breaker(open, tried again at 11)"


def test_endpoints_have_breakers_of_their_own() -> None:
    breakers = Breakers()
    for _ in range(5):
        call(breakers.of("a"), False, 0)
    assert (breakers.of("a").state, breakers.of("b").state) == ("open", "closed")


def test_an_open_endpoint_is_refused_in_words() -> None:
    breakers = Breakers()
    for _ in range(5):
        call(breakers.of("http://h/v1"), False, 0)
    refusal = breakers.refusal("http://h/v1", 4)
    assert "'http://h/v1'" in str(refusal) and "tried again in 11 s" in str(refusal)
    assert refusal.kind == "open"
