"""Vectors that were added since the last segment was sealed: searched exactly. Rule: one thread writes, any read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .segment import Ids, Rows, Vectors


@dataclass(slots=True)
class Block:
    """Rows of vectors; those from `count` on are free. `is_alive` false: removed. Rows are never written twice."""

    ids: Ids
    vectors: Vectors
    is_alive: Rows
    count: int = 0

    @classmethod
    def of(cls, size: int, dimensions: int) -> Block:
        """An empty block with room for `size` vectors."""
        import numpy as np

        return cls(
            np.zeros(size, dtype=np.int64),
            np.zeros((size, dimensions), dtype=np.float32),
            np.zeros(size, dtype=np.bool_),
        )

    @property
    def room(self) -> int:
        return len(self.ids) - self.count

    @property
    def living(self) -> int:
        """How many vectors are in it."""
        return int(self.is_alive[: self.count].sum())

    def put(self, ids: Ids, vectors: Vectors) -> None:
        """Adds rows; there must be room."""
        rows = slice(self.count, self.count + len(ids))
        self.ids[rows], self.vectors[rows], self.is_alive[rows] = ids, vectors, True
        self.count += len(ids)

    def remove(self, ids: Ids) -> int:
        """Removes vectors; gives how many were here."""
        import numpy as np

        hit = np.isin(self.ids[: self.count], ids) & self.is_alive[: self.count]
        self.is_alive[: self.count][hit] = False
        return int(hit.sum())

    def alive(self) -> tuple[Ids, Vectors]:
        """Ids and vectors that are in it; views where nothing was removed."""
        alive = self.is_alive[: self.count]
        if alive.all():
            return self.ids[: self.count], self.vectors[: self.count]
        return self.ids[: self.count][alive], self.vectors[: self.count][alive]

    def closed(self) -> Block:
        """The same rows without the free ones; removals go on in both."""
        return Block(self.ids[: self.count], self.vectors[: self.count], self.is_alive[: self.count], self.count)

    def frozen(self) -> Block:
        """The same rows as they are now."""
        return Block(self.ids, self.vectors, self.is_alive.copy(), self.count)

    def search(self, query: Vectors, count: int, chosen: Ids | None) -> tuple[Vectors, Ids]:
        """Scores and ids of the nearest, in any order; `chosen` are the only ids that may be found."""
        import numpy as np

        size = self.count
        ids, alive = self.ids[:size], self.is_alive[:size].copy()
        if chosen is not None:
            alive &= np.isin(ids, chosen)
        scores = self.vectors[:size] @ query
        rows = np.flatnonzero(alive)
        if len(rows) > count:
            rows = rows[np.argpartition(-scores[rows], count - 1)[:count]]
        return scores[rows], ids[rows]
