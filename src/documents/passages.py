"""Blocks become passages: the pieces that are searched and cited.

Rule: a passage ends where the document's own structure does (heading, page, slide, sheet) if it is not too short, and
never holds more than the limit; every character of the document is in exactly one passage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from .blocks import Block
from .places import Place

_SHORT = 120  # characters; shorter pieces are joined with what follows
_SENTENCE = re.compile("(?<=[.!?\u3002\uff01\uff1f])[\"')\\]]*\\s+|\\n|(?<=[\u3002\uff01\uff1f])")
_SEPARATE = ("page", "slide")  # units that are never joined: a citation names one


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document's text and where it stands."""

    text: str
    place: Place


def passages(blocks: Iterable[Block], *, limit: int) -> Iterator[Passage]:
    """The passages of a document, in order, of at most `limit` characters each (200 at least)."""
    held = _Held(limit)
    headings: list[Block] = []
    for bare in blocks:
        if bare.role == "heading":
            headings = [one for one in headings if one.level < bare.level] + [bare]
        section = " > ".join(_short(one.text) for one in headings)
        block = replace(bare, place=replace(bare.place, section=section))
        if held.is_over_with(block):
            yield from held.take()
        for piece in _pieces(block, limit):
            if held.size and held.size + len(piece.text) + 1 > limit:
                yield from held.take()
            held.add(piece)
    yield from held.take()


@dataclass(slots=True)
class _Held:
    """The passage that is being put together."""

    limit: int
    blocks: list[Block] = field(default_factory=list)
    size: int = 0
    is_titled: bool = True  # nothing but headings so far

    def add(self, block: Block) -> None:
        if not self.blocks and block.header and len(block.header) < self.limit // 3:
            block = replace(block, text=f"{block.header}\n{block.text}")
        self.blocks.append(block)
        self.size += len(block.text) + 1
        self.is_titled = self.is_titled and block.role == "heading"

    def is_over_with(self, block: Block) -> bool:
        """Whether the passage ends before this block."""
        if not self.blocks or self._is_elsewhere(block):
            return bool(self.blocks)
        last = self.blocks[-1]
        is_new_table = (block.role == "row") != (last.role == "row")
        is_border = block.role == "heading" or is_new_table
        is_preface = block.role == "heading" and not last.place.section
        return is_border and not self.is_titled and (is_preface or self.size >= _SHORT)

    def _is_elsewhere(self, block: Block) -> bool:
        """Whether the block stands where this passage can't reach: another sheet, page or slide."""
        last = self.blocks[-1].place
        is_next = block.place.unit in _SEPARATE and block.place.first != last.first
        return is_next or block.place.sheet != last.sheet or block.place.unit != last.unit

    def take(self) -> Iterator[Passage]:
        """The passage, if there is one, and an empty beginning."""
        if self.blocks:
            joint = "\n" if all(block.role == "row" for block in self.blocks) else "\n\n"
            place = self.blocks[0].place
            for block in self.blocks[1:]:
                place = place.to(block.place)
            place = replace(place, section=self._section())
            yield Passage(text=joint.join(block.text for block in self.blocks), place=place)
        self.blocks, self.size, self.is_titled = [], 0, True

    def _section(self) -> str:
        """The headings above all of it; those above its text where it begins with a heading."""
        told = [block for block in self.blocks if block.role != "heading"] or self.blocks[-1:]
        place = told[0].place
        for block in told[1:]:
            place = place.to(block.place)
        return place.section


def _pieces(block: Block, limit: int) -> Iterator[Block]:
    """A block in parts of at most `limit`, cut behind sentences or lines, else between words, else anywhere."""
    text, start = block.text, 0
    while len(text) - start > limit:
        end = _cut(text, start, limit)
        if piece := text[start:end].strip("\n").rstrip():
            yield replace(block, text=piece, place=_within(block, start, end))
        start = end
    if rest := text[start:].strip("\n").rstrip():
        yield replace(block, text=rest, place=_within(block, start, len(text)))


def _cut(text: str, start: int, limit: int) -> int:
    window = text[start : start + limit]
    ends = [found.end() for found in _SENTENCE.finditer(window)]
    if ends and ends[-1] > limit // 3:
        return start + ends[-1]
    space = window.rfind(" ")
    return start + (space + 1 if space > limit // 3 else limit)


def _within(block: Block, start: int, end: int) -> Place:
    """The lines of a part; pages and the like stay as they are."""
    place = block.place
    if place.unit != "line" or place.last == place.first:
        return place
    first = place.first + block.text.count("\n", 0, start)
    last = first + block.text[start:end].rstrip("\n").count("\n")
    return replace(place, first=min(first, place.last), last=min(last, place.last))


def _short(title: str) -> str:
    title = " ".join(title.split())
    return title if len(title) <= 80 else title[:79] + "…"
