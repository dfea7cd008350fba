"""Ranks sentences and terms of prose.

Rule: extractive only: every sentence and term of the result stands in the text.
"""

from __future__ import annotations

import math
from collections import Counter

from typing_extensions import TypedDict

from . import reading
from .reading import Prose

_SENTENCES = 400
_ALIKE = 0.6


class Keyword(TypedDict):
    """`score` 0 to 1, the best term's is 1. `count`: how often it occurs."""

    term: str
    score: float
    count: int


class Picked(TypedDict):
    """A sentence of the summary; `position` counts the text's sentences from 0, `score` is its PageRank."""

    text: str
    position: int
    score: float


def key_terms(passages: list[str], language: str, count: int) -> list[Keyword]:
    """The terms with the greatest sum of TF-IDF over the passages."""
    matrix, names = reading.weights(passages, language)
    if matrix is None:
        return []
    sums = matrix.toarray().sum(axis=0) if matrix.shape[0] == 1 else matrix.sum(axis=0).A1
    counts = Counter(term for passage in passages for term in reading.terms(passage, language))
    scores = {name: float(s) * _weight(name, counts[name]) for name, s in zip(names, sums, strict=True)}
    ranked = sorted(scores, key=lambda name: (-scores[name], name))
    kept = _without_parts(ranked, counts, count)
    written = reading.surface("\n".join(passages))
    best = scores[kept[0]] if kept else 1.0
    return [
        {"term": _as_written(name, written), "score": round(scores[name] / best, 4), "count": counts[name]}
        for name in kept
    ]


def _weight(term: str, count: int) -> float:
    """Pairs of words say more than single ones, when they are more than a coincidence."""
    return (1.5 if count > 1 else 0.4) if " " in term else 1.0


def _without_parts(ranked: list[str], counts: Counter[str], limit: int) -> list[str]:
    """The best terms without words that mostly occur in a better pair, and pairs made of better words."""
    kept: list[str] = []
    for term in ranked:
        if len(kept) == limit:
            break
        pairs = [k for k in kept if " " in k and term in k.split()]
        if any(counts[pair] * 2 > counts[term] for pair in pairs):
            continue
        if any(_is_form(term, k) for k in kept):
            continue
        if " " in term and any(set(term.split()) & set(k.split()) for k in kept):
            continue
        kept.append(term)
    return kept


def _is_form(a: str, b: str) -> bool:
    """Whether one is the other with an English ending of plural, past or progress."""
    short, long = sorted((a, b), key=len)
    return long.startswith(short) and long[len(short) :] in ("s", "es", "d", "ed", "ing", "r", "er")


def joined(picked: list[Picked]) -> str:
    """The sentences as one text; those without an end get a full stop."""
    return " ".join(p["text"] if reading.is_whole(p["text"]) else f"{p['text'].rstrip(',;:')}." for p in picked)


def _as_written(term: str, written: Counter[str]) -> str:
    """Each word in the way it is written most often."""
    return " ".join(
        max((w for w in written if w.lower() == word), key=lambda w: (written[w], w), default=word)
        for word in term.split()
    )


def best_sentences(prose: Prose, language: str, count: int) -> tuple[list[Picked], int]:
    """The most central sentences in the order of the text, and how many there were to choose from.

    TextRank (Mihalcea and Tarau 2004): PageRank over sentences, here with the cosine of their TF-IDF as weights, and
    random jumps that prefer the beginning of the text, where most texts say what they are about. Of long texts the
    first 400 sentences are ranked. Sentences that repeat a chosen one are left out.
    """
    found = reading.sentences(prose)[:_SENTENCES]
    if len(found) <= count:
        alone = [Picked(text=text, position=i, score=round(1 / len(found), 6)) for i, text in enumerate(found)]
        return alone, len(found)
    matrix, _ = reading.weights(found, language)
    if matrix is None:
        return [], len(found)
    alike = (matrix @ matrix.T).toarray()
    scores = _ranks(alike)
    chosen: list[int] = []
    for i in sorted(range(len(found)), key=lambda i: (-scores[i], i)):
        if len(chosen) < count and all(alike[i, j] < _ALIKE for j in chosen):
            chosen.append(i)
    return [{"text": found[i], "position": i, "score": round(scores[i], 6)} for i in sorted(chosen)], len(found)


def _ranks(alike: object) -> list[float]:
    import networkx as nx
    import numpy as np

    weights = np.asarray(alike, dtype=float).copy()
    np.fill_diagonal(weights, 0.0)
    start = {i: 1 / (1 + i) for i in range(len(weights))}
    ranks = nx.pagerank(nx.from_numpy_array(weights), personalization=start, max_iter=500, tol=1e-6)
    return [ranks[i] if math.isfinite(ranks[i]) else 0.0 for i in range(len(ranks))]
