"""How the two servers run alone: on standard input and output, or over HTTP on loopback."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp.server.fastmcp import FastMCP

_HOST = "127.0.0.1"


async def serve(server: FastMCP, port: int) -> None:
    """Serves until the client leaves or the process ends; `port` 0: standard input and output.

    Raises:
        SystemExit: the port is taken.
    """
    if not port:
        await server.run_stdio_async()
        return
    import uvicorn

    try:
        place = socket.create_server((_HOST, port))
    except OSError as error:
        raise SystemExit(f"--http: expected a free port, got {port}: {error.strerror}") from error
    with place:
        sys.stderr.write(f"{server.name} at http://{_HOST}:{port}/mcp\n")
        sys.stderr.flush()
        runner = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="warning", ws="none"))
        await runner.serve(sockets=[place])
