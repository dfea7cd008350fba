"""What in a goal is a value and what is wording. Rule: pure; one text always has one shape, nothing is guessed.

Values are quoted texts, paths, links, numbers, ISO dates, codes (`ABC-123`, `unit_price`) and names (`New York`). Two
goals are alike only when their wording is the same word by word and their values are of the same kinds in the same
places. Case, blanks and the punctuation of sentences do not count; question marks and signs (`C++`, `%`) do.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from ..playbooks.goaltext import ending, is_path, spans

_CLOSING = ".,;:!\u2026"
_ENDS = re.compile(r"[.!?\u2026:]+[\"')\]\u201d]*$")
_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CODE = re.compile(r"\w(?:[\w.@/+:-]*\w)?")
_PARTS = re.compile(r"[-'\u2019]")
_COMPONENT = re.compile(r"\d+|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A value in a goal. `text` is it as written, without quotes; only a value of the same `kind` may stand instead."""

    kind: str
    text: str

    @property
    def number(self) -> int | float | None:
        """The number it is, None for other kinds."""
        if not self.kind.startswith(("number", "decimal")):
            return None
        digits = self.text.replace(",", "")
        return float(digits) if self.kind.startswith("decimal") else int(digits)


@dataclass(frozen=True)
class Shape:
    """A goal as words (in small letters) and places, in order."""

    tokens: tuple[str | Place, ...]

    @cached_property
    def places(self) -> tuple[Place, ...]:
        return tuple(token for token in self.tokens if isinstance(token, Place))

    @cached_property
    def words(self) -> tuple[str, ...]:
        return tuple(token for token in self.tokens if isinstance(token, str))

    @cached_property
    def frame(self) -> tuple[tuple[str, str], ...]:
        """The wording with kinds instead of values."""
        return tuple(("", t) if isinstance(t, str) else (t.kind, "") for t in self.tokens)

    @cached_property
    def wording(self) -> tuple[tuple[str, str], ...]:
        """The whole text; names in small letters, so that their case does not count."""
        told: list[tuple[str, str]] = []
        for token in self.tokens:
            if isinstance(token, Place) and token.kind != "name":
                told.append((token.kind, token.text))
            else:
                text = token if isinstance(token, str) else token.text
                told += [("", folded(word)) for word in text.split()]
        return tuple(told)


def shape_of(goal: str) -> Shape:
    """The shape of a goal."""
    text = unicodedata.normalize("NFC", goal)
    tokens: list[str | Place] = []
    position, starts = 0, True
    for span in spans(text):
        read, starts = _read(text[position : span.start], starts)
        tokens += [*read, _placed(span.kind, span.value)]
        position, starts = span.end, False
    return Shape((*tokens, *_read(text[position:], starts)[0]))


def kind_of(text: str) -> str:
    """The kind of a value that was given as text: a path with its ending, a link, or text."""
    found = spans(text)
    if len(found) == 1 and found[0].value == text:
        return _placed(found[0].kind, text).kind
    return "text"


def components(texts: Iterable[str]) -> set[str]:
    """The words of two letters and more and the whole numbers in texts, in small letters."""
    found = (part for text in texts for part in _COMPONENT.findall(folded(text)))
    return {part for part in found if len(part) > 1 or part.isdigit()}


def folded(text: str) -> str:
    """Text in which case and ways to write a character do not count."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def mark_of(parts: Iterable[object]) -> str:
    """A short digest; equal parts have equal ones."""
    return hashlib.sha256(json.dumps(list(parts), ensure_ascii=True).encode()).hexdigest()[:8]


def _placed(kind: str, value: str) -> Place:
    if kind == "link":
        return Place(f"link:{value.partition(':')[0].lower()}", value)
    if kind == "path" or is_path(value):
        end = ending(value)
        return Place(f"file:.{end}" if end else "file", value)
    return Place("text", value)


def _read(text: str, starts: bool) -> tuple[list[str | Place], bool]:
    """The tokens of text without quotes and paths, and whether a sentence starts behind it."""
    tokens: list[str | Place] = []
    name: list[str] = []
    for chunk in text.split():
        word = chunk.strip(_CLOSING + "?").lstrip("\u00bf\u00a1")
        if word and not starts and _is_name(word):
            name.append(word)
        else:
            tokens += _named(name)
            name = []
            if word:
                tokens.append(_valued(word))
        starts = bool(_ENDS.search(chunk))
        if name and (starts or chunk != word):
            tokens += _named(name)
            name = []
        if chunk.rstrip(_CLOSING).endswith("?"):
            tokens.append("?")
    return [*tokens, *_named(name)], starts


def _named(words: list[str]) -> Iterator[Place]:
    if words:
        yield Place("name", " ".join(words))


def _is_name(word: str) -> bool:
    """Whether a word is written like a name: a capital, then small letters, in each of its parts."""
    parts = _PARTS.split(word)
    return len(word) > 1 and all(part.isalpha() and part == part.capitalize() for part in parts)


def _valued(word: str) -> str | Place:
    if number := _NUMBER.fullmatch(word):
        kind = "decimal" if number[1] else "number"
        return Place(f"{kind}:{word[0]}" if word[0] in "+-" else kind, word)
    if _DATE.fullmatch(word) and _is_day(word):
        return Place("date", word)
    if _CODE.fullmatch(word) and _looks_like_code(word):
        return Place(f"code:{_collapsed(word)}", word)
    return folded(word)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _looks_like_code(word: str) -> bool:
    letters = any(character.isalpha() for character in word)
    digits = any(character.isdigit() for character in word)
    return (digits and word[0] not in "+-") or "_" in word or "@" in word or (letters and _has_inner_capital(word))


def _has_inner_capital(word: str) -> bool:
    return any(a.islower() and b.isupper() for a, b in itertools.pairwise(word))


def _collapsed(word: str) -> str:
    """Runs of letters as `a`, of digits as `9`; signs stay."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", word))
