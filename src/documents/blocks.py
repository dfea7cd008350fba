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


def language_code(told: str) -> str:
    """The two letters of a language as files name it (`de-DE`, `en_US`); empty when it is none."""
    code = told.strip().lower().replace("_", "-").partition("-")[0]
    return code if len(code) == 2 and code.isalpha() and code.isascii() else ""


@dataclass(slots=True, kw_only=True)
class Parsed:
    """A file as blocks. `title`, `author` and `language`, two letters, are what it says of itself, empty where it does
    not. `notes` say what could not be read in it.
    """

    kind: str
    blocks: list[Block]
    title: str = ""
    author: str = ""
    language: str = ""
    notes: list[str] = field(default_factory=list)
