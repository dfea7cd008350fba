"""Documents and facts as tools of a plan, and facts as what an intake recalls, through the whole product."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.documents import files

from planloom import Config, Plan, Planloom, Step
from planloom.memory.facts import NewFact


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))


async def test_a_plan_indexes_searches_answers_and_reads(config: Config, tmp_path: Path) -> None:
    folder = files.everything(tmp_path / "files")
    steps = (
        Step(id="index", action="documents.index", parameters={"paths": [str(folder)]}),
        Step(
            id="found",
            action="documents.search",
            parameters={"question": "captain of the ferry", "limit": 3},
            dependencies=("index",),
        ),
        Step(
            id="said", action="documents.answer", parameters={"question": "mooring in winter"}, dependencies=("index",)
        ),
        Step(id="text", action="documents.read", parameters={"path": str(folder / "manual.pdf"), "max_chars": 40}),
    )
    async with Planloom(config) as loom:
        result = await loom.run(plan=Plan(goal="look up", steps=steps, answer="${found.results[0].place}"))
    assert result.status == "done", result.to_dict()
    assert result.answer == "sheet People, row 2"
    assert result.steps["index"].value["files"] == 9
    said = result.steps["said"].value
    assert said["written_by"] == "passages"
    assert "9 euros in winter" in said["answer"]
    assert said["citations"][0]["path"].endswith("rules.md")
    assert result.steps["text"].value["parts"] == [{"place": "page 1", "text": "Before you start, check the oil."}]
    assert result.steps["text"].value["whole"] is False


async def test_without_an_index_the_step_says_what_to_do(config: Config) -> None:
    steps = (Step(id="found", action="documents.search", parameters={"question": "anything"}),)
    async with Planloom(config) as loom:
        result = await loom.run(plan=Plan(goal="look up", steps=steps))
    assert result.status == "failed"
    assert "planloom index FOLDER" in (result.steps["found"].error or "")


async def test_facts_are_remembered_by_a_plan_and_recalled_for_a_goal(config: Config) -> None:
    steps = (
        Step(
            id="keep",
            action="memory.remember",
            parameters={"facts": ["Prefers charts in dark blue", "Has two dogs"], "category": "taste"},
        ),
        Step(id="told", action="memory.recall", parameters={"query": "colour of charts"}, dependencies=("keep",)),
    )
    async with Planloom(config) as loom:
        assert await loom.knowledge.recall("charts") == []
        result = await loom.run(plan=Plan(goal="remember", steps=steps, answer="${told[0].text}"))
        assert (result.status, result.answer) == ("done", "Prefers charts in dark blue")
        assert [fact.text for fact in await loom.knowledge.recall("draw me charts of sales")] == [
            "Prefers charts in dark blue"
        ]
        facts = await loom.knowledge.facts()
        await facts.add("someone else", [NewFact(text="Prefers charts in pink")])
        assert len(await loom.knowledge.recall("draw me charts of sales")) == 1
