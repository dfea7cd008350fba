"""Twenty secrets of the settings, and servers and tools that repeat every one: none may stand anywhere afterwards."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.server.collector import Collector
from tests.server.talking import Talk, calling, served, talking

from planloom import tool
from planloom.agents.tool import ToolContext

PLACES = (
    *("server.token", "server.tokens", "server.tokens by a variable", "models.api_key", "models.writer.api_key"),
    *("password in models.base_url", "query of models.base_url", "mcp env", "mcp env by a variable"),
    *("mcp header", "mcp header by a variable", "database password", "database password by a variable"),
    *("mail password", "calendar password", "webhook", "webhook by a variable", "stocks header"),
    *("deck database password", "password in monitoring.otlp_endpoint"),
)
SECRETS = {place: f"planted-{n:02}-x7Kq9vTz" for n, place in enumerate(PLACES)}
assert len(SECRETS) == 20

MCP = """
import os, sys
print("cannot start with", os.environ, file=sys.stderr)
sys.exit("no: " + " ".join(os.environ.values()))
"""


@asynccontextmanager
async def repeating() -> AsyncIterator[int]:
    """The port of a server that refuses everything with all that it was sent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.read(65_536)).decode("latin-1")
        told = json.dumps({"error": {"message": f"refused: {head}", "type": "auth", "code": head}}).encode()
        writer.write(b"HTTP/1.1 401 No\r\nContent-Type: application/json\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(told), told))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


def _settings(port: int, collector: int) -> tuple[dict[str, Any], dict[str, str]]:
    """All twenty in their places, and the variables of the environment that hold some of them."""
    s = SECRETS
    variables = {f"PLANTED_{n}": secret for n, (place, secret) in enumerate(s.items()) if "variable" in place}
    named = {secret: f"${{ENV:{name}}}" for name, secret in variables.items()}

    def by_variable(place: str) -> str:
        return named[s[f"{place} by a variable"]]

    here = f"127.0.0.1:{port}"
    groups = {
        "server": {"token": s["server.token"], "tokens": {"a": s["server.tokens"], "b": by_variable("server.tokens")}},
        "models": {
            "base_url": f"http://me:{s['password in models.base_url']}@{here}/v1?sig={s['query of models.base_url']}",
            "api_key": s["models.api_key"],
            "model": "m",
            "max_attempts": 1,
            "writer": {"api_key": s["models.writer.api_key"]},
        },
        "mcp": {
            "servers": {
                "one": {
                    "command": sys.executable,
                    "args": ["-c", MCP],
                    "env": {"KEY": s["mcp env"], "OTHER": by_variable("mcp env")},
                },
                "two": {
                    "url": f"http://{here}/mcp",
                    "headers": {
                        "Authorization": f"Bearer {s['mcp header']}",
                        "X-Key": by_variable("mcp header"),
                    },
                },
            }
        },
        "tools": _tools(here, by_variable),
        "deck": {"database": f"postgresql://me:{s['deck database password']}@{here}/x"},
        "monitoring": {
            "log_level": "debug",
            "otlp_endpoint": f"http://me:{s['password in monitoring.otlp_endpoint']}@127.0.0.1:{collector}",
        },
    }
    return groups, variables


def _tools(here: str, by_variable: Callable[[str], str]) -> dict[str, Any]:
    s, nobody = SECRETS, "127.0.0.1:1"
    return {
        "http": {"allow_private": True},
        "sql": {
            "databases": {
                "d1": f"postgresql://me:{s['database password']}@{nobody}/x",
                "d2": f"postgresql://me:{by_variable('database password')}@{nobody}/x",
            }
        },
        "mail": {
            "accounts": {
                "home": {
                    "user": "me",
                    "password": s["mail password"],
                    "imap_host": "127.0.0.1",
                    "imap_port": 1,
                    "imap_security": "none",
                }
            }
        },
        "calendars": {
            "accounts": {"work": {"url": f"http://{here}/dav/", "user": "me", "password": s["calendar password"]}}
        },
        "notify": {
            "webhooks": {"w1": f"http://{here}/{s['webhook']}", "w2": f"http://{here}/{by_variable('webhook')}"}
        },
        "stocks": {"url": f"http://{here}/{{symbol}}", "headers": {"X-Key": s["stocks header"]}},
    }


def _leaks(found: Any) -> None:
    """Tools that repeat every secret: in a result, a large one, an error, and on the way."""
    said = "Authorization: Bearer " + " ".join(SECRETS.values())

    @tool(effect="pure", name="leak.result")
    def result() -> dict[str, Any]:
        """Quotes a header."""
        return {"headers": [said], said: 1, "bytes": len(said)}

    @tool(effect="pure", name="leak.large")
    def large() -> str:
        """Quotes a header behind much else."""
        return "x" * 50_000 + said

    @tool(effect="pure", name="leak.error")
    def error() -> str:
        """Fails with a header."""
        raise ValueError(said)

    @tool(effect="read", name="leak.progress")
    async def progress(context: ToolContext) -> str:
        """Tells of a header on the way."""
        context.progress(1, 2, said)
        return "done"

    found.server.loom.registry.add(result, large, error, progress)


STEPS = {
    "leak_result": ("leak.result", {}),
    "leak_large": ("leak.large", {}),
    "leak_error": ("leak.error", {}),
    "leak_progress": ("leak.progress", {}),
    "echo": ("notes.add", {"title": "A note", "text": "${leak_result.headers[0]}"}),
    "sql1": ("sql.query", {"database": "d1", "sql": "select 1"}),
    "sql2": ("sql.query", {"database": "d2", "sql": "select 1"}),
    "mail": ("mail.folders", {"account": "home"}),
    "dav": ("calendars.list", {}),
    "hook1": ("notify.webhook", {"name": "w1", "text": "hello"}),
    "hook2": ("notify.webhook", {"name": "w2", "text": "hello"}),
    "stocks": ("stocks.prices", {"symbol": "X"}),
    "model": ("model.summarise", {"text": "A long text about the tides. " * 40}),
    "mcp1": ("one.any", {}),
    "mcp2": ("two.any", {}),
}


async def _run(talk: Talk, plan: dict[str, Any]) -> dict[str, Any]:
    """A run to its end, everything it asks allowed."""
    await talk.say("message", plan=plan)
    while True:
        event = await talk.until_any("approval.asked", "run.finished")
        if event["type"] != "approval.asked":
            return event
        await talk.say("approve", run_id=event["run_id"], step=event["step"])


async def test_planted_secrets_stand_nowhere_afterwards(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    collector, told = Collector(), []
    bearer = {"Authorization": f"Bearer {SECRETS['server.tokens']}"}
    async with repeating() as port, await asyncio.start_server(collector.take, "127.0.0.1", 0) as listening:
        groups, variables = _settings(port, listening.sockets[0].getsockname()[1])
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        async with served(tmp_path, **groups) as found, talking(found) as talk, calling(found) as client:
            _leaks(found)
            await talk.ask("hello", "error", token=f"{SECRETS['server.token']}x")
            await talk.ask("hello", "hello", token=SECRETS["server.tokens"])
            ended = []
            for name, (action, parameters) in STEPS.items():
                first = [{"id": "leak_result", "action": "leak.result"}] if name == "echo" else []
                step = {"id": name, "action": action, "parameters": parameters}
                ended.append(await _run(talk, {"goal": name, "steps": [*first, step]}))
            await talk.say("message", message="Tell me about the tides of the harbour")
            ended.append(await talk.until("run.finished"))
            await client.post("/v1/chat/completions", headers={"Authorization": f"Bearer {SECRETS['server.token']}x"})
            for path in ("/metrics", "/openapi.json", "/api/sessions", "/api/runs", "/api/playbooks"):
                told.append((await client.get(path, headers=bearer)).text)
            for run in filter(None, (end.get("run_id") for end in ended)):
                for part in ("", "/events", "/plan", "/analysis"):
                    told.append((await client.get(f"/api/runs/{run}{part}", headers=bearer)).text)
            told.append((await client.get(f"/api/runs/{ended[1]['run_id']}/steps/leak_large", headers=bearer)).text)
            told += [repr(found), repr(found.server.access), repr(found.server.loom.config), json.dumps(talk.seen)]
    logged = capfd.readouterr()
    assert len(told[-5]) > 50_000
    failed = {e["step"] for e in talk.events if e["type"] == "step.finished" and e["status"] == "failed"}
    assert failed >= {"leak_error", "sql1", "sql2", "mail", "dav", "hook1", "hook2", "stocks", "model"}
    assert {end["status"] for end in ended} == {"done", "failed"}
    assert "Bearer [secret]" in told[-5]
    assert "step failed" in logged.err
    assert collector.spans
    everything = {"answers": "".join(told), "logs": logged.out + logged.err, "traces": str(b"".join(collector.bodies))}
    for path in filter(Path.is_file, tmp_path.rglob("*")):
        everything[str(path.relative_to(tmp_path))] = path.read_bytes().decode("latin-1")
    found_in = {(place, where) for place in SECRETS for where, text in everything.items() if SECRETS[place] in text}
    assert found_in == set()
