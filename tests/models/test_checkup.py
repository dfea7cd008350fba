"""What `look` says of models that work, lack something, or are not there: over real HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from planloom.config import Models
from planloom.models.checkup import Finding, look
from planloom.models.simulate import scenario
from planloom.models.simulate.serving import running
from planloom.models.simulate.settings import Settings

KEY = "sk-never-to-be-seen"


async def looked(base_url: str, **more: Any) -> dict[str, Finding]:
    settings = Models.model_validate({"base_url": base_url, "api_key": KEY, "model": "m", **more})
    found = await look(settings)
    assert not any(KEY in one.told for one in found)
    return {one.name: one for one in found}


@contextlib.asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[str]:
    """A server that gives every request the same bytes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def http(status: str, kind: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return (head + body).encode()


async def test_all_is_well_with_a_server_that_can_everything_and_equal_checks_are_one_call() -> None:
    async with running(Settings(api_keys=(KEY,))) as server:
        found = await looked(server.base_url)
        calls = server.provider.stats.told(0.0)["requests"]
    assert {one.state for one in found.values()} == {"ok"}
    assert list(found) == ["planner", "worker", "worker tools", "verifier", "writer", "embeddings"]
    assert "json_schema" in found["verifier"].told
    assert "384" in found["embeddings"].told
    assert calls == 5  # planner and writer need the same


async def test_another_temperature_is_another_check() -> None:
    async with running() as server:
        await looked(server.base_url, writer={"temperature": 0.5})
        assert server.provider.stats.told(0.0)["requests"] == 6


@pytest.mark.parametrize(
    ("without", "name", "state", "words"),
    [
        ({"json_schema"}, "verifier", "note", "json_object"),
        ({"json_schema", "json_object"}, "verifier", "note", "(text)"),
        ({"tools"}, "worker tools", "note", "no tools"),
        ({"embeddings"}, "embeddings", "note", "no embeddings"),
        ({"streaming"}, "planner", "problem", "refused"),
    ],
)
async def test_what_a_server_lacks_is_named_and_the_rest_is_well(
    without: set[str], name: str, state: str, words: str
) -> None:
    async with running(Settings(without=frozenset(without))) as server:
        found = await looked(server.base_url)
    assert (found[name].state, words in found[name].told) == (state, True), found[name]
    also = {"writer"} if name == "planner" else set()
    assert {one.name for one in found.values() if one.state != "ok"} == {name} | also


async def test_embeddings_that_were_set_and_do_not_work_are_a_problem() -> None:
    async with running(Settings(without=frozenset({"embeddings"}))) as server:
        found = await looked(server.base_url, embeddings={"model": "e"})
    assert found["embeddings"].state == "problem"


async def test_one_role_with_an_unknown_model_spoils_no_other() -> None:
    async with running(Settings(models=("m",))) as server:
        found = await looked(server.base_url, worker={"model": "other"})
    assert "no model of this name" in found["worker"].told
    assert {one.name for one in found.values() if one.state == "problem"} == {"worker", "worker tools"}


@pytest.mark.parametrize(("key", "words"), [("sk-wrong", "the key was refused"), ("", "no key is set")])
async def test_a_key_that_is_wrong_or_missing_is_told_after_one_call(key: str, words: str) -> None:
    async with running(Settings(api_keys=(KEY,))) as server:
        found = await looked(server.base_url, api_key=key)
        assert server.provider.stats.told(0.0)["requests"] <= 1
    assert words in found["planner"].told
    assert found["verifier"].state == "problem"


async def test_an_address_without_v1_is_told() -> None:
    async with running() as server:
        found = await looked(server.base_url.removesuffix("/v1"))
    assert "usually ends in /v1" in found["planner"].told


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
async def test_a_web_page_is_told(status: str) -> None:
    async with answering(http(status, "text/html; charset=utf-8", "<html>Welcome</html>")) as base_url:
        found = await looked(base_url)
    assert all("a web page came back" in one.told for one in found.values())


async def test_json_that_is_no_completion_is_told() -> None:
    async with answering(http("200 OK", "application/json", '{"hello": 1}')) as base_url:
        found = await looked(base_url)
    assert {found[name].state for name in ("planner", "worker", "verifier")} == {"problem"}


@pytest.mark.parametrize("body", ['{"choices": [{}]}', '{"data": 7, "choices": 7}', "[]", "null"])
async def test_odd_json_is_a_problem_and_no_crash(body: str) -> None:
    async with answering(http("200 OK", "application/json", body)) as base_url:
        found = await looked(base_url, embeddings={"model": "e"})
    states = {one.name: one.state for one in found.values()}
    assert states == dict.fromkeys(states, "problem") | {"worker tools": "note"}


async def test_a_key_that_the_server_repeats_is_not_told() -> None:
    body = f'{{"error": {{"message": "the key {KEY} has no such right"}}}}'
    async with answering(http("400 Bad Request", "application/json", body)) as base_url:
        found = await looked(base_url)
    assert "the key (key) has no such right" in found["planner"].told


async def test_a_closed_port_and_a_host_in_the_address_without_http_are_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = await looked(f"http://me:{KEY}@127.0.0.1:{free.getsockname()[1]}/v1")
    assert "is the server running" in found["planner"].told
    assert "me:" not in found["planner"].told
    assert "begins with http://" in (await looked("localhost:1/v1"))["planner"].told


async def test_a_server_that_says_nothing_is_left_at_the_deadline() -> None:
    async with running(Settings(faults={"stall": 1.0})) as server:
        settings = Models(base_url=server.base_url, model="m")
        found = await look(settings, deadline_s=0.05)
    assert "no reply within 0.05 s" in found[0].told
    assert len({one.told for one in found}) == 1


async def test_a_refusal_for_too_many_requests_is_no_fault_of_the_settings() -> None:
    script = scenario.parse("rules: [{reply: {status: 429, message: slow down}}]")
    async with running(Settings(scenario=script)) as server:
        found = await looked(server.base_url)
    assert found["planner"].state == "note"
    assert "slow down" in found["planner"].told


@pytest.mark.parametrize(
    ("given", "state", "words"),
    [
        ({}, "note", "playbooks plan"),
        ({"api_key": KEY}, "note", "models.model"),
        ({"model": "m"}, "problem", "no key and no address"),
        ({"planner": {"model": "m"}}, "problem", "no key and no address"),
    ],
)
async def test_what_is_missing_in_the_settings_is_told_without_a_call(
    given: dict[str, Any], state: str, words: str
) -> None:
    (only,) = await look(Models.model_validate(given))
    assert (only.name, only.state) == ("models", state)
    assert words in only.told
    assert KEY not in only.told


async def test_roles_without_a_model_say_what_happens_instead() -> None:
    async with running() as server:
        found = await look(Models.model_validate({"base_url": server.base_url, "planner": {"model": "m"}}))
    told = {one.name: one for one in found}
    assert told["planner"].state == "ok"
    assert told["verifier"].told == "no model: rules verify"
