"""Notes and to-dos in Markdown files of the workspace, which people edit too.

Rule: a file is changed under a lock and replaced whole, and never when somebody else changed it meanwhile.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from ...workspace import safe_name
from . import checklist, finding
from .changing import changed, read

_TIMEOUT_S = 60.0
_EXCERPT_CHARS = 200

Line = Annotated[str, Field(min_length=1, max_length=2_000)]
Text = Annotated[str, Field(max_length=1_000_000)]
Tag = Annotated[str, Field(pattern=r"^[\w/-]{1,50}$")]
Count = Annotated[int, Field(ge=1, le=500)]


class Note(TypedDict):
    """`path` is relative to the workspace. `modified`: ISO time in UTC."""

    path: str
    title: str
    tags: list[str]
    excerpt: str
    modified: str


class Added(TypedDict):
    """`added` is False when it was there already."""

    path: str
    title: str
    added: bool


class Todo(TypedDict):
    """`line` counts from 1. `due`: an ISO date, empty without one. `under`: the heading above it."""

    path: str
    line: int
    text: str
    done: bool
    due: str
    under: str


class Marked(TypedDict):
    """`changed` is False when it was so already."""

    todo: Todo
    changed: bool


class Found(TypedDict):
    """`score` 0 to 100: how well the words fit. `line` counts from 1."""

    path: str
    line: int
    text: str
    score: float


@tool(effect="write", timeout_s=_TIMEOUT_S, idempotent=True)
def add(
    title: Line, text: Text = "", tags: list[Tag] | None = None, folder: str = "notes", *, context: ToolContext
) -> Added:
    """Adds a note as a Markdown file of its own below a folder of the workspace; the same note is not added twice."""
    title = " ".join(title.split())
    body = finding.note_text(title, text, tags or [])
    name = re.sub("-{2,}", "-", safe_name(title.lower().replace("/", "-")))
    for number in range(1, 10_000):
        path = context.workspace.writable(f"{folder}/{name}{f'-{number}' if number > 1 else ''}.md")
        taken = read(path) if path.exists() else None
        if taken == body:
            return {"path": context.workspace.shown(path), "title": title, "added": False}
        if taken is None and changed(path, lambda old: body if old is None else None):
            context.artifact(path, "text/markdown")
            return {"path": context.workspace.shown(path), "title": title, "added": True}
    raise ToolError(f"expected a title that fewer notes have, got {title!r}")


@tool(effect="read", timeout_s=_TIMEOUT_S)
def list_(folder: str = "notes", tag: str = "", limit: Count = 100, *, context: ToolContext) -> list[Note]:
    """Lists the notes of a folder with title, tags and first words, those changed last first; of one tag if wanted."""
    found = []
    for path, content in finding.texts(folder, context):
        title, tags, body = finding.parts(content, path.stem)
        if tag and tag.removeprefix("#").lower() not in (one.lower() for one in tags):
            continue
        seconds = path.stat().st_mtime
        note = Note(
            path=context.workspace.shown(path),
            title=title,
            tags=tags,
            excerpt=" ".join(body.split())[:_EXCERPT_CHARS],
            modified=datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds"),
        )
        found.append((seconds, note))
    return [note for _, note in sorted(found, key=lambda one: (-one[0], one[1]["path"]))][:limit]


@tool(effect="read", timeout_s=_TIMEOUT_S)
def search(query: Line, folder: str = ".", limit: Count = 20, *, context: ToolContext) -> list[Found]:
    """Finds the lines of notes and to-dos that fit some words best, also with typing errors."""
    lines = [
        (context.workspace.shown(path), number, line.strip())
        for path, content in finding.texts(folder, context)
        for number, line in enumerate(content.splitlines(), 1)
        if line.strip()
    ]
    best = finding.best(query, [line for _, _, line in lines], limit)
    return [Found(path=lines[n][0], line=lines[n][1], text=lines[n][2][:500], score=score) for n, score in best]


@tool(effect="write", timeout_s=_TIMEOUT_S, idempotent=True)
def todo(text: Line, due: str = "", path: str = "todo.md", *, context: ToolContext) -> Marked:
    """Adds a to-do to a checklist in Markdown, `due` an ISO date; one that is open already is not added twice."""
    if not text.strip():
        raise ToolError("expected the words of a to-do, got only blanks")
    line = checklist.item(text, _date(due))
    place = _markdown(context.workspace.writable(path))
    latest = ""

    def appended(old: str | None) -> str | None:
        nonlocal latest
        made = checklist.appended(old, line)
        latest = made if made is not None else old or ""
        return made

    is_changed = changed(place, appended)
    if is_changed:
        context.artifact(place, "text/markdown")
    wanted = checklist.key(line)
    item = next(one for one in checklist.items(latest) if not one.done and one.key == wanted)
    return {"todo": _todo(item, place, context), "changed": is_changed}


@tool(effect="read", timeout_s=_TIMEOUT_S)
def todos(path: str = "todo.md", done: bool = False, due_until: str = "", *, context: ToolContext) -> list[Todo]:
    """Lists the to-dos of a checklist, or of all Markdown files of a folder: the open ones, with `done` the others too.

    With `due_until` those that are due on that date or before, first what is due first.
    """
    until = _date(due_until)
    where = context.workspace.readable(path)
    texts = finding.texts(path, context) if where.is_dir() else [(_markdown(where), read(where))]
    found = [_todo(item, file, context) for file, content in texts for item in checklist.items(content)]
    kept = [one for one in found if (done or not one["done"]) and (not until or "" < one["due"] <= until)]
    return sorted(kept, key=lambda one: one["due"]) if until else kept


@tool(effect="write", timeout_s=_TIMEOUT_S, idempotent=True)
def done(text: Line, path: str = "todo.md", undone: bool = False, *, context: ToolContext) -> Marked:
    """Marks a to-do as done, by its words; with `undone` as open again. Words that fit several are refused."""
    place = _markdown(context.workspace.writable(path))
    if not place.is_file():
        raise ToolError(f"expected a checklist at {str(place)!r}, found none; notes.todo makes one")
    found: list[checklist.Item] = []

    def marked(old: str | None) -> str | None:
        one = checklist.one_of(checklist.items(old or ""), text, done=undone)
        found[:] = [replace(one, done=not undone)]
        return checklist.marked(old or "", one, done=not undone)

    is_changed = changed(place, marked)
    return {"todo": _todo(found[0], place, context), "changed": is_changed}


def _todo(item: checklist.Item, path: Path, context: ToolContext) -> Todo:
    return {
        "path": context.workspace.shown(path),
        "line": item.line,
        "text": item.text,
        "done": item.done,
        "due": item.due,
        "under": item.under,
    }


def _date(text: str) -> str:
    """An ISO date, checked; empty stays empty."""
    try:
        return date.fromisoformat(text.strip()).isoformat() if text.strip() else ""
    except ValueError:
        raise ToolError(f"expected a date such as 2025-01-31, got {text!r}; dates.parse reads words") from None


def _markdown(path: Path) -> Path:
    if path.suffix.lower() not in finding.ENDINGS:
        raise ToolError(f"expected a Markdown file (.md), got {path.name!r}")
    return path
