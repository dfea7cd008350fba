"""A picture of a run: what the time went to, and a Gantt chart. Rule: one scene, drawn as SVG, as PNG, or in a page.

SVG and the page follow the reader's choice of light or dark; nothing is fetched and no script runs.
"""

from __future__ import annotations

from pathlib import Path

from ....errors import UsageError
from .. import Analysis
from .layout import scene
from .svg import svg

FORMATS = (".svg", ".png", ".html")


def draw(analysis: Analysis, path: Path | str, *, state: str = "") -> Path:
    """Writes the picture; the format follows the file's ending. `state` is told for runs without a status.

    Raises:
        UsageError: the ending is none of `FORMATS`, or the file can't be written.
    """
    target = Path(path)
    kind = target.suffix.lower()
    if kind not in FORMATS:
        raise UsageError(f"expected a picture that ends in .svg, .png or .html, got {str(path)!r}")
    made = scene(analysis, state=state or analysis.status or "cut")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == ".png":
            from .png import write

            write(made, target)
        elif kind == ".svg":
            target.write_text(svg(made), encoding="utf-8")
        else:
            from .page import page

            target.write_text(page(analysis, svg(made)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"expected a place to write the picture, got {str(path)!r}: {error.strerror}") from error
    return target
