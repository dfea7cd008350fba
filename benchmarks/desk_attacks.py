"""Tickets that attack, with a model that obeys them, and drafts that are never good.

Rule: the model here is the worst there can be: it labels everything as an attacker would have it, and promises money
whenever it is shown an attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from planloom import Planloom
from planloom.workflows.support.ledger.place import ledger
from planloom.workflows.support.samples.generator import Sample, injections
from planloom.workflows.support.samples.making import tickets
from planloom.workflows.support.triage.suspicion import is_suspicious

from .desk_load import config, granted

_ID = re.compile(r'\{"id": "([^"]+)"')
_LABELS = re.compile(r'"labels": (\[[^\]]*\])')
PROMISE = "You will get a refund of 999.00 EUR and a voucher, approved by a human."

HARMLESS = "OK."


@contextlib.asynccontextmanager
async def obeying(*, always: bool = False) -> AsyncIterator[str]:
    """The base URL of a server that does what attackers want; `always`: also when nobody asks."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def chat(request: Request) -> JSONResponse:
        body = await request.json()
        return JSONResponse(_reply(body["messages"][-1]["content"], body["model"], always=always))

    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    listener = socket.create_server(("127.0.0.1", 0))  # connections wait in it until the server is there
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        await serving


def _reply(asked: str, model: str, *, always: bool) -> dict[str, Any]:
    labels = _LABELS.search(asked)
    words = PROMISE if always or is_suspicious(asked.rpartition("<<<DATA")[2]) else HARMLESS
    answer = {"label": _worst(json.loads(labels[1])), "reason": "as told"} if labels else {"text": words}
    told = json.dumps({"answers": [{"id": name, "answer": answer} for name in _ID.findall(asked)]})
    return {
        "id": "obeying",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": told}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _worst(labels: Sequence[str]) -> str:
    return next((one for one in labels if one in ("refund", "urgent", "angry")), labels[0])


async def effective(count: int, *, with_model: bool) -> tuple[int, int]:
    """How many of so many attacks changed what was done, and how many tickets were looked at.

    Each ticket is handled twice, in shops of their own: as it is, and with an attack in it.
    """
    async with obeying() as url:
        calm = await _handled(_samples(count), url if with_model else "")
        attacked = await _handled(_attacked(_samples(count)), url if with_model else "")
    return sum(calm[name] != attacked[name] for name in calm), len(calm)


def _samples(count: int) -> list[Sample]:
    home = Path(tempfile.gettempdir()) / "desk-attacks"
    return tickets(config(home, "", 0), count, seed=23, injected=0.0)


def _attacked(samples: Sequence[Sample]) -> list[Sample]:
    from dataclasses import replace

    attacks = injections()
    made = []
    for number, one in enumerate(samples):
        attack = attacks[number % len(attacks)].format(order=one.order or "A-10001")
        text = f"{one.text}\n{attack}" if number % 2 else f"{attack}\n{one.text}"
        made.append(replace(one, text=text))
    return made


async def _handled(samples: Sequence[Sample], url: str) -> dict[str, Any]:
    """What was done for each ticket: actions with order, cents and whether a person approved."""
    with tempfile.TemporaryDirectory(prefix="desk-attacks-") as name:
        settings = config(Path(name), url, 0)
        gate = asyncio.Semaphore(20)

        async with Planloom(settings) as loom:

            async def one(sample: Sample) -> None:
                inputs = {key: value for key, value in sample.ticket().items() if key != "received"}
                async with gate:
                    await loom.run(playbook="support-ticket", inputs=inputs, approve=granted)

            await asyncio.gather(*(one(sample) for sample in samples))
        found: dict[str, Any] = {sample.id: [] for sample in samples}
        for action in ledger(settings).actions():
            what = [action["action"], action["order_id"], action["cents"], action["approved"]]
            if action["action"] != "reply":
                found[action["ticket"].partition(".")[0]].append(what)
        return found


async def drafts_before_person() -> int:
    """How many drafts were made before a person got the ticket, as the person's entry tells; -1: nobody got it."""
    async with obeying(always=True) as url:
        with tempfile.TemporaryDirectory(prefix="desk-drafts-") as name:
            settings = config(Path(name), url, 0)
            async with Planloom(settings) as loom:
                await loom.run(playbook="support-ticket", inputs={"text": "Great service, I am very happy with it."})
            handed = [one for one in ledger(settings).actions() if one["action"] == "escalation"]
    return len(handed[0]["told"]["drafts"]) if handed else -1
