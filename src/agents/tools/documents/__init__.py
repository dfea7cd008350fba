"""Tools over the person's documents: search, answer, read, index."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from ....documents.library import Library
from ....documents.search.scope import HELP
from ....errors import SearchIndexError, ToolError, UsageError
from ...knowledge import Knowledge
from ...tool import ToolContext, tool

_SEARCH_S = 120.0
_INDEX_S = 3600.0
_READ_CHARS = 200_000

Count = Annotated[int, Field(ge=1, le=50)]
Text = Annotated[str, Field(min_length=1)]
Where = Annotated[list[str], Field(description=f"Conditions that all hold, each one such as {HELP}; empty: any file.")]
_ANY: list[str] = []


class Passage(TypedDict):
    """A passage, the file it is from, the place in it (page, slide, rows, lines), and how well it fits, 0 to 1."""

    path: str
    place: str
    score: float
    text: str


class Results(TypedDict):
    """Passages, best first; `notes` say what could not be used."""

    results: list[Passage]
    notes: list[str]


class Citation(TypedDict):
    """What [number] in the answer stands for."""

    number: int
    path: str
    place: str
    text: str


class Answered(TypedDict):
    """An answer with citations; `written_by` is model or passages."""

    answer: str
    written_by: str
    citations: list[Citation]
    notes: list[str]


class Part(TypedDict):
    """A piece of a file's text and its place."""

    place: str
    text: str


class Content(TypedDict):
    """A file's text; `whole` false: only the beginning, as much as was asked for."""

    path: str
    kind: str
    title: str
    parts: list[Part]
    whole: bool
    notes: list[str]


class Failed(TypedDict):
    """A file that could not be read, and why."""

    path: str
    reason: str


class Indexed(TypedDict):
    """What is in the index of these folders now, and what could not be read."""

    files: int
    chunks: int
    added: int
    changed: int
    removed: int
    failed: list[Failed]


@tool(effect="read", timeout_s=_SEARCH_S)
async def search(
    context: ToolContext, question: Text, limit: Count = 8, under: str = "", where: Where = _ANY
) -> Results:
    """Finds passages in the person's indexed documents that fit a question or words, with file, place and score.

    `under` is a file or folder to look in, empty: everywhere.
    """
    library = await _library(context)
    try:
        found = await library.search(question, count=limit, under=under or None, where=where)
    except (UsageError, SearchIndexError) as error:
        raise ToolError(f"documents.search: {error}") from error
    hits = [Passage(path=hit.path, place=str(hit.place), score=hit.score, text=hit.text) for hit in found.hits]
    return {"results": hits, "notes": list(found.notes)}


@tool(effect="read", timeout_s=_SEARCH_S)
async def answer(
    context: ToolContext, question: Text, limit: Count = 8, under: str = "", where: Where = _ANY
) -> Answered:
    """Answers a question from the person's indexed documents, with citations; without a model the best passages are it.

    `under` is a file or folder to look in, empty: everywhere.
    """
    try:
        found = await _knowledge(context).answer(question, count=limit, under=under or None, where=where)
    except (UsageError, SearchIndexError) as error:
        raise ToolError(f"documents.answer: {error}") from error
    cited = [
        Citation(number=one.number, path=one.hit.path, place=str(one.hit.place), text=one.hit.text)
        for one in found.citations
    ]
    return {"answer": found.text, "written_by": found.by, "citations": cited, "notes": list(found.notes)}


@tool(effect="read", timeout_s=_SEARCH_S)
async def read(context: ToolContext, path: Text, max_chars: Annotated[int, Field(ge=1)] = _READ_CHARS) -> Content:
    """Reads the text of a PDF, Word, PowerPoint, Excel, HTML, Markdown, CSV, text or code file, in parts with place."""
    library = await _library(context)
    file = await asyncio.to_thread(context.workspace.readable, path)
    try:
        found = await library.read(file)
    except ToolError as error:
        raise ToolError(f"documents.read: {str(file)!r} can't be read: {error}") from error
    parts: list[Part] = []
    left = max_chars
    for passage in found.passages:
        if len(passage.text) > left:
            break
        left -= len(passage.text)
        parts.append({"place": str(passage.place), "text": passage.text})
    return {
        "path": str(file),
        "kind": found.kind,
        "title": found.title,
        "parts": parts,
        "whole": len(parts) == len(found.passages),
        "notes": list(found.notes),
    }


@tool(effect="write", timeout_s=_INDEX_S, concurrency=1)
async def index(context: ToolContext, paths: Annotated[list[str], Field(min_length=1)]) -> Indexed:
    """Reads files and folders into the index of documents, or brings it up to date; the files stay as they are."""
    library = await _library(context)
    files = [await asyncio.to_thread(context.workspace.readable, path) for path in paths]
    try:
        report = await library.index(
            files, on_progress=lambda p: context.progress(p.done, p.total or None, p.path.rpartition("/")[2])
        )
    except (UsageError, SearchIndexError) as error:
        raise ToolError(f"documents.index: {error}") from error
    return {
        "files": report.files,
        "chunks": report.chunks,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "failed": [Failed(path=one.path, reason=one.reason) for one in report.failed],
    }


def _knowledge(context: ToolContext) -> Knowledge:
    if context.knowledge is None:
        raise ToolError("expected to run inside a goal, where the documents are open")
    return context.knowledge


async def _library(context: ToolContext) -> Library:
    return await _knowledge(context).documents()
