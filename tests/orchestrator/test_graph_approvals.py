"""The graph inside another program, with LangGraph's own checkpointer, interrupts and `Command(resume=...)`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command

from planloom import Planloom, build_graph
from planloom.agents.tool import tool
from planloom.config import Config
from planloom.orchestrator.planning.files import parse

PLAN: dict[str, Any] = {
    "goal": "g",
    "steps": [
        {"id": "free", "action": "t.give", "parameters": {"value": 1}},
        {"id": "after", "action": "t.give", "parameters": {"value": "${free}"}},
        {"id": "x", "action": "t.send", "parameters": {"value": "x"}, "approval": True},
        {"id": "y", "action": "t.send", "parameters": {"value": "y"}, "approval": True},
        {"id": "z", "action": "t.send", "parameters": {"value": "${y}"}, "approval": True},
    ],
    "answer": "${x} ${z}",
}


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent: list[Any] = []
        self.given: list[Any] = []

    def loom(self, **more: Any) -> Planloom:
        @tool(effect="read", name="t.give")
        async def give(value: Any) -> Any:
            self.given.append(value)
            return value

        @tool(effect="write", name="t.send")
        async def send(value: Any) -> Any:
            self.sent.append(value)
            return value

        folders = {name: str(self.folder / name) for name in ("state", "out")}
        return Planloom(Config(workspace=str(self.folder), **folders), tools=[give, send], **more)

    def saver(self) -> Any:
        return AsyncSqliteSaver.from_conn_string(str(self.folder / "graph.sqlite"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def questions(state: Any) -> dict[str, str]:
    [found] = state["__interrupt__"]
    return {question["step"]: question["id"] for question in found.value["approvals"]}


async def test_one_interrupt_asks_all_and_each_answer_may_come_to_another_process(world: World) -> None:
    thread: Any = {"configurable": {"thread_id": "t1"}}
    async with world.saver() as saver, world.loom() as loom:
        state = await build_graph(loom, checkpointer=saver).ainvoke({"plan": PLAN}, thread, durability="sync")
        first = questions(state)
    assert set(first) == {"x", "y"} and world.given == [1, 1] and world.sent == []
    async with world.saver() as saver, world.loom() as loom:
        graph = build_graph(loom, checkpointer=saver)
        state = await graph.ainvoke(Command(resume={first["y"]: True}), thread, durability="sync")
        second = questions(state)
    assert set(second) == {"x", "z"} and world.sent == ["y"]
    async with world.saver() as saver, world.loom() as loom:
        graph = build_graph(loom, checkpointer=saver)
        answers = {second["z"]: {"granted": True, "note": "fine"}, second["x"]: True}
        state = await graph.ainvoke(Command(resume=answers), thread, durability="sync")
    assert state["status"] == "done" and state["answer"] == "x y"
    assert sorted(world.sent) == ["x", "y", "y"] and world.given == [1, 1]


async def test_refusal_fails_that_step_alone(world: World) -> None:
    thread: Any = {"configurable": {"thread_id": "t2"}}
    async with world.saver() as saver, world.loom() as loom:
        graph = build_graph(loom, checkpointer=saver)
        first = questions(await graph.ainvoke({"plan": PLAN}, thread, durability="sync"))
        state = await graph.ainvoke(Command(resume={first["x"]: True, first["y"]: False}), thread, durability="sync")
    assert state["status"] == "failed" and world.sent == ["x"]
    assert state["steps"] == {"free": "ok", "after": "ok", "x": "ok", "y": "failed", "z": "skipped"}


async def test_checkpoints_of_a_run_are_deleted_when_it_has_ended(world: World) -> None:
    async with world.saver() as saver:
        await saver.setup()
        kept: list[int] = []

        class Counting(type(saver)):  # type: ignore[misc]
            async def aput(self, *args: Any, **more: Any) -> Any:
                kept.append(1)
                return await super().aput(*args, **more)

        counting = Counting(saver.conn)
        async with world.loom(checkpointer=counting) as loom:
            result = await loom.run(plan=parse({"goal": "g", "steps": PLAN["steps"][:1]}))
        left = [item async for item in saver.alist(None)]
    assert result.status == "done" and kept and left == []


async def test_graph_without_checkpointer_ends_and_the_run_goes_on_later(world: World) -> None:
    async with world.loom() as loom:
        state = await build_graph(loom).ainvoke({"plan": PLAN})
        assert state["status"] == "needs_approval"
        await loom.approve(state["run_id"], "x", granted=True)
        result = await loom.resume(state["run_id"])
    assert result.status == "needs_approval" and world.sent == ["x"]
