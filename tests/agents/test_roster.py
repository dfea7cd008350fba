"""Agents in files and plug-ins: found, read when asked for, read again when changed; faults name file and key."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from planloom.agents.plugins import tools_of_plug_in
from planloom.agents.roster import Agent, Roster, loaded
from planloom.agents.roster.prompts import Repository, filled
from planloom.agents.tool import tool
from planloom.errors import ConfigError

WHOLE = """---
name: helper
purpose: Helps with things.
tools: [files.*, text.summary]
effects: write
model: gpt-x
limits: {max_steps: 4, tokens: 0, seconds: 1.5}
returns: {type: object}
---
You are {{ name }}.
"""


def declared(folder: Path, text: str = WHOLE, name: str = "helper") -> Path:
    path = folder / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    return path


def roster(folder: Path, **options: Any) -> Roster:
    return Roster([folder], built_in=folder / "none", **options)


def test_file_says_everything(tmp_path):
    declared(tmp_path)
    agent = roster(tmp_path).find("helper")
    assert agent is not None and agent.action == "agent:helper"
    assert (agent.effects, agent.effect, agent.model) == (("pure", "read", "write"), "write", "gpt-x")
    assert (agent.limits.max_steps, agent.limits.tokens, agent.limits.seconds) == (4, 0, 1.5)
    assert agent.may_use("files.write", "write") and not agent.may_use("text.terms", "pure")


def test_little_is_needed_and_the_rest_is_careful(tmp_path):
    declared(tmp_path, "---\npurpose: Helps.\n---\nHelp.")
    agent = roster(tmp_path).find("helper")
    assert agent is not None and agent.effect == "read" and agent.limits.max_steps == 15
    assert not agent.may_use("files.read", "read")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no front", "two lines of ---"),
        ("---\npurpose: x\n---\n", "a prompt"),
        ("---\n- x\n---\nHelp.", "keys with values"),
        ("---\npurpose: [\n---\nHelp.", "expected YAML"),
        ("---\ntools: [a]\n---\nHelp.", "purpose: expected a text"),
        ("---\npurpose: x\nname: other\n---\nHelp.", "name: expected the file's name 'helper'"),
        ("---\npurpose: x\ntool: [a]\n---\nHelp.", "tool: expected one of name, purpose"),
        ("---\npurpose: x\ntools: {a: 1}\n---\nHelp.", "tools: expected a list of names"),
        ("---\npurpose: x\neffects: [delete]\n---\nHelp.", "effects: expected some of pure"),
        ("---\npurpose: x\nlimits: {max_steps: 0}\n---\nHelp.", "limits.max_steps: expected a number from 1"),
        ("---\npurpose: x\nlimits: {max_steps: true}\n---\nHelp.", "limits.max_steps"),
        ("---\npurpose: x\nlimits: {steps: 3}\n---\nHelp.", "limits.steps: expected one of max_steps"),
        ("---\npurpose: x\nreturns: {type: nothing}\n---\nHelp.", "returns: expected a JSON schema"),
        ("---\npurpose: x\n---\nHelp {{ nobody }}.", "prompt: expected variables among"),
        ("---\npurpose: !!python/name:os.system\n---\nHelp.", "expected YAML"),
    ],
)
def test_fault_names_the_file_and_the_key(tmp_path, text, told):
    path = declared(tmp_path, text)
    known = roster(tmp_path)
    assert known.find("helper") is None
    assert str(path) in known.problems["helper"] and told in known.problems["helper"]


def test_one_faulty_file_does_not_stop_the_others(tmp_path):
    declared(tmp_path)
    declared(tmp_path, "nothing", "broken")
    known = roster(tmp_path)
    assert known.names() == ["broken", "helper"]
    assert [agent.name for agent in known] == ["helper"]
    assert list(known.problems) == ["broken"]


def test_changed_file_is_read_again_and_an_unchanged_one_is_not(tmp_path):
    path = declared(tmp_path)
    known = roster(tmp_path)
    first = known.find("helper")
    assert known.find("helper") is first
    path.write_text(WHOLE.replace("Helps with things", "Helps with other things"))
    os.utime(path, (1, 1))
    second = known.find("helper")
    assert second is not None and second.purpose == "Helps with other things."


def test_own_folders_come_before_the_built_in_ones(tmp_path):
    declared(tmp_path, "---\npurpose: Mine.\n---\nHelp.", "researcher")
    assert Roster().find("researcher").source == "built-in"  # type: ignore[union-attr]
    assert Roster([tmp_path]).find("researcher").purpose == "Mine."  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["../helper", "a/b", "", ".", "HELPER", "a\0b", "x" * 200])
def test_names_are_never_paths(tmp_path, name):
    declared(tmp_path)
    (tmp_path / "inner").mkdir()
    assert roster(tmp_path / "inner").find(name) is None


def test_prompts_unused_for_longest_go_first(tmp_path):
    repository = Repository(lambda path, text: text, 2)
    paths = [declared(tmp_path, name, name) for name in ("one", "two", "three")]
    for index in (0, 1, 0, 2, 0):
        repository.get(paths[index])
    assert repository.reads == 3 and len(repository) == 2
    repository.get(paths[1])
    assert repository.reads == 4


def test_variables_are_strict_and_their_values_are_not_looked_into():
    assert filled("{{ a }} and {{b}}", {"a": "{{ b }}", "b": "2"}) == "{{ b }} and 2"
    with pytest.raises(ConfigError, match="among a"):
        filled("{{ c }}", {"a": "1"})


# ---- plug-ins


@dataclass
class Point:
    """What an entry point is to us."""

    name: str
    made: Any
    value: str = "package:thing"
    dist: Any = None

    def load(self) -> Any:
        if isinstance(self.made, Exception):
            raise self.made
        return self.made


AGENT = Agent(name="guest", purpose="Visits.", prompt="Visit.")


@tool(effect="pure", name="guest.look")
def look() -> str:
    """Looks."""
    return "x"


@pytest.mark.parametrize("made", [AGENT, lambda: AGENT])
def test_plug_in_brings_an_agent(made):
    assert loaded(Point("guest", made)) is AGENT


@pytest.mark.parametrize(
    ("made", "told"),
    [(ImportError("no lib"), "no lib"), (3, "got int"), (Agent(name="x", purpose="p", prompt="q"), "named 'x'")],
)
def test_failing_plug_in_is_named(made, told):
    with pytest.raises(ConfigError, match="plug-in guest") as caught:
        loaded(Point("guest", made))
    assert told in str(caught.value)


@pytest.mark.parametrize("made", [look, [look], lambda: [look]])
def test_plug_in_brings_tools(made):
    assert tools_of_plug_in(Point("guest", made)) == [look]


@pytest.mark.parametrize(("made", "told"), [(ValueError("bad"), "bad"), ([3], "got int"), ([], "expected tools")])
def test_failing_plug_in_of_tools_is_named(made, told):
    with pytest.raises(ConfigError, match=told):
        tools_of_plug_in(Point("guest", made))


def test_tools_of_a_plug_in_are_in_its_group():
    with pytest.raises(ConfigError, match="named other"):
        tools_of_plug_in(Point("other", look))


def test_installed_plug_ins_are_found_loaded_late_and_one_that_fails_stops_nobody(tmp_path):
    info = tmp_path / "guests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guests\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[planloom.agents]\nguest = guests:agent\nbad = guests:missing\n"
        "[planloom.tools]\nguest = guests\nworse = nowhere_at_all\n"
    )
    (tmp_path / "guests.py").write_text(
        "from planloom import tool\nfrom planloom.agents.roster import Agent\n"
        "agent = Agent(name='guest', purpose='Visits.', prompt='Visit.')\n"
        "@tool(effect='pure', name='guest.look')\ndef look() -> str:\n    'Looks.'\n    return 'x'\n"
    )
    code = (
        "import os, sys\n"
        "from planloom.agents.equipment import equipped\nfrom planloom.agents.roster import Roster\n"
        "from planloom.config import Config\n"
        "known = equipped(Config(), os.environ)\nknown.find('text.summary')\nassert 'guests' not in sys.modules\n"
        "assert known.find('guest.look') and known.source('guest.look') == 'plug-in guests'\n"
        "assert 'guest.look' in known.names()\n"
        "assert any('nowhere_at_all' in text for text in known.take_notices()) and not known.take_notices()\n"
        "agents = Roster()\nassert agents.find('guest') and not agents.find('bad')\n"
        "assert 'guests:missing' in agents.problems['bad']\n"
    )
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
