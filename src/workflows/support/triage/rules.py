"""Triage by rules. Rule: a category is what most words speak for; a claim needs words of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..shapes import Category, Reading
from .suspicion import split
from .words import Lexicon, language_of, lexicon, matter

ORDER = re.compile(r"\b([A-Z]{1,3}-?\d{4,8})\b")
_MOST_CHARS = 20_000
_TONE = ("abuse", "praise")
_WEIGHTS = {"damaged": 1.5}  # "arrived broken" is about what broke


def read(text: str, *, language: str = "") -> Reading:
    """What the rules find in a ticket's text. `language` is the customer's, for texts too short to tell.

    Cost: linear in the first 20,000 characters; what is beyond is not read.
    """
    said, aside = split(text[:_MOST_CHARS])
    known = lexicon()
    spoken = language_of(said, language)
    words = matter(said)
    scores = _scores(words, known, spoken)
    ranked = [name for name in sorted(known.order, key=lambda name: -scores[name]) if scores[name]]
    category, also = _chosen(ranked, scores, known)
    negated = bool(known.negations.search(words))
    claims = [name for name, pattern in known.claims.items() if pattern.search(words)]
    if scores["damaged"] and not negated and category in ("damaged", "refund", "delivery", "billing"):
        claims.insert(0, "damaged")
    wishes = [name for name, pattern in known.wishes.items() if pattern.search(words)]
    return Reading(
        said=said,
        aside=aside,
        language=spoken,
        category=category,
        also=also,
        sure=_sure(ranked, scores),
        claims=claims,
        wishes=wishes,
        threat=bool(known.threats.search(words)),
        order=next(iter(ORDER.findall(said.upper())), ""),
    )


def shares(said: str, language: str) -> dict[str, float]:
    """How much of the words that tell something speaks for each category; adds up to 1, or all are 0."""
    found = _scores(matter(said), lexicon(), language)
    total = sum(found.values())
    return {name: score / total if total else 0.0 for name, score in found.items()}


def _scores(words: str, known: Lexicon, language: str) -> dict[str, float]:
    """How many different words speak for each category; those of other languages count a little."""
    found: dict[str, float] = {}
    for name, patterns in known.categories.items():
        own = len(set(patterns[language].findall(words))) if language in patterns else 0
        other = max((len(set(p.findall(words))) for code, p in patterns.items() if code != language), default=0)
        found[name] = (own + (0.4 * other if language in patterns else other)) * _WEIGHTS.get(name, 1.0)
    return found


def _chosen(ranked: list[str], scores: Mapping[str, float], known: Lexicon) -> tuple[Category, list[str]]:
    """The category, and the others that are spoken of too. Tone counts only where there is nothing else."""
    matter = [name for name in ranked if name not in _TONE and scores[name] >= 1]
    tone = [name for name in ranked if name in _TONE and scores[name] >= 1]
    if not matter and not tone:
        return (ranked[0] if ranked else "other"), []  # type: ignore[return-value]  # names of the lexicon
    if not matter or (tone and scores[tone[0]] > scores[matter[0]]):
        first = tone[0]
    else:
        top = scores[matter[0]]
        first = min((name for name in matter if scores[name] == top), key=known.order.index)
    return first, [name for name in (*matter, *tone) if name != first]  # type: ignore[return-value]


def _sure(ranked: list[str], scores: Mapping[str, float]) -> float:
    """0 to 1: how far the first category is ahead."""
    if not ranked:
        return 0.0
    first = scores[ranked[0]]
    second = scores[ranked[1]] if len(ranked) > 1 else 0.0
    return round(first / (first + second), 3)
