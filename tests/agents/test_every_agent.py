"""The agents that have to be there: each is declared, its tools exist, and a test reaches a goal with it."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest

from planloom import Config, Planloom
from planloom.agents.registry import BUILT_IN, Registry
from planloom.agents.roster import Roster
from planloom.config import Models
from planloom.orchestrator.planning.modelled.preselect import select

ROOT = Path(__file__).parent.parent.parent
REQUIRED = {  # the group of tools that each can't do without, and a goal of its own
    "files": ("files.", "Which files in ./invoices were changed last, and what do they say?"),
    "documents": ("documents.", "What do my documents say about notice periods?"),
    "tables": ("tables.", "Sum the column amount of sales.csv by month"),
    "sql": ("sql.", "How many customers are in the database shop.sqlite?"),
    "charts": ("charts.", "Draw a bar chart of these figures"),
    "reports": ("reports.", "Write a report with a table and save it as PDF and HTML"),
    "slides": ("slides.", "Make a presentation of five slides about the harbour"),
    "spreadsheets": ("spreadsheets.", "Save this as an Excel spreadsheet with formatted columns"),
    "web": ("web.", "Read the page https://example.org/tides and list its links"),
    "feeds": ("feeds.", "What is new in the RSS feed of the harbour news?"),
    "mail-reader": ("mail.", "Find the mail from Ada about the invoice and save its attachment"),
    "mail-sender": ("mail.", "Send Ada a mail that the meeting is moved"),
    "calendar": ("calendars.", "Put the meeting with Ada into my calendar"),
    "contacts": ("contacts.", "What is the phone number of Ada in my contacts?"),
    "git": ("git.", "Who made the most commits in this git repository?"),
    "code": ("code.", "Run some Python code that simulates a thousand dice"),
    "maths": ("maths.", "Convert 12 miles into kilometres and calculate the square root"),
    "dates": ("dates.", "How many working days are there between these two dates?"),
    "stocks": ("stocks.", "Compare the price of the ACME stock with its moving average"),
    "notes": ("notes.", "Add buying bread to my to-do list"),
    "memory": ("memory.", "Remember that I prefer trains, and what do you know about me?"),
    "writer": ("model.", "Translate letter.txt into French and summarise it"),
    "speaker": ("speech.", "Read this text aloud into a sound file with a speaking voice"),
    "notifier": ("notify.", "Notify me on the desktop when it is done"),
    "archives": ("archives.", "Unpack the archive photos.zip"),
    "images": ("images.", "Resize the image harbour.png and convert it to JPEG"),
    "pdf": ("pdf.", "Merge these PDF files and extract page 3"),
    "process": ("process.", "Run the command make test and tell what came of it"),
}


@cache
def tools() -> dict[str, str]:
    """The effect of every built-in tool, by its name."""
    return {tool.name: tool.effect for tool in Registry()}


@cache
def named_in_tests() -> frozenset[str]:
    """Every text that stands in the tests of agents through the whole engine."""
    found: set[str] = set()
    for path in (ROOT / "tests" / "orchestrator").glob("test_agents_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value.removeprefix("agent:"))
    return frozenset(found)


@pytest.mark.parametrize("name", REQUIRED)
def test_required_agent_is_there_with_its_tools_and_a_test(name: str) -> None:
    group, _ = REQUIRED[name]
    agent = Roster().find(name)
    assert agent is not None, f"prompts/agents/{name}.md is missing"
    usable = {tool for tool, effect in tools().items() if agent.may_use(tool, effect)}
    assert any(tool.startswith(group) for tool in usable), f"{name} can use no tool of {group}*"
    assert name in named_in_tests(), f"no test in tests/orchestrator/test_agents_*.py reaches a goal with {name}"


@pytest.mark.parametrize("name", [agent.name for agent in Roster()])
def test_no_agent_names_tools_that_are_not_there(name: str) -> None:
    agent = Roster().find(name)
    assert agent is not None
    ours = [pattern for pattern in agent.tools if pattern.partition(".")[0] in BUILT_IN]  # servers are not started here
    useless = [
        one for one in ours if not any(agent.may_use(*tool) and fnmatchcase(tool[0], one) for tool in tools().items())
    ]
    assert useless == []


async def test_planner_is_shown_each_agent_for_a_goal_of_its_own(tmp_path: Path) -> None:
    config = Config(state=str(tmp_path), models=Models(base_url="http://127.0.0.1:9/v1", model="none"))
    async with Planloom(config) as loom:
        known = list(loom.registry)
        shown = {name: {tool.name for tool in select(goal, known)} for name, (_, goal) in REQUIRED.items()}
    missed = {
        name: goal
        for name, (group, goal) in REQUIRED.items()
        if f"agent:{name}" not in shown[name] or not any(tool.startswith(group) for tool in shown[name])
    }
    assert missed == {}
    assert len(shown["code"]) < len(known)  # it is a choice
