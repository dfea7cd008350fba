"""Goals that need no plan, and goals that go on from the session, through the whole product over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.orchestrator.scripted import Body, Scripted, asked, lines, serving

from planloom import Config, Plan, Planloom, Step, tool
from planloom.config import Models
from planloom.errors import UsageError

STEP = '{"id": "a", "action": "t.give", "parameters": {"text": "x"}}\n{"answer": "Given: ${a}"}'


@tool(effect="read", name="t.give")
def give(text: str) -> str:
    """Gives a text."""
    return text


def brain(body: Body) -> str:
    if "You are the writer" in body["messages"][0]["content"]:
        drafts = [line["data"] for line in lines(asked(body)) if "draft" in line]
        return f"From the draft: {' '.join(' '.join(drafts).split())}"
    return STEP


@pytest.fixture(scope="module")
def provider() -> Iterator[Scripted]:
    with serving(brain) as server:
        yield server


@pytest.fixture
def plain(tmp_path: Path) -> Config:
    return Config(workspace=str(tmp_path), state=str(tmp_path / "state"), out=str(tmp_path / "out"))


@pytest.fixture
def config(plain: Config, provider: Scripted) -> Config:
    provider.requests.clear()
    return plain.model_copy(update={"models": Models(base_url=provider.url, model="scripted")})


def intakes(seen: list[Any]) -> list[Any]:
    return [event.payload for event in seen if event.type == "intake.done"]


async def test_a_greeting_is_answered_without_a_plan_or_a_model(config: Config, provider: Scripted) -> None:
    seen: list[Any] = []
    async with Planloom(config) as loom:
        result = await loom.run("Hallo!", on_event=seen.append)
    assert (result.status, result.plan_source, dict(result.steps)) == ("done", "greeting", {})
    assert result.answer.startswith("Hallo. Nenne mir ein Ziel")
    assert provider.requests == []
    assert [found.kind for found in intakes(seen)] == ["greeting"]


async def test_a_question_about_the_session_is_answered_from_it_without_a_model(plain: Config) -> None:
    async with Planloom(plain, tools=[give]) as loom:
        plan = Plan(goal="give ten", steps=(Step(id="a", action="t.give", parameters={"text": "${inputs.n}"}),))
        for n in ("ten", "${a}"):
            await loom.run(
                plan=Plan(goal=plan.goal, steps=plan.steps, answer="It is ${a}"), inputs={"n": n}, session_id="s1"
            )
        result = await loom.run("What did I ask so far?", session_id="s1")
        other = await loom.run("Hello", session_id="s2")
    assert result.answer == "1. **give ten**\n   It is ten\n2. **give ten**\n   It is ${a}"
    assert (result.status, result.plan_source) == ("done", "session")
    assert "give ten" not in other.answer


async def test_a_question_about_the_session_is_one_call_of_the_writer(config: Config, provider: Scripted) -> None:
    async with Planloom(config, tools=[give]) as loom:
        await loom.run("Give x to me", session_id="s1")
        provider.requests.clear()
        result = await loom.run("What was my last goal?", session_id="s1")
    assert len(provider.requests) == 1
    assert result.answer.startswith("From the draft: 1. **Give x to me**")


async def test_a_goal_that_goes_on_is_planned_with_what_was_said(config: Config, provider: Scripted) -> None:
    seen: list[Any] = []
    async with Planloom(config, tools=[give]) as loom:
        await loom.run("Give x to me", session_id="s1")
        provider.requests.clear()
        await loom.run("and now as a table", session_id="s1", on_event=seen.append)
        first = asked(provider.requests[0])
        provider.requests.clear()
        await loom.run("Give y to me", session_id="s1")
    (earlier,) = [line["earlier"] for line in lines(first)]
    assert [m["by"] for m in earlier] == ["user", "assistant"]
    assert earlier[0]["said"] == "Give x to me"
    (found,) = intakes(seen)
    assert (found.kind, found.language, found.earlier, found.failed) == ("follow_up", "en", 2, {})
    assert found.tools > 5
    assert "earlier" not in asked(provider.requests[0]), "a goal of its own costs no tokens for the session"


async def test_a_plan_that_hangs_on_the_session_is_not_kept_for_another(config: Config, provider: Scripted) -> None:
    for session in ("s1", "s2"):
        async with Planloom(config, tools=[give]) as loom:
            await loom.run("Give x to me", session_id=session)
            provider.requests.clear()
            result = await loom.run("and now as a table", session_id=session)
            assert result.plan_source == "model"


@dataclass(frozen=True)
class Fact:
    text: str
    id: str = "f1"


async def test_facts_reach_the_planner_and_a_broken_memory_stops_nothing(config: Config, provider: Scripted) -> None:
    async def recall(text: str) -> Sequence[Fact]:
        if "first" in text:
            return [Fact("prefers metric units")]
        raise OSError("the index is gone")

    seen: list[Any] = []
    async with Planloom(config, tools=[give]) as loom:
        loom.stages.proposals.reception.recall = recall
        await loom.run("Give the first x to me")
        first = asked(provider.requests[0])
        result = await loom.run("Give the second x to me", on_event=seen.append)
    assert {"facts": ["prefers metric units"]} in lines(first)
    assert result.status == "done"
    assert intakes(seen)[0].failed == {"recall": "the index is gone"}


async def test_a_typical_goal_takes_two_calls(config: Config, provider: Scripted) -> None:
    async with Planloom(config, tools=[give]) as loom:
        result = await loom.run("Give x to me")
    assert result.cost["model_calls"] == len(provider.requests) == 2
    assert json.dumps(provider.requests[0]).count("The goal is in English") == 1


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (Models(), ("OPENAI_API_KEY", "OPENAI_BASE_URL", "PLANLOOM_MODELS__MODEL", "planloom doctor")),
        (Models(base_url="http://127.0.0.1:9/v1"), ("no model", "PLANLOOM_MODELS__MODEL", "planloom doctor")),
    ],
)
async def test_without_a_model_a_goal_that_no_playbook_fits_says_exactly_what_to_set(
    plain: Config, models: Models, told: tuple[str, ...]
) -> None:
    async with Planloom(plain.model_copy(update={"models": models})) as loom:
        with pytest.raises(UsageError) as caught:
            await loom.run("Which birds live near the harbour?")
        with pytest.raises(UsageError) as named:
            await loom.run("x", playbook="no-such")
    assert all(text in str(caught.value) for text in told)
    assert "folder-report" in str(caught.value)
    assert "OPENAI" not in str(named.value)
