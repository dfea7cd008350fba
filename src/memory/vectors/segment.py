"""A sealed set of vectors that is only searched: exact, IVF or HNSW. Owner of faiss, with `building`.

Rule: rows are numbered 0..n-1 inside; which id a row has stands in `ids`. Nothing is ever changed in place, so any
number of threads search while another builds the next segment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ids = NDArray[np.int64]
    Vectors = NDArray[np.float32]
    Rows = NDArray[np.bool_]

Kind = Literal["flat", "ivf", "hnsw"]
_BLOCK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How a segment was built. `nprobe`, `ef`: how hard it looks, 0 where it has none. `recall`: measured, of 5."""

    kind: Kind
    nlist: int = 0
    nprobe: int = 0
    ef: int = 0
    recall: float = 1.0
    trained_on: int = 0


class Segment:
    """Vectors of `ids`, L2-normalised; likeness is the inner product, so the cosine.

    `home` is the file it is mapped from, None: it is in memory alone.
    """

    def __init__(self, index: Any, ids: Ids, figures: Figures, *, home: str | None = None) -> None:
        self.home = home
        self.index = index
        self.ids = ids
        self.figures = figures
        self._order: Any = None

    def __len__(self) -> int:
        return len(self.ids)

    def search(self, query: Vectors, count: int, allowed: Rows | None) -> tuple[Vectors, Ids]:
        """Scores and ids of the nearest, best first, at most `count`. `allowed` (n,) bool: rows that may be found.

        When the quick way finds too few among the allowed ones, all of them are looked at.
        """
        import numpy as np

        if not len(self):
            return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
        faiss = _single()
        selector, bits = None, None
        wanted = min(count, len(self))
        if allowed is not None:
            wanted = min(count, int(allowed.sum()))
            if not wanted:
                return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
            bits = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(len(allowed), faiss.swig_ptr(bits))
        scores, rows = self._run(self.index, query, wanted, self._parameters(selector, whole=False))
        if len(rows) < wanted:
            index = faiss.downcast_index(self.index.storage) if self.figures.kind == "hnsw" else self.index
            scores, rows = self._run(index, query, wanted, self._parameters(selector, whole=True))
        return scores, self.ids[rows]

    def blocks(self) -> Iterator[tuple[Ids, Vectors]]:
        """All ids with their vectors, some at a time, in any order: (m,), (m, d) float32, views of this segment."""
        import faiss
        import numpy as np

        if self.figures.kind != "ivf":
            index = faiss.downcast_index(self.index.storage) if self.figures.kind == "hnsw" else self.index
            for at in range(0, len(self), _BLOCK):
                count = min(_BLOCK, len(self) - at)
                yield self.ids[at : at + count], index.reconstruct_n(at, count)
            return
        lists, width = self.index.invlists, self.index.d
        for number in range(self.index.nlist):
            if size := lists.list_size(number):
                rows = faiss.rev_swig_ptr(lists.get_ids(number), size)
                codes = faiss.rev_swig_ptr(lists.get_codes(number), size * width * 4)
                yield self.ids[rows], codes.view(np.float32).reshape(size, width)

    def rows_of(self, ids: Ids) -> Any:
        """The row numbers of those ids that are here."""
        import numpy as np

        if not len(self):
            return np.zeros(0, dtype=np.int64)
        if self._order is None:
            self._order = np.argsort(self.ids, kind="stable")
        at = np.searchsorted(self.ids, ids, sorter=self._order)
        at[at == len(self.ids)] = 0
        rows = self._order[at]
        return rows[self.ids[rows] == ids]

    def _run(self, index: Any, query: Vectors, count: int, parameters: Any) -> tuple[Vectors, Any]:
        scores, rows = index.search(query[None, :], count, params=parameters)
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def _parameters(self, selector: Any, *, whole: bool) -> Any:
        import faiss

        given = {"sel": selector} if selector is not None else {}
        match self.figures.kind:
            case "ivf":
                return faiss.SearchParametersIVF(nprobe=self.index.nlist if whole else self.figures.nprobe, **given)
            case "hnsw" if not whole:
                return faiss.SearchParametersHNSW(efSearch=self.figures.ef, **given)
            case _:
                return faiss.SearchParameters(**given)


def _single() -> Any:
    """faiss, with one thread for what the calling thread does: a single query gains nothing by more."""
    import faiss

    faiss.omp_set_num_threads(1)
    return faiss
