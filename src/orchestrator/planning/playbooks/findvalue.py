"""Finds the values of inputs in a goal's text. Rule: each piece of the text is used once, and text is only ever data.

Wordings of the playbook come first, in their order; then a path, a date range or a choice anywhere in the text. Values
with a shape (paths, numbers, dates, choices) are taken before free text, which ends where they begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from .dates import Found, find_ranges
from .goaltext import Span, is_path, mask, spans, word_at

Asked = tuple[str, Sequence[str], Sequence[Any]]
_ORDER = ("number", "file", "date_range", "choice", "list", "text")
_FREE = ("list", "text")
_TRIES = 50
_BEFORE_COLON = 120
_HERE = re.compile(
    r"(?:this|the current|my current)\s+(?:folder|directory|repository|repo|project)\b|here\b", re.IGNORECASE
)
_NUMBER = re.compile(
    r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\s?(?:k|m|bn|thousand|million|billion|%)?(?![\w.]\d|\w)"
    r"|(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b",
    re.IGNORECASE,
)
_LEADING = re.compile(r"\b(?:the|from|in)\b|[\s\"']", re.IGNORECASE)
_CLAUSE = re.compile(r"[.!?;](?:\s|$)|\n|\s(?:with|using|and then|then)\s", re.IGNORECASE)
_TAIL = re.compile(r"[\s,:]+$|\s+(?:and|or|from|in|for|over|during|of|by|on|at|to|as|since)\s*$", re.IGNORECASE)
_NO_NAMES = """
    a an the this that these those my your our his her its their it all any some each every in on at of for to
    from with by and or as is are was be please now what which how structure content contents detail details
    report
"""
_NO_NAME = frozenset(_NO_NAMES.split())


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several values that could each be meant."""

    values: tuple[str, ...]


@dataclass
class _Goal:
    """The text, its quoted texts and paths, and which parts of it are taken."""

    text: str
    exists: Callable[[str], bool]
    spans: list[Span] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)

    def is_free(self, start: int, end: int) -> bool:
        return all(end <= a or start >= b for a, b in self.taken)

    def take(self, start: int, end: int) -> None:
        self.taken.append((start, end))

    @cached_property
    def without_names(self) -> str:
        """The text with quoted texts, paths and links blanked out."""
        return mask(self.text, self.spans)

    @cached_property
    def ranges(self) -> list[Found]:
        """The date ranges, also inside quotes."""
        return find_ranges(self.text)


def find_values(goal: str, asked: Mapping[str, Asked], exists: Callable[[str], bool] | None = None) -> dict[str, Any]:
    """The texts found for the inputs asked for (type, wordings, choices), by name; `Ambiguous` where several are.

    `exists` tells whether a path is there; it only decides whether the words after a path belong to it.
    """
    said = {
        name: value for name, (kind, wordings, _) in asked.items() if kind == "text" and (value := rest(goal, wordings))
    }
    goal = goal[: min((start for start, _ in said.values()), default=len(goal))]
    text = _Goal(goal, exists or _exists, spans(goal))
    found: dict[str, Any] = {name: value for name, (_, value) in said.items()}
    ordered = sorted(asked, key=lambda name: _ORDER.index(asked[name][0]))
    shaped = [name for name in ordered if asked[name][0] not in _FREE]
    for look, names in ((_assigned, ordered), (_worded, shaped), (_anywhere, shaped), (_worded, ordered)):
        for name in names:
            if name not in found and (value := look(text, name, asked[name])) is not None:
                found[name] = value
    return found


def rest(goal: str, wordings: Sequence[str]) -> tuple[int, str] | None:
    """Where the text begins that a wording such as `ticket: {value}` stands before, and the text; None without one.

    It is all that follows the first colon after the words, on their line; what is in it is not looked at.
    """
    for wording in wordings:
        head = wording.removesuffix("{value}").strip()
        if not head.endswith(":") or not wording.endswith("{value}"):
            continue
        words = r"\s+".join(map(re.escape, head[:-1].split()))
        match = re.search(rf"(?<!\w){words}\b[^:\n]{{0,{_BEFORE_COLON}}}:", goal, re.IGNORECASE)
        if match is not None and (value := goal[match.end() :].strip()):
            return match.end(), value
    return None


def _exists(path: str) -> bool:
    try:
        return Path(path).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


def _assigned(goal: _Goal, name: str, asked: Asked) -> Any:
    """The value written as `name=value`."""
    for match in re.finditer(rf"(?<![\w-]){re.escape(name)}\s*=\s*", goal.text, re.IGNORECASE):
        value = _read(goal, asked, match.end(), len(goal.text))
        if value is not None:
            return _taken(goal, value, match.start())
    return None


def _worded(goal: _Goal, name: str, asked: Asked) -> Any:
    plain: tuple[_Value, int, int] | None = None
    for wording in asked[1]:
        for begin, start, stop, end in islice(_captures(goal.text, wording), _TRIES):
            value = _read(goal, asked, start, stop)
            if value is None:
                continue
            if value.sure:
                return _taken(goal, value, begin, end)
            plain = plain or (value, begin, end)
    if plain is None or any(_is_file(goal, span) for span in goal.spans):
        return None
    return _taken(goal, *plain)


def _anywhere(goal: _Goal, name: str, asked: Asked) -> Any:
    match asked[0]:
        case "file":
            found = [_Value(s.start, s.end, s.value) for s in goal.spans if _is_file(goal, s)]
            found = [_longest(goal, value) for value in found]
            found = found or [_Value(m.start(), m.end(), ".") for m in _HERE.finditer(goal.without_names)]
        case "date_range":
            text = goal.without_names
            found = [_Value(f.start, f.end, text[f.start : f.end]) for f in find_ranges(text)]
        case "choice":
            found = [value for choice in asked[2] for value in _whole_words(goal.without_names, str(choice))]
        case _:
            return None
    found = [value for value in found if goal.is_free(value.start, value.end)]
    different = tuple(dict.fromkeys(value.text for value in found))
    if len(different) > 1:
        return Ambiguous(different)
    return _taken(goal, found[0]) if found else None


@dataclass(frozen=True, slots=True)
class _Value:
    """A piece of the goal. `sure` False: a plain word that may be no name."""

    start: int
    end: int
    text: str
    sure: bool = True


def _taken(goal: _Goal, value: _Value, begin: int | None = None, end: int = 0) -> str:
    """The value's text; its place, and the words that led to it, are not used again."""
    goal.take(value.start if begin is None else begin, max(end, value.end))
    return value.text


def _captures(text: str, wording: str) -> Iterator[tuple[int, int, int, int]]:
    """Where a wording begins, where its value does, the latest that the value may end, and where the words after do."""
    before, _, after = wording.partition("{value}")
    head = r"\s+".join(map(re.escape, before.split()))
    tail = r"\s+".join(map(re.escape, after.split()))
    if not head:
        for match in re.finditer(rf"\s+{tail}(?!\w)", text, re.IGNORECASE):
            start = _word_before(text, match.start())
            yield start, start, match.start(), match.end()
        return
    edge = r"(?<!\w)" if before.split()[0][0].isalnum() else ""
    space = r"\s+" if before.endswith(" ") else r"\s*"
    for match in re.finditer(edge + head + space, text, re.IGNORECASE):
        closing = re.compile(rf"\s*(?<!\w){tail}(?!\w)", re.IGNORECASE).search(text, match.end()) if tail else None
        if closing is not None:
            yield match.start(), match.end(), closing.start(), closing.end()
        elif not tail:
            yield match.start(), match.end(), len(text), 0


def _word_before(text: str, end: int) -> int:
    if end and text[end - 1] in "\"'`" and (opening := text.rfind(text[end - 1], 0, end - 1)) >= 0:
        return opening
    return max(text.rfind(blank, 0, end) for blank in " \t\n") + 1


def _read(goal: _Goal, asked: Asked, start: int, stop: int) -> _Value | None:
    """The value of a type that begins at `start` and ends at `stop` at the latest."""
    kind, _, choices = asked
    text = goal.text[:stop]
    match kind:
        case "file":
            value = _file_at(goal, text, start)
        case "number":
            number = _NUMBER.match(text, start)
            value = _Value(number.start(), number.end(), number[0]) if number else None
        case "date_range":
            near = next((f for f in goal.ranges if f.end > start), None)
            fits = near is not None and near.end <= stop and not _LEADING.sub("", text[start : near.start])
            value = _Value(near.start, near.end, text[near.start : near.end]) if near is not None and fits else None
        case "choice":
            found = [v for choice in choices for v in _whole_words(text, str(choice)) if v.start == start]
            value = max(found, key=lambda v: v.end, default=None)
        case _:
            value = _text_at(goal, text, start, is_list=kind == "list")
    return value if value is not None and goal.is_free(value.start, value.end) else None


def _file_at(goal: _Goal, text: str, start: int) -> _Value | None:
    here = _HERE.match(text, start)
    if here:
        return _Value(here.start(), here.end(), ".")
    span = next((s for s in goal.spans if s.start <= start < s.end or s.start == start), None)
    if span is not None and span.end <= len(text):
        if span.start < start:  # path=a.csv: the name and its sign are no part of the path
            return _Value(start, span.end, text[start : span.end])
        return _longest(goal, _Value(span.start, span.end, span.value))
    word = word_at(text, start)
    if word is None or any(s.start <= word.start < s.end for s in goal.spans):
        return None
    if word.value.lower() in _NO_NAME or not re.search(r"\w|/", word.value):
        return None
    if any(f.start <= word.start < f.end for f in goal.ranges):
        return None
    return _Value(word.start, word.end, word.value, sure=goal.exists(word.value))


def _longest(goal: _Goal, value: _Value) -> _Value:
    """The path with the words after it, where only that is there: ~/My Documents."""
    best, end = value, value.end
    if goal.text[value.start] in "\"'`\u201c\u201e\u00ab\u2018" or goal.exists(value.text):
        return value
    for _ in range(6):
        word = word_at(goal.text, end) if goal.text[end : end + 1] == " " else None
        if word is None:
            break
        end = word.end
        if goal.exists(goal.text[value.start : end]):
            best = _Value(value.start, end, goal.text[value.start : end])
    return best


def _is_file(goal: _Goal, span: Span) -> bool:
    if span.kind == "quoted":
        return is_path(span.value) or goal.exists(span.value)
    return span.kind == "path"


def _text_at(goal: _Goal, text: str, start: int, *, is_list: bool) -> _Value | None:
    quoted = next((s for s in goal.spans if s.start == start and s.kind == "quoted" and s.end <= len(text)), None)
    if quoted is not None and not (is_list and re.match(r"\s*(?:,|and\b)", text[quoted.end :])):
        return _Value(quoted.start, quoted.end, quoted.value)
    end = min([len(text), *(a for a, _ in goal.taken if a >= start)])
    clause = _CLAUSE.search(text, start, end)
    end = clause.start() if clause else end
    comma = text.find(",", start, end) if not is_list else -1
    piece = text[start : comma if comma >= 0 else end].rstrip(" .!?,;:")
    while piece != (shorter := _TAIL.sub("", piece)):
        piece = shorter
    return _Value(start, start + len(piece), piece) if piece.strip() else None


def _whole_words(text: str, choice: str) -> Iterator[_Value]:
    for match in re.finditer(rf"(?<!\w){re.escape(choice)}(?!\w)", text, re.IGNORECASE):
        yield _Value(match.start(), match.end(), choice)
