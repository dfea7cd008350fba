"""Charts: one tool that draws data as a picture, with a sentence that says what it shows."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool

Kind = Literal["bar", "barh", "line", "area", "histogram", "donut", "heatmap", "scatter", "box"]


class Series(TypedDict):
    """Values in the order of x; None is a gap. For box charts each value is [min, q1, median, q3, max]."""

    name: str
    values: list[Any]


class Data(TypedDict):
    """x: labels, numbers or ISO dates. A histogram's x may be the edges of its bins, one more than it has values."""

    x: list[Any]
    series: list[Series]


class Drawn(TypedDict):
    """`path` is None when there was nothing to draw. `alt` says in a sentence what the chart shows."""

    path: str | None
    title: str
    kind: str
    alt: str
    name: str


@tool(effect="read", process=True, timeout_s=120)
def draw(
    kind: Kind,
    title: str,
    data: Data,
    context: ToolContext,
    *,
    x_label: str = "",
    y_label: str = "",
    value_format: str = "number",
    name: str = "chart",
    format: Literal["png", "svg"] = "png",  # noqa: A002  # what people call it
) -> Drawn:
    """Draws a chart into a picture file: bars, lines, areas, histogram, donut, heat map, scatter or box plot.

    `value_format`: number, count, bytes, percent (of shares 0 to 1), or currency:USD. Many categories become the
    largest and "others". With no data there is no picture: `path` is None.
    """
    from .data import alt_text, checked
    from .drawing import draw as drawn
    from .spread import Look
    from .style import formatter

    try:
        show = formatter(value_format)
    except ValueError as error:
        raise ToolError(f"value_format: {error}") from error
    found = checked(kind, data["x"], data["series"])
    made: Drawn = {"path": None, "title": title, "kind": kind, "alt": f"No data to draw for “{title}”.", "name": name}
    if found.is_empty:
        return made
    path = context.workspace.output(f"charts/{name}.{format}")
    try:
        drawn(kind, found, Look(title, x_label, y_label, value_format, show), path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    context.artifact(path, "image/png" if format == "png" else "image/svg+xml")
    return {**made, "path": str(path), "alt": alt_text(kind, title, found, value_format)}
