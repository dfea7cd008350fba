"""A report's content: sections and charts, whatever lists and gaps they arrive in, made into one flat list.

Rule: what is missing is said, never left out in silence. Texts are Markdown in which HTML has no effect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ToolError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

Read = Callable[[str], Path]
MOST_ROWS = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NUMERIC = re.compile(r"<?[+\-\u2212]?[$€£¥₹]?[\d.,\s]*\d[\d.,]*\s?(?:%|[kMBTG]?B?|[A-Z]{3})?|\u2013|-|")


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart as a file."""

    path: Path
    title: str
    alt: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts; `numeric` columns are set to the right. `left_out` rows are not in `rows`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One section, ready to be written. `anchor` is unique in the report; `level` is 2 or 3."""

    anchor: str
    heading: str
    level: int
    text: str
    facts: tuple[tuple[str, str], ...]
    grid: Grid | None
    pictures: tuple[Picture, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    subtitle: str
    made: str
    parts: tuple[Part, ...]
    missing: tuple[str, ...]


def collected(
    sections: Sequence[Any], charts: Sequence[Any], read: Read, *, title: str, subtitle: str, made: str
) -> Report:
    """The report of these sections.

    `read` turns a chart's path into that of a file that may be read. Sections and charts may stand in lists in lists;
    None is the result of a step that failed. A section names its charts, or holds their results.

    Raises:
        ToolError: a section is no section; names its place and what it needs.
    """
    flat, gaps = _flattened(sections)
    shown, chart_gaps = _flattened(charts)
    by_name = {str(chart.get("name")): chart for chart in shown if isinstance(chart, Mapping)}
    parts = tuple(_part(number, section, by_name, read) for number, section in enumerate(flat, 1))
    missing = []
    if gaps:
        missing.append(_gap(gaps, "section"))
    if chart_gaps:
        missing.append(_gap(chart_gaps, "chart"))
    missing += [text for part in parts for text in part.missing]
    return Report(clean(title) or "Report", clean(subtitle), made, parts, tuple(dict.fromkeys(missing)))


def _gap(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else what + 's'} could not be made, because the step for it failed."


def _flattened(items: Any) -> tuple[list[Any], int]:
    """All items of nested lists, and how many are None."""
    flat: list[Any] = []
    gaps = 0
    for item in items:
        if item is None:
            gaps += 1
        elif isinstance(item, (list, tuple)):
            inner, more = _flattened(item)
            flat += inner
            gaps += more
        else:
            flat.append(item)
    return flat, gaps


def _part(number: int, section: Any, by_name: Mapping[str, Any], read: Read) -> Part:
    if isinstance(section, str):
        section = {"text": section}
    if not isinstance(section, Mapping):
        raise ToolError(
            f"expected section {number} to be an object with heading, text, facts, table or charts, "
            f"got {type(section).__name__}"
        )
    heading = clean(section.get("heading") or "")
    pictures, missing = _pictures(heading, section.get("charts") or [], by_name, read)
    return Part(
        anchor=_anchor(number, heading),
        heading=heading,
        level=3 if section.get("level") == 3 else 2,
        text=clean(section.get("text") or "", keep_lines=True),
        facts=tuple((clean(fact["label"]), clean(fact["value"])) for fact in section.get("facts") or []),
        grid=_grid(section["table"]) if section.get("table") else None,
        pictures=pictures,
        missing=missing,
    )


def _anchor(number: int, heading: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")[:40]
    return f"s{number}-{words}" if words else f"s{number}"


def _pictures(
    heading: str, charts: Any, by_name: Mapping[str, Any], read: Read
) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    pictures, missing = [], []
    for chart in [charts] if isinstance(charts, (str, Mapping)) else charts:
        found = by_name.get(chart) if isinstance(chart, str) else chart
        if found is None:
            missing.append(f"A chart of {heading or 'a section'} could not be made.")
        elif found.get("path"):
            try:
                path = read(found["path"])
            except ToolError:
                path = Path()
            if path.suffix not in (".png", ".svg"):
                missing.append(f"The picture of a chart of {heading or 'a section'} is gone.")
                continue
            pictures.append(Picture(path, clean(found.get("title") or ""), clean(found.get("alt") or "")))
    return tuple(pictures), tuple(missing)


def _grid(table: Any) -> Grid:
    columns = tuple(clean(column) for column in table["columns"])
    rows = [tuple(cell_text(cell) for cell in row) for row in table["rows"][:MOST_ROWS]]
    rows = [(*row, *[""] * len(columns))[: len(columns)] for row in rows]
    numeric = tuple(
        any(re.search(r"\d", row[i]) for row in rows) and all(_NUMERIC.fullmatch(row[i]) for row in rows)
        for i in range(len(columns))
    )
    return Grid(columns, tuple(rows), numeric, max(0, len(table["rows"]) - MOST_ROWS))


def cell_text(value: Any) -> str:
    """A cell as people read it: an en dash for None, yes or no, thousands marks for whole numbers."""
    match value:
        case None:
            return "\u2013"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.10g}"
        case _:
            return clean(value)


def clean(text: Any, *, keep_lines: bool = False) -> str:
    """Text without characters that HTML and PDF can't hold; on one line unless `keep_lines`."""
    bare = _CONTROL.sub("\ufffd", str(text))
    return bare if keep_lines else " ".join(bare.split())


def markdown() -> MarkdownIt:
    """Renders Markdown from data: no HTML, no pictures, and links to web and mail addresses only."""
    from markdown_it import MarkdownIt

    renderer = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
    renderer.validateLink = is_safe_link  # type: ignore[method-assign]
    return renderer


def is_safe_link(url: str) -> bool:
    """Whether a link leads to http, https or mailto."""
    return re.match(r"(?i)(https?://|mailto:)", url.strip()) is not None


def outline(parts: Sequence[Part]) -> Iterator[tuple[Part, list[Part]]]:
    """The table of contents: parts of level 2 with those of level 3 below them."""
    head: Part | None = None
    below: list[Part] = []
    for part in parts:
        if not part.heading:
            continue
        if part.level == 3 and head is not None:
            below.append(part)
            continue
        if head is not None:
            yield head, below
        head, below = part, []
    if head is not None:
        yield head, below
