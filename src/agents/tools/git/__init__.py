"""Tools that read the history of a git repository.

Rule: read only; authors by name, never by e-mail address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from .. import figures as say
from .. import gitcommand as command
from ..files.folder import folder
from ..files.listing import day, moment

_SAFE_LOG = ("log", "--no-ext-diff", "--no-textconv", "--no-color", "-z")


class Commit(TypedDict):
    """`at`: ISO time of the commit in UTC; `hash` in full, `subject` the first line."""

    hash: str
    at: str
    author: str
    subject: str


class Log(TypedDict):
    """The newest commits first; `truncated` when there are more than the limit."""

    path: str
    commits: list[Commit]
    truncated: bool


class Author(TypedDict):
    """An author by name (after .mailmap) and the number of commits."""

    name: str
    commits: int


class Month(TypedDict):
    """Commits in a month such as 2025-06; months without any are listed with 0."""

    month: str
    commits: int


class Churn(TypedDict):
    """Lines added and deleted in a file over the commits read; `commits` that touched it."""

    path: str
    added: int
    deleted: int
    commits: int


class Stats(TypedDict):
    """`truncated`: only the newest commits up to the limit were read. `churn`: the 20 files that changed most.

    `first`, `last`: ISO times, empty without commits.
    """

    path: str
    commits: int
    truncated: bool
    first: str
    last: str
    author_count: int
    authors: list[Author]
    months: list[Month]
    churn: list[Churn]
    sentence: str
    sections: list[say.Section]
    charts: list[say.Chart]


@tool(effect="read", timeout_s=300)
def log(
    path: str = ".", limit: int = 50, file: str = "", since: str = "", until: str = "", *, context: ToolContext
) -> Log:
    """Lists the newest commits of a git repository: hash, time, author's name, subject; of one file if wanted.

    `since` and `until` are dates such as 2025-01-31, or what git takes (`2 weeks ago`). `file` counts from `path`.
    """
    root = folder(path, context)
    if limit < 1:
        raise ToolError(f"expected a limit of at least 1, got {limit}")
    command.require_commit(root)
    options = [f"--max-count={limit + 1}", "--format=%H%x1f%ct%x1f%aN%x1f%s"]
    options += [f"--{name}={command.checked(at, 'a date')}" for name, at in (("since", since), ("until", until)) if at]
    where = ["--", f":(literal){command.checked(file, 'a file')}"] if file else ["--", "."]
    found = [_commit(line) for line in command.records(root, *_SAFE_LOG, *options, *where)]
    return {"path": str(root), "commits": found[:limit], "truncated": len(found) > limit}


def _commit(line: str) -> Commit:
    commit, at, author, subject = line.split("\x1f", 3)
    return {"hash": commit, "at": moment(int(at)), "author": author, "subject": subject}


@tool(effect="read", timeout_s=600)
def stats(path: str = ".", max_commits: int = 20_000, required: bool = True, *, context: ToolContext) -> Stats:
    """Measures the history of a git repository: commits, authors, activity by month, and the files that change most.

    With `required` off, a folder without a history gives 0 commits and no sections instead of an error.
    """
    root = folder(path, context)
    if max_commits < 1:
        raise ToolError(f"expected max_commits of at least 1, got {max_commits}")
    sums = _Sums()
    try:
        command.require_commit(root)
    except ToolError:
        if required:
            raise
        return _stats(root, sums)
    options = (f"--max-count={max_commits + 1}", "--numstat", "--no-renames", "--format=%x1e%ct%x1f%aN")
    lines = command.records(root, *_SAFE_LOG, *options, "--", ".", cancelled=context.cancelled)
    for commit in _commits(lines):
        if sums.commits == max_commits:
            sums.truncated = True
            break
        sums.add(*commit)
        if sums.commits % 1000 == 0:
            context.progress(sums.commits, None, f"{sums.commits:,} commits")
    if required and not sums.commits:
        raise ToolError(f"expected a folder with committed files, got {str(root)!r}, which no commit touches")
    return _stats(root, sums)


def _commits(pieces: Iterator[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Time, author and numstat lines of each commit, from pieces such as `\\x1e123\\x1fAda` and `\\n1\\t0\\tfile`."""
    head: tuple[int, str] | None = None
    changes: list[str] = []
    for piece in pieces:
        if piece.startswith("\x1e"):
            if head:
                yield *head, changes
            at, author = piece[1:].split("\x1f", 1)
            head, changes = (int(at), author.strip()), []
        elif piece.strip():
            changes.append(piece.lstrip("\n"))
    if head:
        yield *head, changes


@dataclass(slots=True)
class _Sums:
    commits: int = 0
    truncated: bool = False
    first: int = 2**62
    last: int = 0
    authors: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    files: dict[str, list[int]] = field(default_factory=dict)

    def add(self, at: int, author: str, changes: list[str]) -> None:
        self.commits += 1
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.authors[author] += 1
        self.months[moment(at)[:7]] += 1
        for change in changes:
            added, deleted, path = change.split("\t", 2)
            sums = self.files.setdefault(path, [0, 0, 0])
            sums[0] += int(added) if added.isdigit() else 0
            sums[1] += int(deleted) if deleted.isdigit() else 0
            sums[2] += 1


def _stats(root: Path, sums: _Sums) -> Stats:
    authors: list[Author] = [{"name": name, "commits": count} for name, count in sums.authors.most_common()]
    months = _months(sums)
    ranked = sorted(sums.files.items(), key=lambda f: (-(f[1][0] + f[1][1]), f[0]))
    churn: list[Churn] = [{"path": p, "added": a, "deleted": d, "commits": n} for p, (a, d, n) in ranked[:20]]
    sentence = _sentence(sums)
    charts = [*_activity_chart(months), *_churn_chart(churn)]
    return {
        "path": str(root),
        "commits": sums.commits,
        "truncated": sums.truncated,
        "first": moment(sums.first) if sums.commits else "",
        "last": moment(sums.last) if sums.commits else "",
        "author_count": len(authors),
        "authors": authors[:50],
        "months": months,
        "churn": churn,
        "sentence": sentence,
        "sections": _sections(sentence, authors, churn, charts) if sums.commits else [],
        "charts": charts,
    }


def _sentence(sums: _Sums) -> str:
    if not sums.commits:
        return ""
    people, newest = say.counted(len(sums.authors), "author"), " (the newest ones only)" if sums.truncated else ""
    first, last = day(sums.first), day(sums.last)
    when = f"on {first}" if first == last else f"from {first} to {last}"
    return f"Git records {say.counted(sums.commits, 'commit')} by {people} {when}{newest}."


def _months(sums: _Sums) -> list[Month]:
    """Every month from the first to the last commit."""
    if not sums.months:
        return []
    year, month = map(int, min(sums.months).split("-"))
    end = max(sums.months)
    found: list[Month] = []
    while (name := f"{year:04d}-{month:02d}") <= end:
        found.append({"month": name, "commits": sums.months[name]})
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def _sections(sentence: str, authors: list[Author], churn: list[Churn], charts: list[say.Chart]) -> list[say.Section]:
    people: say.Table = {
        "columns": ["Author", "Commits"],
        "rows": [[a["name"], say.number(a["commits"])] for a in authors[:10]],
    }
    changed: say.Table = {
        "columns": ["File", "Commits", "Lines added", "Lines deleted"],
        "rows": [[c["path"], *(say.number(n) for n in (c["commits"], c["added"], c["deleted"]))] for c in churn[:15]],
    }
    by_name = {c["name"]: [c] for c in charts}
    history = say.section("History", sentence, table=people, charts=by_name.get("activity"))
    if all(c["commits"] < 2 for c in churn):
        return [history]
    return [history, say.section("What changes most", "", table=changed, charts=by_name.get("churn"))]


def _activity_chart(months: list[Month]) -> list[say.Chart]:
    if len(months) < 2:
        return []
    kind = "bar" if len(months) <= 24 else "area"
    labels, values = [m["month"] for m in months], [m["commits"] for m in months]
    if kind == "area":
        labels = [f"{label}-01" for label in labels]
    return say.drawable(say.chart(kind, "Commits by month", labels, values, name="activity", y_label="commits"))


def _churn_chart(churn: list[Churn]) -> list[say.Chart]:
    shown = [c for c in churn[:10] if c["added"] + c["deleted"]]
    if len(shown) < 2 or all(c["commits"] < 2 for c in shown):
        return []
    made = say.chart("barh", "Lines changed by file", say.labels([c["path"] for c in shown]), [], name="churn")
    made["data"]["series"] = [
        {"name": "added", "values": [float(c["added"]) for c in shown]},
        {"name": "deleted", "values": [float(c["deleted"]) for c in shown]},
    ]
    return [made]
