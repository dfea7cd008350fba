"""The chart server, `planloom-charts`: draws charts in worker processes for any MCP client."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...agents.tool import ToolContext
from ...agents.tools import charts
from ...agents.workers import Workers
from ...agents.workspace import Workspace
from ...errors import ToolError
from .serving import serve
from .shapes import Points

if TYPE_CHECKING:
    from mcp.server.fastmcp import FastMCP

_WARM: Mapping[str, Any] = {
    "kind": "bar",
    "title": "",
    "data": {"x": ["a", "b"], "series": [{"name": "", "values": [1, 2]}]},
}


class _Shift:
    """Some worker processes, and how much they have drawn."""

    def __init__(self, count: int) -> None:
        self.workers = Workers(count)
        self.active = 0
        self.drawn = 0


class Studio:
    """Worker processes that draw, `count` at most and no more than processors; new ones after `batch_size` charts.

    `batch_size` 0: they are never replaced.
    """

    def __init__(self, folder: Path, count: int, batch_size: int) -> None:
        self._folder = folder
        self._count = count = min(count, os.cpu_count() or 1)
        self._batch_size = batch_size
        self._shift = _Shift(count)
        self._leaving: set[asyncio.Task[None]] = set()

    async def draw(self, arguments: Mapping[str, Any]) -> tuple[bytes, Mapping[str, Any]]:
        """A picture, and what is said of it: title, kind, alt, name.

        Raises:
            ToolError: the data can't be drawn.
        """
        shift = self._next()
        shift.active += 1
        try:
            context = ToolContext(workspace=Workspace(self._folder, self._folder))
            made = await shift.workers.call(charts.draw, arguments, context)
        finally:
            shift.active -= 1
            if shift is not self._shift and not shift.active:
                self._close(shift)
        if made["path"] is None:
            raise ToolError(f"expected data for the chart {arguments['title']!r}, got none")
        return await asyncio.to_thread(_taken, Path(made["path"])), made

    async def warm(self) -> None:
        """Has every worker ready before it is needed."""
        context = ToolContext(workspace=Workspace(self._folder, self._folder))
        calls = (self._shift.workers.call(charts.draw, _WARM, context) for _ in range(self._count))
        for made in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(made, dict):
                await asyncio.to_thread(_taken, Path(made["path"]))

    async def close(self) -> None:
        """Ends the workers."""
        await asyncio.gather(*self._leaving)
        await self._shift.workers.close()

    def _next(self) -> _Shift:
        if self._batch_size and self._shift.drawn >= self._batch_size:
            before, self._shift = self._shift, _Shift(self._count)
            if not before.active:
                self._close(before)
        self._shift.drawn += 1
        return self._shift

    def _close(self, shift: _Shift) -> None:
        task = asyncio.create_task(shift.workers.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _taken(path: Path) -> bytes:
    """The contents of a file that is not needed any more."""
    try:
        return path.read_bytes()
    finally:
        path.unlink()


@asynccontextmanager
async def studio(count: int, batch_size: int) -> AsyncIterator[Studio]:
    """A studio in a folder of its own, which is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="planloom-charts-") as folder:
        made = Studio(Path(folder), count, batch_size)
        warming = asyncio.create_task(made.warm())
        try:
            yield made
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
            await made.close()


def build(drawing: Studio) -> FastMCP:
    """The server with its tool."""
    from mcp.server.fastmcp import FastMCP
    from mcp.types import ToolAnnotations

    server = FastMCP("planloom-charts", log_level="WARNING", instructions="Draws charts as PNG pictures.")
    hints = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)

    @server.tool(annotations=hints, structured_output=False)
    async def draw(  # noqa: PLR0917  # called by name
        kind: charts.Kind,
        title: str,
        data: Points,
        x_label: str = "",
        y_label: str = "",
        value_format: str = "number",
        name: str = "chart",
    ) -> list[Any]:
        """Draws a chart: a PNG picture, and a sentence that says what it shows.

        `value_format`: number, count, percent (of shares 0 to 1), or currency:USD. `name` is that of the picture.
        """
        arguments = {
            "kind": kind,
            "title": title,
            "data": dict(data),
            "x_label": x_label,
            "y_label": y_label,
            "value_format": value_format,
            "name": "".join(sign if sign.isalnum() else "-" for sign in name)[:80] or "chart",
        }
        return _content(*await drawing.draw(arguments))

    return server


def _content(picture: bytes, made: Mapping[str, Any]) -> list[Any]:
    """A picture as the protocol has it: what is said of it, and the file."""
    from mcp.types import BlobResourceContents, EmbeddedResource, TextContent
    from pydantic import AnyUrl

    told = {key: made[key] for key in ("title", "kind", "alt", "name")}
    place = AnyUrl(f"chart://planloom/{Path(str(made['path'])).name}")
    file = BlobResourceContents(uri=place, mimeType="image/png", blob=base64.b64encode(picture).decode())
    return [
        TextContent(type="text", text=json.dumps(told, ensure_ascii=False)),
        EmbeddedResource(type="resource", resource=file),
    ]


async def _main(count: int, batch_size: int, port: int) -> None:
    async with studio(count, batch_size) as drawing:
        await serve(build(drawing), port)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves charts."""
    parser = argparse.ArgumentParser(prog="planloom-charts", description="Draws charts, over MCP.")
    parser.add_argument("--workers", type=int, default=4, help="processes that draw (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=50, help="charts until they are replaced (%(default)s)")
    parser.add_argument("--http", type=int, default=0, metavar="PORT", help="serve http://127.0.0.1:PORT/mcp")
    args = parser.parse_args(arguments)
    asyncio.run(_main(max(1, args.workers), max(0, args.batch_size), args.http))


if __name__ == "__main__":
    main()
