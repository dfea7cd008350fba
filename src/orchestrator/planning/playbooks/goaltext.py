"""Quoted text, paths and links inside a goal. Rule: what is found is data; no path is opened here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_PAIRS = (
    ('"', '"'),
    ("\u201c", "\u201d"),
    ("\u201e", "\u201c"),
    ("\u201e", "\u201d"),
    ("\u00ab", "\u00bb"),
    ("`", "`"),
)
_QUOTED = re.compile(
    "|".join(rf"{a}([^{a}{b}\n]+){b}" for a, b in _PAIRS)
    + r"|(?<!\w)'([^'\n]+)'(?!\w)|(?<!\w)\u2018([^\u2019\n]+)\u2019(?!\w)"
)
_WORD = re.compile(r"(?:\\ |\S)+")
_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_ROOTED = re.compile(r"~[\w-]*(?:[/\\].*)?|\.{1,2}(?:[/\\].*)?|/[^/].*|[A-Za-z]:[/\\].*|\\\\[^\\].*", re.DOTALL)
_NAMED = re.compile(r".*[\w)\]}*-]\.([A-Za-z][A-Za-z0-9]{0,9})", re.DOTALL)
_INITIALS = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]")
_SLASHED_WORDS = frozenset(
    [
        "and/or",
        "either/or",
        "n/a",
        "w/o",
        "i/o",
        "input/output",
        "read/write",
        "yes/no",
        "on/off",
        "his/her",
        "he/she",
        "km/h",
    ]
)
_DOMAINS = frozenset({"com", "org", "net"})
_OPENING = "([{<"
_PAIRED = {")": "(", "]": "[", "}": "{", ">": "<"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a goal: characters `start` to `end`, and the value they stand for, without quotes and escapes."""

    kind: Literal["quoted", "path", "link"]
    start: int
    end: int
    value: str


def spans(text: str) -> list[Span]:
    """The quoted texts, paths and links of a text, in order, never overlapping."""
    found = [Span("quoted", m.start(), m.end(), next(filter(None, m.groups()))) for m in _QUOTED.finditer(text)]
    masked = mask(text, found)
    found += [span for span in _words(masked) if span.kind == "link" or is_path(span.value)]
    return sorted(found, key=lambda span: span.start)


def mask(text: str, hidden: list[Span]) -> str:
    """The text with every span turned to blanks of the same length."""
    for span in hidden:
        text = text[: span.start] + " " * (span.end - span.start) + text[span.end :]
    return text


def word_at(text: str, start: int) -> Span | None:
    """The word that begins at `start` (after blanks), without the punctuation around it; None at the end."""
    match = _WORD.match(text, re.compile(r"\s*").match(text, start).end())  # type: ignore[union-attr]
    return None if match is None else _trimmed(match)


def is_path(word: str) -> bool:
    """Whether a word can only be meant as a path: it has a root, a slash between names, or a file name's ending."""
    if _ROOTED.fullmatch(word):
        return True
    if word.lower() in _SLASHED_WORDS or _INITIALS.fullmatch(word):
        return False
    parts = [part for part in re.split(r"[/\\]", word) if part]
    if len(parts) > 1 or (len(parts) == 1 and word[-1] in "/\\" and len(word) > 1):
        return not any(re.fullmatch(r"[\d.,-]+|[QqHh][1-4]", part) for part in parts)
    return ending(word) not in ("", *_DOMAINS)


def ending(path: str) -> str:
    """The ending of a file name in lower case without its dot, empty when there is none."""
    match = _NAMED.fullmatch(re.split(r"[/\\]", path)[-1])
    return match[1].lower() if match and not _INITIALS.fullmatch(path) else ""


def _words(text: str) -> Iterator[Span]:
    for match in _WORD.finditer(text):
        span = _trimmed(match)
        if span is not None:
            yield span


def _is_around(word: str) -> bool:
    """Whether the last character is punctuation of the sentence: a full stop, or a bracket opened before the word."""
    last = word[-1]
    if last in _PAIRED:
        return word.count(last) > word.count(_PAIRED[last])
    return last in ",;:!?" or (last == "." and bool(word.strip("./\\~")))


def _trimmed(match: re.Match[str]) -> Span | None:
    start, word = match.start(), match[0]
    while word and word[0] in _OPENING:
        start, word = start + 1, word[1:]
    while word and _is_around(word):
        word = word[:-1]
    if not word:
        return None
    if _LINK.fullmatch(word):
        return Span("link", start, start + len(word), word)
    return Span("path", start, start + len(word), word.replace("\\ ", " "))
