"""To-do marks in code and prose: where they are and how many of each.

Rule: only marks that someone wrote as marks count (in a comment, or followed by a colon or a name).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext
from .. import figures as say
from .contents import MARKS, marks_in
from .folder import Entry

_MAX_BYTES = 2_000_000
_GROUPS = ("code", "prose", "settings", "text")


class Mark(TypedDict):
    """One mark; `path` is relative to the folder, `line` counts from 1."""

    mark: str
    path: str
    line: int
    text: str


class MarkCount(TypedDict):
    """How often a mark occurs."""

    mark: str
    count: int


class TodoMarks(TypedDict):
    """`marks` are the first ones up to the limit, `truncated` says there are more; `counts` are of all.

    `unread`: text files above 2 MB, or that could not be read.
    """

    total: int
    counts: list[MarkCount]
    files_with_marks: int
    files_read: int
    unread: int
    marks: list[Mark]
    truncated: bool
    sentence: str
    sections: list[say.Section]
    charts: list[say.Chart]


def marks_of(root: Path, entries: Iterable[Entry], limit: int, context: ToolContext) -> TodoMarks:
    """All to-do marks of the text files among the entries.

    Raises:
        ToolError: the step was cancelled.
    """
    counts: Counter[str] = Counter()
    by_file: Counter[str] = Counter()
    marks: list[Mark] = []
    read = unread = 0
    for entry in entries:
        if not entry.kind.is_text or entry.kind.group not in _GROUPS:
            continue
        if context.cancelled():
            raise ToolError("the search for to-do marks was cancelled")
        try:
            found = list(marks_in(root / entry.path)) if entry.size <= _MAX_BYTES else None
        except OSError:
            found = None
        read, unread = read + (found is not None), unread + (found is None)
        if read % 500 == 0:
            context.progress(read, None, f"{read:,} files read")
        for mark, line, text in found or ():
            counts[mark] += 1
            by_file[entry.path] += 1
            if len(marks) < limit:
                marks.append({"mark": mark, "path": entry.path, "line": line, "text": text})
    return _result(counts, by_file, marks, read, unread)


def _result(counts: Counter[str], by_file: Counter[str], marks: list[Mark], read: int, unread: int) -> TodoMarks:
    total = counts.total()
    sentence = f"No to-do marks in {say.counted(read, 'text file')}." if read else ""
    if total:
        each = say.joined([f"{counts[m]:,} {m}" for m in MARKS if counts[m]])
        sentence = (
            f"{say.counted(total, 'to-do mark')} ({each}) in {say.number(len(by_file))} "
            f"of {say.counted(read, 'text file')}."
        )
    return {
        "total": total,
        "counts": [{"mark": mark, "count": counts[mark]} for mark in MARKS],
        "files_with_marks": len(by_file),
        "files_read": read,
        "unread": unread,
        "marks": marks,
        "truncated": len(marks) < total,
        "sentence": sentence,
        "sections": [_section(sentence, total, marks, unread, _charts(by_file))] if sentence else [],
        "charts": _charts(by_file),
    }


def _section(sentence: str, total: int, marks: list[Mark], unread: int, charts: list[say.Chart]) -> say.Section:
    text = sentence
    if unread:
        text += f" {say.counted(unread, 'text file was', 'text files were')} not read: above 2 MB, or unreadable."
    if total > 20:
        text += " The first 20:"
    rows = [[m["mark"], f"{m['path']}:{m['line']}", m["text"][:120]] for m in marks[:20]]
    table: say.Table = {"columns": ["Mark", "Where", "Text"], "rows": rows}
    return say.section("To-do marks", text, table=table, charts=charts)


def _charts(by_file: Counter[str]) -> list[say.Chart]:
    top = sorted(by_file.items(), key=lambda f: (-f[1], f[0]))[:10]
    if len(by_file) < 2:
        return []
    labels = say.labels([path for path, _ in top])
    return [say.chart("barh", "Files with the most to-do marks", labels, [n for _, n in top], name="to-do-marks")]
