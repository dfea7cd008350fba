"""Vectors by id that can be added, removed and searched at the same time.

A sealed segment holds most of them; what was added since is kept beside it and searched exactly; what was removed is
masked. `settle` makes one new segment of it all, while searches go on with the old one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...config import Index as Settings
from .building import Material, build
from .recent import Block
from .segment import Figures, Segment

if TYPE_CHECKING:
    from .segment import Ids, Rows, Vectors

_ROOM = 4096
_RECENT = 20_000  # vectors beside the segment from which it is worth a new one
_RECENT_SHARE = 0.1
_DEAD_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Match:
    """A vector that was found; `score` is the cosine, -1 to 1."""

    id: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An index at one moment. `alive` (rows of the segment) None: all; `ids`, `vectors`: what is beside it."""

    dimensions: int
    segment: Segment | None
    alive: Rows | None
    ids: Ids
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class _State:
    """What a search looks at; replaced as a whole."""

    segment: Segment | None = None
    alive: Rows | None = None
    recent: tuple[Block, ...] = ()

    @property
    def sealed(self) -> int:
        """Vectors of the segment that are not removed."""
        if self.segment is None:
            return 0
        return len(self.segment) if self.alive is None else int(self.alive.sum())

    def sealed_ids(self) -> Ids:
        import numpy as np

        if self.segment is None:
            return np.zeros(0, dtype=np.int64)
        return self.segment.ids if self.alive is None else self.segment.ids[self.alive]

    def allowed(self, chosen: Ids | None) -> Rows | None:
        """The rows of the segment that may be found; None: all."""
        import numpy as np

        assert self.segment is not None
        if chosen is None:
            return self.alive
        allowed = np.zeros(len(self.segment), dtype=np.bool_)
        allowed[self.segment.rows_of(chosen)] = True
        return allowed if self.alive is None else allowed & self.alive


class VectorIndex:
    """Vectors, (d,) float32 and L2-normalised, by id. All methods from any thread.

    `dimensions` 0: that of the first vectors added.
    """

    def __init__(self, dimensions: int = 0, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.dimensions = dimensions
        self._state = _State()
        self._lock = threading.Lock()
        self._settling = threading.Lock()
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        state = self._state
        return state.sealed + sum(block.living for block in state.recent)

    def __repr__(self) -> str:
        return f"VectorIndex({len(self)} x {self.dimensions}, {self.figures()})"

    def ids(self) -> Ids:
        """All ids, ascending."""
        import numpy as np

        with self._lock:
            state = self._state
            found: Ids = np.sort(np.concatenate([state.sealed_ids(), *(block.alive()[0] for block in state.recent)]))
        return found

    def figures(self) -> Figures | None:
        """How the sealed segment was built; None: there is none yet, every search is exact."""
        segment = self._state.segment
        return segment.figures if segment is not None else None

    # ---- changes and searches

    def add(self, ids: Sequence[int] | Ids, vectors: Vectors) -> None:
        """Adds vectors, in place of those with the same ids; searches find them when this returns.

        Raises:
            ValueError: not (n, d) finite numbers for n ids, or an id twice.
        """
        import numpy as np

        wanted = np.ascontiguousarray(ids, dtype=np.int64)
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        self._check(wanted, rows)
        with self._lock:
            self._remove(wanted)
            self._room(len(rows)).put(wanted, rows)

    def remove(self, ids: Sequence[int] | Ids) -> int:
        """Removes vectors; gives how many were there. No search finds them when this returns."""
        import numpy as np

        with self._lock:
            return self._remove(np.asarray(ids, dtype=np.int64))

    def search(self, query: Vectors, count: int, *, among: Sequence[int] | Ids | None = None) -> list[Match]:
        """The nearest, best first, at most `count`; `among` are the only ids that may be found, None: all.

        Raises:
            ValueError: the query has another length than the vectors, or is not finite.
        """
        import numpy as np

        asked = np.ascontiguousarray(query, dtype=np.float32)
        state = self._state
        if count <= 0 or (state.segment is None and not state.recent):
            return []
        if asked.shape != (self.dimensions,) or not np.isfinite(asked).all():
            raise ValueError(f"expected ({self.dimensions},) finite numbers, got {asked.shape}")
        chosen = None if among is None else np.unique(np.asarray(among, dtype=np.int64))
        found = [block.search(asked, count, chosen) for block in state.recent]
        if state.segment is not None:
            found.append(state.segment.search(asked, count, state.allowed(chosen)))
        scores = np.concatenate([scores for scores, _ in found])
        hits = np.concatenate([ids for _, ids in found])
        best = np.lexsort((hits, -scores))[:count]
        return [Match(int(hits[i]), float(scores[i])) for i in best]

    # ---- settling

    @property
    def needs_settling(self) -> bool:
        """Whether so much was added or removed that one new segment is worth its time."""
        state = self._state
        size = len(state.segment) if state.segment is not None else 0
        recent = sum(block.count for block in state.recent)
        return recent > max(_RECENT, size * _RECENT_SHARE) or size - state.sealed > max(_ROOM, size * _DEAD_SHARE)

    def settle(self) -> None:
        """Makes one segment of everything; what is added meanwhile stays beside it. Waits for another such call."""
        with self._settling:
            with self._lock:
                state = self._closed()
            material = _material(state)
            made = build(material, self.dimensions, self.settings, before=state.segment) if len(material) else None
            del material
            with self._lock:
                self._take_over(made, len(state.recent))

    def settle_in_background(self) -> None:
        """Starts `settle` in a thread, unless one is under way; `close` waits for it."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self.settle, name="planloom-settle", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Waits for the background; may be called again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    # ---- for saving

    def snapshot(self) -> Snapshot:
        """Everything as it stands, for `files.save`."""
        import numpy as np

        with self._lock:
            state = self._state
            parts = [block.alive() for block in state.recent]
            return Snapshot(
                dimensions=self.dimensions,
                segment=state.segment,
                alive=state.alive,
                ids=np.concatenate([np.zeros(0, dtype=np.int64), *(ids for ids, _ in parts)]),
                vectors=np.concatenate(
                    [np.zeros((0, self.dimensions), dtype=np.float32), *(rows for _, rows in parts)]
                ),
            )

    @classmethod
    def restored(cls, saved: Snapshot, settings: Settings | None = None) -> VectorIndex:
        """The index a snapshot was taken of."""
        self = cls(saved.dimensions, settings)
        self._state = _State(saved.segment, saved.alive)
        if len(saved.ids):
            self.add(saved.ids, saved.vectors)
        return self

    def rebase(self, segment: Segment, before: Segment) -> None:
        """Puts an equal segment, the same rows in a file, in place of `before`, unless that is gone already."""
        with self._lock:
            if self._state.segment is before:
                self._state = replace(self._state, segment=segment)

    # ---- inside, with the lock held

    def _check(self, ids: Ids, vectors: Vectors) -> None:
        import numpy as np

        self.dimensions = self.dimensions or (vectors.shape[1] if vectors.ndim == 2 else 0)
        if vectors.shape != (len(ids), self.dimensions):
            raise ValueError(f"expected ({len(ids)}, {self.dimensions}) numbers, got {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise ValueError("expected finite numbers, got NaN or infinity")
        if len(np.unique(ids)) != len(ids):
            raise ValueError("expected each id once, got one twice")

    def _remove(self, ids: Ids) -> int:
        import numpy as np

        removed = sum(block.remove(ids) for block in self._state.recent)
        segment, alive = self._state.segment, self._state.alive
        if segment is None:
            return removed
        alive = np.ones(len(segment), dtype=np.bool_) if alive is None else alive
        dying = segment.rows_of(ids)
        dying = dying[alive[dying]]
        if len(dying):
            alive = alive.copy()
            alive[dying] = False
            self._state = replace(self._state, alive=alive)
        return removed + len(dying)

    def _room(self, count: int) -> Block:
        """A block with so many free rows: the last one, or a new one."""
        recent = self._state.recent
        if recent and recent[-1].room >= count:
            return recent[-1]
        size = max(count, min(_ROOM, 2 * sum(block.count for block in recent) + 64))
        self._state = replace(self._state, recent=(*recent, Block.of(size, self.dimensions)))
        return self._state.recent[-1]

    def _closed(self) -> _State:
        """The state as it is now; what is added later goes to a new block."""
        recent = self._state.recent
        if recent:
            self._state = replace(self._state, recent=(*recent[:-1], recent[-1].closed()))
        return replace(self._state, recent=tuple(block.frozen() for block in self._state.recent))

    def _take_over(self, made: Segment | None, blocks: int) -> None:
        """Puts a new segment in place of the old and of so many blocks; masks what was removed since."""
        import numpy as np

        now = self._state
        alive = None
        if made is not None:
            still = np.concatenate([now.sealed_ids(), *(block.alive()[0] for block in now.recent[:blocks])])
            alive = np.isin(made.ids, still)
            alive = None if alive.all() else alive
        self._state = _State(made, alive, now.recent[blocks:])


def _material(state: _State) -> Material:
    """All that is in it, without copying what need not be."""
    import numpy as np

    ids: list[Ids] = []
    blocks: list[Vectors] = []
    dead = None
    if state.segment is not None:
        if state.alive is not None:
            dead = state.segment.ids[~state.alive]
        for found, vectors in state.segment.blocks():
            kept = slice(None) if dead is None else ~np.isin(found, dead)
            ids.append(found[kept])
            blocks.append(vectors[kept])
    for block in state.recent:
        found, vectors = block.alive()
        ids.append(found)
        blocks.append(vectors)
    return Material(np.concatenate([np.zeros(0, dtype=np.int64), *ids]), blocks)
