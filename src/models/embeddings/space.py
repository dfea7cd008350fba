"""What an embedding is, and what it gives. Rule: vectors of different spaces are never compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Provider = Literal["endpoint", "lexical", "sentence-transformers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Which embedding made a vector. `parameters` are what else decides the numbers, as text."""

    provider: Provider
    model: str
    parameters: str = ""

    @property
    def key(self) -> str:
        """One text for all of it; equal keys mean vectors that can be compared."""
        return f"{self.provider}:{self.model}" + (f"?{self.parameters}" if self.parameters else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors of texts, (n, d) float32, L2-normalised, in order; the rows of failed texts are 0.

    `failed`: the reason by the text's number. `calls` to a model; `cached` texts needed none.
    """

    vectors: Vectors
    failed: Mapping[int, str] = field(default_factory=dict)
    calls: int = 0
    cached: int = 0


def unheard(done: int) -> None:
    """Progress nobody asked for."""


class Embedder(Protocol):
    """Makes vectors of texts."""

    @property
    def space(self) -> Space:
        """Which embedding this is."""
        ...

    @property
    def probe(self) -> Vectors | None:
        """What the model makes of a text that is always the same (`probe.TEXT`), (d,) L2-normalised; None: not known.

        Known after a call. Whoever keeps vectors keeps this one too: another one now means another model.
        """
        ...

    async def embed(self, texts: Sequence[str], *, on_done: Callable[[int], None] = unheard) -> Embedded:
        """Vectors of texts that will be searched; `on_done` is told how many more are done.

        Raises:
            ModelError, TransientError, BudgetError: the model can't be used at all. What was done is in the cache.
        """
        ...

    async def embed_query(self, text: str) -> Vectors:
        """The vector, (d,), of a question; it is not kept.

        Raises:
            as `embed`; ModelError also when this one text has no vector.
        """
        ...

    async def forget(self, texts: Sequence[str]) -> None:
        """Removes the kept vectors of texts."""
        ...
