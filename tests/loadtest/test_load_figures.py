from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.errors import UsageError
from planloom.loadtest.bottleneck import bottleneck
from planloom.loadtest.figures import context_growth, cost, figures, percentile, process, slope
from planloom.loadtest.load import Load, Quota
from planloom.loadtest.records import Record, Sample, Served


def served(number: int = 0, outcome: str = "ok", **facts: Any) -> Served:
    return Served(number=number, outcome=outcome, **{"seconds": 1.0, "first_s": 0.1, **facts})


def sample(at_s: float, rss_mb: float, done: int, **facts: float) -> Sample:
    return Sample(at_s=at_s, rss_mb=rss_mb, done=done, under_way=1, **facts)


def told(**changes: Any) -> dict[str, Any]:
    """Figures of a load in which nothing was full."""
    base: dict[str, Any] = {
        "succeeded": 500,
        "quota": {"requests_share": 0.1, "tokens_share": 0.1, "ceiling": 9.0},
        "time": {"goals_s": 1000.0, "model_s": 800.0, "limits_s": 0.0, "tools_s": 50.0, "queue_s": 0.0},
        "cpu": {"server_cores": 0.3, "workers_cores": 0.0, "machine_share": 0.4, "cores": 4, "server_cores_peak": 0.4},
        "rss_mb": {"start": 100.0, "peak": 150.0, "end": 140.0, "workers_peak": 0.0},
        "slope_kb_per_request": 0.5,
    }
    return base | changes


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_at_least_that_part_reaches(values: list[float], part: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, part)
    assert found is not None
    assert sum(round(value, 4) <= found for value in ordered) >= part * len(ordered) - 1e-9


def test_percentiles_of_a_hundred_are_what_the_names_say() -> None:
    ordered = [float(n) for n in range(1, 101)]
    assert [percentile(ordered, part) for part in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([], 0.5) is None


def test_the_slope_is_that_of_the_line_of_least_squares() -> None:
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 0), (1, 2), (2, 1), (3, 3)]) == pytest.approx(0.8)
    assert slope([(0, 1), (1, 2)]) is None
    assert slope([(5, 1), (5, 2), (5, 3)]) is None


def test_memory_that_grows_only_at_first_has_no_slope() -> None:
    rising = [sample(n, 100.0 + n, n) for n in range(50)]
    flat = [sample(n, 150.0, n) for n in range(50, 101)]
    found = process([*rising, *flat], cores=2)
    assert found["slope_kb_per_request"] == 0
    assert found["rss_mb"] == {"start": 100.0, "peak": 150.0, "end": 150.0, "workers_peak": 0.0}
    assert process([sample(n, 100 + n / 1024, n) for n in range(100)], 2)["slope_kb_per_request"] == pytest.approx(1.0)


def test_processor_time_of_a_goal_is_what_was_used_between_looks() -> None:
    found = process([sample(n / 2, 100, n, cores=0.4) for n in range(11)], cores=2)
    assert found["cpu"]["server_ms_per_request"] == pytest.approx(0.4 * 5 / 10 * 1000)


def test_all_failures_are_counted_by_kind_and_what_was_never_answered_too() -> None:
    ended = [served(0), served(1), served(2, "ToolError"), served(3, "timeout"), served(4, "ToolError")]
    record = Record(served=ended, sent=7, seconds=10.0)
    found = figures(Load(requests=10, concurrency=2), record, cores=2)
    assert found["failed"] == {"ToolError": 2, "unanswered": 2, "timeout": 1}
    assert (found["sent"], found["succeeded"], found["failed_total"]) == (7, 2, 5)
    assert found["throughput"] == 0.2
    assert found["success_share"] == pytest.approx(2 / 7, abs=1e-4)


def test_a_load_of_nothing_has_no_figures_and_no_division_by_zero() -> None:
    found = figures(Load(requests=1, concurrency=1), Record(), cores=1)
    assert (found["p50"], found["success_share"], found["throughput"], found["rss_mb"]) == (None, None, None, None)
    assert bottleneck(found, concurrency=1).kind == "unknown"


def test_a_goal_without_a_price_is_told_as_an_assumption() -> None:
    load = Load(requests=2, concurrency=1, usd=(1.0, 2.0))
    free = [served(n, calls=1, prompt_tokens=1000, completion_tokens=500, usd=None) for n in range(2)]
    found = cost(load, free, seconds=2.0)
    assert found["usd"] == pytest.approx(0.004)
    assert found["usd_per_1000"] == pytest.approx(2.0)
    assert "assumed" in found["basis"]
    paid = [served(n, calls=1, prompt_tokens=1000, usd=0.5) for n in range(2)]
    assert cost(load, paid, 2.0)["usd"] == 1.0
    assert "settings" in cost(load, paid, 2.0)["basis"]
    assert cost(load, [served()], 2.0)["basis"] == "no model was called"


def test_prompts_that_grow_from_turn_to_turn_are_seen() -> None:
    calls = [served(n, turn=n % 4 + 1, calls=2, prompt_tokens=200 * (n % 4 + 1), largest_prompt=150) for n in range(8)]
    found = context_growth(calls)
    assert found["by_turn"] == {"1": 100.0, "2": 200.0, "3": 300.0, "4": 400.0}
    assert found["largest"] == 150
    assert context_growth([served()])["first"] is None


def test_the_quota_says_how_many_goals_it_carries_for_ever() -> None:
    load = Load(requests=10, concurrency=1, quota=Quota(requests_per_minute=600, tokens_per_minute=60_000))
    provider = {"requests": 30.0, "tokens": 9000.0, "rejected": 2.0, "most_requests": 30.0, "most_tokens": 9000.0}
    record = Record(served=[served(n) for n in range(10)], sent=10, seconds=5.0, provider=provider)
    found = figures(load, record, cores=2)
    assert found["quota"]["ceiling"] == pytest.approx(60_000 / 60 / 900, abs=1e-3)
    assert found["quota"]["ceiling_by"] == "tokens a minute"
    assert found["rejected_429"] == 2


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "model"),
        ({"rss_mb": {"start": 100.0, "peak": 501.0, "end": 400.0, "workers_peak": 0.0}}, "memory"),
        ({"slope_kb_per_request": 30.0}, "memory"),
        ({"slope_kb_per_request": 30.0, "slope_kb_last_quarter": 28.0}, "memory"),
        ({"slope_kb_per_request": 30.0, "slope_kb_last_quarter": 1.0}, "model"),
        ({"quota": {"requests_share": 0.95, "tokens_share": 0.1, "ceiling": 9.0}}, "quota"),
        ({"time": {"goals_s": 100.0, "model_s": 50.0, "limits_s": 40.0, "tools_s": 0.0, "queue_s": 0.0}}, "quota"),
        ({"cpu": {"server_cores": 0.97, "workers_cores": 0.0, "machine_share": 0.5, "cores": 4}}, "CPU"),
        ({"cpu": {"server_cores": 0.5, "workers_cores": 2.9, "machine_share": 0.95, "cores": 4}}, "CPU"),
        ({"cpu": {"server_cores": 0.2, "workers_cores": 0.0, "machine_share": 0.99, "cores": 4}}, "model"),
        ({"time": {"goals_s": 100.0, "model_s": 5.0, "limits_s": 0.0, "tools_s": 80.0, "queue_s": 0.0}}, "tools"),
        ({"time": {"goals_s": 100.0, "model_s": 5.0, "limits_s": 0.0, "tools_s": 8.0, "queue_s": 0.0}}, "load"),
        ({"succeeded": 0}, "unknown"),
        ({"cpu": None, "rss_mb": None, "slope_kb_per_request": None}, "model"),
    ],
)
def test_what_holds_a_load_is_named_by_the_figures(changes: dict[str, Any], kind: str) -> None:
    found = bottleneck(told(**changes), concurrency=10)
    assert found.kind == kind
    assert found.told.endswith(".")
    assert found.evidence or kind == "unknown"


def test_a_machine_that_others_fill_is_named_as_that() -> None:
    busy = {"server_cores": 0.2, "workers_cores": 0.0, "machine_share": 0.99, "cores": 4}
    assert any("other programs" in fact for fact in bottleneck(told(cpu=busy), concurrency=10).evidence)


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"requests": 0}, "--requests"),
        ({"requests": 5, "concurrency": 6}, "--concurrency"),
        ({"concurrency": 0}, "--concurrency"),
        ({"batch_size": 101}, "--batch-size"),
        ({"batch_size": -1}, "--batch-size"),
        ({"turns": 0}, "--turns"),
        ({"timeout_s": 0.0}, "--timeout"),
        ({"timeout_s": float("nan")}, "--timeout"),
        ({"pause_s": float("inf")}, "--pause"),
    ],
)
def test_a_load_that_makes_no_sense_is_refused_by_its_flag(changes: dict[str, Any], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        Load(**changes)


def test_writes_are_granted_only_on_a_server_of_its_own() -> None:
    assert Load().answers == "grant"
    assert Load(url="http://127.0.0.1:1").answers == "refuse"
    assert Load(url="http://127.0.0.1:1", approvals="grant").answers == "grant"
