"""A goal through the whole product with models: plan, judge and answer over real HTTP, and what happens without."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GOLD = {
    "plans": [
        {
            "id": "tides",
            "goal": "Tell me about the tides of the harbour",
            "steps": [
                {"id": "list", "deps": [], "action": "files.list", "parameters": {"path": "."}},
                {"id": "again", "deps": ["list"], "action": "files.list", "parameters": {"path": "${list.path}"}},
            ],
        }
    ]
}


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "gold.json").write_text(json.dumps(GOLD))
    command = [sys.executable, "-m", "planloom", "simulate", "--port", "0", "--plans", str(tmp_path / "gold.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
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


def test_goal_is_planned_and_answered_by_the_models_over_http(tmp_path, provider):
    done = planloom(
        tmp_path, "run", "Tell me about the tides of the harbour", "--json", "--events", "events.jsonl",
        OPENAI_BASE_URL=provider, OPENAI_API_KEY="sk-not-to-be-seen", PLANLOOM_MODELS__MODEL="simulated-small",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["plan_source"] == "model"
    assert {name: s["status"] for name, s in result["steps"].items()} == {"list": "ok", "again": "ok"}
    assert result["answer"]
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    roles = {e["role"] for e in events if e["type"] == "model.call"}
    assert roles >= {"planner", "writer"}
    assert result["cost"]["model_calls"] >= 2 and result["cost"]["tokens"] > 0


def test_named_playbook_that_can_not_plan_is_refused_and_no_model_plans_in_its_place(tmp_path, provider):
    done = planloom(
        tmp_path, "run", "Tell me about the tides of the harbour", "--playbook", "folder-report", "--set", "pth=.",
        OPENAI_BASE_URL=provider, OPENAI_API_KEY="sk-not-to-be-seen", PLANLOOM_MODELS__MODEL="simulated-small",
    )  # fmt: skip
    assert done.returncode == 2
    assert "pth" in done.stderr and "path" in done.stderr


def test_key_is_seen_nowhere(tmp_path, provider):
    planloom(
        tmp_path, "run", "Tell me about the tides of the harbour", "--events", "events.jsonl",
        OPENAI_BASE_URL=provider, OPENAI_API_KEY="sk-not-to-be-seen", PLANLOOM_MODELS__MODEL="simulated-small",
    )  # fmt: skip
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert b"sk-not-to-be-seen" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "PLANLOOM_MODELS__MAX_ATTEMPTS": "1"}, "running"),
        ({}, "playbook"),
    ],
)
def test_without_a_model_that_answers_the_goal_ends_with_what_to_do(tmp_path, variables, told):
    done = planloom(
        tmp_path, "run", "Tell me about the tides of the harbour", PLANLOOM_MODELS__MODEL="any", **variables
    )
    assert done.returncode in (1, 2)
    assert told in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_playbook_still_needs_no_model_call(tmp_path, provider):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    done = planloom(
        tmp_path, "run", "Analyse t.csv", "--json", OPENAI_BASE_URL=provider, PLANLOOM_MODELS__MODEL="simulated-small"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cost"]["model_calls"] == 0
