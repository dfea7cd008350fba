"""`planloom playbooks` with plans that were kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from planloom.agents.registry import Registry
from planloom.orchestrator.planning.cached.cache import PlanCache, Ran
from planloom.orchestrator.planning.plan import Plan, Step

GOAL = "List 5 files in ./src"


@pytest.fixture
def name(place: Any) -> str:
    steps = (Step(id="a", action="files.list", parameters={"path": "./src", "limit": 5}),)
    cache = PlanCache(folder=Path(place.folder) / ".planloom" / "plans", registry=Registry(), size=10)
    done = {"a": ("ok", "pass")}
    plan = Plan(goal=GOAL, steps=steps)
    run = Ran(goal=GOAL, inputs={}, plan=plan, source="model", status="done", steps=done, is_standalone=True)
    return asyncio.run(cache.learn(run)).kept


def test_kept_plans_are_listed_in_a_section_of_their_own(place, name):
    told = place.run("playbooks").stdout
    own, _, kept = told.partition("Kept plans")
    assert "folder-report" in own and name not in own
    assert name in kept and GOAL in kept
    data = {one["name"]: one for one in json.loads(place.run("playbooks", "--json").stdout)}
    assert data[name]["kept"] is True and "kept" not in data["folder-report"]


def test_kept_plan_is_shown_and_run(place, name):
    assert "files.list" in place.run("playbooks", "show", name).stdout
    (place.folder / "lib").mkdir()
    (place.folder / "lib" / "x.py").write_text("pass\n")
    done = place.run("run", "list 3 files in ./lib")
    assert done.returncode == 0, done.stderr
    assert "planned from a kept plan" in done.stdout + done.stderr


def test_kept_plans_are_forgotten(place, name):
    assert place.run("playbooks", "forget", "list-5-filez").returncode == 2
    assert "did you mean" in place.run("playbooks", "forget", name[:-1]).stderr
    assert place.run("playbooks", "forget").returncode == 2
    done = place.run("playbooks", "forget", name)
    assert (done.returncode, done.stdout) == (0, "forgot 1 kept plan\n")
    assert "Kept plans" not in place.run("playbooks").stdout
    assert place.run("playbooks", "forget", "--all").stdout == "forgot 0 kept plans\n"
