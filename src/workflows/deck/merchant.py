"""The data server, `planloom-merchant`: an orders database for any MCP client. Rule: it only reads."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from . import requests
from .sample import sample_database
from .serving import serve
from .shapes import Brief, Merchants, Report, Request

if TYPE_CHECKING:
    from mcp.server.fastmcp import FastMCP

VARIABLE = "PLANLOOM_MERCHANT_DATABASE"
SAMPLE = ".planloom/samples/merchants.sqlite"
Day = Annotated[str, Field(description="a day such as 2025-01-31")]
Name = Annotated[str, Field(description="name of a merchant")]


class Source:
    """Where the orders are. `address` empty: sample data, made at `sample` when they are first asked for."""

    def __init__(self, address: str, sample: Path) -> None:
        self._address = address
        self._sample = sample
        self._lock = threading.Lock()

    def ready(self) -> str:
        """The address of a database that is there."""
        if self._address:
            return self._address
        with self._lock:
            return str(sample_database(self._sample))


def build(source: Source) -> FastMCP:
    """The server with its tools."""
    from mcp.server.fastmcp import FastMCP
    from mcp.types import ToolAnnotations

    server = FastMCP("planloom-merchant", log_level="WARNING", instructions="Sales figures of merchants, by period.")
    reads: Any = {
        "annotations": ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False),
        "structured_output": True,
    }

    @server.tool(**reads)
    async def merchants() -> Merchants:
        """Lists the merchants with their currency, number of paid orders, and first and last day."""
        return await asyncio.to_thread(lambda: requests.merchants(source.ready()))

    @server.tool(**reads)
    async def brief(merchant: Name, start: Day, end: Day) -> Brief:
        """Checks a merchant and a period, and says what figures about them will rest on."""
        return await asyncio.to_thread(lambda: requests.brief(source.ready(), merchant, start, end, _today()))

    @server.tool(**reads)
    async def report(request: Request, merchant: Name, start: Day, end: Day) -> Report:
        """Answers one request: a finding, a paragraph, key figures, data for a chart, a table, the SQL."""
        return await asyncio.to_thread(
            lambda: requests.report(source.ready(), merchant, start, end, request=request, today=_today())
        )

    # without this the server's process would import them on the first call, while others wait
    asyncio.get_running_loop().run_in_executor(None, _prepare)
    return server


def _prepare() -> None:
    import rapidfuzz
    import sqlalchemy

    assert rapidfuzz.__name__ and sqlalchemy.__name__


def _today() -> dt.date:
    return dt.datetime.now().astimezone().date()


async def _main(address: str, sample: Path, port: int) -> None:
    await serve(build(Source(address, sample)), port)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves the orders database."""
    parser = argparse.ArgumentParser(prog="planloom-merchant", description="Sales figures of merchants, over MCP.")
    parser.add_argument("--database", default="", help=f"SQLite file or URL (or {VARIABLE}); else samples")
    parser.add_argument("--sample", type=Path, default=Path(SAMPLE), help="where sample data are kept (%(default)s)")
    parser.add_argument("--http", type=int, default=0, metavar="PORT", help="serve http://127.0.0.1:PORT/mcp")
    args = parser.parse_args(arguments)
    asyncio.run(_main(args.database or os.environ.get(VARIABLE, ""), args.sample, args.http))


if __name__ == "__main__":
    main()
