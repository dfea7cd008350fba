"""The vectors of the passages, kept in step with the store.

Rule: the store is right. A vector without a passage is removed, a passage without a vector gets one: from what is kept
of earlier calls, else from the model. So lost, damaged or foreign vectors cost no call that was made before.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config import Index as Settings
from ...errors import SearchIndexError
from ...memory.vectors import Match, VectorIndex
from ...memory.vectors.files import generation, load, save

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PassageVectors:
    """The vectors in `folder`, loaded when first used and again when another process has written them.

    `fault` says why what was on disk is not used, None: all is well.
    """

    def __init__(self, folder: Path, settings: Settings, *, space: str) -> None:
        self.folder = folder
        self.space = space
        self.fault: SearchIndexError | None = None
        self._settings = settings
        self._index: VectorIndex | None = None
        self._generation = 0
        self._is_changed = False
        self._lock = threading.Lock()

    def index(self) -> VectorIndex:
        """The vectors, empty when those on disk can't be used."""
        with self._lock:
            now = generation(self.folder)
            if self._index is None or (now != self._generation and not self._is_changed):
                self._index = self._loaded(now)
                self._generation = now
            return self._index

    def missing(self, ids: Sequence[int]) -> list[int]:
        """Those of all passages' ids, ascending, that have no vector; vectors without a passage are removed."""
        import numpy as np

        index = self.index()
        wanted, have = np.asarray(ids, dtype=np.int64), index.ids()
        stray = np.setdiff1d(have, wanted, assume_unique=True)
        self.remove(stray)
        found: list[int] = np.setdiff1d(wanted, have, assume_unique=True).tolist()
        return found

    def lacking(self, ids: Sequence[int]) -> list[int]:
        """Those of some passages' ids that have no vector, ascending."""
        import numpy as np

        found: list[int] = np.setdiff1d(np.asarray(ids, dtype=np.int64), self.index().ids()).tolist()
        return found

    def add(self, ids: Sequence[int], vectors: NDArray[Any]) -> None:
        """Adds vectors.

        Raises:
            SearchIndexError: kind `foreign`: they have another length than those that are there.
        """
        index = self.index()
        if index.dimensions and len(ids) and vectors.shape[1] != index.dimensions:
            raise SearchIndexError(
                f"the index has vectors of {index.dimensions} numbers, got {vectors.shape[1]}; index again",
                kind="foreign",
            )
        if len(ids):
            index.add(ids, vectors)
            self._is_changed = True

    def remove(self, ids: Sequence[int] | NDArray[Any]) -> None:
        if len(ids):
            self.index().remove(ids)
            self._is_changed = True

    def clear(self) -> None:
        """Begins anew."""
        with self._lock:
            self._index, self._is_changed = VectorIndex(0, self._settings), True
            self.fault = None

    def search(self, query: NDArray[Any], count: int, *, among: Sequence[int] | None = None) -> list[Match]:
        """The nearest passages, best first; none when the index has vectors of another length."""
        index = self.index()
        if index.dimensions != len(query):
            return []
        return index.search(query, count, among=among)

    def save(self) -> None:
        """Writes what has changed.

        Raises:
            SearchIndexError: kind `disk`; the last state on disk is as it was.
        """
        if self._is_changed and self._index is not None:
            save(self._index, self.folder, space=self.space)
            self._generation = generation(self.folder)
            self._is_changed = False

    def settle(self) -> None:
        """Arranges the vectors anew when enough has changed; long for many."""
        index = self.index()
        if index.needs_settling:
            index.settle()
            self._is_changed = True

    def _loaded(self, now: int) -> VectorIndex:
        if not now and not (self.folder / "vectors.json").exists():
            return VectorIndex(0, self._settings)
        try:
            self.fault = None
            return load(self.folder, space=self.space, settings=self._settings)
        except SearchIndexError as error:
            self.fault = error
            return VectorIndex(0, self._settings)
