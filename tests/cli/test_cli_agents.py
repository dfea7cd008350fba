"""`planloom agents` and `planloom audit`, and the ten lines of CONTRIBUTING that make an agent."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCENARIO = """
rules:
  - when: {contains: "You greet", has: [tools]}
    times: 1
    reply: {tool_calls: [{name: files_list, arguments: {path: "."}}]}
  - when: {contains: "You greet"}
    reply: {text: "Good day. There is 1 file."}
"""
AGENT = """---
purpose: Greets whoever is there.
tools: [files.list]
---
You greet people, and tell how many files there are.
"""
PLAN = """
goal: Greet
steps:
  - {id: hello, action: "agent:greeter", parameters: {task: Say good day}}
answer: "${hello.answer}"
"""


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    command = [sys.executable, "-m", "planloom", "simulate", "--port", "0", "--scenario"]
    with subprocess.Popen([*command, str(tmp_path / "scenario.yaml")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.terminate()


def planloom(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PLANLOOM_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-m", "planloom", *arguments],
        cwd=folder,
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_agent_in_a_folder_is_listed_run_and_audited(tmp_path, provider):
    home = tmp_path / "home"
    (home / "agents").mkdir(parents=True)
    (home / "agents" / "greeter.md").write_text(AGENT)
    (home / "agents" / "broken.md").write_text("nothing")
    (home / "planloom.yaml").write_text("planloom: 1\nagents:\n  folders: [agents]\n")
    (home / "plan.yaml").write_text(PLAN)

    listed = planloom(home, "agents", "--json")
    names = {agent["name"]: agent for agent in json.loads(listed.stdout)}
    assert names["greeter"]["effect"] == "read" and names["greeter"]["source"].endswith("greeter.md")
    assert "broken.md" in listed.stderr and names["researcher"]["source"] == "built-in"

    variables = {"OPENAI_BASE_URL": provider, "PLANLOOM_MODELS__MODEL": "simulated-small"}
    done = planloom(home, "run", "--plan", "plan.yaml", "--json", **variables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answer"] == "Good day. There is 1 file."

    assert planloom(home, "audit", "verify").stdout.startswith("Whole: ")
    shown = json.loads(planloom(home, "audit", "show", "--json").stdout)
    assert {(entry["step"], entry["tool"], entry["status"]) for entry in shown} == {
        ("hello/1", "files.list", "ok"),
        ("hello", "agent:greeter", "ok"),
    }
    log = home / ".planloom" / "audit" / "audit.jsonl"
    log.write_text(log.read_text().replace("files.list", "files.read"))
    altered = planloom(home, "audit", "verify")
    assert altered.returncode == 1 and "Altered at audit.jsonl line 1" in altered.stdout
    assert len(planloom(home, "audit", "export").stdout.splitlines()) == 2


def test_unknown_agent_names_the_nearest_and_a_faulty_one_its_fault(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "broken.md").write_text("nothing")
    (tmp_path / "planloom.yaml").write_text("planloom: 1\nagents:\n  folders: [agents]\n")
    assert "nearest are researcher" in planloom(tmp_path, "agents", "show", "reseacher").stderr
    assert "two lines of ---" in planloom(tmp_path, "agents", "show", "broken").stderr
    assert "15 steps" in planloom(tmp_path, "agents", "show", "researcher").stdout


def test_page_of_agents_is_current(tmp_path):
    assert planloom(tmp_path, "agents", "--markdown").stdout == (ROOT / "docs" / "agents.md").read_text()


def test_empty_audit_says_so(tmp_path):
    done = planloom(tmp_path, "audit", "show")
    assert done.returncode == 0 and "Nothing" in done.stderr
    assert planloom(tmp_path, "audit", "verify").stdout.startswith("Whole: 0 lines")
