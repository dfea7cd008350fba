"""How the two servers run alone: on standard input and output, or over HTTP on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp.server.fastmcp import FastMCP


async def serve(server: FastMCP, port: int) -> None:
    """Serves until the client leaves or the process ends; `port` 0: standard input and output."""
    if not port:
        await server.run_stdio_async()
        return
    server.settings.port = port
    await server.run_streamable_http_async()
