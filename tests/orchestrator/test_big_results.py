"""Four tools of 100,000 tokens each: nothing overflows, and the last line of one of them reaches the answer.

Through the whole product over real HTTP, against a provider that refuses requests above the model's context.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from planloom import Config, Planloom, Result, tool
from planloom.config import Models
from planloom.models.simulate.scenario import parse
from planloom.models.simulate.serving import running
from planloom.models.simulate.settings import Settings

GOAL = "Compare the four logs and tell me the closing code of the second one"
LINE = "2025-01-01T00:00:00 worker handled one request in 12 ms and said nothing of note\n"
CONTEXT = 128_000
NAMES = ("north", "east", "south", "west")


def log(name: str) -> str:
    return LINE * 5_000 + f"closing code of {name}: {name}-4711\n"


@tool(effect="read", name="logs.text")
def as_text(name: str) -> str:
    """Reads a log as text."""
    return log(name)


@tool(effect="read", name="logs.rows")
def as_rows(name: str) -> dict[str, Any]:
    """Reads a log as rows, with a longer part behind them."""
    return {"rows": [{"line": line} for line in log(name).splitlines()], "raw": LINE * 5_500}


def scenario(plan: list[dict[str, Any]]) -> str:
    lines = "".join(f"        - {json.dumps(line)}\n" for line in plan)
    return f"""
rules:
  - when: {{contains: "You are the planner"}}
    reply:
      lines:
{lines}
  - when: {{contains: "You are the writer", user_contains: "east-4711"}}
    reply: {{text: "The closing code is east-4711 [east]."}}
  - when: {{contains: "You are the writer"}}
    reply: {{text: "The code was not in what I was shown."}}
"""


def reading(action: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": name, "action": action, "parameters": {"name": name}, **more} for name in NAMES]


async def answered(folder: Path, plan: list[dict[str, Any]]) -> tuple[Result, list[dict[str, Any]]]:
    """The result of the goal, and the bodies of the requests that the provider got."""
    settings = Settings(scenario=parse(scenario(plan)), context_tokens=CONTEXT, keep_requests=30)
    async with running(settings) as server:
        config = Config(
            workspace=str(folder),
            state=str(folder / "state"),
            out=str(folder / "out"),
            models=Models(base_url=server.base_url, model="simulated-small", context_tokens=CONTEXT),
        )
        async with Planloom(config, tools=[as_text, as_rows]) as loom:
            result = await loom.run(GOAL)
        assert set(server.provider.stats.status) == {"200"}
        return result, [request["body"] for request in server.provider.requests]


def tokens(body: dict[str, Any]) -> float:
    return len(json.dumps(body)) / 4


def test_the_logs_are_as_large_as_it_says() -> None:
    assert all(len(log(name)) / 4 >= 100_000 for name in NAMES)


@pytest.mark.parametrize("action", ["logs.text", "logs.rows"])
async def test_the_last_line_of_a_large_result_reaches_the_answer(tmp_path: Path, action: str) -> None:
    result, requests = await answered(tmp_path, reading(action))
    assert result.status == "done"
    assert result.answer.startswith("The closing code is east-4711 [east].")
    assert requests
    assert max(map(tokens, requests)) < CONTEXT


async def test_a_step_takes_the_value_out_and_the_answer_needs_nothing_else(tmp_path: Path) -> None:
    find = {"id": "code", "action": "results.find", "parameters": {"handle": "${east}", "pattern": "closing code"}}
    result, requests = await answered(tmp_path, [*reading("logs.text"), find, {"answer": "${code.matches[0].text}"}])
    assert result.steps["code"].value["total"] == 1
    assert result.answer.startswith("The closing code is east-4711 [east].")
    assert max(map(tokens, requests)) < CONTEXT


async def test_judged_large_results_do_not_overflow_either(tmp_path: Path) -> None:
    result, requests = await answered(tmp_path, reading("logs.rows", expects=["judge: ends with a closing code"]))
    assert result.status == "done"
    assert {step.verified for step in result.steps.values()} == {"pass"}
    judged = [body for body in requests if "You are the judge" in body["messages"][0]["content"]]
    assert judged
    assert all("4711" in body["messages"][-1]["content"] for body in judged)
    assert max(map(tokens, requests)) < CONTEXT


async def test_large_results_are_kept_whole_beside_what_models_saw(tmp_path: Path) -> None:
    await answered(tmp_path, reading("logs.text"))
    stored = [path for path in (tmp_path / "state" / "artifacts").rglob("*") if path.is_file()]
    assert len(stored) == 4
    assert sum(path.read_bytes().count(b"worker handled") for path in stored) == 20_000
