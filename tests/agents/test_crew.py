"""Agents are made late, once, and let go when others are used more."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from planloom.agents.loop.crew import Crew
from planloom.agents.loop.wire import wire_names
from planloom.agents.registry import Registry
from planloom.agents.roster import Agent, Roster
from planloom.agents.tool import Tool, ToolContext, tool
from planloom.agents.workspace import Workspace
from planloom.config import Models as Settings
from planloom.errors import ToolError
from planloom.models.client import Models


@tool(effect="read", name="look.around")
def look(place: str) -> str:
    """Looks around."""
    return place


@tool(effect="write", name="look.away")
def away(place: str) -> str:
    """Looks away."""
    return place


def crew(folder: Path, count: int = 1, *, size: int = 20, model: bool = True, lazy: bool = True) -> Crew:
    roster = Roster(built_in=folder)
    for number in range(count):
        roster.add(Agent(name=f"a{number}", purpose="Helps.", prompt="Help.", tools=("look.*",)))
    models = Models(Settings(base_url="http://127.0.0.1:9/v1", model="m")) if model else None
    return Crew(roster, lambda patterns: [look, away], models, size=size, lazy=lazy)


async def test_a_thousand_first_uses_at_the_same_time_make_an_agent_once(tmp_path):
    made = crew(tmp_path)
    agent = made.roster.find("a0")
    assert agent is not None
    found = await asyncio.gather(*(made.made(agent) for _ in range(1_000)))
    assert made.counts["made"] == 1 and made.counts["ready"] == 999
    assert all(one is found[0] for one in found)
    assert set(found[0].tools) == {"look_around"}  # the other one writes, which this agent may not


async def test_agents_unused_for_longest_are_let_go(tmp_path):
    made = crew(tmp_path, 3, size=2)
    agents = [made.roster.find(f"a{number}") for number in range(3)]
    for index in (0, 1, 0, 2, 0, 1):
        await made.made(agents[index])  # type: ignore[arg-type]
    assert (made.counts["made"], made.counts["ready"], made.counts["let_go"]) == (4, 2, 2)


async def test_failure_to_make_one_is_told_to_all_who_wait_and_tried_again(tmp_path):
    made = crew(tmp_path, model=False)
    agent = made.roster.find("a0")
    assert agent is not None
    told = await asyncio.gather(*(made.made(agent) for _ in range(10)), return_exceptions=True)
    assert all(isinstance(one, ToolError) and "models.base_url" in str(one) for one in told)
    with pytest.raises(ToolError):
        await made.made(agent)
    assert made.counts["made"] == 0


async def test_changed_agent_is_made_anew(tmp_path):
    made = crew(tmp_path)
    first = await made.made(made.roster.find("a0"))  # type: ignore[arg-type]
    made.roster.add(Agent(name="a0", purpose="Helps.", prompt="Help better.", tools=("look.*",)))
    second = await made.made(made.roster.find("a0"))  # type: ignore[arg-type]
    assert second is not first and second.agent.prompt == "Help better."


def test_agents_are_actions_of_the_registry_without_being_made(tmp_path):
    registry, made = Registry(), crew(tmp_path)
    registry.join(made)
    found = registry.find("agent:a0")
    assert isinstance(found, Tool) and found.effect == "read"
    assert registry.find("agent:a0") is found
    assert "agent:a0" in registry.names() and registry.source("agent:a0") == "code"
    assert found.input_schema["required"] == ["task"]
    assert registry.find("agent:nobody") is None
    assert sum(made.counts.values()) == 0


async def test_agent_works_in_runs_only(tmp_path):
    found = crew(tmp_path).find("agent:a0")
    assert found is not None
    with pytest.raises(ToolError, match="put it into a plan"):
        await found.function("do it", context=ToolContext(workspace=Workspace(tmp_path, tmp_path)))
    with pytest.raises(ToolError, match="a task in words"):
        await found.function("  ", context=ToolContext(workspace=Workspace(tmp_path, tmp_path)))


def test_names_for_the_model_are_plain_and_all_different():
    names = ["files.read", "files_read", "x" * 100 + ".a", "x" * 100 + ".b", "größe.maß"]
    made = wire_names(names)
    assert len(set(made.values())) == len(names)
    assert all(len(name) <= 64 and name.replace("_", "a").replace("-", "a").isalnum() for name in made.values())
    assert all(name.isascii() for name in made.values())


def test_langchain_is_not_imported_before_an_agent_works():
    code = "import sys, planloom.orchestrator.runtime; assert not any(m.startswith('langchain') for m in sys.modules)"
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("lazy", "count"), [(True, 1), (False, 3)])
async def test_agents_of_a_plan_are_made_ahead_and_all_of_them_when_that_is_wanted(tmp_path, lazy, count):
    made = crew(tmp_path, 3, lazy=lazy)
    await made.prepare(["agent:a1", "files.read", "agent:nobody"])
    while made.counts["made"] < count:
        await asyncio.sleep(0)
    await made.close()
    assert made.counts["made"] == count
