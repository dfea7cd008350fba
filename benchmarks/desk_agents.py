"""Three arrangements over the same tools: one agent does all, two agents who talk, orchestrated steps side by side.

The model is scripted, since a simulated one does not work with tools over several turns; each of its replies takes as
long as the simulated provider's. A person grants what agents ask: they have read the ticket, so their writes are asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import socket
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planloom import Planloom
from planloom.workflows.support.ledger.place import ledger
from planloom.workflows.support.samples.generator import Sample
from planloom.workflows.support.samples.making import tickets

from .desk_load import config, granted

_ID = re.compile(r'\{"id": "([^"]+)"')
_LABELS = re.compile(r'"labels": (\[[^\]]*\])')
_TASK = re.compile(r"Customer: (\S*?)\. Order: (\S*?)\. Text: (.*)", re.DOTALL)
_CASE = re.compile(r'"case": ?"([\w.-]+)"')
SIGMA = 0.3
WORDS = "OK."
Message = Mapping[str, Any]


@dataclass(slots=True)
class Script:
    """What the model says to whom, and how much was asked of it."""

    median_s: float
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    calls: int = 0
    characters: int = 0

    async def reply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        self.calls += 1
        self.characters += len(json.dumps(body["messages"]))
        await asyncio.sleep(self.chance.lognormvariate(0, SIGMA) * self.median_s)
        return {
            "id": "scripted",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "message": said(body["messages"]), "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }


def said(messages: list[Message]) -> dict[str, Any]:
    """The next message of the agent whose prompt this is; answers where no agent asks."""
    system = str(messages[0]["content"])
    agent = next((name for name in ("clerk", "researcher", "writer") if f"You are support-{name}" in system), None)
    if agent is None:
        return {"role": "assistant", "content": _answers(str(messages[-1]["content"]))}
    given = [str(one["content"]) for one in messages if one["role"] == "tool"]
    turns = {"clerk": (_look, _finish), "researcher": (_look, _send), "writer": (_receive, _finish)}[agent]
    if len(given) >= len(turns):
        return {"role": "assistant", "content": "The ticket is closed."}
    name, arguments = turns[len(given)](messages, given)
    call = {"name": name, "arguments": json.dumps(arguments)}
    called = {"id": f"c{len(given)}", "type": "function", "function": call}
    return {"role": "assistant", "content": None, "tool_calls": [called]}


def _look(messages: list[Message], given: list[str]) -> tuple[str, dict[str, Any]]:
    task = " ".join(str(one["content"]) for one in messages if one["role"] == "user")
    found = _TASK.search(task)
    assert found is not None, task
    return "support_look_into", {"customer": found[1], "order": found[2], "text": found[3]}


def _finish(messages: list[Message], given: list[str]) -> tuple[str, dict[str, Any]]:
    return "support_finish", {"case": _case(given), "words": WORDS}


def _send(messages: list[Message], given: list[str]) -> tuple[str, dict[str, Any]]:
    return "hub_send", {"to": "writer", "body": {"case": _case(given), "language": "en"}}


def _receive(messages: list[Message], given: list[str]) -> tuple[str, dict[str, Any]]:
    return "hub_receive", {"wait_s": 60}


def _case(given: list[str]) -> str:
    found = _CASE.search(" ".join(given))
    return found[1] if found else "none"


def _answers(asked: str) -> str:
    labels = _LABELS.search(asked)
    answer = {"label": json.loads(labels[1])[0], "reason": "so"} if labels else {"text": WORDS}
    return json.dumps({"answers": [{"id": name, "answer": answer} for name in _ID.findall(asked)]})


@contextlib.asynccontextmanager
async def serving(script: Script) -> AsyncIterator[str]:
    """The base URL of the scripted model."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def chat(request: Request) -> JSONResponse:
        return JSONResponse(await script.reply(await request.json()))

    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        await running


ARRANGED: Mapping[str, tuple[str, str]] = {
    "one_agent": ("support-one-agent", "dataflow"),
    "agents_in_sequence": ("support-two-agents", "sequential"),
    "steps_in_sequence": ("support-ticket", "sequential"),
    "orchestrated": ("support-ticket", "dataflow"),
}


async def compare(count: int, median_s: float) -> dict[str, Any]:
    """For each arrangement the median seconds, calls and prompt characters of a ticket; and how many differ."""
    found: dict[str, Any] = {}
    decided: dict[str, Any] = {}
    for name, (playbook, schedule) in ARRANGED.items():
        script = Script(median_s=median_s)
        async with serving(script) as url:
            seconds, actions = await _handled(count, url, playbook, schedule)
        decided[name] = actions
        found |= {
            f"{name}_s": statistics.median(seconds),
            f"{name}_calls": script.calls / (count + 1),
            f"{name}_characters": script.characters / (count + 1),
        }
    return found | {"agents_differ": sum(one != decided["orchestrated"] for one in decided.values())}


async def _handled(count: int, url: str, playbook: str, schedule: str) -> tuple[list[float], list[Any]]:
    seconds: list[float] = []
    with tempfile.TemporaryDirectory(prefix="desk-agents-") as folder:
        settings = config(Path(folder), url, 0, schedule=schedule, max_parallel_llm_calls=4)
        async with Planloom(settings) as loom:
            clock: Callable[[], float] = asyncio.get_running_loop().time
            for number, one in enumerate(_small(tickets(settings, 4 * count, seed=47, injected=0.0))[: count + 1]):
                began = clock()
                inputs = {"text": one.text, "customer": one.customer, "order": one.order}
                await loom.run(playbook=playbook, inputs=inputs, approve=granted)
                if number:  # the first one imports
                    seconds.append(clock() - began)
        actions = [[one[key] for key in ("action", "order_id", "cents")] for one in ledger(settings).actions()]
    return seconds, [one for one in actions if one[0] != "reply"]


def _small(samples: list[Sample]) -> list[Sample]:
    """Those about orders that need nobody's approval, which an agent hands to a person."""
    return [one for one in samples if "Office chair" not in one.text and "Robot vacuum" not in one.text]
