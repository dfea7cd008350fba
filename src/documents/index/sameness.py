"""Whether the model that makes vectors is still the one that made those of the index. Rule: told by its probe."""

from __future__ import annotations

import contextlib

from ...errors import SearchIndexError
from ...models.embeddings import Embedder
from ...models.embeddings.probe import is_same_model
from .store import Store

_KEPT, _CHANGED = "probe", "changed"


def is_another(store: Store, embedder: Embedder) -> bool:
    """Whether it is another; False where nothing is known."""
    import numpy as np

    now, kept = embedder.probe, store.meta(_KEPT)
    return now is not None and bool(kept) and not is_same_model(np.frombuffer(bytes.fromhex(kept), dtype="<f4"), now)


def keep(store: Store, embedder: Embedder) -> None:
    """Keeps what tells the model of the vectors, if it is known and not kept yet."""
    if embedder.probe is not None and not store.meta(_KEPT):
        store.set_meta(_KEPT, embedder.probe.astype("<f4").tobytes().hex())


def note_change(store: Store) -> None:
    """Has the next indexing begin anew: a search has seen another model. While somebody writes the index, it can't."""
    with contextlib.suppress(SearchIndexError):
        store.set_meta(_CHANGED, "yes")


def was_changed(store: Store) -> bool:
    """Whether `note_change` was called since the vectors were begun."""
    return bool(store.meta(_CHANGED))


def forget(store: Store) -> None:
    """Begins anew: the next probe counts."""
    store.set_meta(_KEPT, "")
    store.set_meta(_CHANGED, "")


def told(embedder: Embedder, then: str) -> str:
    """What a person is told of a change."""
    return (
        f"the model behind the name {embedder.space.model!r} is another than the one that made the index, as its "
        f"vector of a fixed text shows; {then}"
    )
