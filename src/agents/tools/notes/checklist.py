"""To-dos as items of Markdown lists: `- [ ] text (due 2025-01-31)`. Rule: all other lines stay as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ....errors import ToolError

_BOX = re.compile(r"^(\s*(?:>\s*)*(?:[-*+]|\d{1,9}[.)])\s+\[)([ xX])(\]\s+)(.*?)\s*$", re.DOTALL)
_DUE = re.compile(r"\s*\(due (\d{4}-\d{2}-\d{2})\)$")
_ANY_BOX = re.compile(r"\[[ xX]\]")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")
_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`line` counts from 1. `due`: an ISO date or empty. `under`: the text of the heading above."""

    line: int
    text: str
    done: bool
    due: str
    under: str

    @property
    def key(self) -> str:
        return key(item(self.text, self.due))


def items(text: str) -> list[Item]:
    """The to-dos of a Markdown text in order; what stands in code is none."""
    if not _ANY_BOX.search(text):
        return []
    from markdown_it import MarkdownIt

    lines = [line.rstrip("\r\n") for line in _lines(text)]
    found, under = [], ""
    tokens = MarkdownIt("commonmark").parse(text)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            under = tokens[number + 1].content
        elif token.type == "list_item_open" and token.map is not None:
            place = token.map[0]
            box = _BOX.match(lines[place]) if place < len(lines) else None
            if box is not None:
                due = _DUE.search(box[4])
                bare = _DUE.sub("", box[4])
                day = due[1] if due else ""
                found.append(Item(line=place + 1, text=bare, done=box[2] != " ", due=day, under=under))
    return found


def _lines(text: str) -> list[str]:
    """The lines with their ends, as Markdown counts them: other separators of lines don't count."""
    return _LINE.findall(text)


def item(text: str, due: str) -> str:
    """The words of a to-do as they stand behind its box."""
    bare = " ".join(text.split())
    return f"{bare} (due {due})" if due else bare


def key(words: str) -> str:
    """By what two to-dos are the same: words and date, whatever the case."""
    return " ".join(words.lower().split())


def appended(text: str | None, words: str) -> str | None:
    """The text with one more open to-do, behind the last one if that works; None when it has it already.

    Raises:
        ToolError: it would be read as something else wherever it stands.
    """
    if not text or not text.strip():
        return f"# To do\n\n- [ ] {words}\n"
    known = items(text)
    if any(not one.done and one.key == key(words) for one in known):
        return None
    end = "\r\n" if "\r\n" in text else "\n"
    line = f"- [ ] {words}{end}"
    for made in (*_behind(text, known, line, end), f"{text.rstrip()}{end}{end}{line}", f"{line}{end}{text}"):
        if _told(items(made), without=key(words)) == _told(known):
            return made
    raise ToolError("expected Markdown that a list can be added to; is a block of code at its end not closed?")


def _behind(text: str, known: Sequence[Item], line: str, end: str) -> list[str]:
    """The text with a line behind the last to-do and what belongs to it; nothing without to-dos."""
    if not known:
        return []
    lines = _lines(text)
    place = known[-1].line
    if lines[place - 1][:1] in " \t>":  # it is part of something else: a list of its own goes to the end
        return [f"{text.rstrip()}{end}{line}"]
    while place < len(lines) and lines[place].strip() and lines[place][:1] in " \t":
        place += 1
    before = "".join(lines[:place])
    return [f"{before}{'' if before.endswith(end) else end}{line}{''.join(lines[place:])}"]


def _told(known: Sequence[Item], *, without: str = "") -> list[tuple[str, bool]] | None:
    """What to-dos say and whether they are done, in order, without one that is open; None when it is not there."""
    told = sorted((one.key, one.done) for one in known)
    if without:
        if (without, False) not in told:
            return None
        told.remove((without, False))
    return told


def one_of(known: Sequence[Item], words: str, *, done: bool) -> Item:
    """The to-do that some words mean: the same words, else the only one that holds them; those in state `done` first.

    Raises:
        ToolError: none or several; names them.
    """
    wanted = key(words)
    for choice in ([one for one in known if one.done == done], [one for one in known if one.done != done]):
        same = [one for one in choice if wanted in (key(one.text), one.key)]
        holding = same or [one for one in choice if wanted in key(one.text)]
        if len(holding) == 1:
            return holding[0]
        if holding:
            raise ToolError(f"expected words of one to-do, got {words!r}, which fits: {_named(holding)}")
    there = _named([one for one in known if one.done == done]) or "none"
    raise ToolError(f"expected words of a to-do, got {words!r}, which fits none; there are: {there}")


def marked(text: str, one: Item, *, done: bool) -> str | None:
    """The text with one to-do marked; None when it is so already."""
    if one.done == done:
        return None
    lines = _lines(text)
    line = lines[one.line - 1]
    box = _BOX.match(line)
    assert box is not None
    place = len(box[1])
    lines[one.line - 1] = line[:place] + ("x" if done else " ") + line[place + 1 :]
    return "".join(lines)


def _named(known: Sequence[Item]) -> str:
    told = "; ".join(f"{one.text!r} (line {one.line})" for one in known[:_NAMED])
    return told + (f"; and {len(known) - _NAMED} more" if len(known) > _NAMED else "")
