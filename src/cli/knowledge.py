"""What the commands over documents and facts share: opening them, and how paths and passages are shown."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from . import options

if TYPE_CHECKING:
    from rich.console import Console

    from ..agents.knowledge import Knowledge
    from ..config import Config
    from ..documents.index.records import Failure
    from ..documents.library import Library
    from ..documents.search.hybrid import Hit
    from ..memory.facts import Facts
    from ..models.client import Models


@asynccontextmanager
async def opened_models(config: Config) -> AsyncIterator[Models | None]:
    """The models of the settings, None when there are none."""
    from ..models.client import endpoint_of

    if endpoint_of(config.models, "embeddings") is None and endpoint_of(config.models, "writer") is None:
        yield None
        return
    from ..clock import SystemClock
    from ..models.governed import governed

    models = governed(config, SystemClock())
    try:
        yield models
    finally:
        await models.close()


@asynccontextmanager
async def opened_library(config_file: Path | None) -> AsyncIterator[tuple[Library, Models | None]]:
    """The index of the settings in force, and the models."""
    from ..documents.library import library

    config = options.settings(config_file).config
    async with opened_models(config) as models, library(config, models, state(config)) as found:
        yield found, models


@asynccontextmanager
async def opened_knowledge(config_file: Path | None) -> AsyncIterator[Knowledge]:
    """Documents and facts of the settings in force, as goals have them."""
    from ..agents.knowledge import Knowledge
    from ..clock import SystemClock

    config = options.settings(config_file).config
    async with opened_models(config) as models:
        knowledge = Knowledge(config, state(config), models, SystemClock())
        try:
            yield knowledge
        finally:
            await knowledge.close()


@asynccontextmanager
async def opened_facts(config_file: Path | None) -> AsyncIterator[tuple[Facts, str]]:
    """The facts, and whose they are when nobody is named."""
    async with opened_knowledge(config_file) as knowledge:
        yield await knowledge.facts(), knowledge.user


def state(config: Config) -> Path:
    """The folder of the state, absolute."""
    return Path(config.state).expanduser().resolve()


def shown(path: str) -> str:
    """A path as people read it: from the working folder when it is inside."""
    from ..printable import printable

    here = os.getcwd() + os.sep  # noqa: PTH109  # text, not a path
    return printable(path.removeprefix(here)).replace("\n", " ")


def show_hits(hits: Sequence[Hit], question: str) -> None:
    """Passages with their places, best first."""
    from .output import terminal

    console = terminal()
    for number, hit in enumerate(hits, 1):
        if console is None:
            sys.stdout.write(f"{number}. {shown(hit.path)}, {hit.place}  ({hit.score:.2f})\n")
            sys.stdout.write(f"   {_excerpt(hit, question)}\n")
        else:
            _draw(console, number, hit, question)


def show_failed(failed: Sequence[Failure], *, most: int) -> None:
    """Files that are not in the index, with the reasons; the first `most` of them."""
    from ..printable import printable
    from .output import print_text, terminal

    console = terminal()
    print_text(f"\nNot indexed ({len(failed)}):", "bold")
    for one in failed[:most]:
        line = f"{shown(one.path)}: {printable(one.reason)}"
        if console is None:
            sys.stdout.write(f"  {line}\n")
        else:
            from rich.padding import Padding
            from rich.text import Text

            console.print(Padding(Text(line), (0, 0, 0, 2)), highlight=False)
    if len(failed) > most:
        print_text(f"  and {len(failed) - most} more; planloom index status lists all", "dim")


def show_notes(notes: Sequence[str]) -> None:
    """What a reader should know, on stderr."""
    from ..printable import printable

    for note in notes:
        sys.stderr.write(f"Note: {printable(note)}\n")


def _excerpt(hit: Hit, question: str) -> str:
    from ..documents.search.excerpts import excerpt
    from ..printable import printable

    return printable(excerpt(hit.text, question)).replace("\n", " ")


def _draw(console: Console, number: int, hit: Hit, question: str) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from ..documents.search.excerpts import marks

    head = Text()
    head.append(shown(hit.path), "bold cyan")
    head.append(f"  {hit.place}", "green")
    head.append(f"  {hit.score:.2f}", "dim")
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_row(Text(f"{number:>2}", "dim"), head)
    console.print(row, highlight=False)
    body = Text(_excerpt(hit, question))
    for start, end in marks(body.plain, question):
        body.stylize("bold", start, end)
    console.print(Padding(body, (0, 2, 1, 4)), highlight=False)
