"""A goal through the whole product, as a program uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from planloom import Config, Plan, Planloom, Step, build_graph, tool
from planloom.errors import PlanError, ToolError, UsageError
from planloom.memory.journal import read
from planloom.orchestrator.planning.planner import Goal, Outcome, Proposal


@tool(effect="pure", name="t.give")
async def give(value: object = None) -> object:
    """Gives what it gets."""
    return value


@tool(effect="read", name="t.fail")
async def fail() -> None:
    """Raises."""
    raise ToolError("it broke")


def plan_of(*steps: Step, answer: str | None = None) -> Plan:
    return Plan(goal="test", steps=steps, answer=answer)


A = Step(id="a", action="t.give", parameters={"value": {"n": 41}})
B = Step(id="b", action="t.give", parameters={"value": "${a.n}"})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))


async def test_plan_runs_and_answers(config):
    async with Planloom(config, tools=[give]) as loom:
        result = await loom.run(plan=plan_of(A, B, answer="It is ${b}, from ${a}."))
    assert result.status == "done"
    assert result.answer == 'It is 41, from {"n": 41}.'
    assert set(result.to_dict()) >= {
        "run_id", "status", "answer", "steps", "artifacts", "seconds",
        "sequential_seconds", "critical_path_seconds", "cost",
    }  # fmt: skip
    assert result.to_dict()["steps"]["a"].keys() >= {"status", "seconds", "attempts", "caused_by", "error"}


async def test_events_are_numbered_and_the_same_in_the_journal_and_for_the_listener(config):
    seen = []
    async with Planloom(config, tools=[give]) as loom:
        result = await loom.run(plan=plan_of(A, B), on_event=seen.append, session_id="s1")
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert [e.type for e in seen[:2]] == ["run.accepted", "run.started"] and seen[-1].type == "run.finished"
    records = list(read(Path(config.state) / "sessions" / "s1"))
    assert [(r[1], r[3], r[4]) for r in records] == [(e.seq, result.run_id, e.type) for e in seen]


async def test_second_run_of_a_session_goes_on_counting(config):
    seen = []
    async with Planloom(config, tools=[give]) as loom:
        await loom.run(plan=plan_of(A), session_id="s1")
    async with Planloom(config, tools=[give]) as loom:
        await loom.run(plan=plan_of(A), session_id="s1", on_event=seen.append)
    assert seen[0].seq > 5


async def test_stream_gives_events_as_they_happen_and_closing_it_cancels_the_run(config):
    cancelled = asyncio.Event()

    @tool(effect="read", name="t.hang")
    async def hang() -> None:
        """Never ends."""
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with Planloom(config, tools=[hang]) as loom:
        stream = loom.stream(plan=plan_of(Step(id="a", action="t.hang")))
        async for event in stream:
            if event.type == "step.started":
                break
        await stream.aclose()
        await asyncio.wait_for(cancelled.wait(), 5)


async def test_faulty_plan_runs_nothing_and_names_each_fault(config):
    async with Planloom(config, tools=[give]) as loom:
        with pytest.raises(PlanError) as caught:
            await loom.run(
                plan=plan_of(A, replace(B, action="t.gve", id="c"), replace(B, parameters={"value": "${x}"}))
            )
    assert [f.code for f in caught.value.findings] == ["unknown-action", "unknown-step"]
    assert "t.give" in str(caught.value)


async def test_empty_goal_says_what_to_write(config):
    async with Planloom(config) as loom:
        with pytest.raises(UsageError, match="planloom run"):
            await loom.run("  ")


async def test_failed_step_is_named_in_the_answer_and_the_rest_is_kept(config):
    steps = (A, Step(id="f", action="t.fail"), Step(id="g", action="t.give", dependencies=("f",)))
    async with Planloom(config, tools=[give, fail]) as loom:
        result = await loom.run(plan=plan_of(*steps, answer="n is ${a.n}, f is ${f}"))
    assert result.status == "failed"
    assert "n is 41, f is (not available)" in result.answer
    assert "f: it broke" in result.answer
    assert result.steps["g"].caused_by == "f"


class Changing:
    """A planner that proposes a plan with a step that fails, and then another way."""

    def __init__(self, *, streamed: bool = False) -> None:
        self.asked = 0
        self.streamed = streamed

    async def propose(self, goal: Goal) -> Proposal | None:
        if goal.text != "mine":
            return None
        steps = (A, Step(id="f", action="t.fail"), replace(B, dependencies=("f",)))
        plan = Plan(goal=goal.text, steps=steps, answer="${b}")
        return Proposal(plan=plan, source="test")

    async def replan(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Plan | None:
        self.asked += 1
        assert outcomes["f"].status == "failed" and outcomes["b"].caused_by == "f"
        return replace(plan, steps=(plan.steps[0], replace(B, dependencies=())))


async def test_replanned_run_reuses_what_did_not_change(config):
    planner = Changing()
    seen = []
    async with Planloom(config, tools=[give, fail], planner=planner) as loom:
        result = await loom.run("mine", on_event=seen.append)
    assert (result.status, result.answer, planner.asked) == ("done", "41", 1)
    started = [e.payload.step for e in seen if e.type == "step.finished" and not e.payload.reused]
    assert started.count("a") == 1
    assert any(e.type == "plan.changed" for e in seen)


async def test_streamed_step_starts_before_the_plan_is_whole(config):
    started = asyncio.Event()

    @tool(effect="read", name="t.note")
    async def note() -> str:
        """Notes that it started."""
        started.set()
        return "noted"

    class Writer:
        async def propose(self, goal: Goal) -> Proposal | None:
            async def steps():
                yield Step(id="a", action="t.note")
                await asyncio.wait_for(started.wait(), 5)
                yield Step(id="b", action="t.give", parameters={"value": "${a}"})

            return Proposal(plan=Plan(goal=goal.text, answer="${b}"), source="test", stream=steps())

        async def replan(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Plan | None:
            return None

    async with Planloom(config, tools=[note, give], planner=Writer()) as loom:
        result = await loom.run("anything at all")
    assert (result.status, result.answer) == ("done", "noted")


async def test_faulty_streamed_step_ends_the_run_and_keeps_what_ran(config):
    class Writer:
        async def propose(self, goal: Goal) -> Proposal | None:
            async def steps():
                yield A
                yield Step(id="b", action="t.gvie")

            return Proposal(plan=Plan(goal=goal.text), source="test", stream=steps())

        async def replan(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Plan | None:
            return None

    async with Planloom(config, tools=[give], planner=Writer()) as loom:
        result = await loom.run("anything")
    assert result.status == "failed" and "unknown-action" in result.reason


async def test_graph_runs_a_plan_by_itself_and_streams_its_events(config):
    graph = build_graph(Planloom(config, tools=[give]))
    plan = {"goal": "g", "steps": [{"id": "a", "action": "t.give", "parameters": {"value": 7}}], "answer": "${a}"}
    types, final = [], {}
    async for kind, data in graph.astream({"goal": "g", "plan": plan}, stream_mode=["custom", "values"]):
        if kind == "custom":
            types.append(data["type"])
        else:
            final = data
    assert final["status"] == "done" and final["answer"] == "7" and final["steps"] == {"a": "ok"}
    assert types[0] == "run.accepted" and "step.finished" in types and types[-1] == "run.finished"


async def test_many_runs_side_by_side_do_not_mix(config):
    async with Planloom(config, tools=[give]) as loom:
        plans = [plan_of(replace(A, parameters={"value": {"n": i}}), B, answer="${b}") for i in range(30)]
        results = await asyncio.gather(*(loom.run(plan=plan) for plan in plans))
    assert [r.answer for r in results] == [str(i) for i in range(30)]


async def test_cancelled_run_is_acknowledged_and_ends(config):
    @tool(effect="read", name="t.hang")
    async def hang() -> None:
        """Never ends."""
        await asyncio.Event().wait()

    seen = []
    async with Planloom(config, tools=[hang, give]) as loom:
        steps = (Step(id="a", action="t.hang"), Step(id="b", action="t.give", dependencies=("a",)))
        task = asyncio.create_task(loom.run(plan=plan_of(*steps), on_event=seen.append))
        while not any(e.type == "step.started" for e in seen):
            await asyncio.sleep(0)
        await loom.cancel(seen[0].run_id, reason="enough")
        assert seen[-1].type == "cancel.requested"
        result = await task
    assert result.status == "cancelled"
    assert {s.status for s in result.steps.values()} == {"cancelled"}


async def test_unknown_run_is_named(config):
    async with Planloom(config) as loom:
        with pytest.raises(UsageError, match="planloom runs"):
            await loom.cancel("nope")


def test_picture_of_the_graph_in_the_docs_is_the_real_one():
    text = Path("docs/architecture.md").read_text(encoding="utf-8")
    assert build_graph(Planloom(Config())).get_graph().draw_mermaid().strip() in text
