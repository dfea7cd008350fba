"""Tools for files and folders: list, read, write, hash, and everything the report on a folder measures.

Rule: paths go through the workspace; what was left out or cut is said in the result.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from . import contents, copies, history, listing, marks, measuring, scanning
from .folder import LeftOut, folder, walk
from .overview import scan_result


class FileList(TypedDict):
    """`count` are all that match, `files` the first ones in order of path; `truncated` when there are more."""

    path: str
    files: list[scanning.FileEntry]
    count: int
    truncated: bool


class FileText(TypedDict):
    """`encoding`: utf-8, utf-16, utf-32 or latin-1. `bytes` is the whole file's size, also when `truncated`."""

    path: str
    text: str
    encoding: str
    bytes: int
    truncated: bool


class FileHash(TypedDict):
    """`sha256` in hexadecimal."""

    path: str
    bytes: int
    sha256: str


@tool(effect="read")
def list_(path: str = ".", pattern: str = "**", limit: int = 1000, *, context: ToolContext) -> FileList:
    """Lists the files of a folder that match a glob pattern such as `*.csv` or `src/**/*.py`, with kind, size and time.

    A pattern without `/` matches names at any depth. Ignored files and the usual junk are left out, as in `files.scan`.
    """
    root = folder(path, context)
    matches = _pattern(pattern)
    found = sorted((e for e in walk(root, context) if matches.fullmatch(e.path)), key=lambda e: e.path)
    files = [scanning.file_entry(e) for e in found[: max(limit, 0)]]
    return {"path": str(root), "files": files, "count": len(found), "truncated": len(files) < len(found)}


def _pattern(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression over relative paths: `**` any folders, `*` and `?` not `/`, `[ab]`."""
    if "/" not in pattern and pattern != "**":
        pattern = f"**/{pattern}"
    made = []
    for part in re.split(r"(\*\*/|\*\*|\*|\?|\[!?[^\]/]+\])", pattern.removeprefix("./").removeprefix("/")):
        match part:
            case "**/":
                made.append(r"(?:[^/]+/)*")
            case "**":
                made.append(r".*")
            case "*":
                made.append(r"[^/]*")
            case "?":
                made.append(r"[^/]")
            case _ if part.startswith("[") and part.endswith("]"):
                inner = re.escape(part[1:-1]).replace(r"\-", "-").replace(r"\!", "!")
                made.append(f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]")
            case _:
                made.append(re.escape(part))
    try:
        return re.compile("".join(made), re.DOTALL)
    except re.error as error:
        raise ToolError(f"expected a glob pattern such as '**/*.csv', got {pattern!r}: {error}") from error


@tool(effect="read")
def read(path: str, max_bytes: int = 1_000_000, *, context: ToolContext) -> FileText:
    """Reads a text file whatever its encoding; says which it was, and whether the text was cut at `max_bytes`."""
    if max_bytes < 1:
        raise ToolError(f"expected max_bytes of at least 1, got {max_bytes}")
    source = context.workspace.readable(path)
    found = contents.read_text(source, max_bytes)
    return {
        "path": str(source),
        "text": found.text,
        "encoding": found.encoding,
        "bytes": found.size,
        "truncated": found.truncated,
    }


@tool(effect="write")
def write(path: str, text: str, overwrite: bool = False, *, context: ToolContext) -> FileHash:
    """Writes a text file (UTF-8) inside the workspace, whole or not at all; replaces one only with `overwrite`."""
    target = context.workspace.writable(path)
    if target.is_dir():
        raise ToolError(f"expected a file to write, got the folder {str(target)!r}")
    data = text.encode("utf-8", "replace")
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(target.stat().st_mode & 0o777 if overwrite and target.exists() else 0o644)
        _placed(Path(temporary), target, overwrite=overwrite)
    finally:
        Path(temporary).unlink(missing_ok=True)
    context.artifact(target)
    return {"path": str(target), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _placed(temporary: Path, target: Path, *, overwrite: bool) -> None:
    """Moves the file into place in one step; a link instead of a rename fails when something is there already."""
    if overwrite:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise ToolError(f"expected a new file, got {str(target)!r}, which exists; set overwrite to true") from None


@tool(effect="read")
def hash_(path: str, *, context: ToolContext) -> FileHash:
    """Gives the SHA-256 and the size of one file."""
    source = context.workspace.readable(path)
    if not source.is_file():
        raise ToolError(f"expected a file, got {str(source)!r}; files.list names the files of a folder")
    try:
        return {"path": str(source), "bytes": source.stat().st_size, "sha256": contents.sha256(source)}
    except OSError as error:
        raise ToolError(f"expected a file that may be read, got {str(source)!r}: {error.strerror}") from error


@hash_.batch(limit=200, growth=1.0)
def hash_many(calls: list[dict[str, Any]], context: ToolContext) -> list[Any]:
    """Hashes several files in one call; reading takes as long as one after another."""

    def one(call: dict[str, Any]) -> Any:
        try:
            return hash_(**call, context=context)
        except ToolError as error:
            return error

    return [one(call) for call in calls]


@tool(effect="read")
def scan(
    path: str = ".", max_kinds: int = 10, max_prose: int = 12, keep_inventory: bool = False, *, context: ToolContext
) -> scanning.Scan:
    """Surveys a folder in one walk: totals, kinds of files, sizes, largest, oldest and newest, prose worth reading.

    Inside a git repository its ignore rules decide what counts; elsewhere the usual junk is left out, and said.
    `keep_inventory` writes a CSV with every file, which the other tools of this group take to save another walk.
    """
    root = folder(path, context)
    left_out = LeftOut()
    tally = scanning.Tally(max_prose)
    inventory = context.workspace.output("inventory.csv") if keep_inventory else None
    entries = walk(root, context, left_out)
    for entry in listing.written(entries, inventory) if inventory else entries:
        tally.add(entry)
    if inventory:
        context.artifact(inventory, "text/csv")
    return scan_result(root, tally, left_out, max_kinds=max(max_kinds, 0), inventory=inventory)


@tool(effect="read")
def kind_summary(path: str, kind: str, inventory: str | None = None, *, context: ToolContext) -> measuring.KindSummary:
    """Measures one kind of file in a folder (`Python`, `Images`): count, sizes, lines of code and comments."""
    root = folder(path, context)
    entries = (e for e in listing.entries_of(root, inventory, context) if e.kind.name == kind)
    return measuring.summary_of(root, kind, entries, context)


@tool(effect="pure")
def compare_kinds(summaries: list[Any]) -> measuring.Comparison:
    """Compares the kinds of files of a folder by lines and languages; takes all results of `files.kind_summary`."""
    return measuring.compared(summaries)


@tool(effect="read", timeout_s=1800)
def duplicates(
    path: str, inventory: str | None = None, min_bytes: int = 1, *, context: ToolContext
) -> copies.Duplicates:
    """Finds files with the same content in a folder and says how much space the copies take; hard links don't count."""
    root = folder(path, context)
    return copies.duplicates_in(root, lambda: listing.entries_of(root, inventory, context), min_bytes, context)


@tool(effect="read")
def growth(path: str, inventory: str | None = None, *, context: ToolContext) -> history.Growth:
    """Shows how files and bytes of a folder grew over time: by git's history when there is one, else by file times."""
    root = folder(path, context)
    return history.by_git(root, context) or history.by_modified(listing.entries_of(root, inventory, context))


@tool(effect="read")
def todo_marks(path: str, inventory: str | None = None, limit: int = 200, *, context: ToolContext) -> marks.TodoMarks:
    """Finds TODO, FIXME, XXX and HACK marks in the text files of a folder, with file and line, and counts them."""
    root = folder(path, context)
    return marks.marks_of(root, listing.entries_of(root, inventory, context), max(limit, 0), context)
