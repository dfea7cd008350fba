"""What an agent's model is told: rules, prompt, task, results as fenced data. Rule: what others wrote is fenced."""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...models.fence import as_data, fenced
from ..digest import digest, outline
from ..roster import built_in_folder
from ..roster.agent import Agent
from ..roster.prompts import filled
from .thread import Returned

SHOWN_BYTES = 16_000  # of a result that is shown in part; the rest is read by its handle

LAST = (
    "This is your last reply: no tool can be called any more. Answer the task with what you have, and say what is "
    "missing."
)
EMPTY = "Your reply was empty. Call a tool, or answer the task in words."
REPEATED = "This very call was made before and would give the same again; use the result above or do something else."


@functools.cache
def rules() -> str:
    """What every agent is told."""
    return (built_in_folder() / "_rules.md").read_text(encoding="utf-8")


def system_text(agent: Agent, tools: Sequence[str], workspace: str) -> str:
    """The system message: stable for an agent, so that prompt caches stay warm."""
    values = {
        "name": agent.name,
        "purpose": agent.purpose,
        "tools": ", ".join(tools) or "none",
        "workspace": workspace,
        "today": dt.datetime.now().astimezone().date().isoformat(),
    }
    told = filled(rules(), {"steps": str(agent.limits.max_steps)})
    wanted = ""
    if agent.returns is not None:
        wanted = f"\n\nYour answer is JSON of this schema and nothing else:\n{json.dumps(agent.returns)}"
    return f"{filled(agent.prompt, values)}\n\n{told}{wanted}"


def task_text(task: str, inputs: Mapping[str, Any], feedback: str | None, mark: str) -> str:
    """The first message: what is to be done, and with what."""
    parts = [task.strip()]
    if inputs:
        parts.append("What you are given:\n" + fenced(as_data(inputs), mark))
    if feedback:
        parts.append("An earlier answer was rejected for this reason:\n" + fenced(as_data(feedback), mark))
    return "\n\n".join(parts)


def result_text(tool: str, returned: Returned, mark: str) -> str:
    """A tool's result as the model sees it: data between marks, large ones in part."""
    if returned.status != "ok":
        label = {"failed": "failed", "refused": "was refused by a person", "denied": "is not allowed"}
        said = {"tool": tool, "error": returned.error[:2_000]}
        return f"The call {label.get(returned.status, returned.status)}.\n{fenced(as_data(said), mark)}"
    return fenced(as_data({"tool": tool, "result": shown(returned.value, returned.handle)}), mark)


def shown(value: Any, handle: str) -> Any:
    """A value whole; with a handle its structure, beginning and end, and how to read the rest."""
    if not handle:
        return value
    part = digest(value, SHOWN_BYTES)
    return {
        "shown": "in part",
        "bytes": part.size_bytes,
        "structure": outline(value),
        "handle": handle,
        "digest": part.text,
    }
