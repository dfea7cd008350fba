"""Finds notes: the Markdown files of a folder, their titles and tags, and the lines that fit some words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ....errors import ToolError
from ...tool import ToolContext
from ..files.folder import folder as folder_of
from ..files.folder import walk

ENDINGS = (".md", ".markdown")
_TAGS = re.compile(r"^tags?:\s*(.+)$", re.IGNORECASE)
_TAG = re.compile(r"#([\w/-]{1,50})")
_MOST = 5_000
_MOST_BYTES = 8_000_000
_LEAST_SCORE = 60.0


def files(folder: str, context: ToolContext) -> list[Path]:
    """The Markdown files of a folder and below, in order; none when a folder of the workspace is not there yet.

    Raises:
        ToolError: it is no folder, or has too many.
    """
    if not (context.workspace.root / folder).exists():
        return []
    root = folder_of(folder, context)
    found = sorted(e.path for e in walk(root, context) if e.path.lower().endswith(ENDINGS) and e.size <= _MOST_BYTES)
    if len(found) > _MOST:
        raise ToolError(
            f"expected a folder with at most {_MOST} notes, got {len(found)} in {str(root)!r}; name one below"
        )
    return [root / path for path in found]


def texts(folder: str, context: ToolContext) -> Iterator[tuple[Path, str]]:
    """The notes of a folder with their texts; those that can't be read are left out, odd characters replaced."""
    for path in files(folder, context):
        try:
            yield path, path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue


def note_text(title: str, text: str, tags: Sequence[str]) -> str:
    """A note as Markdown."""
    parts = [f"# {title}", text.strip(), "Tags: " + " ".join(f"#{tag}" for tag in tags) if tags else ""]
    return "\n\n".join(part for part in parts if part) + "\n"


def parts(text: str, name: str) -> tuple[str, list[str], str]:
    """Title, tags and the rest of a note; without a heading the title is `name`."""
    title, tags, rest = "", [], []
    for line in text.splitlines():
        if not title and (head := re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)) is not None:
            title = head[1]
        elif (told := _TAGS.match(line.strip())) is not None:
            tags += _TAG.findall(told[1]) or [tag.strip() for tag in told[1].split(",") if tag.strip()]
        else:
            rest.append(line)
    return title or name, tags, "\n".join(rest).strip()


def best(query: str, lines: Sequence[str], limit: int) -> list[tuple[int, float]]:
    """Numbers and scores (0 to 100) of the lines that fit a query, best first."""
    from rapidfuzz import fuzz, process, utils

    least = len(query.strip()) / 2  # a shorter line would fit because it is part of the query
    found = process.extract(
        query,
        {number: line for number, line in enumerate(lines) if len(line) >= least},
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        limit=limit,
        score_cutoff=_LEAST_SCORE,
    )
    return [(number, round(score, 1)) for _, score, number in found]
