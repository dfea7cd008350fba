"""What a parser gives: a file's text in pieces that belong together, each with its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .places import Place

Role = Literal["heading", "text", "row", "code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading, a paragraph or list, one row of a table, or a piece of code. `level` is a heading's, from 1.

    `header`: for rows, the names of the columns in one line, which every passage of the table begins with.
    """

    text: str
    place: Place
    role: Role = "text"
    level: int = 0
    header: str = ""


@dataclass(slots=True, kw_only=True)
class Parsed:
    """A file as blocks. `title` empty: it has none of its own. `notes` say what could not be read in it."""

    kind: str
    blocks: list[Block]
    title: str = ""
    notes: list[str] = field(default_factory=list)
