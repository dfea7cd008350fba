"""Servers for the benchmarks: `library` is made with the protocol's own library, `lean` by hand to start at once.

Usage: mcp_servers.py library|lean MARK [TOOLS]. MARK is only there to find the process by. TOOLS: how many to list.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

TOPICS = ("invoice", "customer", "ticket", "shipment", "calendar", "photo", "song", "recipe", "vehicle", "lesson")
VERBS = ("search", "create", "update", "archive", "export", "merge", "compare", "translate", "print", "share")


def tools(count: int) -> list[dict[str, Any]]:
    """Tools with names, descriptions and schemas of usual size."""
    made = []
    for number in range(count):
        topic, verb = TOPICS[number % 10], VERBS[number // 10 % 10]
        properties = {
            f"{topic}_id": {"type": "string", "description": f"Which {topic}."},
            "query": {"type": "string", "description": "Words to look for."},
            "limit": {"type": "integer", "default": 10, "minimum": 1, "maximum": 100},
            "options": {
                "type": "object",
                "properties": {"verbose": {"type": "boolean"}, "format": {"enum": ["a", "b"]}},
            },
        }
        schema = {"type": "object", "properties": properties, "required": [f"{topic}_id"]}
        told = f"{verb.title()}s {topic} records by their id or by words. Gives the records with all their fields."
        made.append({"name": f"{verb}_{topic}_{number}", "description": told, "inputSchema": schema})
    return made


def lean(count: int) -> None:
    """Answers by hand; `hang` never answers."""
    names = [{"name": name, "description": "", "inputSchema": {"type": "object"}} for name in ("noop", "hang")]
    for line in sys.stdin:
        request = json.loads(line)
        result: dict[str, Any] = {}
        match request["method"]:
            case "initialize":
                info = {"name": "lean", "version": "1"}
                result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
            case "tools/list":
                result = {"tools": names + tools(count)}
            case "tools/call":
                if request["params"]["name"] == "hang":
                    continue
                result = {"content": [{"type": "text", "text": "done"}]}
        if "id" in request:
            print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)


def library() -> None:
    """The same noop with the library's server."""
    from mcp.server.fastmcp import FastMCP

    server = FastMCP("library", log_level="ERROR")

    @server.tool(structured_output=False)
    async def noop() -> str:
        """Does nothing."""
        return "done"

    @server.tool(structured_output=False)
    async def hang() -> str:
        """Never answers."""
        await asyncio.Event().wait()
        return "never"

    server.run()


if __name__ == "__main__":
    if sys.argv[1] == "library":
        library()
    else:
        lean(int(sys.argv[3]) if len(sys.argv) > 3 else 0)
