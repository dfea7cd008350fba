from dataclasses import replace

import pytest
from told import Told, shares

from planloom.agents.tool import tool
from planloom.config import Config
from planloom.events import (
    CancelRequested,
    PlanChanged,
    RunAccepted,
    RunResumed,
    StepInvalidated,
    StepRetrying,
)
from planloom.orchestrator.analysis import analyze
from planloom.orchestrator.planning.plan import Plan, Step
from planloom.orchestrator.runtime import Planloom


def test_a_chain_is_the_time_of_its_tools_and_the_gaps_between_them():
    told = Told().add(0, "a").add(0, "b", after=("a",)).start(0, "a").end(2, "a", seconds=1.75)
    analysis = analyze(told.start(2.25, "b", "finished", "a").end(5.25, "b", seconds=3).finish(5.5))
    assert shares(analysis.blame) == {"tool": 4.75, "overhead": 0.75}
    assert [(part.step, part.seconds) for part in analysis.critical_path] == [("a", 2.0), ("b", 3.25)]
    assert analysis.wall_s == 5.5 and analysis.peak == 1 and analysis.sequential_s == 4.75


def test_the_longer_of_two_inputs_is_to_blame():
    told = Told().add(0, "a", "b").add(0, "c", after=("a", "b")).start(0, "a").start(0, "b")
    told.end(1, "a").end(4, "b").start(4, "c", "finished", "b").end(5, "c")
    analysis = analyze(told.finish(5))
    assert {step.id for step in analysis.steps.values() if step.is_critical} == {"b", "c"}
    assert analysis.parallel == 1.2 and analysis.peak == 2


def test_time_without_a_place_is_queue_and_at_a_limit_is_limit_wait():
    told = Told().add(0, "a", "b").start(0, "a").end(3, "a")
    analysis = analyze(told.start(5, "b", queued_s=3, limited_s=2).end(6, "b").finish(6))
    assert shares(analysis.blame) == {"queue": 3, "limit_wait": 2, "tool": 1}
    assert analysis.steps["b"].wait_s == 5
    assert [segment.detail for segment in analysis.segments if segment.category == "limit_wait"] == ["act"]


def test_model_calls_of_a_step_and_their_waits_are_told_from_the_tool():
    told = Told().add(0, "a").start(0, "a").call(6, "a", "worker", seconds=2, waited=3)
    analysis = analyze(told.end(7, "a", seconds=7).finish(7))
    assert shares(analysis.blame) == {"tool": 2, "limit_wait": 3, "model": 2}
    step = analysis.steps["a"]
    assert (step.model_s, step.ledger_s, step.tokens, step.cost_usd) == (2, 3, 110, 0.5)


def test_two_calls_at_once_count_once():
    told = Told().add(0, "a").start(0, "a").call(3, "a", "worker", seconds=3).call(4, "a", "worker", 3, 1)
    assert shares(analyze(told.end(4, "a").finish(4)).blame) == {"model": 4}


def test_a_write_waits_for_the_verdict_on_its_ancestor():
    told = Told().add(0, "a").add(0, "w", after=("a",), effect="write").start(0, "a").end(1, "a")
    told.verdict(4, "a").start(4, "w", "verified", "a").end(5, "w")
    assert shares(analyze(told.finish(5)).blame) == {"tool": 2, "verification": 3}


def test_a_verdict_nobody_waits_for_costs_nothing():
    told = Told().add(0, "a").add(0, "b", after=("a",)).start(0, "a").end(1, "a").start(1, "b", "finished", "a")
    told.verdict(3, "a").end(9, "b").verdict(9, "b")
    assert shares(analyze(told.finish(9)).blame) == {"tool": 9}


def test_approval_counts_from_the_question_to_the_answer():
    told = Told().add(0, "a").add(0, "w", after=("a",), effect="write").start(0, "a").end(1, "a").verdict(1, "a")
    told.ask(1, "w").answer(8, "w").start(8, "w", "answered", "w").end(9, "w")
    analysis = analyze(told.finish(9))
    assert shares(analysis.blame) == {"tool": 2, "approval": 7}
    assert analysis.steps["w"].approval_s == 7


def test_a_call_that_stopped_to_ask_a_person_waited_for_that_person():
    told = Told().add(0, "agent").start(0, "agent").ask(2, "agent/1").answer(7, "agent/1")
    analysis = analyze(told.start(7, "agent", "answered", "agent").end(9, "agent").finish(9))
    assert shares(analysis.blame) == {"tool": 4, "approval": 5}
    assert set(analysis.steps) == {"agent"}


def test_approval_of_the_whole_plan_is_no_step():
    told = Told().ask(1, "plan", "plan").answer(6, "plan").add(6, "a").start(6, "a").end(7, "a")
    analysis = analyze(told.finish(7))
    assert shares(analysis.blame) == {"approval": 5, "tool": 1, "overhead": 1}
    assert set(analysis.steps) == {"a"}


def test_pause_before_a_retry_is_back_off_and_the_first_try_was_for_nothing():
    told = Told().add(0, "a").start(0, "a").at(2, StepRetrying("a", 1, 1.5, "busy"))
    analysis = analyze(told.start(4, "a", "time", queued_s=0.5).end(5, "a").finish(5))
    assert shares(analysis.blame) == {"tool": 3, "back_off": 1.5, "queue": 0.5}
    step = analysis.steps["a"]
    assert (step.retries, step.attempts, step.wasted_s, step.run_s) == (1, 2, 2, 3)


def test_a_rejected_result_and_what_used_it_were_for_nothing():
    told = Told().add(0, "a").add(0, "b", after=("a",)).start(0, "a").end(1, "a").start(1, "b", "finished", "a")
    told.end(2, "b").verdict(5, "a", "fail").at(5, StepInvalidated("b", 1, "a"))
    told.start(5, "a", "verified", "a").end(6, "a").verdict(6, "a").start(6, "b", "finished", "a").end(7, "b")
    analysis = analyze(told.finish(7))
    assert shares(analysis.blame) == {"tool": 3, "verification": 4}
    a, b = analysis.steps["a"], analysis.steps["b"]
    assert (a.rejected, a.wasted_s, b.invalidated, b.wasted_s) == (1, 1, 1, 1)
    assert [span.outcome for span in a.spans if span.kind == "run"] == ["rejected", "ok"]


def test_a_step_that_came_late_from_the_planner_is_planning():
    told = Told(source="model").call(2, None, "planner", 2).add(2, "a").start(2, "a").end(3, "a")
    told.call(6, None, "planner", 3, waited=1).add(6, "b").start(6, "b").ready(6).end(7, "b")
    analysis = analyze(told.finish(7))
    assert shares(analysis.blame) == {"planning": 5, "limit_wait": 1, "tool": 1}
    assert not analysis.steps["a"].is_critical


def test_a_plan_that_ends_after_its_last_step_is_waited_for():
    told = Told(source="model").add(1, "a").start(1, "a").end(2, "a").call(9, None, "planner", 9).ready(9)
    assert shares(analyze(told.finish(9)).blame) == {"planning": 9}


def test_replanning_lies_between_the_rounds():
    told = Told().add(0, "a").start(0, "a").end(2, "a", "failed").at(5, PlanChanged(("a",), ("b",), "a failed"))
    analysis = analyze(told.add(5, "b").start(5, "b").end(6, "b").finish(6))
    assert shares(analysis.blame) == {"tool": 3, "planning": 3}
    assert set(analysis.steps) == {"b"} and analysis.replans == 1 and not analysis.what_if


def test_merged_steps_share_one_call():
    told = Told().add(0, "a", "b")
    for step in "ab":
        told.start(0, step, batch=("a", "b"))
    analysis = analyze(told.end(4, "a", seconds=2).end(4, "b", seconds=2).finish(4))
    assert shares(analysis.blame) == {"tool": 4}
    assert (analysis.peak, analysis.parallel, analysis.sequential_s) == (1, 1, 4)
    assert analysis.steps["a"].batch == 2


def test_time_without_a_process_is_no_part_of_the_wall_time():
    told = Told().add(0, "a", "b").start(0, "a").start(0, "b").end(2, "a", seconds=2)
    told.at(5000, CancelRequested("b", "from outside")).at(9000, RunResumed())
    told.add(9000, "a", "b").start(9000, "a").end(9000, "a", reused=True).start(9000, "b").end(9003, "b", seconds=3)
    analysis = analyze(told.finish(9003))
    assert (analysis.wall_s, analysis.not_running_s, analysis.span_s) == (5, 8998, 9003)
    assert shares(analysis.blame) == {"tool": 5}
    assert [(s.ended, s.pause_s) for s in analysis.stretches] == [("cut", 0), ("done", 8998)]
    assert analysis.steps["a"].attempts == 1 and analysis.steps["a"].reused and analysis.sequential_s == 5


def test_a_run_under_way_is_told_up_to_now():
    told = Told().add(0, "a", "b").start(0, "a").start(0, "b").end(1, "a")
    analysis = analyze(told.events, now=1004.0)
    assert shares(analysis.blame) == {"tool": 4}
    assert analysis.status == "" and analysis.steps["b"].status == "running" and analysis.steps["b"].run_s == 4


def test_a_cut_run_ends_with_its_last_event():
    told = Told().add(0, "a", "b").start(0, "a").start(0, "b").end(1, "a")
    analysis = analyze(told.events)
    assert analysis.wall_s == 1 and analysis.stretches[-1].ended == "cut"
    assert [span.outcome for span in analysis.steps["b"].spans] == ["open"]


def test_a_cancelled_run_waited_for_what_ran_longest():
    told = Told().add(0, "a", "b").start(0, "a").start(1, "b", queued_s=1).at(4, CancelRequested(None, "enough"))
    told.end(4, "a", "cancelled").end(4, "b", "cancelled")
    analysis = analyze(told.finish(4.5, "cancelled"))
    assert shares(analysis.blame) == {"tool": 4, "overhead": 0.5}
    assert {s.id for s in analysis.steps.values() if s.is_critical} == {"a"}


def test_a_run_that_waits_for_people_names_whom_it_asked_about():
    told = Told().add(0, "a").add(0, "w", after=("a",), effect="write").start(0, "a").end(1, "a").verdict(1, "a")
    analysis = analyze(told.ask(1, "w").finish(3, "needs_approval"))
    assert shares(analysis.blame) == {"tool": 1, "overhead": 2}
    assert analysis.open_approvals == ("w",)


def test_unfolded_steps_lead_back_to_the_list():
    told = Told().add(0, "list", "each").start(0, "list").end(2, "list")
    told.add(2, "each[0]", "each[1]", after=("list",), parent="each").start(2, "each[0]").start(2, "each[1]")
    told.end(3, "each[0]").end(5, "each[1]").end(5, "each")
    analysis = analyze(told.finish(5))
    assert [part.step for part in analysis.critical_path] == ["list", "each[1]"]
    assert [step.id for step in analysis.leaves] == ["list", "each[0]", "each[1]"]
    assert (analysis.steps["each[0]"].generation, analysis.steps["list"].generation) == (1, 0)


def test_a_clock_that_jumps_back_loses_no_second():
    told = Told().add(0, "a").start(0, "a").end(3, "a")
    told.start(1, "b", "finished", "a")
    analysis = analyze(told.events)
    assert analysis.wall_s == 3 and sum(analysis.blame.values()) == 3


def test_older_journals_that_do_not_say_what_made_a_step_ready_are_read_by_its_inputs():
    told = Told().add(0, "a", "x").add(0, "b", after=("a",)).start(0, "a", "").start(0, "x", "").end(2, "a")
    told.end(2.5, "x").start(3, "b", "").end(4, "b")
    analysis = analyze(told.finish(4))
    assert shares(analysis.blame) == {"tool": 3, "overhead": 1}
    assert {s.id for s in analysis.steps.values() if s.is_critical} == {"a", "b"}


def test_before_a_goal_was_taken_on_the_run_was_starting():
    told = Told(began=2).add(3, "a").start(3, "a").end(4, "a")
    accepted = replace(told.events[0], at=1001.0, payload=RunAccepted("goal", {}))
    finished = told.finish(4)[-1]
    finished = replace(finished, payload=replace(finished.payload, seconds=4.0))
    analysis = analyze([accepted, *told.events[:-1], finished])
    assert analysis.wall_s == 4
    assert shares(analysis.blame) == {"planning": 1, "tool": 1, "overhead": 2}
    assert next(s.detail for s in analysis.segments if s.category == "overhead") == "starting"


def test_more_places_would_help_where_steps_queued():
    told = Told(max_parallel_steps=2).add(0, "a", "b", "c", "d").start(0, "a").start(0, "b")
    told.end(1, "a").end(1, "b").start(1, "c", queued_s=1).start(1, "d", queued_s=1).end(2, "c").end(2, "d")
    analysis = analyze(told.finish(2))
    gains = {found.name: found.gain_s for found in analysis.what_if}
    assert gains == {
        "places": 1, "action_limits": 0, "model_limits": 0, "approvals": 0, "verification": 0, "everything": 1,
    }  # fmt: skip


def test_what_people_limits_and_verdicts_cost_is_told_apart():
    told = Told(verify="blocking").add(0, "a", "b").add(0, "w", after=("a", "b"), effect="write")
    told.start(0, "a").end(2, "a").verdict(3, "a").start(4, "b", limited_s=4).end(6, "b").verdict(6, "b")
    told.ask(6, "w").answer(9, "w").start(9, "w", "answered", "w").end(10, "w")
    gains = {found.name: found.gain_s for found in analyze(told.finish(10)).what_if}
    assert gains["approvals"] == 3 and gains["everything"] == 7
    assert gains["action_limits"] > 0 and gains["places"] == 0


def test_no_events_are_no_run():
    with pytest.raises(ValueError, match="expected the events of a run"):
        analyze([])


def test_plain_data_holds_every_second():
    told = Told().add(0, "a").start(0, "a").end(2, "a", seconds=2)
    data = analyze(told.finish(2.5)).to_dict()
    assert sum(data["blame"].values()) == data["wall_s"] == 2.5
    assert data["steps"][0]["spans"] == [{"start_s": 0.0, "end_s": 2.0, "kind": "run", "outcome": "ok"}]


@tool(effect="read", name="demo.double")
async def double(n: int) -> int:
    """Doubles."""
    return 2 * n


async def test_on_a_real_run_the_parts_add_up_to_what_it_says_it_took(tmp_path):
    events = []
    config = Config(state=str(tmp_path / "state"), out=str(tmp_path / "out"), workspace=str(tmp_path))
    steps = [Step(id="s0", action="demo.double", parameters={"n": 1})]
    steps += [Step(id=f"s{i}", action="demo.double", parameters={"n": f"${{s{i // 2}}}"}) for i in range(1, 30)]
    async with Planloom(config, tools=[double]) as loom:
        result = await loom.run(plan=Plan(goal="count", steps=tuple(steps)), on_event=events.append)
    analysis = analyze(events)
    assert result.status == analysis.status == "done"
    assert abs(sum(analysis.blame.values()) - result.seconds) <= 0.01 * result.seconds
    assert all(step.status == "ok" for step in analysis.leaves) and len(analysis.leaves) == 30
