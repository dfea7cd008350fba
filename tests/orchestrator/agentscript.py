"""Replies of a model that works as an agent, and runs of a plan with one agent over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from planloom.agents.tool import Tool
from planloom.config import Config
from planloom.orchestrator.planning.plan import Plan, Step
from planloom.orchestrator.runtime import Planloom

Body = dict[str, Any]


def calls(*wanted: tuple[str, Any], text: str = "", tokens: int = 50) -> Response:
    """A reply with tool calls; arguments that are text are sent as they are."""
    made = [
        {
            "id": f"c{place}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for place, (name, given) in enumerate(wanted)
    ]
    return reply({"role": "assistant", "content": text or None, "tool_calls": made}, "tool_calls", tokens)


def says(text: str, *, tokens: int = 50, finish: str = "stop") -> Response:
    """A reply in words."""
    return reply({"role": "assistant", "content": text}, finish, tokens)


def reply(message: Mapping[str, Any], finish: str, tokens: int) -> Response:
    usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return JSONResponse(
        {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    )


def in_turn(*replies: Response | Callable[[Body], Response]) -> Callable[[Body], Response]:
    """A script that gives one reply after another; the last one again and again."""
    left = list(replies)

    def script(body: Body) -> Response:
        said = left.pop(0) if len(left) > 1 else left[0]
        return said(body) if callable(said) and not isinstance(said, Response) else said

    return script


def results(body: Body) -> list[str]:
    """What tools gave, as the model sees it."""
    return [message["content"] for message in body["messages"] if message["role"] == "tool"]


def agent_file(folder: Path, name: str, front: str, prompt: str = "You help.") -> Path:
    """Declares an agent."""
    path = folder / "agents" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"---\npurpose: Helps.\n{front}\n---\n{prompt}\n")
    return path


def settings(folder: Path, url: str, **more: Any) -> Config:
    """Settings with a model, and everything inside a folder."""
    models = {"base_url": url, "model": "scripted", "max_attempts": 1} if url else {}
    data: dict[str, Any] = {
        "workspace": str(folder / "work"),
        "state": str(folder / "state"),
        "out": str(folder / "out"),
        "models": models,
        "agents": {"folders": [str(folder / "agents")]},
        "execution": {"backoff_base_s": 0.0, "max_replans": 0},
        "performance": {"worker_processes": 1},
    }
    for key, value in more.items():
        data[key] = {**data[key], **value} if isinstance(data.get(key), dict) else value
    (folder / "work").mkdir(exist_ok=True)
    return Config.model_validate(data)


def loom(config: Config, *tools: Tool) -> Planloom:
    return Planloom(config, tools=tools)


def plan(task: str = "Find it.", agent: str = "helper", **parameters: Any) -> Plan:
    """A plan of one step."""
    step = Step(id="ask", action=f"agent:{agent}", parameters={"task": task, **parameters})
    return Plan(goal="A goal", steps=(step,), answer="${ask.answer}")
