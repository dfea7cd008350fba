"""Planloom as an MCP server, over standard input and output or over HTTP on loopback.

Rule: nothing but messages goes to the client: what tools and libraries print goes to standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import io
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .mcpgoals import Goals, refusal

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp.types import CallToolResult, Tool

    from ..config import Config

TOKEN_VARIABLE = "PLANLOOM_MCP_TOKEN"  # noqa: S105 - its name
_PATH = "/mcp"
_TEXT = {"type": "string"}
_INPUTS = {"type": "object", "description": 'Named inputs of the goal, such as {"path": "sales.csv"}.'}
_PLAYBOOK = {"type": "string", "description": "Plan with this playbook, whatever the goal says."}
_WAIT = {"type": "number", "minimum": 0, "description": "Seconds to wait for the run at most; 0: until it is over."}
_RUN = {"type": "string", "description": "The run's id."}
_INSTRUCTIONS = (
    "Planloom turns a goal into a plan of steps and runs it. Call run with the goal in words. When it returns "
    "needs_approval, show its questions to the person and answer each with approve."
)


def serve(config: Config, *, port: int | None) -> None:
    """Serves until the client leaves or the process is told to end; `port` None: on stdin and stdout, 0: any port."""
    asyncio.run(_over_pipes(config) if port is None else _over_http(config, port))


@asynccontextmanager
async def offered(config: Config) -> AsyncIterator[Server[Any, Any]]:
    """The server with its tools; its runs are cancelled when this is left."""
    from ..orchestrator.runtime import Planloom

    async with Planloom(config) as loom:
        goals = Goals(loom)
        try:
            yield _server(goals)
        finally:
            await goals.close()


def _server(goals: Goals) -> Server[Any, Any]:
    from importlib.metadata import version

    from mcp.server.lowlevel import Server
    from mcp.types import CallToolResult, TextContent

    server: Server[Any, Any] = Server("planloom", version=version("planloom"), instructions=_INSTRUCTIONS)

    @server.list_tools()  # type: ignore[no-untyped-call,untyped-decorator]
    async def tools() -> list[Tool]:
        return _tools()

    @server.call_tool()  # type: ignore[untyped-decorator]
    async def call(name: str, arguments: dict[str, Any]) -> CallToolResult:
        async def progress(done: float, total: float | None, note: str) -> None:
            context = server.request_context
            token = context.meta.progressToken if context.meta is not None else None
            if token is not None:
                await context.session.send_progress_notification(token, done, total, note)

        try:
            if name not in goals.calls:
                raise UsageError(f"expected one of the tools {', '.join(goals.calls)}, got {name!r}")
            result = await goals.calls[name](arguments, progress)
        except Exception as error:  # noqa: BLE001 - the border to the client
            return CallToolResult(content=[TextContent(type="text", text=refusal(error))], isError=True)
        return CallToolResult(content=[TextContent(type="text", text=_told(result))], structuredContent=result)

    return server


def _told(result: dict[str, Any]) -> str:
    """The result for a model to read: the answer and what is open, or the data when there is no answer."""
    import json

    if not result.get("answer"):
        return json.dumps(result, ensure_ascii=False, default=str)
    files = "".join(f"\n{artifact['path']}" for artifact in result.get("artifacts", ()))
    return f"{result['answer']}{files}"


def _tools() -> list[Tool]:
    from mcp.types import Tool, ToolAnnotations

    def tool(name: str, told: str, required: tuple[str, ...], hints: dict[str, Any], **properties: Any) -> Tool:
        schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
        return Tool(name=name, description=told, inputSchema=schema, annotations=ToolAnnotations(**hints))

    reads = {"readOnlyHint": True}
    writes = {"readOnlyHint": False, "destructiveHint": False}
    goal = {"type": "string", "description": "What is to be done, in words."}
    session = {"type": "string", "description": "Continue this session."}
    return [
        tool(
            "run", "Plans a goal, runs the plan and answers. Steps that need a person are not done without approve.",
            ("goal",), writes, goal=goal, inputs=_INPUTS, playbook=_PLAYBOOK, session_id=session, wait_s=_WAIT,
        ),
        tool(
            "plan", "Shows the plan for a goal without running it.",
            ("goal",), reads, goal=goal, inputs=_INPUTS, playbook=_PLAYBOOK,
        ),
        tool("status", "Tells how a run stands, or lists the runs.", (), reads, run_id=_RUN, wait_s=_WAIT),
        tool(
            "approve", "Answers a question of a run for the person, and goes on with it.",
            ("run_id", "step", "granted"), {"readOnlyHint": False, "destructiveHint": True},
            run_id=_RUN, step=_TEXT, granted={"type": "boolean"}, note=_TEXT, wait_s=_WAIT,
        ),
        tool("cancel", "Cancels a run.", ("run_id",), writes, run_id=_RUN),
        tool(
            "search", "Searches the indexed documents.",
            ("query",), reads, query=_TEXT, limit={"type": "integer", "minimum": 1, "maximum": 100},
        ),
    ]  # fmt: skip


async def _over_pipes(config: Config) -> None:
    import anyio
    from mcp.server.stdio import stdio_server

    client = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), encoding="utf-8")
    os.dup2(2, 1)  # from here on, what anyone prints goes to standard error
    stdout = anyio.wrap_file(client)
    async with offered(config) as server, stdio_server(stdout=stdout) as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def _over_http(config: Config, port: int) -> None:
    import uvicorn

    token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(32)
    async with offered(config) as server, http_app(server, token) as app:
        settings = uvicorn.Config(
            app, host="127.0.0.1", port=port, log_level="warning", http="h11", ws="none", lifespan="off"
        )
        serving = uvicorn.Server(settings)
        listener = settings.bind_socket()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}{_PATH}"
        sys.stdout.write(f"Planloom listens at {address}\n")
        if not os.environ.get(TOKEN_VARIABLE):
            sys.stdout.write(f"Authorization: Bearer {token}\n")
        sys.stdout.flush()
        await serving.serve(sockets=[listener])


@asynccontextmanager
async def http_app(server: Server[Any, Any], token: str) -> AsyncIterator[Any]:
    """The ASGI application for streamable HTTP; asks every request for the token, and for a loopback host."""
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings

    own = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=own, allowed_origins=[f"http://{host}" for host in own]
    )
    manager = StreamableHTTPSessionManager(app=server, security_settings=security)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if not _may(scope, token):
            await _refused(send, 401, b"expected the header Authorization: Bearer TOKEN with this server's token\n")
        elif scope["path"].rstrip("/") != _PATH:
            await _refused(send, 404, b"expected the path /mcp\n")
        else:
            await manager.handle_request(scope, receive, send)

    async with manager.run():
        yield app


def _may(scope: Any, token: str) -> bool:
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return hmac.compare_digest(given, b"Bearer " + token.encode())


async def _refused(send: Any, status: int, text: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})
