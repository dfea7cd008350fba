"""Where a passage stands in its file: page, slide, rows of a sheet, lines. Rule: plain data, told the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["page", "slide", "row", "line", "paragraph"]
_WORDS = {"page": "page", "slide": "slide", "row": "row", "line": "line", "paragraph": "paragraph"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A range of pages, slides, rows, lines or paragraphs, counted from 1, both ends in it.

    `sheet` is the sheet of rows; `section` the headings above, outermost first, with ` > ` between them.
    """

    unit: Unit
    first: int
    last: int
    sheet: str = ""
    section: str = ""

    def __str__(self) -> str:
        """As people read it: `page 3`, `sheet Costs, rows 2-14`, `lines 10-24 (Install > Linux)`."""
        word = _WORDS[self.unit]
        where = f"{word} {self.first}" if self.first == self.last else f"{word}s {self.first}-{self.last}"
        if self.sheet:
            where = f"sheet {self.sheet}, {where}"
        return f"{where} ({self.section})" if self.section else where

    def to(self, other: Place) -> Place:
        """The range from this place to a later one of the same unit; the section is the one both share."""
        return Place(
            unit=self.unit,
            first=min(self.first, other.first),
            last=max(self.last, other.last),
            sheet=self.sheet,
            section=_shared(self.section, other.section),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without what is empty."""
        data: dict[str, Any] = {"unit": self.unit, "first": self.first, "last": self.last}
        return data | {name: value for name in ("sheet", "section") if (value := getattr(self, name))}


def place_from(data: Mapping[str, Any]) -> Place:
    """The place that `to_dict` made."""
    return Place(**data)


def _shared(one: str, other: str) -> str:
    kept = []
    for a, b in zip(one.split(" > "), other.split(" > "), strict=False):
        if a != b:
            break
        kept.append(a)
    return " > ".join(kept)
