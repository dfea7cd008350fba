"""Tools that look into results too large to be shown whole: what they are made of, a slice, the lines that match.

Rule: only results of the same run and session, and of a plan's own step only those it depends on; the context decides.
A result is searched as lines: a text's own, a row or field of data each.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...digest import digest, lines, outline
from ...tool import ToolContext, tool

MOST = 16_000
_LINE = 2_000
_STEP_BYTES = 6_000

Handle = Annotated[
    Any, Field(description='a result as "${id}", the id of a step this one depends on, or the sha256 of an artifact')
]


class Described(TypedDict):
    """`structure` in words; `digest` is its text, shortened where it is long; `characters` and `lines` of the whole."""

    kind: str
    structure: str
    characters: int
    lines: int
    digest: str


class Slice(TypedDict):
    """`text` from character `offset` on; `more` characters follow it, `characters` is the whole's length."""

    text: str
    offset: int
    more: int
    characters: int


class Line(TypedDict):
    """A line and its number, from 1; very long ones are cut around the match, which is said."""

    number: int
    text: str


class Matches(TypedDict):
    """`matches` are the first ones, `total` counts all; `lines` of the whole result."""

    matches: list[Line]
    total: int
    lines: int


@tool(effect="read")
def describe(handle: Handle, *, context: ToolContext) -> Described:
    """Tells what a large result is made of: its fields and counts, its beginning and its end."""
    value = _value(handle, context)
    told = list(lines(value))
    kind = "text" if isinstance(value, str) else "list" if isinstance(value, list) else "object"
    return {
        "kind": kind if isinstance(value, (str, list, dict)) else "value",
        "structure": outline(value),
        "characters": sum(len(line) + 1 for line in told),
        "lines": len(told),
        "digest": digest(value, _STEP_BYTES).text,
    }


@tool(effect="read")
def read(
    handle: Handle,
    offset: Annotated[int, Field(description="first character; below 0: counted from the end")] = 0,
    length: Annotated[int, Field(ge=1, le=MOST)] = 4_000,
    *,
    context: ToolContext,
) -> Slice:
    """Reads a slice of a large result by characters, from the beginning or, with an offset below 0, from the end."""
    value = _value(handle, context)
    text = value if isinstance(value, str) else "\n".join(lines(value))
    start = max(0, len(text) + offset) if offset < 0 else min(offset, len(text))
    part = text[start : start + length]
    return {"text": part, "offset": start, "more": len(text) - start - len(part), "characters": len(text)}


@tool(effect="read")
def find(
    handle: Handle,
    pattern: Annotated[str, Field(min_length=1, max_length=500, description="text; * stands for anything in a line")],
    around: Annotated[int, Field(ge=0, le=20, description="lines to give before and after each match")] = 0,
    limit: Annotated[int, Field(ge=1, le=500)] = 50,
    *,
    context: ToolContext,
) -> Matches:
    """Finds the lines of a large result that contain a text, whatever the case of its letters."""
    told = list(lines(_value(handle, context)))
    parts = [part for part in pattern.casefold().split("*") if part]
    if not parts:
        raise ToolError(f"expected a text to find, got {pattern!r}; use results.read to see any line")
    found = [number for number, line in enumerate(told) if _fits(line.casefold(), parts)]
    shown: dict[int, Line] = {}
    for number in found[:limit]:
        for near in range(max(0, number - around), min(len(told), number + around + 1)):
            shown.setdefault(near, {"number": near + 1, "text": _cut(told[near], parts[0])})
    return {"matches": [shown[number] for number in sorted(shown)], "total": len(found), "lines": len(told)}


def _value(handle: Any, context: ToolContext) -> Any:
    """What a handle stands for: text or plain data.

    Raises:
        ToolError: it is no result of this run or session, or no text.
    """
    if isinstance(handle, dict) and set(handle) == {"artifact", "size_bytes"}:
        handle = str(handle["artifact"])
    value = handle
    if isinstance(handle, str) and context.results is not None and context.results.is_handle(handle):
        value = context.results.value(handle)
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ToolError(f"expected text or data, got {len(value):,} bytes of something else in {handle!r}") from None


def _fits(line: str, parts: list[str]) -> bool:
    """Whether the parts follow each other in a line."""
    at = 0
    for part in parts:
        at = line.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def _cut(line: str, part: str) -> str:
    if len(line) <= _LINE:
        return line
    start = max(0, line.casefold().find(part) - _LINE // 2)
    shown = line[start : start + _LINE]
    return f"[{start:,} characters before] {shown} [{len(line) - start - len(shown):,} after]"
