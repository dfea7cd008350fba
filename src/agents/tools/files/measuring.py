"""One kind of file in a folder: how many, how large, how many lines; and the summaries of all kinds side by side.

Rule: files above 20 MB are not read for their lines, and the result says how many were left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext
from .. import figures as say
from .contents import COUNTED_BYTES, Lines, count_lines
from .folder import Entry
from .kinds import Kind
from .scanning import SIZE_LABELS, FileEntry, file_entry, step_of

_LARGEST = 5
_FEW = 6


class KindSummary(TypedDict):
    """`lines` None for kinds that are no text; `code`, `comment` None also for prose and data.

    `uncounted`: text files whose lines were not counted, being too large or unreadable.
    """

    kind: str
    group: str
    files: int
    bytes: int
    median_bytes: int
    lines: int | None
    code: int | None
    comment: int | None
    blank: int | None
    uncounted: int
    largest: list[FileEntry]
    section: say.Section
    chart: say.Chart


class Comparison(TypedDict):
    """Lines of all kinds of text; `charts` has one chart, or none without any lines.

    `sections`: the comparison, then each kind's own section; None for a kind whose summary failed.
    """

    lines: int
    code: int
    sentence: str
    sections: list[say.Section | None]
    charts: list[say.Chart]


def summary_of(root: Path, name: str, entries: Iterable[Entry], context: ToolContext) -> KindSummary:
    """The summary of the entries, all of one kind called `name`.

    Raises:
        ToolError: there are none.
    """
    found = sorted(entries, key=lambda e: (-e.size, e.path))
    if not found:
        raise ToolError(f"expected files of the kind {name!r} in {str(root)!r}, got none; files.scan names the kinds")
    kind = found[0].kind
    lines, uncounted = _lines(root, found, context) if kind.is_text else (None, 0)
    sizes = [e.size for e in found]
    has_code = lines is not None and kind.group in ("code", "settings")
    return {
        "kind": name,
        "group": kind.group,
        "files": len(found),
        "bytes": sum(sizes),
        "median_bytes": say.middle(sizes),
        "lines": lines.total if lines else None,
        "code": lines.code if lines and has_code else None,
        "comment": lines.comment if lines and has_code else None,
        "blank": lines.blank if lines else None,
        "uncounted": uncounted,
        "largest": [file_entry(e) for e in found[:_LARGEST]],
        "section": _section(kind, found, lines, uncounted),
        "chart": _chart(kind, found),
    }


def _lines(root: Path, entries: list[Entry], context: ToolContext) -> tuple[Lines, int]:
    total, uncounted = Lines(), 0
    for number, entry in enumerate(entries, 1):
        if number % 200 == 0:
            context.progress(number, len(entries), f"{number:,} files read")
            if context.cancelled():
                raise ToolError("counting lines was cancelled")
        if entry.size > COUNTED_BYTES:
            uncounted += 1
            continue
        try:
            total += count_lines(root / entry.path, entry.kind)
        except OSError:
            uncounted += 1
    return total, uncounted


def _section(kind: Kind, found: list[Entry], lines: Lines | None, uncounted: int) -> say.Section:
    facts = [
        say.fact("Files", say.number(len(found))),
        say.fact("Size", say.size(sum(e.size for e in found))),
        say.fact("Median", say.size(say.middle([e.size for e in found]))),
    ]
    if lines:
        facts.append(say.fact("Lines", say.number(lines.total)))
        if kind.group == "code":
            facts.append(say.fact("Comments", say.share(lines.comment, lines.total - lines.blank)))
    text = f"The largest is {say.code(found[0].path)} with {say.size(found[0].size)}."
    if len(found) == 1:
        text = f"There is one: {say.code(found[0].path)}."
    if uncounted:
        text += f" The lines of {say.counted(uncounted, 'file')}, too large or unreadable, were not counted."
    return say.section(kind.name, text, facts, charts=[_chart(kind, found)] if len(found) > 1 else [], level=3)


def _chart(kind: Kind, found: list[Entry]) -> say.Chart:
    """Few files one by one, many by steps of size; of a single file there is nothing to draw."""
    name = f"kind-{kind.name.lower()}"
    if len(found) == 1:
        return say.chart("barh", f"{kind.name}: size of each file", [], [], value_format="bytes", name=name)
    if len(found) <= _FEW or not any(e.size for e in found):
        labels = say.labels([e.path for e in found[:_FEW]])
        sizes = [e.size for e in found[:_FEW]]
        return say.chart("barh", f"{kind.name}: size of each file", labels, sizes, value_format="bytes", name=name)
    counts = [0] * len(SIZE_LABELS)
    for entry in found:
        counts[step_of(entry.size)] += 1
    used = [i for i, count in enumerate(counts) if count]
    shown = range(used[0], used[-1] + 1)
    labels, values = [SIZE_LABELS[i] for i in shown], [counts[i] for i in shown]
    return say.chart("bar", f"{kind.name}: files by size", labels, values, name=name, y_label="files")


def compared(summaries: list[Any]) -> Comparison:
    """All kinds side by side; None stands for a kind whose summary failed."""
    found = sorted((s for s in summaries if s and s.get("lines")), key=lambda s: -s["lines"])
    total = sum(s["lines"] for s in found)
    charts = _lines_chart(found)
    columns = ["Kind", "Files", "Lines", "Code", "Comments", "Blank"]
    table: say.Table = {"columns": columns, "rows": [_row(s) for s in found]}
    sections: list[say.Section | None] = []
    if summaries:
        sections.append(say.section("Lines and languages", _sentence(found, total), table=table, charts=charts))
        sections.append(say.section("Kind by kind", "The kinds that take the most space, one by one."))
        sections += [s["section"] if s else None for s in summaries]
    return {
        "lines": total,
        "code": _code(found),
        "sentence": _sentence(found, total),
        "sections": sections,
        "charts": charts,
    }


def _code(found: list[Any]) -> int:
    return sum(s["code"] or 0 for s in found if s["group"] == "code")


def _sentence(found: list[Any], total: int) -> str:
    code = _code(found)
    if not total:
        return ""
    if not code:
        return f"Its text has {say.counted(total, 'line')}."
    lead = max((s for s in found if s["group"] == "code"), key=lambda s: s["code"])
    return (
        f"It has {say.counted(code, 'line')} of code, "
        f"{say.share(lead['code'], code)} of it {lead['kind']}, and {say.counted(total, 'line')} of text in all."
    )


def _row(summary: Any) -> list[str]:
    values = [summary["files"], *(summary[key] for key in ("lines", "code", "comment", "blank"))]
    return [summary["kind"], *("" if value is None else say.number(value) for value in values)]


def _lines_chart(found: list[Any]) -> list[say.Chart]:
    labels = [s["kind"] for s in found[:12]]
    made = say.chart("barh", "Lines by kind of file", labels, [s["lines"] for s in found[:12]], name="lines")
    return say.drawable(made) if found else []
