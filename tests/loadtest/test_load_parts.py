from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from planloom.errors import UsageError
from planloom.loadtest import comparing, scenarios
from planloom.loadtest.folding import Fold, kind
from planloom.loadtest.load import Load
from planloom.loadtest.records import Served
from planloom.loadtest.searching import Trial, best, is_worth_more, search, steps

CALL = {
    "type": "model.call", "step": "a", "prompt_tokens": 100, "completion_tokens": 10, "cost_usd": 0.1, "seconds": 1.0,
    "waited_s": 0.5, "outcome": "ok",
}  # fmt: skip
FINISHED = {"type": "step.finished", "step": "a", "status": "ok", "seconds": 2.0, "error": None, "cost_usd": 0.0}


def folded(*events: Mapping[str, Any]) -> Served:
    fold = Fold(Served(number=1))
    for event in events:
        fold.take(event)
    return fold.served


# ---- events


def test_time_in_a_step_is_the_models_and_the_rest_is_the_tools() -> None:
    served = folded(CALL, {**FINISHED}, {"type": "run.finished", "status": "done", "reason": ""})
    assert served.is_ok
    assert (served.model_s, served.waited_s, served.tool_s) == (1.0, 0.5, 0.5)
    assert (served.calls, served.prompt_tokens, served.usd) == (1, 100, pytest.approx(0.1))


def test_an_unknown_price_makes_the_cost_unknown_for_good() -> None:
    assert folded(CALL, {**CALL, "cost_usd": None}, CALL).usd is None


@pytest.mark.parametrize(
    ("status", "reason", "error", "kind"),
    [
        ("failed", "step a failed", "ToolError: no such file", "ToolError"),
        ("failed", "ModelError: unreachable", None, "ModelError"),
        ("failed", "not done: a", "no reply within 30 s", "no reply within N s"),
        ("failed", "", None, "failed"),
        ("budget", "usd", None, "budget"),
        ("cancelled", "", None, "cancelled"),
    ],
)
def test_failures_are_told_apart_by_their_type(status: str, reason: str, error: str | None, kind: str) -> None:
    events: list[dict[str, Any]] = [{"type": "run.finished", "status": status, "reason": reason}]
    if error:
        events.insert(0, {**FINISHED, "status": "failed", "error": error})
    assert folded(*events).outcome == kind


def test_rejected_calls_are_counted_and_unknown_events_change_nothing() -> None:
    served = folded({**CALL, "outcome": "429"}, {"type": "of.a.newer.server"})
    assert served.rejected == 1


def test_errors_that_differ_in_numbers_are_one_kind() -> None:
    assert kind("ToolError: no 5") == "ToolError"
    assert kind("expected 12 cents, got 3.50") == kind("expected 7 cents, got 9")


# ---- scenarios


@pytest.mark.parametrize("name", ["sums", "report", "texts", "support"])
def test_every_scenario_gives_as_many_goals_as_asked_for_and_the_same_again(name: str, tmp_path: Path) -> None:
    goals = scenarios.find(name).goals
    first = scenarios.checked(goals(30, 7, tmp_path), 30)
    assert len(first) == 30
    assert first == scenarios.checked(goals(30, 7, None), 30)
    if name in ("texts", "support", "sums"):
        assert first != scenarios.checked(goals(30, 8, None), 30)


def test_a_file_of_goals_is_asked_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "goals.jsonl"
    file.write_text('{"message": "one", "session_id": "x"}\n\n"two"\n')
    frames = scenarios.checked(scenarios.find(str(file)).goals(3, 1, None), 3)
    assert frames == [{"message": "one"}, {"message": "two"}, {"message": "one"}]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one line"),
        ("{", ":1: expected a JSON object"),
        ('\n{"a": 1}', ":2:"),
        ("[1]", "expected an object"),
    ],
)
def test_a_file_that_holds_no_goals_is_refused_by_its_line(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "goals.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=told):
        scenarios.find(str(file))


def test_a_name_that_is_nearly_right_is_offered() -> None:
    with pytest.raises(UsageError, match="did you mean 'support'"):
        scenarios.find("suport")
    with pytest.raises(UsageError, match="there are report, "):
        scenarios.find("xyz")


def test_fewer_goals_than_asked_for_are_refused() -> None:
    with pytest.raises(UsageError, match="expected 3 goals, got 1"):
        scenarios.checked([{"message": "one"}], 3)


# ---- search


def trial(concurrency: int, throughput: float, p95: float = 1.0, share: float = 1.0) -> Trial:
    return Trial(
        concurrency=concurrency, batch_size=0, throughput=throughput, p95=p95, success_share=share, bottleneck="CPU"
    )


def test_concurrency_is_doubled_up_to_the_most() -> None:
    assert steps(1) == [1]
    assert steps(8) == [1, 2, 4, 8]
    assert steps(20) == [1, 2, 4, 8, 16, 20]


def test_the_fewest_at_once_that_are_as_good_as_the_best_win() -> None:
    assert best([trial(1, 2), trial(4, 9.7), trial(8, 10.0)], 0) == trial(4, 9.7)
    assert best([trial(1, 2), trial(8, 10, p95=9)], 5.0) == trial(1, 2)
    assert best([trial(1, 2, share=0.5)], 0) is None


def test_more_at_once_are_tried_only_while_it_helps() -> None:
    assert is_worth_more([trial(1, 2)], 0)
    assert is_worth_more([trial(1, 2), trial(2, 3)], 0)
    assert not is_worth_more([trial(1, 2), trial(2, 2.05)], 0)
    assert not is_worth_more([trial(1, 2, p95=9)], 5.0)
    assert not is_worth_more([trial(1, 2, share=0.9)], 0)


async def test_the_search_finds_where_a_server_is_full() -> None:
    tried: list[tuple[int, int]] = []

    async def attempt(load: Load) -> dict[str, Any]:
        tried.append((load.concurrency, load.batch_size))
        pace = min(load.concurrency, 10) * (0.8 if load.batch_size else 1.0)
        return {
            "throughput": float(pace), "p95": 1.0, "success_share": 1.0, "quota": {"ceiling": None},
            "bottleneck": {"kind": "CPU"},
        }  # fmt: skip

    found = await search(Load(requests=100, concurrency=64), attempt, 0.0, asyncio.Event())
    assert [one for one in tried if not one[1]] == [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (32, 0)]
    assert (found["best"]["concurrency"], found["best"]["batch_size"]) == (16, 0)
    assert "16 at once" in found["told"]


async def test_a_trial_too_short_to_fill_the_quota_counts_as_what_the_quota_carries() -> None:
    async def attempt(load: Load) -> dict[str, Any]:
        quota = {"ceiling": 3.0}
        return {"throughput": float(load.concurrency), "p95": 1.0, "success_share": 1.0, "quota": quota,
                "bottleneck": {"kind": "quota"}}  # fmt: skip

    found = await search(Load(requests=100, concurrency=64), attempt, 0.0, asyncio.Event())
    assert found["best"]["concurrency"] == 4
    assert found["best"]["throughput"] == 3.0


# ---- comparison


@pytest.mark.parametrize(
    ("before", "after", "better", "verdict"),
    [
        (1.0, 1.05, "less", "same"),
        (1.0, 1.2, "less", "worse"),
        (1.0, 0.8, "less", "better"),
        (1.0, 0.8, "more", "worse"),
        (1.0, 1.2, "more", "better"),
        (0.0, 0.0, "less", "same"),
        (0.0, 5.0, "less", "worse"),
        (-2.0, 5.0, "less", "worse"),
        (None, None, "less", "same"),
        (1.0, None, "less", "gone"),
        (None, 1.0, "less", "new"),
    ],
)
def test_a_figure_is_worse_only_beyond_the_tolerance(
    before: float | None, after: float | None, better: Any, verdict: str
) -> None:
    found = comparing.row(comparing.Measure(name="x", better=better), before, after, 0.1)
    assert found.verdict == verdict
    assert comparing.is_worse([found]) == (verdict in ("worse", "gone"))


def test_noise_below_what_anybody_cares_for_is_no_regression() -> None:
    measure = comparing.Measure(name="p50", better="less", least=0.02)
    assert comparing.row(measure, 0.001, 0.015, 0.1).verdict == "same"
    assert comparing.row(measure, 0.001, 0.03, 0.1).verdict == "worse"


def test_what_else_differs_is_told() -> None:
    one = {"load": {"requests": 10}, "machine": {"cores": 2, "cpu": "a"}, "ended": ""}
    other = json.loads(json.dumps(one)) | {"load": {"requests": 20}, "ended": "died"}
    assert comparing.differences(one, one) == []
    assert comparing.differences(one, other) == ["requests: 10 before, 20 after", "after: died"]
