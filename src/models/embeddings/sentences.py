"""Vectors from a local sentence-transformers model. Rule: the library is optional and imported on first use."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...config import Embeddings as Settings
from ...errors import ConfigError
from .cache import VectorCache, key_of
from .probe import TEXT, Probe
from .space import Embedded, Space, unheard

if TYPE_CHECKING:
    from .space import Vectors


class SentenceEmbedder:
    """Embeds with a model in this process. `cache` None: no vector is kept.

    Raises:
        ConfigError: the library or the name of a model is missing.
    """

    def __init__(self, settings: Settings, *, cache: VectorCache | None = None) -> None:
        from importlib.util import find_spec

        if find_spec("sentence_transformers") is None:
            raise ConfigError(
                "embeddings.provider: expected the package sentence-transformers, got none; install it with "
                "pip install 'planloom[sentence-transformers]', or choose endpoint or lexical"
            )
        if not settings.model:
            raise ConfigError("embeddings.model: expected a sentence-transformers model, by name or folder, got none")
        self._settings = settings
        self._cache = cache
        self._model: Any = None
        self._probe = Probe(self.space.key, cache)
        self._lock = threading.Lock()

    @property
    def space(self) -> Space:
        prefix = f"text_prefix={self._settings.text_prefix!r}" if self._settings.text_prefix else ""
        return Space(provider="sentence-transformers", model=self._settings.model, parameters=prefix)

    @property
    def probe(self) -> Vectors | None:
        """As `Embedder.probe`; known once the model is loaded."""
        return self._probe.vector

    async def embed(self, texts: Sequence[str], *, on_done: Callable[[int], None] = unheard) -> Embedded:
        """As `Embedder.embed`."""
        import numpy as np

        sent = [self._settings.text_prefix + text for text in texts]
        keys = [key_of(self.space.key, text) for text in sent]
        kept = await self._kept(keys)
        if len(kept) < len(set(keys)) and await self._is_another():
            kept = {}
        missing = list(dict.fromkeys(text for text, key in zip(sent, keys, strict=True) if key not in kept))
        on_done(len(texts) - len(missing))
        for at in range(0, len(missing), self._settings.batch_size):
            block = missing[at : at + self._settings.batch_size]
            rows = await asyncio.to_thread(self._encoded, block)
            made = {key_of(self.space.key, text): row for text, row in zip(block, rows, strict=True)}
            kept |= made
            if self._cache is not None:
                await asyncio.to_thread(self._cache.put, made)
            on_done(len(block))
        vectors = np.stack([kept[key] for key in keys]) if keys else np.zeros((0, 0), dtype=np.float32)
        return Embedded(vectors=vectors, cached=len(texts) - len(missing))

    async def embed_query(self, text: str) -> Vectors:
        """As `Embedder.embed_query`."""
        rows = await asyncio.to_thread(self._encoded, [self._settings.query_prefix + text])
        await self._is_another()
        row: Vectors = rows[0]
        return row

    async def forget(self, texts: Sequence[str]) -> None:
        """As `Embedder.forget`."""
        if self._cache is not None:
            keys = [key_of(self.space.key, self._settings.text_prefix + text) for text in texts]
            await asyncio.to_thread(self._cache.forget, keys)

    async def _kept(self, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
        return await asyncio.to_thread(self._cache.get, keys) if self._cache is not None else {}

    async def _is_another(self) -> bool:
        """Whether the model is another than the one whose vectors were kept; looks once."""
        if self._probe.take():
            await self._probe.hear((await asyncio.to_thread(self._encoded, [TEXT]))[0])
            return self._probe.changes > 0
        return False

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        with self._lock:
            if self._model is None:
                self._model = _loaded(self._settings.model)
        rows = self._model.encode(list(texts), convert_to_numpy=True, normalize_embeddings=True)
        made: Vectors = np.asarray(rows, dtype=np.float32)
        return made


def _loaded(name: str) -> Any:
    """The model, from a folder or fetched by its name.

    Raises:
        ConfigError: it is not there, damaged, or needs a package that is not.
    """
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(name)
    except Exception as error:  # the border to a library that raises whatever its own libraries do
        told = " ".join(str(error).split())[:300] or type(error).__name__
        raise ConfigError(
            f"embeddings.model: expected a sentence-transformers model, by name or folder, got {name!r}: {told}"
        ) from error
