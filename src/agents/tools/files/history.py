"""How a folder grew: from git's history when there is one, else from the files' times.

Rule: a point is a true state. With git each is the tree of a commit; with file times each counts the files of today
that are at least that old, so deleted files are missing and edited ones count from their last change, and the text
says so.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from pathlib import Path

from typing_extensions import TypedDict

from ....errors import ToolError, TransientError
from ...tool import ToolContext
from .. import figures as say
from .. import gitcommand as git
from .folder import Entry
from .listing import day, moment

_POINTS = 24
_EARLIEST = 631_152_000  # 1990-01-01: older times come from archives and lost clocks
_MANY_DAYS_S = 4 * 86_400
_State = tuple[float, int, int]  # Unix seconds, files, bytes


class GrowthPoint(TypedDict):
    """A state; `date` in UTC, with hour and minute when the whole history is shorter than four days."""

    date: str
    files: int
    bytes: int


class Growth(TypedDict):
    """`source`: git (commits) or modified (file times). `undated`: files without a believable time, in no point.

    An empty folder has no points, no sections and an empty sentence.
    """

    source: str
    points: list[GrowthPoint]
    undated: int
    sentence: str
    sections: list[say.Section]
    charts: list[say.Chart]


def by_git(root: Path, context: ToolContext) -> Growth | None:
    """Growth by commits on the first-parent line of HEAD; None when `root` has no history.

    Raises:
        ToolError: the step was cancelled.
    """
    try:
        history = _history(root, context)
        if not history:
            return None
        picked = _picked(history)
        points: list[_State] = []
        for number, (at, commit) in enumerate(picked, 1):
            files, size = _tree(root, commit, context)
            points.append((at, files, size))
            context.progress(number, len(picked), f"state of {day(at)}")
    except (ToolError, TransientError):
        if context.cancelled():
            raise
        return None
    return _result("git", _dated(points), 0)


def _history(root: Path, context: ToolContext) -> list[tuple[int, str]]:
    """Commits that touch `root`, oldest first, with times that never go back."""
    options = ("log", "--first-parent", "--no-ext-diff", "--no-textconv", "-z", "--format=%ct %H", "HEAD", "--", ".")
    found: list[tuple[int, str]] = []
    lines = [line.split() for line in git.records(root, *options, cancelled=context.cancelled)]
    latest = 0
    for at, commit in reversed(lines):
        latest = max(latest, int(at))
        found.append((latest, commit))
    return found


def _picked(history: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The first commit, and the last one before each of evenly spaced times."""
    first, last = history[0][0], history[-1][0]
    times = [at for at, _ in history]
    wanted = [first + (last - first) * i // (_POINTS - 1) for i in range(_POINTS)]
    chosen = sorted({bisect.bisect_right(times, at) - 1 for at in wanted} | {0, len(history) - 1})
    return [history[i] for i in chosen]


def _tree(root: Path, commit: str, context: ToolContext) -> tuple[int, int]:
    """Files and bytes of `root` in a commit; links and submodules don't count."""
    files = size = 0
    for line in git.records(root, "ls-tree", "-r", "-l", "-z", commit, "--", ".", cancelled=context.cancelled):
        mode, _, _, length = line.split("\t", 1)[0].split()
        if mode.startswith("100"):
            files += 1
            size += int(length) if length.isdigit() else 0
    return files, size


def by_modified(entries: Iterable[Entry]) -> Growth:
    """Growth by the files' own times."""
    found = sorted((e.modified, e.size) for e in entries)
    dated = [(at, size) for at, size in found if at >= _EARLIEST]
    undated = len(found) - len(dated)
    if not dated:
        return _result("modified", [], undated)
    first, last = dated[0][0], dated[-1][0]
    wanted = sorted({first, *(first + (last - first) * i / (_POINTS - 1) for i in range(_POINTS)), last})
    points: list[_State] = []
    position = size = 0
    for at in wanted:
        while position < len(dated) and dated[position][0] <= at:
            size += dated[position][1]
            position += 1
        points.append((at, position, size))
    return _result("modified", _dated(points), undated)


def _dated(states: list[_State]) -> list[GrowthPoint]:
    """The last state of each day, or of each minute when all are within four days."""
    length = 10 if states[-1][0] - states[0][0] >= _MANY_DAYS_S else 16
    found: dict[str, GrowthPoint] = {}
    for at, files, size in states:
        date = moment(at)[:length]
        found[date] = {"date": date, "files": files, "bytes": size}
    return list(found.values())


def _result(source: str, points: list[GrowthPoint], undated: int) -> Growth:
    sentence = _sentence(source, points)
    text = sentence
    if source == "modified" and points:
        text += " This counts today's files by their last change; files that were deleted are not in it."
    if undated:
        text += f" {say.counted(undated, 'file has', 'files have')} no believable time and are left out."
    charts = _charts(points) if len(points) > 1 else []
    return {
        "source": source,
        "points": points,
        "undated": undated,
        "sentence": sentence,
        "sections": [say.section("Growth", text, charts=charts)] if sentence else [],
        "charts": charts,
    }


def _sentence(source: str, points: list[GrowthPoint]) -> str:
    if not points:
        return ""
    first, last = points[0], points[-1]
    if len(points) == 1:
        return f"Everything dates from {_said(first)}, so there is no growth to show yet."
    how = "By git's history it grew" if source == "git" else "By the times of its files it grew"
    return (
        f"{how} from {say.counted(first['files'], 'file')} ({say.size(first['bytes'])}) on {_said(first)} "
        f"to {say.counted(last['files'], 'file')} ({say.size(last['bytes'])}) on {_said(last)}."
    )


def _said(point: GrowthPoint) -> str:
    return point["date"].replace("T", " at ")


def _charts(points: list[GrowthPoint]) -> list[say.Chart]:
    days = [p["date"] for p in points]
    sizes = say.chart(
        "area", "Size over time", days, [p["bytes"] for p in points], value_format="bytes", name="growth-size"
    )
    files = say.chart("line", "Files over time", days, [p["files"] for p in points], name="growth-files")
    return [*say.drawable(sizes), *say.drawable(files)]
