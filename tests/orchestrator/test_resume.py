"""A run that another process takes up again; `benchmarks.crash` and its small version kill the processes for real."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from scripted import serving
from starlette.responses import Response

from planloom import Planloom
from planloom.agents.tool import ToolContext, tool
from planloom.config import Config, Execution, Models
from planloom.errors import BusyError, TransientError, UsageError
from planloom.events import ApprovalAsked, Event
from planloom.memory.inbox import Inbox
from planloom.orchestrator.planning.plan import Plan, Step


class World:
    """What tools did, over all processes of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[str] = []
        self.events: list[Event] = []

    def loom(self, *, models: Models | None = None, **execution: Any) -> Planloom:
        config = Config(
            models=models or Models(),
            workspace=str(self.folder),
            state=str(self.folder / "state"),
            out=str(self.folder / "out"),
            execution=Execution(backoff_base_s=0.001, **execution),
        )
        return Planloom(config, tools=self.tools())

    def tools(self) -> list[Any]:
        @tool(effect="read", name="w.read")
        async def read(name: str, after: Any = None) -> str:
            self.calls.append(name)
            return f"{name} was read"

        @tool(effect="read", name="w.guess")
        async def guess(name: str) -> int:
            self.calls.append(name)
            return self.calls.count(name)

        @tool(effect="read", name="w.fail")
        async def fail(name: str) -> str:
            self.calls.append(name)
            raise ValueError(f"no {name}")

        @tool(effect="write", name="w.send")
        async def send(name: str, text: Any = None) -> str:
            self.calls.append(name)
            return f"{name} was sent"

        @tool(effect="write", name="w.pay", idempotent=True)
        async def pay(name: str, context: ToolContext) -> str:
            self.calls.append(f"{name} {context.idempotency_key.partition('/')[2]}")
            return "paid"

        @tool(effect="write", name="w.lose")
        async def lose(name: str) -> str:
            self.calls.append(name)
            raise TransientError("the line went dead", outcome_unknown=True)

        return [read, guess, fail, send, pay, lose]

    def heard(self, event: Event) -> None:
        self.events.append(event)


def step(name: str, action: str = "w.read", *after: str, **more: Any) -> Step:
    return Step(id=name, action=action, parameters={"name": name}, dependencies=after, **more)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


PLAN = Plan(
    goal="test",
    steps=(step("a"), step("b", "w.guess", "a", expects=("result >= 2",)), step("c", "w.send", "b")),
    answer="c: ${c}",
)


async def test_run_that_is_done_gives_its_result_again_without_any_call(world: World) -> None:
    async with world.loom() as loom:
        first = await loom.run(plan=PLAN)
    async with world.loom() as loom:
        again = await loom.resume(first.run_id)
    assert again.status == "done" and again.answer == first.answer == "c: c was sent"
    assert again.steps["b"].value == 2 and again.steps["b"].verified == "pass"
    assert world.calls == ["a", "b", "b", "c"]


async def test_unknown_run_is_refused(world: World) -> None:
    async with world.loom() as loom:
        with pytest.raises(UsageError, match="planloom runs"):
            await loom.resume("nothing")


async def test_failed_run_tries_again_only_what_failed(world: World) -> None:
    plan = Plan(goal="test", steps=(step("a"), step("f", "w.fail", "a"), step("z", "w.read", "f")))
    async with world.loom() as loom:
        first = await loom.run(plan=plan)
    assert first.status == "failed"
    async with world.loom() as loom:
        again = await loom.resume(first.run_id)
    assert again.status == "failed" and again.steps["z"].status == "skipped"
    assert world.calls == ["a", "f", "f"]


async def test_open_approvals_are_answered_in_any_order_by_a_later_process(world: World) -> None:
    steps = (
        step("x", "w.send", approval=True),
        step("y", "w.send", approval=True),
        step("free"),
        step("after", "w.read", "free"),
    )
    async with world.loom() as loom:
        first = await loom.run(plan=Plan(goal="test", steps=steps))
    assert first.status == "needs_approval" and world.calls == ["free", "after"]
    async with world.loom() as loom:
        assert set(loom.open_approvals(first.run_id)) == {"x", "y"}
        await loom.approve(first.run_id, "y", granted=True)
        with pytest.raises(UsageError, match="open are: x"):
            await loom.approve(first.run_id, "y", granted=False)
    async with world.loom() as loom:
        second = await loom.resume(first.run_id)
        assert second.status == "needs_approval" and world.calls == ["free", "after", "y"]
        await loom.approve(first.run_id, "x", granted=False, note="not today")
    async with world.loom() as loom:
        third = await loom.resume(first.run_id)
    assert third.status == "failed" and "not today" in str(third.steps["x"].error)
    assert world.calls == ["free", "after", "y"]


async def test_changed_argument_of_an_approval_holds_in_a_later_process(world: World) -> None:
    async with world.loom() as loom:
        first = await loom.run(plan=Plan(goal="test", steps=(step("x", "w.send", approval=True),)))
        await loom.approve(first.run_id, "x", granted=True, changes={"name": "other"})
    async with world.loom() as loom:
        second = await loom.resume(first.run_id)
    assert second.status == "done" and world.calls == ["other"]


async def test_cancel_of_a_waiting_run_is_kept_by_a_later_process(world: World) -> None:
    async with world.loom() as loom:
        first = await loom.run(plan=Plan(goal="test", steps=(step("a"), step("x", "w.send", "a", approval=True))))
    async with world.loom() as loom:
        await loom.cancel(first.run_id, reason="enough")
    async with world.loom() as loom:
        second = await loom.resume(first.run_id)
        assert second.status == "cancelled" and second.reason == "enough"
        assert second.steps["a"].status == "ok"
        with pytest.raises(UsageError, match="is over"):
            await loom.cancel(first.run_id)
        with pytest.raises(UsageError, match="cancelled"):
            await loom.resume(first.run_id, from_step="a")
    assert world.calls == ["a"]


async def test_from_a_step_runs_it_and_what_depends_on_it_and_writes_ask_first(world: World) -> None:
    steps = (step("a"), step("b", "w.read", "a"), step("side"), step("w", "w.send", "b"))
    async with world.loom() as loom:
        first = await loom.run(plan=Plan(goal="test", steps=steps))
    world.calls.clear()
    asked: list[str] = []

    async def grant(question: ApprovalAsked) -> bool:
        asked.append(question.step)
        return True

    async with world.loom() as loom:
        with pytest.raises(UsageError, match="expected a step"):
            await loom.resume(first.run_id, from_step="nope")
        again = await loom.resume(first.run_id, from_step="b", approve=grant)
    assert again.status == "done" and sorted(world.calls) == ["b", "w"] and asked == ["w"]


async def test_write_in_doubt_is_asked_about_and_never_repeated_blindly(world: World) -> None:
    async with world.loom() as loom:
        first = await loom.run(plan=Plan(goal="test", steps=(step("l", "w.lose"), step("z", "w.read", "l"))))
        assert first.status == "needs_approval"
    async with world.loom() as loom:
        assert loom.open_approvals(first.run_id)["l"].kind == "in_doubt"
        await loom.approve(first.run_id, "l", granted=True)
        second = await loom.resume(first.run_id)
    assert second.status == "done" and world.calls == ["l", "z"]


async def test_plan_waits_for_approval_and_a_later_process_runs_it(world: World) -> None:
    async with world.loom(plan_approval=True) as loom:
        first = await loom.run(plan=PLAN)
        assert first.status == "needs_approval" and world.calls == []
        assert "3 steps (1 of them write" in loom.open_approvals(first.run_id)["plan"].question
        await loom.approve(first.run_id, "plan", granted=True)
    async with world.loom(plan_approval=True) as loom:
        second = await loom.resume(first.run_id)
    assert second.status == "done" and world.calls == ["a", "b", "b", "c"]


async def test_planner_that_was_cut_off_goes_on_behind_the_steps_that_stand(world: World) -> None:
    lines = [f'{{"id": "{n}", "action": "w.read", "parameters": {{"name": "{n}"}}}}\n' for n in "abc"]
    is_cut = True

    def script(body: dict[str, Any]) -> Any:
        if is_cut:
            return Response("busy", status_code=401) if len(told) > 1 else [*lines[:2], None]
        return [lines[2]]

    with serving(script) as server:
        told = server.requests
        settings = Models(base_url=server.url, model="scripted", max_attempts=1)
        async with world.loom(models=settings) as loom:
            first = await loom.run("a goal that only a model can plan")
            assert first.status == "failed" and sorted(world.calls) == ["a", "b"]
        is_cut, before = False, len(told)
        async with world.loom(models=settings) as loom:
            second = await loom.resume(first.run_id)
    assert second.status == "done" and list(second.steps) == ["a", "b", "c"]
    assert sorted(world.calls) == ["a", "b", "c"]
    planning = told[before]["messages"]
    assert [m["role"] for m in planning[-2:]] == ["assistant", "user"] and '"id": "b"' in planning[-2]["content"]


async def test_refused_plan_runs_nothing(world: World) -> None:
    async def refuse(question: ApprovalAsked) -> bool:
        return False

    async with world.loom(plan_approval=True) as loom:
        result = await loom.run(plan=PLAN, approve=refuse)
    assert result.status == "failed" and "refused" in result.reason and world.calls == []


async def test_answers_and_cancels_reach_a_run_of_another_process(world: World) -> None:
    steps = (step("x", "w.send", approval=True), step("y", "w.send", approval=True))
    async with world.loom() as loom, world.loom() as other:
        run = asyncio.create_task(loom.run(plan=Plan(goal="test", steps=steps), waits=True, on_event=world.heard))
        async with asyncio.timeout(10):
            while sum(isinstance(e.payload, ApprovalAsked) for e in world.events) < 2:
                await asyncio.sleep(0)
        run_id = world.events[0].run_id
        with pytest.raises(BusyError, match="process"):
            await other.resume(run_id)
        with pytest.raises(UsageError, match="open are"):
            await other.approve(run_id, "z", granted=True)
        await other.approve(run_id, "x", granted=True)
        await other.cancel(run_id, "y", reason="not this one")
        async with asyncio.timeout(10):
            result = await run
    assert world.calls == ["x"] and result.steps["x"].status == "ok"
    assert result.steps["y"].status == "cancelled" and "not this one" in str(result.steps["y"].error)


async def test_order_left_for_a_process_that_died_counts_for_the_next(world: World) -> None:
    async with world.loom() as loom:
        first = await loom.run(plan=Plan(goal="test", steps=(step("x", "w.send", approval=True),)))
        session = loom.sessions.path(first.session_id)
    Inbox(session).post({"do": "cancel", "run": first.run_id, "step": None, "reason": "late"})
    async with world.loom() as loom:
        second = await loom.resume(first.run_id, approve=_grant)
    assert second.status == "cancelled" and world.calls == []


async def test_answer_left_for_a_process_that_died_counts_for_the_next(world: World) -> None:
    async with world.loom() as loom:
        first = await loom.run(plan=Plan(goal="test", steps=(step("x", "w.send", approval=True),)))
        inbox = Inbox(loom.sessions.path(first.session_id))
    order = {"do": "approve", "run": first.run_id, "step": "x", "granted": True, "note": "", "changes": {}}
    inbox.post(order)
    inbox.post({**order, "step": "unheard of"})
    async with world.loom() as loom:
        second = await loom.resume(first.run_id)
    assert second.status == "done" and world.calls == ["x"]
    assert list(inbox.orders()) == []


async def _grant(asked: ApprovalAsked) -> bool:
    return True
