"""Vectors from the words themselves, without a model: alike are texts that share words, or parts of words.

Rule: nothing is learned, so a text has the same vector everywhere and always. Owner of scikit-learn's hashing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from .space import Embedded, Space, unheard

if TYPE_CHECKING:
    from .space import Vectors

DIMENSIONS = 1024
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GRAMS = (3, 4, 5)
_WORD_WEIGHT = 3  # a word counts as much as three of its parts
_BLOCK = 256


class LexicalEmbedder:
    """Hashes words and character n-grams to `DIMENSIONS` numbers. It knows no meaning: car and automobile differ."""

    @property
    def space(self) -> Space:
        grams = f"{_GRAMS[0]}-{_GRAMS[-1]}"
        return Space(
            provider="lexical",
            model="hashed-words",
            parameters=f"v=1&dimensions={DIMENSIONS}&grams={grams}&word_weight={_WORD_WEIGHT}&tf=sqrt",
        )

    @property
    def probe(self) -> None:
        """None: nothing is learned, so nothing can change behind the name."""

    async def embed(self, texts: Sequence[str], *, on_done: Callable[[int], None] = unheard) -> Embedded:
        """As `Embedder.embed`; a text without a letter or digit fails."""
        import numpy as np

        parts = []
        for at in range(0, len(texts), _BLOCK):
            block = texts[at : at + _BLOCK]
            parts.append(await asyncio.to_thread(self.vectors, block))
            on_done(len(block))
        vectors = np.concatenate(parts) if parts else np.zeros((0, DIMENSIONS), dtype=np.float32)
        empty = np.flatnonzero(~vectors.any(axis=1))
        return Embedded(vectors=vectors, failed={int(i): "it has no word" for i in empty})

    async def embed_query(self, text: str) -> Vectors:
        """As `Embedder.embed_query`; all 0 when there is no word in it."""
        found: Vectors = (await asyncio.to_thread(self.vectors, [text]))[0]
        return found

    async def forget(self, texts: Sequence[str]) -> None:
        """Nothing is kept."""

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, L2-normalised; 0 for a text without words. About 0.5 ms a kilobyte."""
        import numpy as np
        from sklearn.preprocessing import normalize

        counted = self._hashing.transform(texts)
        counted.data = np.sign(counted.data) * np.sqrt(np.abs(counted.data))
        found: Vectors = normalize(counted).toarray().astype(np.float32)
        return found

    @cached_property
    def _hashing(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(n_features=DIMENSIONS, analyzer=features, norm=None, alternate_sign=True)


def features(text: str) -> list[str]:
    """Words, without the commonest unless there are no others, and their parts; names in code also word by word."""
    words = _WORD.findall(_CAMEL.sub(" ", text).casefold())
    telling = [word for word in words if word not in _stop_words()]
    found: list[str] = []
    for word in telling or words:
        found += _kept_parts(word) if word.isalpha() else _parts(word)
    return found


@lru_cache(maxsize=65_536)  # few words make most of any text; numbers and ids seldom come twice
def _kept_parts(word: str) -> tuple[str, ...]:
    return _parts(word)


def _parts(word: str) -> tuple[str, ...]:
    edged = f" {word} "
    grams = [edged[at : at + size] for size in _GRAMS for at in range(len(edged) - size + 1)]
    return (*[f"={word}"] * _WORD_WEIGHT, *grams)


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    import stopwordsiso

    return frozenset(stopwordsiso.stopwords("en"))
