"""Both servers over streamable HTTP, as the official client meets them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from tests.workflows.deck.shop import sampled

YEAR = {"merchant": "Aurora Home", "start": "2025-01-01", "end": "2025-12-31"}
BARS = {"x": ["Jan", "Feb"], "series": [{"name": "a", "values": [1, 2]}]}


@contextlib.contextmanager
def served(module: str, *arguments: str) -> Iterator[str]:
    """The address of a server in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", f"planloom.workflows.deck.{module}", "--http", str(port), *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            address = f"http://127.0.0.1:{port}/mcp"
            assert process.stderr.readline().strip().endswith(f" at {address}")
            yield address
        finally:
            process.terminate()
            process.communicate(timeout=20)


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[ClientSession]:
    async with (
        httpx.AsyncClient(timeout=60, trust_env=False) as http,
        streamable_http_client(url, http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return sampled(tmp_path_factory.mktemp("shop") / "orders.sqlite")


async def test_data_come_over_http_to_several_clients_at_once(database: str, tmp_path: Path):
    with served("merchant", "--database", database) as url:
        async with connected(url) as session, connected(url) as other:
            listed = await session.list_tools()
            assert {tool.name for tool in listed.tools} == {"merchants", "brief", "report"}
            assert all(tool.annotations and tool.annotations.readOnlyHint for tool in listed.tools)
            names = ["monthly_sales", "user_demographics", "orders_by_product"]
            made = await asyncio.gather(
                *(one.call_tool("report", {"request": name, **YEAR}) for one in (session, other) for name in names)
            )
            assert [one.structuredContent["request"] for one in made if one.structuredContent] == names * 2
            refused = await session.call_tool("brief", {**YEAR, "merchant": "Aurora"})
            assert refused.isError and "nearest are: Aurora Home" in refused.content[0].text  # type: ignore[union-attr]


async def test_charts_come_over_http(tmp_path: Path):
    with served("plots", "--workers", "1") as url:
        async with connected(url) as session:
            arguments = {"kind": "bar", "title": "Sales", "data": BARS, "name": "sales"}
            pair = await asyncio.gather(*(session.call_tool("draw", arguments) for _ in range(2)))
            for made in pair:
                said, picture = made.content
                assert json.loads(said.text)["alt"].startswith("Bar chart")  # type: ignore[union-attr]
                blob = base64.b64decode(picture.resource.blob)  # type: ignore[union-attr]
                assert blob.startswith(b"\x89PNG")
            refused = await session.call_tool("draw", {**arguments, "kind": "pyramid"})
            assert refused.isError


async def test_a_page_of_another_site_is_refused(database: str):
    with served("merchant", "--database", database) as url:
        async with httpx.AsyncClient(trust_env=False) as http:
            for header in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
                body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
                accept = {"accept": "application/json, text/event-stream"}
                reply = await http.post(url, json=body, headers={**header, **accept})
                assert reply.status_code in (403, 421), reply.text
