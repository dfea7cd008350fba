"""Slides: PowerPoint decks from an outline, and more slides for a deck that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool

_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


class Written(TypedDict):
    """`slides` counts all slides of the file. `missing` says what could not be put on them."""

    path: str
    slides: int
    missing: list[str]


@tool(effect="read", process=True, timeout_s=600)
def write(
    title: str,
    slides: Annotated[list[Any], Field(min_length=1)],
    context: ToolContext,
    *,
    subtitle: str = "",
    name: str = "slides",
) -> Written:
    """Writes a PowerPoint deck (16:9): a title slide, then one slide for each entry, more where it does not fit.

    An entry has title, text (Markdown lines), bullets, picture (a path or a result of charts.draw), table {columns,
    rows}, facts [{label, value}] and notes (for the speaker), all optional; sections of reports do too. Lists may be
    nested; None (a step that failed) is left out and said in `missing`.
    """
    from ..reports.content import clean
    from .drawing import Deck

    deck = Deck()
    deck.open_with(clean(title) or "Slides", clean(subtitle))
    return _finished(deck, slides, context.workspace.output(f"{name}.pptx"), context)


@tool(effect="read", process=True, timeout_s=600)
def add(
    path: str, slides: Annotated[list[Any], Field(min_length=1)], context: ToolContext, *, name: str = ""
) -> Written:
    """Adds slides at the end of a PowerPoint deck, in its layout, as a new file; the deck itself stays as it is.

    Entries are as in slides.write.
    """
    from .drawing import Deck

    source = context.workspace.readable(path)
    deck = Deck(source)
    return _finished(deck, slides, context.workspace.output(f"{name or source.stem}.pptx"), context)


def _finished(deck: Any, slides: list[Any], path: Path, context: ToolContext) -> Written:
    from .outline import pages

    try:
        made, missing = pages(slides, context.workspace.readable)
        if not made:
            raise ToolError("expected at least one slide with content, got none; the steps before have no results")
        for number, page in enumerate(made):
            context.progress(number, len(made), page.title[:60])
            deck.add(page)
        deck.save(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    context.artifact(path, _MEDIA_TYPE)
    return {"path": str(path), "slides": deck.count, "missing": missing}
