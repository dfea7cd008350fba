"""Keys, and what stands in addresses, through the whole product with a server that repeats all it is sent."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from planloom import Planloom
from planloom.config import Caches, Config, Models, Role
from planloom.models.checkup import look
from planloom.models.client import endpoint_of
from planloom.orchestrator.planning.plan import Plan, Step

SECRETS = ("sk-planted-key-01234567", "planted-writer-key-89", "planted-password", "planted-signature")
GOAL = "Tell me about the tides of the harbour"
PLAN = [{"id": "a", "action": "files.list", "parameters": {"path": "."}, "dependencies": []}]


def _echo(request: Request) -> str:
    return f"{request.url} {dict(request.headers)}"


def _error(status: int, kind: str = "error") -> Any:
    return lambda request: JSONResponse(
        {"error": {"message": _echo(request), "type": kind, "code": _echo(request)}}, status
    )


def _stream(request: Request) -> Response:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = "".join(json.dumps(step) + "\n" for step in PLAN)
    first = {**head, "choices": [{"index": 0, "delta": {"content": lines}, "finish_reason": None}]}
    last = {"error": {"message": _echo(request)}}
    return StreamingResponse(
        iter([f"data: {json.dumps(d)}\n\n" for d in (first, last)]), media_type="text/event-stream"
    )


SERVERS = {
    "wrong key": _error(401),
    "bad request": _error(400),
    "not found": _error(404),
    "failing": _error(500),
    "no money": _error(429, "insufficient_quota"),
    "text": lambda request: PlainTextResponse(_echo(request)),
    "odd JSON": lambda request: JSONResponse({"echo": _echo(request)}),
    "broken stream": _stream,
    "redirect": lambda request: Response(
        status_code=307, headers={"location": f"http://other.invalid/{_echo(request)}"}
    ),
}


@contextmanager
def serving(answer: Any) -> Iterator[int]:
    """The port of a server that answers everything in one way."""

    async def reply(request: Request) -> Response:
        made: Response = answer(request)
        return made

    app = Starlette(routes=[Route("/{path:path}", reply, methods=["POST", "GET"])])
    config = uvicorn.Config(app, port=0, http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


def configured(port: int, folder: Path) -> Config:
    key, writer, password, signature = SECRETS
    return Config(
        workspace=str(folder / "work"),
        state=str(folder / "state"),
        out=str(folder / "out"),
        caches=Caches(response_cache=True),
        models=Models(
            base_url=f"http://somebody:{password}@127.0.0.1:{port}/v1?sig={signature}",
            api_key=SecretStr(key),
            model="m",
            max_attempts=1,
            timeout_s=5,
            writer=Role(api_key=SecretStr(writer)),
        ),
    )


def found_in(texts: list[str], folder: Path) -> set[tuple[str, str]]:
    """The secrets that stand in texts or files, and where."""
    files = [f"{path}: {path.read_bytes().decode('latin-1')}" for path in folder.rglob("*") if path.is_file()]
    return {(secret, text[:150]) for secret in SECRETS for text in (*texts, *files) if secret in text}


async def _told(loom: Planloom, asked: dict[str, Any]) -> list[str]:
    """The events of a run, and its result or its error with all that is chained to it."""
    events: list[Any] = []
    try:
        ended = repr(await loom.run(**asked, on_event=events.append))
    except Exception as error:  # noqa: BLE001  # whatever it is, it must not tell
        ended = f"{error!r} {''.join(traceback.format_exception(error))}"
    return [ended, *(json.dumps(event.to_dict(), default=str) for event in events)]


@pytest.mark.parametrize("answer", SERVERS.values(), ids=SERVERS)
async def test_secrets_are_nowhere_though_the_server_repeats_them(
    answer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "work").mkdir()
    heard: list[str] = []
    with serving(answer) as port, caplog.at_level(logging.DEBUG):
        config = configured(port, tmp_path)
        async with Planloom(config) as loom:
            judged = Step(id="a", action="files.list", parameters={"path": "."}, expects=("judge: lists files",))
            for asked in ({"goal": GOAL}, {"plan": Plan(goal=GOAL, steps=(judged,))}):
                heard += await _told(loom, asked)
            heard += [repr(loom.config), repr(loom.models), str(config.models)]
        heard += [repr(finding) for finding in await look(config.models)]
        heard += [repr(endpoint_of(config.models, "planner")), repr(endpoint_of(config.models, "writer"))]
    logged = [f"{record.name}: {record.getMessage()} {record.__dict__}" for record in caplog.records]
    assert any('"model.call"' in line for line in heard)
    assert found_in([*heard, *logged], tmp_path) == set()
