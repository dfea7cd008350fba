"""A text whose vector tells whether the model behind a name is still the same. Rule: it costs no call of its own.

Servers let a name stand for another model after an update. Vectors of two models look alike and mean nothing to each
other, so whoever keeps vectors keeps the probe's too, and compares.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .cache import VectorCache, key_of

if TYPE_CHECKING:
    from .space import Vectors

TEXT = "The harbour opens at seven."
_LEAST = 0.98  # cosine; the same model gives 0.999 and more on any machine, another one hardly above 0.9


class Probe:
    """`vector` is what the model makes of the probe's text now; None: it was not asked yet, or could not be."""

    def __init__(self, space_key: str, cache: VectorCache | None) -> None:
        self.vector: Vectors | None = None
        self.changes = 0
        self._is_sent = False
        self._cache = cache
        self._key = key_of(space_key, TEXT)

    def take(self) -> bool:
        """Whether a call should carry the text along; true once."""
        is_wanted, self._is_sent = not self._is_sent, True
        return is_wanted

    async def hear(self, vector: Vectors) -> None:
        """Takes the vector in. Where the kept one is another model's, all that is kept goes, and `changes` rises."""
        self.vector = vector
        if self._cache is None:
            return
        kept = (await asyncio.to_thread(self._cache.get, [self._key])).get(self._key)
        if kept is not None and not is_same_model(kept, vector):
            self.changes += 1
            await asyncio.to_thread(self._cache.clear)
        await asyncio.to_thread(self._cache.put, {self._key: vector})


def is_same_model(one: Vectors, other: Vectors) -> bool:
    """Whether two vectors of the probe's text, L2-normalised, are of one model."""
    return len(one) == len(other) and float(one @ other) >= _LEAST


__all__ = ["TEXT", "Probe", "is_same_model"]
