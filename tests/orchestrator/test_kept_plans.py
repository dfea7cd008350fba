"""Kept plans through the whole product, over real HTTP: what the planner is asked, and what people see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.orchestrator.scripted import Body, serving
from typing_extensions import TypedDict

from planloom import Config, Planloom, Result, tool
from planloom.agents.tool import ToolContext
from planloom.config import Features, Limits, Models, Verification
from planloom.events import ApprovalAsked
from planloom.orchestrator.planning import cached


@dataclass(frozen=True)
class Remembered:
    text: str
    id: str = "f1"


class Lines(TypedDict):
    lines: list[str]
    total: int


@tool(effect="read", name="k.lines")
def lines_of(context: ToolContext, path: str, limit: int = 10) -> Lines:
    """Reads lines of a text file."""
    found = context.workspace.readable(path).read_text().splitlines()[:limit]
    return {"lines": found, "total": len(found)}


@tool(effect="write", name="k.post", destructive=True)
def post(text: str) -> str:
    """Posts a text."""
    return text


PLAN = (
    '{"id": "a", "action": "k.lines", "parameters": {"path": "PATH", "limit": LIMIT}}\n'
    '{"answer": "The first lines: ${a.lines}"}'
)
GOAL = "Show the first 2 lines of ./a.txt"


class Brains:
    """Answers as planner and writer, and counts the planner's calls. `plan` is written when a plan is asked for."""

    def __init__(self, plan: str) -> None:
        self.plan = plan
        self.planned = 0
        self.verdict = "pass"

    def __call__(self, body: Body) -> str:
        system = str(body["messages"][0]["content"])
        if "You are the planner" in system:
            self.planned += 1
            return self.plan
        if "You are the judge" in system:
            ids = [
                json.loads(line)["id"] for line in str(body["messages"][-1]["content"]).splitlines() if '"id"' in line
            ]
            return json.dumps({"verdicts": [{"id": i, "verdict": self.verdict, "reason": "no good"} for i in ids]})
        return "Written."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "b.txt").write_text("eins\nzwei\ndrei\n")
    return tmp_path


def config(folder: Path, url: str, **features: Any) -> Config:
    return Config(
        workspace=str(folder),
        state=str(folder / "state"),
        out=str(folder / "out"),
        models=Models(base_url=url, model="scripted"),
        limits=Limits(requests_per_minute=0, tokens_per_minute=0),
        features=Features(**features),
    )


async def run(settings: Config, goal: str, **options: Any) -> Result:
    async with Planloom(settings, tools=[lines_of, post]) as loom:
        return await loom.run(goal, **options)


async def test_repeated_goal_costs_no_planner_call_and_gives_the_same(folder):
    brains = Brains(PLAN.replace("PATH", "./a.txt").replace("LIMIT", "2"))
    with serving(brains) as server:
        first = await run(config(folder, server.url), GOAL)
        again = await run(config(folder, server.url), GOAL)
        other = await run(config(folder, server.url), "show the first 3 lines of ./b.txt")
    assert brains.planned == 1
    assert first.plan_source == "model" and again.plan_source.startswith("cache:") and other.status == "done"
    assert again.answer == first.answer
    assert {n: s.value for n, s in again.steps.items()} == {n: s.value for n, s in first.steps.items()}
    assert other.steps["a"].value == {"lines": ["eins", "zwei", "drei"], "total": 3}


async def test_switched_off_every_goal_is_planned_anew(folder):
    brains = Brains(PLAN.replace("PATH", "./a.txt").replace("LIMIT", "2"))
    with serving(brains) as server:
        for _ in range(2):
            assert (await run(config(folder, server.url, plan_cache=False), GOAL)).plan_source == "model"
    assert brains.planned == 2 and not (folder / "state" / "plans").exists()


async def test_kept_plan_needs_no_model(folder):
    with serving(Brains(PLAN.replace("PATH", "./a.txt").replace("LIMIT", "2"))) as server:
        await run(config(folder, server.url), GOAL)
    without = config(folder, "").model_copy(update={"models": Models()})
    result = await run(without, "Show the first 1 lines of ./b.txt")
    assert result.status == "done" and result.answer == 'The first lines: ["eins"]'


async def test_run_that_is_not_verified_keeps_no_plan(folder):
    brains = Brains(PLAN.replace("PATH", "./a.txt").replace("LIMIT", "2"))
    with serving(brains) as server:
        unverified = config(folder, server.url).model_copy(update={"verification": Verification(verify="off")})
        await run(unverified, GOAL)
    assert cached.names(folder / "state" / "plans") == []


async def test_plan_whose_run_the_judge_rejects_is_used_no_more(folder):
    plan = PLAN.replace("PATH", "./a.txt").replace("LIMIT", "2").replace("}}\n", '}, "expects": ["judge: good"]}\n')
    brains = Brains(plan)
    with serving(brains) as server:
        await run(config(folder, server.url), GOAL)
        (name,) = cached.names(folder / "state" / "plans")
        brains.verdict = "fail"
        seen: list[Any] = []
        result = await run(config(folder, server.url), GOAL, on_event=seen.append)
    assert result.plan_source == f"cache:{name}" and result.status == "failed"
    assert cached.names(folder / "state" / "plans") == []
    assert any(e.type == "notice" and name in e.payload.text for e in seen)


async def test_plan_made_with_what_is_known_of_the_person_is_not_kept(folder):
    async def recall(query: str) -> list[Remembered]:
        return [Remembered("means a.txt when asked for the file")]

    brains = Brains(PLAN.replace("PATH", "./a.txt").replace("LIMIT", "2"))
    with serving(brains) as server:
        async with Planloom(config(folder, server.url), tools=[lines_of, post]) as loom:
            loom.stages.proposals.reception.recall = recall
            assert (await loom.run(GOAL)).status == "done"
    assert cached.names(folder / "state" / "plans") == []


async def test_write_of_a_kept_plan_asks_again(folder):
    plan = '{"id": "a", "action": "k.post", "parameters": {"text": "hello"}}\n{"answer": "Posted."}'
    questions: list[ApprovalAsked] = []

    async def granted(question: ApprovalAsked) -> bool:
        questions.append(question)
        return True

    with serving(Brains(plan)) as server:
        first = await run(config(folder, server.url), 'Post "hello"', approve=granted)
        again = await run(config(folder, server.url), 'Post "other"', approve=granted)
        unasked = await run(config(folder, server.url), 'Post "third"')
    assert first.plan_source == "model" and again.plan_source.startswith("cache:")
    assert [question.arguments["text"] for question in questions] == ["hello", "other"]
    assert unasked.status == "needs_approval"
