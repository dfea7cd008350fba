"""The simulated provider, with a worker that reads: small tasks are answered by what stands in each piece.

So that the results of a run do not depend on which pieces shared a call. All else is the provider's. Every request is
counted where it arrives, by who asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.responses import JSONResponse

from planloom.models.simulate.app import create_app
from planloom.models.simulate.scenario import load
from planloom.models.simulate.settings import Settings

_ROLES = {
    "You are the planner": "planner",
    "You are the judge": "verifier",
    "You are the writer": "writer",
    "You do one small task": "worker",
}


class Reader:
    """An ASGI application over the provider's; `calls` counts requests by role."""

    def __init__(self, settings: Settings) -> None:
        self.calls: Counter[str] = Counter()
        self._provider: Any = create_app(settings)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._provider(scope, receive, send)
            return
        raw, more = b"", True
        while more:
            message = await receive()
            raw, more = raw + message.get("body", b""), message.get("more_body", False)
        body = json.loads(raw)
        role = _role(body)
        self.calls[role] += 1
        if role == "worker":
            await JSONResponse(_reply(body))(scope, receive, send)
            return
        given = iter([{"type": "http.request", "body": raw, "more_body": False}])

        async def again() -> Any:
            return next(given, None) or await receive()

        await self._provider(scope, again, send)


def _role(body: Any) -> str:
    system = str(body["messages"][0]["content"])
    return next((role for start, role in _ROLES.items() if start in system), "other")


def _reply(body: Any) -> Any:
    asked = next(str(m["content"]) for m in body["messages"] if str(m["content"]).startswith("Task: "))
    lines = [json.loads(line) for line in asked.splitlines() if line.startswith('{"id"')]
    head = dict(line.split(": ", 1) for line in asked.splitlines()[:2])
    answer = _TASKS[head["Task"]]
    settings = json.loads(head["Settings"])
    told = {"answers": [{"id": one["id"], "answer": answer(one["data"], settings)} for one in lines]}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": json.dumps(told)},
        "finish_reason": "stop",
    }
    size = {"prompt_tokens": len(asked) // 4, "completion_tokens": len(str(told)) // 4, "total_tokens": len(asked) // 3}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "simulated-reader", "choices": [choice],
        "usage": size,
    }  # fmt: skip


def _label(data: Any, settings: Any) -> dict[str, str]:
    words = str(data).lower()
    known = {"love": "glad", "angry": "angry", "hate": "angry", "delivery": "delivery", "price": "price"}
    found = [label for word, label in known.items() if word in words and label in settings["labels"]]
    return {"label": found[0] if found else settings["labels"][-1], "reason": "by its words"}


_TASKS: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "classify": _label,
    "extract": lambda data, settings: {
        name: str(data).split()[min(number, len(str(data).split()) - 1)]
        for number, name in enumerate(settings["fields"])
    },
    "summarise": lambda data, settings: {"text": str(data).split(". ")[0][-80:]},
    "translate": lambda data, settings: {"text": f"({settings['language']}) {data}"},
    "write": lambda data, settings: {"text": json.dumps(data, sort_keys=True)[:400]},
}


@contextlib.asynccontextmanager
async def reading(scenario: Path) -> AsyncIterator[tuple[str, Reader]]:
    """The provider on a free port of loopback, with a scenario for everything but small tasks."""
    reader = Reader(Settings(scenario=load(scenario)))
    config = uvicorn.Config(reader, port=0, http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.wait({task}, timeout=0.01)
        if task.done():
            task.result()
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1", reader
    finally:
        server.should_exit = True
        await task
