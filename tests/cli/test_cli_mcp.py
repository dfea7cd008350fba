"""`planloom mcp`: what it prints, its exit codes, and Planloom as a server of other programs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from tests.cli.conftest import Place

RAW = Path(__file__).parent.parent / "agents" / "mcp" / "raw_server.py"


@pytest.fixture
def served(place: Place) -> Place:
    """A place with three servers in its settings."""
    good = {"command": sys.executable, "args": ["-S", str(RAW)], "env": {"TOKEN": "s3cret-token"}}
    servers = {"raw": good, "gone": {"command": "no-such-program"}, "off": {**good, "enabled": False}}
    settings = {"tools": {"modules": ["demo_tools.py"]}, "mcp": {"servers": servers}}
    (place.folder / "planloom.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return place


def test_list_starts_nothing_and_check_starts_all(served: Place):
    listed = json.loads(served.run("mcp", "list", "--json").stdout)
    assert [(row["name"], row["enabled"], row["tools"]) for row in listed] == [
        ("raw", True, None), ("gone", True, None), ("off", False, None),
    ]  # fmt: skip
    checked = served.run("mcp", "check", "--json")
    assert checked.returncode == 1
    raw, gone = json.loads(checked.stdout)
    assert raw["ok"] and raw["tools"] > 10 and raw["ping_ms"] > 0
    assert not gone["ok"] and "could not be started: No such file" in gone["told"]
    again = served.run("mcp", "list").stdout
    assert f"{raw['tools']} tools" in again and "not asked yet" in again and "switched off" in again


def test_call_prints_the_result_and_says_what_is_wrong(served: Place):
    out = served.run("mcp", "call", "raw", "echo", "--args", '{"a": 1}', "--json")
    assert json.loads(out.stdout)["result"]["data"] == {"a": 1}
    wrong = served.run("mcp", "call", "raw", "ecco")
    assert wrong.returncode == 2 and "expected a tool of raw, got 'ecco'; it has echo" in wrong.stderr
    assert "there are: raw, gone" in served.run("mcp", "call", "nobody", "x").stderr
    assert "expected a JSON object" in served.run("mcp", "call", "raw", "echo", "--args", "[1]").stderr
    dead = served.run("mcp", "call", "raw", "die", "--json")
    assert dead.returncode == 1 and "out of cheese" in json.loads(dead.stdout)["error"]


def test_tools_of_a_server_are_listed_with_their_effects(served: Place):
    tools = json.loads(served.run("mcp", "list", "raw", "--json").stdout)["tools"]
    assert {tool["effect"] for tool in tools} == {"write"} and tools[0]["source"] == "mcp raw"
    shown = served.run("tools")
    assert "raw.echo" in shown.stdout and "the tools of gone are left out" in shown.stderr


def test_presets_name_a_command_or_an_address(place: Place):
    presets = json.loads(place.run("mcp", "list", "--presets", "--json").stdout)
    assert {"filesystem", "git", "fetch", "sqlite", "memory", "time", "everything", "github"} <= {
        p["name"] for p in presets
    }
    assert all(bool(preset["command"]) != bool(preset["url"]) for preset in presets)


def test_secrets_of_servers_are_nowhere(served: Place):
    texts = [served.run(*words).stdout for words in (("doctor", "--offline"), ("mcp", "list"), ("mcp", "list", "raw"))]
    for path in (served.folder / ".planloom").rglob("*"):
        if path.is_file():
            texts.append(path.read_bytes().decode("utf-8", "replace"))
    assert len(texts) > 4 and not any("s3cret-token" in text for text in texts)


def test_steps_of_a_plan_call_a_server(served: Place):
    settings = yaml.safe_load((served.folder / "planloom.yaml").read_text())
    settings["mcp"]["servers"]["raw"]["effects"] = {"echo": "read", "typed": "read"}
    (served.folder / "planloom.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    plan = served.plan(
        {"id": "a", "action": "raw.typed", "parameters": {"count": 5}},
        {"id": "b", "action": "raw.echo", "parameters": {"n": "${a.count}"}},
        answer="got ${b.data}",
    )
    out = served.run("run", "--plan", plan, "--json")
    assert json.loads(out.stdout)["answer"] == 'got {"n": 5}', out.stderr
    wrong = served.plan(
        {"id": "a", "action": "raw.typed"}, {"id": "b", "action": "raw.echo", "parameters": {"n": "${a.nope}"}}
    )
    assert "unknown-field" in served.run("run", "--plan", wrong).stderr


def test_write_of_a_server_waits_for_approval(served: Place):
    plan = served.plan({"id": "a", "action": "raw.echo", "parameters": {"n": 1}})
    out = served.run("run", "--plan", plan, "--json")
    assert out.returncode == 3 and json.loads(out.stdout)["status"] == "needs_approval"
    granted = served.run("run", "--plan", plan, "--json", "--yes")
    assert granted.returncode == 0, granted.stderr


# ---- Planloom as a server


def parameters(place: Place) -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "planloom", "mcp", "serve"], cwd=place.folder, env=place.environment
    )


async def test_client_runs_a_goal_and_hears_its_progress(place: Place):
    heard: list[tuple[float, float | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, total))

    (place.folder / "notes.md").write_text("# Boats\n\nBoats leave the harbour at high tide.\n")
    async with stdio_client(parameters(place)) as pipes, ClientSession(*pipes) as session:
        await session.initialize()
        assert [t.name for t in (await session.list_tools()).tools] == [
            "run",
            "plan",
            "status",
            "approve",
            "cancel",
            "search",
        ]
        result = await session.call_tool("run", {"goal": "Report on the folder ."}, progress_callback=progress)
        told: dict[str, Any] = result.structuredContent or {}
        assert told["status"] == "done" and told["artifacts"]
        assert heard and heard == sorted(heard, key=lambda pair: pair[0]) and heard[-1][0] == heard[-1][1]
        status = await session.call_tool("status", {"run_id": told["run_id"]})
        assert (status.structuredContent or {})["status"] == "done"
        planned = await session.call_tool("plan", {"goal": "Report on the folder ."})
        assert (planned.structuredContent or {})["plan"]["steps"]
        searched = await session.call_tool("search", {"query": "boats"})
        assert searched.isError and "planloom index" in searched.content[0].text  # type: ignore[union-attr]
        refused = await session.call_tool("run", {"goal": "make me a sandwich"})
        assert refused.isError and "expected a goal that a playbook fits" in refused.content[0].text  # type: ignore[union-attr]


def playbook(place: Place, action: str) -> None:
    """A playbook with one step that calls `action`."""
    folder = place.folder / "playbooks"
    folder.mkdir()
    step = {"id": "it", "action": action, "parameters": {"name": "a.txt", "text": "x"} if action == "demo.save" else {}}
    book = {
        "playbook": 1,
        "name": "demo",
        "purpose": "Tries it out.",
        "examples": ["Try the demo"],
        "steps": [step],
        "answer": "tried",
    }
    (folder / "demo.yaml").write_text(yaml.safe_dump(book), encoding="utf-8")
    settings = {"tools": {"modules": ["demo_tools.py"]}, "playbooks": {"folders": ["playbooks"]}}
    (place.folder / "planloom.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


async def test_client_approves_what_a_run_asks(place: Place):
    playbook(place, "demo.save")
    async with stdio_client(parameters(place)) as pipes, ClientSession(*pipes) as session:
        await session.initialize()
        asked = (await session.call_tool("run", {"goal": "Try the demo", "playbook": "demo"})).structuredContent or {}
        assert asked["status"] == "needs_approval" and asked["approvals"][0]["step"] == "it"
        answer = {"run_id": asked["run_id"], "step": "it", "granted": True}
        told = (await session.call_tool("approve", answer)).structuredContent or {}
        assert told["status"] == "done" and told["artifacts"]


class Lines:
    """A client that knows JSON and lines, and nothing else."""

    def __init__(self, place: Place) -> None:
        self.process = place.start("mcp", "serve", stdin=subprocess.PIPE)

    def send(self, **message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def reply(self, number: int) -> dict[str, Any]:
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            message: dict[str, Any] = json.loads(line)  # anything else on stdout fails here
            if message.get("id") == number:
                return message
        raise AssertionError("the server closed its output")

    def call(self, number: int, name: str, **arguments: Any) -> None:
        self.send(id=number, method="tools/call", params={"name": name, "arguments": arguments})

    def __enter__(self) -> Lines:
        client = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "lines", "version": "0"}}
        self.send(id=0, method="initialize", params=client)
        assert self.reply(0)["result"]["serverInfo"]["name"] == "planloom"
        self.send(method="notifications/initialized")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=30)


def test_cancelled_call_cancels_the_run(place: Place):
    playbook(place, "demo.hang")
    with Lines(place) as client:
        client.call(1, "run", goal="Try the demo", playbook="demo", wait_s=0.1)
        waiting = client.reply(1)["result"]["structuredContent"]
        assert waiting["status"] == "running"
        client.call(2, "run", goal="Try the demo", playbook="demo")
        client.call(3, "status", run_id=waiting["run_id"])
        assert client.reply(3)["result"]["structuredContent"]["status"] == "running"
        client.send(method="notifications/cancelled", params={"requestId": 2})
        client.call(4, "cancel", run_id=waiting["run_id"])
        assert client.reply(4)["result"]["structuredContent"]["status"] == "cancelled"
        client.call(5, "status")
        runs = client.reply(5)["result"]["structuredContent"]["runs"]
        assert runs and all(run["status"] != "running" for run in runs)


def test_nothing_but_messages_is_on_standard_output(place: Place):
    tools = place.folder / "demo_tools.py"
    tools.write_text("print('hello from a module')\n" + tools.read_text())
    with Lines(place) as client:
        client.call(1, "run", goal="Try", playbook="nope")
        assert client.reply(1)["result"]["isError"]
        client.send(id=2, method="no/such")
        assert client.reply(2)["error"]["code"] in (-32601, -32602)


async def test_http_asks_for_the_token_and_a_loopback_host(place: Place):
    process = place.start("mcp", "serve", "--http", "0")
    try:
        assert process.stdout is not None
        url = (await asyncio.to_thread(process.stdout.readline)).split()[-1]
        token = (await asyncio.to_thread(process.stdout.readline)).split()[-1]
        own = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient() as http:
            for headers, status in (
                ({}, 401),
                ({"Authorization": "Bearer x"}, 401),
                ({**own, "Host": "evil.example"}, 421),
            ):
                assert (await http.post(url, headers=headers, json={})).status_code == status
        async with (
            httpx.AsyncClient(headers=own) as http,
            streamable_http_client(url, http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            assert (await session.call_tool("status", {})).structuredContent == {"runs": []}
    finally:
        process.terminate()
        await asyncio.to_thread(process.communicate)
