"""The file slides are added to: layouts of our own, or those of a deck that was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...agents.tools.slides import template
from ...errors import ToolError


def prepare(source: Path | None, target: Path) -> None:
    """Writes a deck without slides.

    Raises:
        ToolError: `source` is no PowerPoint file.
    """
    from pptx import Presentation

    try:
        deck = Presentation(str(source) if source else None)
    except Exception as error:  # the border to a library that raises all kinds
        name = source.name if source else ""
        raise ToolError(f"expected a PowerPoint file (.pptx), got {name!r}: {type(error).__name__}") from error
    if source is None:
        template.style(deck)
    else:
        _empty(deck)
    deck.save(str(target))


def _empty(deck: Any) -> None:
    """Takes the slides out; their parts are no longer related to, so they are not saved."""
    from pptx.oxml.ns import qn

    slides = deck.slides._sldIdLst  # python-pptx has no call for removing slides
    for slide in list(slides):
        deck.part.drop_rel(slide.get(qn("r:id")))
        slides.remove(slide)
