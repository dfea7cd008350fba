"""Texts become vectors: by an endpoint, by words alone, or by a local model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...config import Config
from ...errors import ConfigError
from .space import Embedded, Embedder, Space

if TYPE_CHECKING:
    from ..client import Models

__all__ = ["Embedder", "Embedded", "Space", "embedder_for"]


def embedder_for(config: Config, models: Models | None, state: Path) -> Embedder:
    """The embedder that the settings ask for; vectors are kept in `state`.

    Raises:
        ConfigError: what was asked for is not there.
    """
    settings = config.embeddings
    provider = settings.provider
    if provider == "auto":
        provider = "endpoint" if models is not None and config.models.embeddings.model else "lexical"
    if provider == "lexical":
        from .lexical import LexicalEmbedder

        return LexicalEmbedder()
    if not config.features.batch_embeddings:
        settings = settings.model_copy(update={"batch_size": 1, "parallel_calls": 1})
    from .cache import VectorCache

    kept = settings.cache and settings.cache_bytes
    cache = VectorCache(state / "vectors.sqlite", max_bytes=settings.cache_bytes) if kept else None
    if provider == "sentence-transformers":
        from .sentences import SentenceEmbedder

        return SentenceEmbedder(settings, cache=cache)
    if models is None or not models.has("embeddings"):
        raise ConfigError(
            "embeddings.provider: expected an endpoint, got none; set models.embeddings.model and models.base_url "
            "(or OPENAI_BASE_URL), or choose lexical"
        )
    from .endpoint import EndpointEmbedder

    return EndpointEmbedder(models, settings, cache=cache)
