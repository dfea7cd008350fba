"""How quick, how right and how large the index of vectors is: 10,000, 100,000 and a million of 384 numbers.

The vectors are made: topics of very different size, each a low-dimensional cloud around its centre, with noise in every
direction, so that neighbours are neighbours and no list of the index is a topic. Questions are new points of the same
clouds. Every number is measured in a process of its own; one thread for single questions, as in the product.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import harness
from .harness import Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 384
_BLOCK = 20_000
_ASKED = 300


def cloud(count: int, *, seed: int, topics: int = 800) -> NDArray[np.float32]:
    """(count, 384) float32, L2-normalised."""
    import numpy as np

    world = np.random.default_rng(0)
    centres = world.standard_normal((topics, WIDTH)).astype(np.float32)
    ways = world.standard_normal((topics, 12, WIDTH)).astype(np.float32) * 0.45
    share = world.pareto(1.2, topics) + 0.2
    chance = np.random.default_rng(seed)
    made = np.empty((count, WIDTH), dtype=np.float32)
    for at in range(0, count, _BLOCK):
        size = min(_BLOCK, count - at)
        of = chance.choice(topics, size, p=share / share.sum())
        inner = chance.standard_normal((size, 12)).astype(np.float32)
        made[at : at + size] = centres[of] + np.einsum("ij,ijk->ik", inner, ways[of])
        made[at : at + size] += 0.35 * chance.standard_normal((size, WIDTH)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def one(count: int, *, busy: bool) -> dict[str, Any]:
    """Builds an index of so many vectors, saves it, loads it again, and asks."""
    import faiss
    import numpy as np

    from planloom.memory.vectors import VectorIndex
    from planloom.memory.vectors.files import load, save

    queries = cloud(_ASKED, seed=99)
    index = VectorIndex(WIDTH)
    true = faiss.ResultHeap(_ASKED, 5, keep_max=True)
    began, spent = time.perf_counter(), 0.0
    for number, at in enumerate(range(0, count, _BLOCK)):
        rows = cloud(min(_BLOCK, count - at), seed=1000 + number)
        scores, ids = faiss.knn(queries, rows, 5, metric=faiss.METRIC_INNER_PRODUCT)
        true.add_result(scores, ids + at)
        before = time.perf_counter()
        index.add(np.arange(at, at + len(rows)), rows)
        spent += time.perf_counter() - before
    true.finalize()
    exact_ms = [1000 * s for s in timed(index, queries)[0]]  # before it is settled every search is exact
    began = time.perf_counter()
    index.settle()
    build_s = spent + time.perf_counter() - began
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        save(index, Path(folder), space="benchmark")
        save_s = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        peak_gb = _peak_gb()
        began = time.perf_counter()
        index = load(Path(folder), space="benchmark")
        load_s = time.perf_counter() - began
        timed(index, queries)  # pages of the file come in
        seconds, found = timed(index, queries)
        figures = index.figures()
        assert figures is not None
        hits = sum(len(set(a) & set(b)) for a, b in zip(found, true.I.tolist(), strict=True))
        flat = _flat_ms(index, queries)
        ms = sorted(1000 * s for s in seconds)
        result: dict[str, Any] = {
            "kind": figures.kind,
            "lists": figures.nlist,
            "lists_read": figures.nprobe,
            "build_s": build_s,
            "save_s": save_s,
            "load_s": load_s,
            "file_gb": size / 2**30,
            "peak_gb": peak_gb,
            "p50_ms": statistics.median(ms),
            "p95_ms": ms[int(0.95 * len(ms))],
            "unsettled_p50_ms": statistics.median(exact_ms),
            "exact_p50_ms": flat,
            "speedup": flat / statistics.median(ms),
            "recall": hits / true.I.size,
        }
        if busy:
            result |= while_changing(index, count)
    return result


def timed(index: Any, queries: Any) -> tuple[list[float], list[list[int]]]:
    """Seconds and found ids, question by question."""
    seconds, found = [], []
    for query in queries:
        began = time.perf_counter()
        hits = index.search(query, 5)
        seconds.append(time.perf_counter() - began)
        found.append([hit.id for hit in hits])
    return seconds, found


def _flat_ms(index: Any, queries: Any) -> float:
    """The median of FAISS's own exact search over the same vectors, one thread."""
    import faiss
    import numpy as np

    snapshot = index.snapshot()
    flat = faiss.IndexFlatIP(WIDTH)
    if snapshot.segment is not None:
        for _, rows in snapshot.segment.blocks():
            flat.add(np.ascontiguousarray(rows))
    if len(snapshot.vectors):
        flat.add(snapshot.vectors)
    faiss.omp_set_num_threads(1)
    seconds = []
    for query in queries[:100]:
        began = time.perf_counter()
        flat.search(query[None, :], 5)
        seconds.append(1000 * (time.perf_counter() - began))
    return statistics.median(seconds)


def while_changing(index: Any, count: int) -> dict[str, Any]:
    """Searches beside a thread that adds, removes and settles; a search fails when it raises or misses its vector."""
    import numpy as np

    known = cloud(64, seed=5)
    index.add(np.arange(10 * count, 10 * count + len(known)), known)
    done = threading.Event()
    failed, seconds = 0, []

    def change() -> None:
        for part in range(20):
            ids = np.arange(20 * count + 500 * part, 20 * count + 500 * part + 500)
            index.add(ids, cloud(500, seed=7000 + part))
            index.remove(ids[::2])
        index.settle()
        done.set()

    thread = threading.Thread(target=change)
    thread.start()
    number = 0
    while not done.is_set():
        number += 1
        row = number % len(known)
        began = time.perf_counter()
        hits = index.search(known[row], 1)
        seconds.append(1000 * (time.perf_counter() - began))
        failed += not hits or hits[0].id != 10 * count + row
    thread.join()
    return {"busy_searches": number, "busy_failed": failed, "busy_p95_ms": sorted(seconds)[int(0.95 * len(seconds))]}


def _peak_gb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@contextlib.contextmanager
def _child(count: int, *, busy: bool) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.vectors", "--one", str(count), *(["--busy"] if busy else [])]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    yield json.loads(out.splitlines()[-1])


def measure(args: argparse.Namespace) -> harness.Measured:
    """The table, size by size."""
    sizes = (10_000, 100_000) if args.quick else (10_000, 100_000, 1_000_000)
    rows: dict[int, dict[str, Any]] = {}
    measured: dict[str, Any] = {}
    for size in sizes:
        runs = []
        for repetition in range(1 if size == 1_000_000 or args.quick else 3):
            with _child(size, busy=size == 100_000 and repetition == 0) as row:
                runs.append(row)
        rows[size] = {
            name: statistics.median(run[name] for run in runs if name in run)
            if isinstance(value, (int, float))
            else value
            for name, value in runs[0].items()
        }
        measured |= {f"{name}_{size // 1000}k": value for name, value in rows[size].items()}
    targets = [
        Target("speedup_100k", rows[100_000]["speedup"], ">=", 20),
        Target("recall_100k", rows[100_000]["recall"], ">=", 0.95),
        Target("busy_failed", rows[100_000]["busy_failed"], "==", 0),
    ]
    if 1_000_000 in rows:
        targets.append(Target("gb_1m", rows[1_000_000]["peak_gb"], "<=", 4))
    return measured, targets


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(json.dumps(one(int(sys.argv[sys.argv.index("--one") + 1]), busy="--busy" in sys.argv)))
    else:
        harness.main(__doc__ or "", measure)
