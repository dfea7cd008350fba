"""Which texts go together in one call. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..tokens import estimate


def batches(texts: Sequence[str], *, most_texts: int, most_tokens: int) -> Iterator[list[int]]:
    """Numbers of texts, call by call, in order; a text above `most_tokens` goes alone."""
    batch: list[int] = []
    tokens = 0
    for number, text in enumerate(texts):
        size = estimate(text)
        if batch and (len(batch) >= most_texts or tokens + size > most_tokens):
            yield batch
            batch, tokens = [], 0
        batch.append(number)
        tokens += size
    if batch:
        yield batch
