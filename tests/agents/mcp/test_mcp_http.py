"""Servers over HTTP: real ones, and such as answer with everything but the protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.agents.mcp.party import Gather

from planloom.errors import ConfigError, ToolError, TransientError

Answer = Callable[[str, dict[str, str], Any, asyncio.StreamWriter], Awaitable[None]]
TOOLS = [{"name": name, "description": "", "inputSchema": {"type": "object"}} for name in ("good", "bad")]


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[str]:
    """A server by hand: `answer` gets method, headers, JSON body and where to write."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := (await reader.readline()).decode():
                headers = {}
                while text := (await reader.readline()).decode().strip():
                    name, _, value = text.partition(":")
                    headers[name.lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                await answer(line.split()[0], headers, json.loads(body) if body else None, writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    finally:
        server.close()


def write(writer: asyncio.StreamWriter, status: str, body: bytes = b"", **headers: str) -> None:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).replace("content_", "content-").encode() + body)


def result_of(message: dict[str, Any]) -> dict[str, Any]:
    match message["method"]:
        case "initialize":
            info = {"name": "by-hand", "version": "1"}
            return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            return {"tools": TOOLS}
        case _:
            return {"content": [{"type": "text", "text": "fine"}]}


def speaking(on_bad: Answer, seen: list[dict[str, str]] | None = None) -> Answer:
    """The protocol with JSON replies; calls of the tool `bad` are answered by `on_bad`."""

    async def answer(method: str, headers: dict[str, str], message: Any, writer: asyncio.StreamWriter) -> None:
        if seen is not None:
            seen.append(headers)
        if method != "POST":
            write(writer, "405 Method Not Allowed")
        elif "id" not in message:
            write(writer, "202 Accepted")
        elif message["method"] == "tools/call" and message["params"]["name"] == "bad":
            await on_bad(method, headers, message, writer)
        else:
            reply = {"jsonrpc": "2.0", "id": message["id"], "result": result_of(message)}
            write(writer, "200 OK", json.dumps(reply).encode(), content_type="application/json")

    return answer


def always(status: str, body: bytes = b"", **headers: str) -> Answer:
    async def answer(method: str, given: dict[str, str], message: Any, writer: asyncio.StreamWriter) -> None:
        write(writer, status, body, **headers)

    return answer


async def dropped(method: str, headers: dict[str, str], message: Any, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def cut_stream(method: str, headers: dict[str, str], message: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: message\r\ndata: {"jsonrpc":')
    await writer.drain()
    writer.close()


async def silent(method: str, headers: dict[str, str], message: Any, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (always("401 Unauthorized"), ToolError, r"asks who we are \(HTTP 401\); set mcp.servers.web.headers"),
        (always("403 Forbidden"), ToolError, r"refuses us \(HTTP 403\)"),
        (always("404 Not Found"), ToolError, r"not at its url \(HTTP 404\)"),
        (always("500 Oops"), TransientError, r"broke \(HTTP 500\)"),
        (always("503 Busy"), TransientError, r"too much to do \(HTTP 503\)"),
        (always("302 Found", location="http://127.0.0.1:1/other"), ToolError, r"sends us elsewhere \(HTTP 302\)"),
        (
            always("200 OK", b"<html>hello</html>", content_type="text/html"),
            ToolError,
            r"answers with something that is no message",
        ),
        (
            always("200 OK", b'{"x": 1}', content_type="application/json"),
            ToolError,
            r"answers with something that is no message",
        ),
        (dropped, TransientError, r"MCP server 'web'"),
        (silent, TransientError, r"gave no answer within 1 s while connecting"),
    ],
)
async def test_endpoint_that_does_not_speak_the_protocol_is_named(
    gather: Gather, answer: Answer, kind: type[Exception], told: str
):
    async with listening(answer) as url:
        party = gather({"web": {"url": url, "connect_timeout_s": 1}})
        with pytest.raises(kind, match=told):
            await party.servers.learn("web")


async def test_address_where_nobody_listens_may_work_later(gather: Gather):
    party = gather({"web": {"url": "http://127.0.0.1:1/mcp"}})
    with pytest.raises(TransientError, match=r"MCP server 'web' can't be reached"):
        await party.servers.learn("web")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (always("500 Oops"), r"broke \(HTTP 500\)"),
        (always("404 Not Found"), r"has forgotten our session"),
        (dropped, r"the connection broke while calling bad"),
        (cut_stream, r"gave no answer within 1 s while calling bad"),
        (silent, r"gave no answer within 1 s while calling bad"),
    ],
)
async def test_call_that_goes_wrong_fails_alone_and_the_next_one_works(gather: Gather, answer: Answer, told: str):
    async with listening(speaking(answer)) as url:
        party = gather({"web": {"url": url, "timeout_s": 1}})
        assert (await party.call("web.good"))["text"] == "fine"
        with pytest.raises(TransientError, match=told):
            await party.call("web.bad")
        assert (await party.call("web.good"))["text"] == "fine"


async def test_headers_with_secrets_are_sent_and_never_told(gather: Gather):
    seen: list[dict[str, str]] = []
    denied = always("401 Unauthorized", b"no such token t0p-s3cret")
    async with listening(speaking(denied, seen)) as url:
        headers = {"Authorization": "Bearer ${ENV:MY_TOKEN}"}
        party = gather({"web": {"url": url, "headers": headers}}, environ={"MY_TOKEN": "t0p-s3cret"})
        await party.call("web.good")
        with pytest.raises(ToolError) as caught:
            await party.call("web.bad")
    assert {headers["authorization"] for headers in seen} == {"Bearer t0p-s3cret"}
    assert "t0p" not in str(caught.value) + repr(party.servers.server("web").settings)


async def test_headers_do_not_follow_a_redirect(gather: Gather):
    elsewhere: list[dict[str, str]] = []
    async with listening(speaking(dropped, elsewhere)) as other:
        moved = always("307 Temporary Redirect", location=other)
        async with listening(moved) as url:
            party = gather({"web": {"url": url, "headers": {"X-Key": "abc"}}})
            with pytest.raises(ToolError, match="not followed"):
                await party.servers.learn("web")
    assert elsewhere == []


async def test_variable_that_is_not_set_is_named(gather: Gather):
    party = gather({"web": {"url": "http://127.0.0.1:1", "headers": {"X-Key": "${ENV:NOT_THERE}"}}}, environ={})
    with pytest.raises(ConfigError, match=r"mcp.servers.web.headers.X-Key: expected the variable NOT_THERE to be set"):
        await party.servers.learn("web")


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("a b", {"url": "http://x"}, "expected a name of letters"),
        ("agent", {"url": "http://x"}, "other than agent"),
        ("a", {}, "expected one of command, url and preset, got none"),
        ("a", {"url": "http://x", "command": "y"}, "got command and url"),
        ("a", {"url": "file:///etc/passwd"}, "expected an address with http"),
        ("a", {"preset": "nope"}, "expected one of filesystem, git"),
    ],
)
async def test_settings_that_can_not_work_are_refused(gather: Gather, name: str, settings: dict[str, str], told: str):
    with pytest.raises(ConfigError, match=told):
        gather({name: settings})


async def test_real_server_over_http_answers_side_by_side(gather: Gather):
    import uvicorn
    from mcp.server.fastmcp import FastMCP

    made = FastMCP("real", log_level="ERROR")

    @made.tool()
    async def add(a: int, b: int) -> int:
        """Adds."""
        await made.get_context().report_progress(1, 2, "half")
        return a + b

    server = uvicorn.Server(
        uvicorn.Config(made.streamable_http_app(), port=0, log_level="error", http="h11", ws="none")
    )
    listener = server.config.bind_socket()
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        party = gather({"web": {"url": f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"}})
        await party.servers.learn("web")
        values = await asyncio.gather(*(party.call("web.add", a=n, b=1) for n in range(20)))
        assert values == [{"result": n + 1} for n in range(20)]
        assert (1.0, 2.0, "half") in party.progress
        await party.servers.close()
    finally:
        server.should_exit = True
        await serving
        listener.close()
