"""Text, Markdown and source code: blocks by lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..blocks import Block, Parsed, language_code
from ..places import Place
from .decoding import decoded

_ATX = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r"(=|-|~|\^|\"|\*)\1{2,}\s*$")
_FENCE = re.compile(r"\s*(```+|~~~+)")
_FRONT = re.compile(r"---\s*$")
_SAID = re.compile(r"(\w+):\s*(\S.*)")
_DEFINITION = re.compile(
    r"(?:export\s+|public\s+|private\s+|protected\s+|static\s+|async\s+|pub\s+|abstract\s+|final\s+|default\s+)*"
    r"(?:def|class|function|func|fn|struct|enum|interface|trait|impl|type|module|namespace|object)\s+(\w+)"
)
_LEVELS = {"=": 1, "-": 2, "~": 3, "^": 4, '"': 4, "*": 1}


def text(data: bytes) -> Parsed:
    """Paragraphs, which empty lines part."""
    content, note = decoded(data)
    return Parsed(kind="text", blocks=list(_paragraphs(content.split("\n"))), notes=[note] if note else [])


def markdown(data: bytes) -> Parsed:
    """Headings (Markdown's and those underlined, as in reStructuredText), paragraphs, fenced code."""
    content, note = decoded(data)
    lines = content.split("\n")
    said = _front(lines)
    blocks = list(_marked(lines))
    title = said.get("title") or next((block.text for block in blocks if block.role == "heading"), "")
    return Parsed(
        kind="markdown",
        blocks=blocks,
        title=title,
        author=said.get("author", ""),
        language=language_code(said.get("lang", "") or said.get("language", "")),
        notes=[note] if note else [],
    )


def _front(lines: list[str]) -> dict[str, str]:
    """What simple lines of the front matter say, by name in small letters."""
    if not lines or not _FRONT.match(lines[0]):
        return {}
    end = next((i for i, one in enumerate(lines[1:200], 1) if _FRONT.match(one)), 0)
    found = (_SAID.fullmatch(one) for one in lines[1:end])
    return {one[1].lower(): one[2].strip().strip("\"'") for one in found if one}


def code(data: bytes) -> Parsed:
    """Source code: a definition at the left edge is a heading, paragraphs are parted by empty lines."""
    content, note = decoded(data)
    return Parsed(kind="code", blocks=list(_definitions(content.split("\n"))), notes=[note] if note else [])


def line(first: int, last: int) -> Place:
    """Lines of a file."""
    return Place(unit="line", first=first, last=last)


def _paragraphs(lines: list[str], start: int = 1, role: str = "text") -> Iterator[Block]:
    begin: int | None = None
    for number, content in enumerate([*lines, ""], start):
        if content.strip():
            begin = number if begin is None else begin
        elif begin is not None:
            body = "\n".join(lines[begin - start : number - start]).rstrip()
            yield Block(text=body, place=line(begin, number - 1), role="code" if role == "code" else "text")
            begin = None


def _marked(lines: list[str]) -> Iterator[Block]:
    number, held, begin = 0, list[str](), 0
    if lines and _FRONT.match(lines[0]):
        end = next((i for i, one in enumerate(lines[1:200], 1) if _FRONT.match(one)), 0)
        if end:
            yield Block(text="\n".join(lines[1:end]), place=line(2, end))
            number = begin = end + 1
    while number < len(lines):
        heading = _heading(lines, number)
        if heading is not None:
            yield from _paragraphs(held, begin + 1)
            level, title, used = heading
            yield Block(text=title, place=line(number + 1, number + used), role="heading", level=level)
            number += used
            held, begin = [], number
        elif fence := _FENCE.match(lines[number]):
            yield from _paragraphs(held, begin + 1)
            end = _closing(lines, number, fence[1])
            yield Block(text="\n".join(lines[number : end + 1]), place=line(number + 1, end + 1), role="code")
            number = end + 1
            held, begin = [], number
        else:
            held.append(lines[number])
            number += 1
    yield from _paragraphs(held, begin + 1)


def _heading(lines: list[str], number: int) -> tuple[int, str, int] | None:
    """Level, text and how many lines, when a heading begins here."""
    if found := _ATX.match(lines[number]):
        return len(found[1]), found[2], 1
    here = lines[number].strip()
    below = _UNDERLINE.match(lines[number + 1]) if number + 1 < len(lines) else None
    is_alone = number == 0 or not lines[number - 1].strip() or _UNDERLINE.match(lines[number - 1]) is not None
    if below and here and is_alone and not _UNDERLINE.match(here) and "|" not in here and len(here) < 160:
        return _LEVELS[below[1]], here, 2
    return None


def _closing(lines: list[str], number: int, fence: str) -> int:
    for at in range(number + 1, len(lines)):
        if lines[at].strip().startswith(fence) and not lines[at].strip().strip(fence[0]):
            return at
    return len(lines) - 1


def _definitions(lines: list[str]) -> Iterator[Block]:
    begin = 0
    for number, content in enumerate(lines):
        if (found := _DEFINITION.match(content)) is not None:
            start = _decorated(lines, number, begin)
            yield from _paragraphs(lines[begin:start], begin + 1, "code")
            yield Block(text=found[1], place=line(number + 1, number + 1), role="heading", level=1)
            begin = start
    yield from _paragraphs(lines[begin:], begin + 1, "code")


def _decorated(lines: list[str], number: int, floor: int) -> int:
    """The first line of what stands directly above a definition: decorators, comments."""
    while number > floor and lines[number - 1].strip() and lines[number - 1][0] in "@#/*":
        number -= 1
    return number
