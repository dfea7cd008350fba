"""Several rankings become one: reciprocal rank fusion (Cormack, Clarke, Buettcher, SIGIR 2009). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

K = 60


def fused(
    rankings: Mapping[str, Sequence[int]], weights: Mapping[str, float], *, k: int = K
) -> list[tuple[int, float]]:
    """Ids with scores from 0 to 1, best first: 1 when first in every ranking. Equal scores: the lower id first."""
    most = sum(weights[name] / (k + 1) for name in rankings)
    scores: dict[int, float] = {}
    for name, ranking in rankings.items():
        for rank, id_ in enumerate(ranking, 1):
            scores[id_] = scores.get(id_, 0.0) + weights[name] / (k + rank) / most
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
