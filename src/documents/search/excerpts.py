"""The part of a passage that shows why it was found. Pure."""

from __future__ import annotations

import re

from .terms import asked

_PARTS = re.compile(r"\n\s*\n")
_WORD = re.compile(r"[^\W_]+")
_STEM = 5  # letters; longer words fit when they begin alike


def excerpt(text: str, question: str, *, length: int = 280) -> str:
    """About `length` characters of a text, on one line, around the words of the question; … where more stands."""
    flat = " ".join(_PARTS.sub(" · ", text.strip()).split())
    if len(flat) <= length:
        return flat
    places = [start for start, _ in marks(flat, question)]
    best = max(places, key=lambda start: (sum(start <= other < start + length for other in places), -start), default=0)
    begin = max(0, min(best - length // 5, len(flat) - length))
    end = begin + length
    if begin:
        begin = flat.find(" ", begin, begin + 40) + 1 or begin
    if end < len(flat):
        end = flat.rfind(" ", max(begin, end - 40), end) if " " in flat[end - 40 : end] else end
    return ("…" if begin else "") + flat[begin:end].strip() + ("…" if end < len(flat) else "")


def marks(text: str, question: str) -> list[tuple[int, int]]:
    """Where words of the question stand in a text: begins and ends. Endings may differ."""
    wanted = {_stem(word) for word in asked(question)}
    return [found.span() for found in _WORD.finditer(text) if _stem(found[0].casefold()) in wanted]


def _stem(word: str) -> str:
    return word[:_STEM] if len(word) > _STEM else word
