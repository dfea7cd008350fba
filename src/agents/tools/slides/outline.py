"""What is on slides: titles, lines of text, one picture or table each. Rule: what can't be shown is said.

A slide comes as an object with title (or heading), text (Markdown lines) or bullets, picture (a path or a result of
charts.draw) or charts, table {columns, rows}, facts [{label, value}] and notes; a section of a report is one too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....errors import ToolError
from ..reports.content import cell_text, clean

Read = Callable[[str], Path]
MOST_SLIDES = 300
MOST_ROWS = 100
_KINDS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff")
_BULLET = re.compile(r"^(\s*)(?:[-*•]|\d{1,3}[.)])\s+(.*)$")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_NUMBER = re.compile(r"[+\-\u2212<]?\s?[$€£¥]?[\d.,\s]*\d[\d.,]*\s?(%|[A-Za-z]{1,3})?|\u2013")


@dataclass(frozen=True, slots=True)
class Line:
    """A line; `runs` are its pieces with whether they are bold. `level` from 0; -1 is a line without a bullet."""

    runs: tuple[tuple[str, bool], ...]
    level: int = -1

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.runs)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of texts; `numeric` columns are set to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One slide; at most one of `picture` and `grid`. `alt` says what the picture shows."""

    title: str
    lines: tuple[Line, ...] = ()
    picture: Path | None = None
    alt: str = ""
    grid: Grid | None = None
    facts: tuple[tuple[str, str], ...] = ()
    notes: str = ""


def pages(slides: Sequence[Any], read: Read) -> tuple[list[Page], list[str]]:
    """The slides to draw, and what is missing on them.

    `read` turns the path of a picture into that of a file that may be read. Slides may stand in lists in lists; None is
    the result of a step that failed.

    Raises:
        ToolError: a slide is no slide, or there are too many.
    """
    made: list[Page] = []
    missing: list[str] = []
    for number, given in enumerate(_flat(slides), 1):
        slide = {"text": given} if isinstance(given, str) else given
        if slide is None:
            missing.append("A slide could not be made, because the step for it failed.")
            continue
        if not isinstance(slide, Mapping):
            raise ToolError(
                f"expected slide {number} to be an object with title, text, picture, table, facts or notes, "
                f"got {type(slide).__name__}"
            )
        made += _pages(number, slide, read, missing)
        if len(made) > MOST_SLIDES:
            raise ToolError(f"expected at most {MOST_SLIDES} slides, got more; make several decks")
    return made, list(dict.fromkeys(missing))


def _flat(items: Any) -> Iterator[Any]:
    for item in items:
        if isinstance(item, (list, tuple)):
            yield from _flat(item)
        else:
            yield item


def _pages(number: int, slide: Mapping[str, Any], read: Read, missing: list[str]) -> Iterator[Page]:
    """The slides of one; a picture shares it with the text, each further picture and a table have their own."""
    title = clean(slide.get("title") or slide.get("heading") or "")
    who = title or f"slide {number}"
    lines = tuple(_lines(slide.get("text") or "", slide.get("bullets") or []))
    facts = tuple(_facts(who, slide.get("facts") or []))
    pictures = list(_pictures(who, slide, read, missing))
    grid = _grid(who, slide.get("table"), missing)
    notes = clean(slide.get("notes") or "", keep_lines=True)
    beside, alt = pictures.pop(0) if pictures and not facts else (None, "")
    if not beside and grid and not (lines and len(grid.columns) > 4) and not facts:
        yield Page(title=title, lines=lines, grid=grid, notes=notes)
        grid = None
    elif lines or facts or beside or title:
        yield Page(title=title, lines=lines, picture=beside, alt=alt, facts=facts, notes=notes)
    for path, told in pictures:
        yield Page(title=title, picture=path, alt=told)
    if grid:
        yield Page(title=title, grid=grid)


def _lines(text: Any, bullets: Any) -> Iterator[Line]:
    """Lines of Markdown: paragraphs, bullets by indentation, bold; other marks go, their text stays."""
    for raw in clean(text, keep_lines=True).splitlines():
        if not raw.strip() or re.fullmatch(r"\s*([-*_]\s*){3,}", raw):
            continue
        if found := _BULLET.match(raw.expandtabs(4)):
            yield Line(_runs(found[2]), min(3, len(found[1]) // 2))
        elif raw.lstrip().startswith("#"):
            yield Line(((re.sub(r"[*_`#]", "", raw).strip(), True),))
        else:
            yield Line(_runs(raw.strip().removeprefix("> ")))
    for bullet in [bullets] if isinstance(bullets, str) else bullets:
        if isinstance(bullet, (list, tuple)):
            yield from (Line(_runs(clean(inner)), 1) for inner in bullet)
        else:
            yield Line(_runs(clean(bullet)), 0)


def _runs(text: str) -> tuple[tuple[str, bool], ...]:
    text = _LINK.sub(r"\1", text).replace("`", "")
    parts = re.split(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", text)
    made = [(re.sub(r"(?<!\w)[*_](\S.*?)[*_](?!\w)", r"\1", parts[0]), False)]
    for at in range(1, len(parts), 3):
        made += [(parts[at + 1], True), (parts[at + 2], False)]
    return tuple(run for run in made if run[0])


def _facts(who: str, facts: Any) -> Iterator[tuple[str, str]]:
    for fact in facts:
        if not isinstance(fact, Mapping) or not {"label", "value"} <= set(fact):
            raise ToolError(f"expected facts of {who!r} with label and value, got {str(fact)[:80]!r}")
        yield clean(fact["label"]), cell_text(fact["value"])


def _pictures(who: str, slide: Mapping[str, Any], read: Read, missing: list[str]) -> Iterator[tuple[Path, str]]:
    wanted = [slide.get("picture"), slide.get("pictures"), slide.get("charts")]
    for item in _flat([wanted]):
        if item is None:
            continue
        told = clean(item.get("alt") or item.get("title") or "") if isinstance(item, Mapping) else ""
        path = item.get("path") if isinstance(item, Mapping) else item
        if not path:
            missing.append(f"A picture of {who!r} has nothing to show.")
            continue
        try:
            found = read(str(path))
        except ToolError as error:
            missing.append(f"A picture of {who!r} is not there: {error}")
            continue
        if found.suffix.lower() not in _KINDS:
            missing.append(f"A picture of {who!r} can't be on a slide: expected PNG or JPEG, got {found.name!r}.")
            continue
        yield found, told or f"Picture {found.name}"


def _grid(who: str, table: Any, missing: list[str]) -> Grid | None:
    if not table:
        return None
    if not isinstance(table, Mapping) or not table.get("columns") or not isinstance(table.get("rows"), (list, tuple)):
        raise ToolError(f"expected the table of {who!r} to have columns and rows, got {str(table)[:80]!r}")
    columns = tuple(clean(column) for column in table["columns"])
    rows = [tuple(cell_text(cell) for cell in row) for row in table["rows"][:MOST_ROWS]]
    rows = [(*row, *[""] * len(columns))[: len(columns)] for row in rows]
    if (left := len(table["rows"]) - len(rows)) > 0:
        missing.append(f"{left:,} more rows of the table of {who!r} are not shown.")
    numeric = tuple(bool(rows) and all(_NUMBER.fullmatch(row[at]) for row in rows) for at in range(len(columns)))
    return Grid(columns, tuple(rows), numeric)
