"""`planloom ask`: an answer from the indexed documents, with citations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..documents.search.asking import Answer


@click.command("ask")
@click.argument("question")
@click.option("--limit", "count", type=click.IntRange(1, 50), default=8, show_default=True, help="Passages looked at.")
@click.option("--in", "under", metavar="PATH", help="Only in this file or folder.")
@options.where
@options.as_json
@options.shared
def command(question: str, as_json: bool, config_file: Path | None, **looked: Any) -> None:
    """Answer a question from the indexed documents, with citations.

    \b
    planloom index ~/Documents
    planloom ask "How long is the notice period?"

    With a model the answer is written and cites passages by number; without one the best passages are the answer.
    """
    asyncio.run(_ask(question, looked, as_json=as_json, config_file=config_file))


async def _ask(question: str, looked: Mapping[str, Any], *, as_json: bool, config_file: Path | None) -> None:
    from ..documents.search.asking import ask
    from .knowledge import opened_library, show_hits, show_notes
    from .output import print_json, print_text

    async with opened_library(config_file) as (library, models):
        answer = await ask(question, library, models, **looked)
    if as_json:
        print_json({"question": question, **answer.to_dict()})
        return
    if answer.by == "passages" and answer.citations:
        print_text("The passages that fit best:\n", "dim")
        show_hits([one.hit for one in answer.citations], question)
    else:
        _show(answer)
    show_notes(answer.notes)


def _show(answer: Answer) -> None:
    from ..printable import printable
    from .knowledge import shown
    from .output import print_heading, terminal

    console = terminal()
    if console is None:
        sys.stdout.write(printable(answer.text) + "\n")
    else:
        from rich.markdown import Markdown

        console.print(
            Markdown(printable(answer.text)) if answer.by == "model" else printable(answer.text), markup=False
        )
    if answer.citations:
        print_heading("\nSources")
    for one in answer.citations:
        place = f"{shown(one.hit.path)}, {one.hit.place}"
        if console is None:
            sys.stdout.write(f"[{one.number}] {place}\n")
        else:
            from rich.text import Text

            console.print(
                Text.assemble(
                    (f"[{one.number}] ", "dim"), (shown(one.hit.path), "cyan"), (f"  {one.hit.place}", "green")
                ),
                highlight=False,
            )
