"""Segments from vectors: which kind, trained on a sample, tuned by measurement.

Rule: exact wherever quick can't be proven. Recall is that of 5: how many of the 5 nearest are found, over a sample of
the vectors, each moved a little.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...config import Index as Settings
from .segment import Figures, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .segment import Ids, Vectors

_SAMPLE_PER_LIST = 40
_ROUNDS = 8
_NEAREST = 5
_ASKED = 200
_MOST_SHARE = 0.25  # of the lists; an index that reads more is hardly quicker than an exact one
_HNSW_UP_TO = 300_000
_LINKS, _EF_BUILT = 24, 80
_EFS = (16, 32, 64, 128, 256, 512)
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Material:
    """Vectors in blocks of (m, d) float32, so that nothing is copied, and their ids, (n,)."""

    ids: Ids
    blocks: Sequence[Vectors]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: NDArray[np.int64]) -> Vectors:
        """The vectors of ascending row numbers."""
        import numpy as np

        ends = np.cumsum([len(block) for block in self.blocks])
        cuts = np.searchsorted(rows, ends)
        parts, begin, start = [], 0, 0
        for block, cut, end in zip(self.blocks, cuts, ends, strict=True):
            parts.append(block[rows[begin:cut] - start])
            begin, start = cut, int(end)
        return np.concatenate(parts)


def build(material: Material, dimensions: int, settings: Settings, *, before: Segment | None = None) -> Segment:
    """A segment of all of it. An IVF of `before` lends its lists while they are not far too few.

    Seconds for 100,000 vectors, minutes for a million: never where someone waits.
    """
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
    count = len(material)
    kind = settings.kind
    if kind == "flat" or (kind == "auto" and count <= settings.exact_below) or count < _ASKED:
        return _flat(material, dimensions)
    measure = _Measure(material, settings.target_recall)
    if kind == "hnsw":
        return _hnsw(material, dimensions, measure)
    made = _ivf(material, dimensions, settings, measure, before)
    is_quick = made.figures.nprobe <= max(settings.nprobe, made.figures.nlist * _MOST_SHARE)
    if kind == "ivf" or (is_quick and measure.is_enough(made.figures.recall)):
        return made
    del made
    if count <= _HNSW_UP_TO:
        graph = _hnsw(material, dimensions, measure)
        if measure.is_enough(graph.figures.recall):
            return graph
    return _flat(material, dimensions)


def lists_for(count: int) -> int:
    """How many lists for so many vectors: about 4 times the root (FAISS, "Guidelines to choose an index")."""
    return max(1, min(int(4 * math.sqrt(count)), count // _SAMPLE_PER_LIST, 16_384))


class _Measure:
    """Recall against exact search, for a sample of the vectors themselves, slightly moved."""

    def __init__(self, material: Material, target: float) -> None:
        import faiss
        import numpy as np

        chance = np.random.default_rng(7)
        rows = np.sort(chance.choice(len(material), min(_ASKED, len(material)), replace=False))
        self.queries = material.take(rows)
        noise = chance.standard_normal(self.queries.shape).astype(np.float32)
        noise *= 0.3 / math.sqrt(self.queries.shape[1])  # a question is near what answers it, not the same
        self.queries = np.ascontiguousarray(self.queries + noise)
        faiss.normalize_L2(self.queries)
        self.target = target
        self._true = self._exact(material)

    def is_enough(self, recall: float) -> bool:
        return recall >= self.target

    @property
    def wanted(self) -> float:
        """What is aimed at: some way from the target to 1, since real questions lie farther off than these."""
        return self.target + 0.4 * (1 - self.target)

    def recall(self, index: Any, parameters: Any) -> float:
        _, found = index.search(self.queries, _NEAREST, params=parameters)
        hits = sum(len(set(a) & set(b)) for a, b in zip(found.tolist(), self._true.tolist(), strict=True))
        return hits / self._true.size

    def _exact(self, material: Material) -> NDArray[np.int64]:
        import faiss
        import numpy as np

        heap = faiss.ResultHeap(len(self.queries), _NEAREST, keep_max=True)
        start = 0
        for block in material.blocks:
            for at in range(0, len(block), _BLOCK):
                part = np.ascontiguousarray(block[at : at + _BLOCK])
                scores, rows = faiss.knn(
                    self.queries, part, min(_NEAREST, len(part)), metric=faiss.METRIC_INNER_PRODUCT
                )
                if len(part) < _NEAREST:
                    scores = np.pad(scores, ((0, 0), (0, _NEAREST - len(part))), constant_values=-np.inf)
                    rows = np.pad(rows, ((0, 0), (0, _NEAREST - len(part))), constant_values=-1 - start - at)
                heap.add_result(scores, rows + start + at)
            start += len(block)
        heap.finalize()
        true: NDArray[np.int64] = heap.I
        return true


def _flat(material: Material, dimensions: int) -> Segment:
    import faiss

    index = faiss.IndexFlatIP(dimensions)
    for block in material.blocks:
        index.add(block)
    return Segment(index, material.ids, Figures(kind="flat"))


def _hnsw(material: Material, dimensions: int, measure: _Measure) -> Segment:
    import faiss

    index = faiss.IndexHNSWFlat(dimensions, _LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _EF_BUILT
    for block in material.blocks:
        index.add(block)
    ef, recall = _EFS[0], 0.0
    for ef in _EFS:
        recall = measure.recall(index, faiss.SearchParametersHNSW(efSearch=ef))
        if recall >= measure.wanted:
            break
    return Segment(index, material.ids, Figures(kind="hnsw", ef=ef, recall=recall))


def _ivf(material: Material, dimensions: int, settings: Settings, measure: _Measure, before: Segment | None) -> Segment:
    import faiss

    nlist = min(settings.nlist or lists_for(len(material)), len(material))
    quantizer, trained_on = _lent(before, nlist)
    if quantizer is None:
        quantizer, trained_on = _trained(material, dimensions, nlist), len(material)
    index = faiss.IndexIVFFlat(quantizer, dimensions, quantizer.ntotal, faiss.METRIC_INNER_PRODUCT)
    index.is_trained = True
    _fill(index, quantizer, material)
    nprobe, recall = _tuned(index, measure, least=min(settings.nprobe, quantizer.ntotal))
    figures = Figures(kind="ivf", nlist=quantizer.ntotal, nprobe=nprobe, recall=recall, trained_on=trained_on)
    return Segment(index, material.ids, figures)


def _tuned(index: Any, measure: _Measure, *, least: int) -> tuple[int, float]:
    """The fewest lists, at least `least`, whose recall is what is aimed at, to a tenth; and that recall."""
    import faiss

    def recall_of(lists: int) -> float:
        return measure.recall(index, faiss.SearchParametersIVF(nprobe=lists))

    below, lists, recall = 0, least, recall_of(least)
    while recall < measure.wanted and lists < index.nlist:
        below, lists = lists, min(index.nlist, 2 * lists)
        recall = recall_of(lists)
    while lists - below > max(1, lists // 10) and below:
        middle = (below + lists) // 2
        if (found := recall_of(middle)) >= measure.wanted:
            lists, recall = middle, found
        else:
            below = middle
    return lists, recall


def _lent(before: Segment | None, nlist: int) -> tuple[Any, int]:
    """The quantizer of an earlier segment, when its lists are at least half as many as are wanted now."""
    import faiss

    if before is None or before.figures.kind != "ivf" or before.figures.nlist * 2 < nlist:
        return None, 0
    found = faiss.clone_index(faiss.downcast_index(before.index.quantizer))
    return found, before.figures.trained_on


def _trained(material: Material, dimensions: int, nlist: int) -> Any:
    """A flat quantizer with the lists' centres, found on a sample."""
    import faiss
    import numpy as np

    count = min(len(material), _SAMPLE_PER_LIST * nlist)
    chance = np.random.default_rng(11)
    sample = material.take(np.sort(chance.choice(len(material), count, replace=False)))
    clusters = faiss.Clustering(dimensions, nlist)
    clusters.niter, clusters.seed, clusters.spherical = _ROUNDS, 1234, True
    clusters.min_points_per_centroid = 1  # faiss would write a warning to stderr
    quantizer = faiss.IndexFlatIP(dimensions)
    clusters.train(sample, quantizer)
    return quantizer


def _fill(index: Any, quantizer: Any, material: Material) -> None:
    """Puts every vector into the list of its nearest centre; each list is made once, in its final size."""
    import faiss
    import numpy as np

    parts = [
        quantizer.search(np.ascontiguousarray(block[at : at + _BLOCK]), 1)[1][:, 0]
        for block in material.blocks
        for at in range(0, len(block), _BLOCK)
    ]
    homes = np.concatenate(parts)
    order = np.argsort(homes, kind="stable")
    ends = np.cumsum(np.bincount(homes, minlength=quantizer.ntotal))
    begin = 0
    for number, end in enumerate(ends.tolist()):
        if end > begin:
            rows = np.ascontiguousarray(order[begin:end], dtype=np.int64)
            codes = np.ascontiguousarray(material.take(rows)).view(np.uint8)
            index.invlists.resize(number, end - begin)
            index.invlists.update_entries(number, 0, end - begin, faiss.swig_ptr(rows), faiss.swig_ptr(codes))
        begin = end
    index.ntotal = len(material)
