"""Vectors from an OpenAI-compatible endpoint: many texts a call, several calls at once, each text only once.

Rule: what a server sends is checked: one vector for each text, all of one length, finite, not 0. A call that fails
is cut in halves until the text is found that can't be embedded; that text is named, the others get their vectors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ...config import Embeddings as Settings
from ...errors import ModelError, TransientError
from . import probe
from .batches import batches
from .cache import VectorCache, key_of
from .probe import Probe
from .space import Embedded, Space, unheard

if TYPE_CHECKING:
    from ..client import Models
    from .space import Vectors

_OF_A_TEXT = ("reply", "schema")  # kinds of refusals that can be a single text's fault


class EndpointEmbedder:
    """Embeds with the endpoint of the role `embeddings`. `cache` None: no vector is kept."""

    def __init__(self, models: Models, settings: Settings, *, cache: VectorCache | None = None) -> None:
        self._models = models
        self._settings = settings
        self._cache = cache
        self._dimensions = 0
        self._is_proven = False  # whether a call of this process gave vectors of that length
        self._most_texts = settings.batch_size
        prefix = f"text_prefix={settings.text_prefix!r}" if settings.text_prefix else ""
        model = models.endpoint("embeddings").model
        self._space = Space(provider="endpoint", model=model, parameters=prefix)
        self._probe = Probe(self._space.key, cache)

    @property
    def space(self) -> Space:
        return self._space

    @property
    def probe(self) -> Vectors | None:
        """As `Embedder.probe`; the first call that has room for it carries the text along."""
        return self._probe.vector

    async def embed(self, texts: Sequence[str], *, on_done: Callable[[int], None] = unheard) -> Embedded:
        """As `Embedder.embed`. Equal texts are sent once. Cancelling keeps what is done in the cache."""
        sent = [self._settings.text_prefix + _clean(text) for text in texts]
        unique = list(dict.fromkeys(sent))
        on_done(len(sent) - len(unique))
        changes = self._probe.changes
        work = _Work(self, unique, on_done)
        await work.look_up()
        await work.run()
        if self._probe.changes != changes:  # what was kept was another model's
            work = _Work(self, unique, unheard)
            await work.run()
        return work.result(sent)

    async def embed_query(self, text: str) -> Vectors:
        """As `Embedder.embed_query`."""
        rows: Vectors = await self.ask_with_probe([self._settings.query_prefix + _clean(text)])
        row: Vectors = rows[0]
        return row

    async def forget(self, texts: Sequence[str]) -> None:
        """As `Embedder.forget`."""
        if self._cache is not None:
            keys = [key_of(self._space.key, self._settings.text_prefix + _clean(text)) for text in texts]
            await asyncio.to_thread(self._cache.forget, keys)

    # ---- one call

    async def ask_with_probe(self, texts: Sequence[str]) -> Vectors:
        """As `ask`, with the probe's text behind the others when it was not sent yet and there is room."""
        if len(texts) >= self._most_texts or not self._probe.take():
            return await self.ask(texts)
        try:
            rows = await self.ask([*texts, probe.TEXT])
        except ModelError as error:
            if error.kind not in _OF_A_TEXT:
                raise
            return await self.ask(texts)  # without it: some servers take one text a call
        await self._probe.hear(rows[-1])
        return rows[:-1]

    async def ask(self, texts: Sequence[str]) -> Vectors:
        """One call: (n, d) float32, L2-normalised.

        Raises:
            ModelError: kind `reply` when a row can't be used, `model` when the length of vectors has changed.
            TransientError, BudgetError, ContextError: as `Models.embed`.
        """
        import numpy as np

        rows = await self._models.embed(texts)
        lengths = {len(row) for row in rows}
        if len(lengths) != 1 or 0 in lengths:
            raise ModelError(f"expected vectors of one length, got {sorted(lengths)}", kind="reply")
        try:
            found = np.asarray(rows, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ModelError(f"expected vectors of numbers, got something else: {error}", kind="reply") from error
        if not np.isfinite(found).all():
            raise ModelError("expected finite numbers, got NaN or infinity", kind="reply")
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        if not (norms > 0).all():
            raise ModelError("expected vectors that are not 0, got one that is", kind="reply")
        self._check_length(found.shape[1])
        made: Vectors = (found / norms).astype(np.float32)
        return made

    def _check_length(self, length: int) -> None:
        """Against the first answer, or what is kept of earlier ones: then all of the endpoint is another."""
        self._dimensions = self._dimensions or length
        if length != self._dimensions:
            told = f"{self._space.model!r}: expected vectors of {self._dimensions} numbers, got {length}"
            if self._is_proven:
                raise ModelError(told, kind="reply")
            raise ModelError(
                f"{told}; the model behind this name has changed: delete vectors.sqlite in the state folder",
                kind="model",
            )
        self._is_proven = True

    async def is_alive(self) -> bool:
        """Whether the endpoint embeds a harmless text."""
        try:
            await self.ask([probe.TEXT])
        except (ModelError, TransientError):
            return False
        return True

    # ---- for the work below

    @property
    def most_texts(self) -> int:
        return self._most_texts

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def cache(self) -> VectorCache | None:
        return self._cache

    def lower(self, most_texts: int) -> None:
        """Sends fewer texts a call from now on: larger calls were refused though every text in them was good."""
        self._most_texts = max(1, min(self._most_texts, most_texts))

    def known_length(self, length: int) -> bool:
        """Whether a kept vector has the length of the others."""
        self._dimensions = self._dimensions or length
        return length == self._dimensions


class _Work:
    """The texts of one `embed`, each once."""

    def __init__(self, owner: EndpointEmbedder, texts: list[str], on_done: Callable[[int], None]) -> None:
        self._owner = owner
        self._texts = texts
        self._on_done = on_done
        self._vectors: dict[str, Vectors] = {}
        self._failed: dict[str, str] = {}
        self._calls = 0
        self._kept = 0

    async def look_up(self) -> None:
        """Takes what is kept."""
        cache = self._owner.cache
        if cache is None or not self._texts:
            return
        keys = {key_of(self._owner.space.key, text): text for text in self._texts}
        found = await asyncio.to_thread(cache.get, list(keys))
        self._vectors |= {keys[key]: row for key, row in found.items() if self._owner.known_length(len(row))}
        self._kept = len(self._vectors)
        self._on_done(self._kept)

    async def run(self) -> None:
        """Asks for the rest. A fault that concerns all of them ends the other calls too."""
        missing = [text for text in self._texts if text not in self._vectors]
        missing = [text for text in missing if not self._refuse_empty(text)]
        settings = self._owner.settings
        queue = batches(missing, most_texts=self._owner.most_texts, most_tokens=settings.batch_tokens)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(settings.parallel_calls):
                    group.create_task(self._drain(queue, missing))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _drain(self, queue: Iterator[list[int]], missing: Sequence[str]) -> None:
        for numbers in queue:  # shared: each batch is taken once
            texts = [missing[number] for number in numbers]
            await self._batch(texts)
            self._on_done(len(texts))

    async def _batch(self, texts: Sequence[str]) -> None:
        limit = self._owner.most_texts
        if len(texts) > limit:
            for at in range(0, len(texts), limit):
                await self._batch(texts[at : at + limit])
            return
        try:
            self._calls += 1
            rows = await self._owner.ask_with_probe(texts)
        except ModelError as error:
            if error.kind not in _OF_A_TEXT:
                raise
            await self._halves(texts, error)
        except TransientError as error:
            self._calls += 1
            if not await self._owner.is_alive():
                raise
            await self._halves(texts, error)
        else:
            await self._keep(texts, rows)

    async def _halves(self, texts: Sequence[str], error: Exception) -> None:
        if len(texts) == 1:
            self._failed[texts[0]] = str(error)
            return
        middle = len(texts) // 2
        bad = len(self._failed)
        await self._batch(texts[:middle])
        await self._batch(texts[middle:])
        if len(self._failed) == bad:
            self._owner.lower(middle)

    async def _keep(self, texts: Sequence[str], rows: Vectors) -> None:
        self._vectors |= dict(zip(texts, rows, strict=True))
        if (cache := self._owner.cache) is not None:
            made = {key_of(self._owner.space.key, text): row for text, row in zip(texts, rows, strict=True)}
            await asyncio.to_thread(cache.put, made)

    def _refuse_empty(self, text: str) -> bool:
        if is_empty := not text.strip():
            self._failed[text] = "it is empty"
            self._on_done(1)
        return is_empty

    def result(self, texts: Sequence[str]) -> Embedded:
        """Vectors and failures in the order of `texts`."""
        import numpy as np

        length = len(next(iter(self._vectors.values()))) if self._vectors else 0
        vectors = np.zeros((len(texts), length), dtype=np.float32)
        failed = {}
        for number, text in enumerate(texts):
            if (row := self._vectors.get(text)) is not None:
                vectors[number] = row
            else:
                failed[number] = self._failed[text]
        return Embedded(vectors=vectors, failed=failed, calls=self._calls, cached=self._kept)


def _clean(text: str) -> str:
    """Without halves of surrogate pairs, which no server takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
