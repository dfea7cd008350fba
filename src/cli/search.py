"""`planloom search`: the passages of the indexed documents that fit a question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from . import options


@click.command("search")
@click.argument("question")
@click.option("--limit", "count", type=click.IntRange(1, 200), default=8, show_default=True, help="Passages at most.")
@click.option("--in", "under", metavar="PATH", help="Only in this file or folder.")
@options.where
@options.as_json
@options.shared
def command(question: str, as_json: bool, config_file: Path | None, **looked: Any) -> None:
    """Find passages in the indexed documents.

    \b
    planloom index ~/Documents
    planloom search "notice period" --in ~/Documents/contracts
    planloom search "notice period" --where kind=pdf --where "modified>=2025-01"

    Words and meaning count both; each passage comes with its file and place.
    """
    asyncio.run(_search(question, looked, as_json=as_json, config_file=config_file))


async def _search(question: str, looked: Mapping[str, Any], *, as_json: bool, config_file: Path | None) -> None:
    from .knowledge import opened_library, show_hits, show_notes
    from .output import print_json, print_text

    async with opened_library(config_file) as (library, _):
        found = await library.search(question, **looked)
    if as_json:
        print_json({"question": question, "results": [hit.to_dict() for hit in found.hits], "notes": list(found.notes)})
        return
    show_notes(found.notes)
    if not found.hits:
        print_text("Nothing in the index fits.")
    show_hits(found.hits, question)
