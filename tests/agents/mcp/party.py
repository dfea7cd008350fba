"""Real server processes for tests, and how a test calls them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from planloom.agents.call import Caller
from planloom.agents.mcp.servers import Servers
from planloom.agents.tool import ToolContext
from planloom.agents.workspace import Workspace

RAW = str(Path(__file__).with_name("raw_server.py"))


@dataclass
class Party:
    """The servers of a test, and how it calls them."""

    folder: Path
    servers: Servers
    progress: list[tuple[float, float | None, str]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    async def call(self, name: str, **arguments: Any) -> Any:
        """The result of a tool, through the ways of a step."""
        await self.servers.prepare([name])
        tool = self.servers.find(name)
        assert tool is not None, name
        context = ToolContext(
            workspace=Workspace(self.folder, self.folder / "out"),
            progress=lambda *told: self.progress.append(told),
            artifact=lambda path, kind=None: self.files.append(path),
        )
        return await Caller(lambda: None).call(tool, arguments, context)

    def processes(self) -> list[psutil.Process]:
        """What the servers have running, guards included."""
        found = []
        for server in self.servers:
            if (pid := server.connection.process_id) is not None and psutil.pid_exists(pid):
                guard = psutil.Process(pid)
                found += [guard, *guard.children(recursive=True)]
        return found


Gather = Callable[..., Party]


def raw(mode: str = "good", **more: Any) -> dict[str, Any]:
    """Settings of a server that misbehaves on demand."""
    return {"command": sys.executable, "args": ["-S", RAW, mode], **more}
