"""Vectors that are added, removed, searched, settled and saved."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.config import Index as Settings
from planloom.memory.vectors import VectorIndex
from planloom.memory.vectors.building import build
from planloom.memory.vectors.files import generation, load, save
from planloom.memory.vectors.index import _material

WIDTH = 16
SPACE = "test:words"


def unit(count: int, seed: int, width: int = WIDTH, clusters: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    rows = chance.standard_normal((count, width))
    if clusters:
        centres = np.random.default_rng(0).standard_normal((clusters, width))
        rows = centres[chance.integers(0, clusters, count)] + 0.5 * rows
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def filled(
    count: int, kind: str = "auto", *, sealed: bool = True, width: int = WIDTH
) -> tuple[VectorIndex, np.ndarray]:
    rows = unit(count, 1, width, clusters=30)
    index = VectorIndex(width, Settings(kind=kind, exact_below=1000))
    index.add(np.arange(count) * 3, rows)
    if sealed:
        index.settle()
    return index, rows


def exact(rows: np.ndarray, query: np.ndarray, count: int, allowed: np.ndarray | None = None) -> list[int]:
    scores = rows @ query
    if allowed is not None:
        scores = np.where(allowed, scores, -2)
    return [int(row) * 3 for row in np.argsort(-scores, kind="stable")[:count]]


def found(index: VectorIndex, query: np.ndarray, count: int = 5, **options: object) -> list[int]:
    return [match.id for match in index.search(query, count, **options)]


@pytest.mark.parametrize(("kind", "count"), [("flat", 500), ("ivf", 4000), ("hnsw", 3000), ("auto", 4000)])
def test_each_kind_finds_what_exact_search_finds(kind: str, count: int) -> None:
    index, rows = filled(count, kind)
    queries = unit(50, 2, clusters=30)
    hits = sum(len(set(found(index, q)) & set(exact(rows, q, 5))) for q in queries)
    assert hits / 250 >= 0.95
    figures = index.figures()
    assert figures is not None
    assert figures.kind == ("ivf" if kind == "auto" else kind)
    assert figures.recall >= 0.95


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
def test_removed_vectors_are_never_found_and_among_is_kept(kind: str) -> None:
    index, rows = filled(2000, kind)
    query = rows[7]
    gone = exact(rows, query, 40)
    assert index.remove(gone) == 40
    assert index.remove(gone) == 0
    assert not set(found(index, query, 50)) & set(gone)
    few = [3 * row for row in range(0, 2000, 97)]
    left = [id_ for id_ in few if id_ not in gone]
    assert sorted(found(index, query, 100, among=few)) == sorted(left)
    assert found(index, query, 5, among=[]) == []


def test_a_vector_added_again_replaces_the_sealed_one() -> None:
    index, rows = filled(300)
    index.add([30], -rows[10:11])
    assert len(index) == 300
    assert found(index, rows[10], 1) != [30]
    assert found(index, -rows[10], 1) == [30]
    index.settle()
    assert found(index, -rows[10], 1) == [30]
    assert len(index) == 300


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.lists(st.integers(0, 40), min_size=1, max_size=12, unique=True)),
            st.tuples(st.just("remove"), st.lists(st.integers(0, 40), min_size=1, max_size=12, unique=True)),
            st.tuples(st.just("settle"), st.just([])),
            st.tuples(st.just("save"), st.just([])),
        ),
        max_size=12,
    ),
)
def test_any_order_of_changes_gives_what_a_plain_dictionary_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("index")
    index, plain = VectorIndex(WIDTH, Settings(kind="flat")), {}
    for seed, (what, ids) in enumerate(steps):
        if what == "add":
            rows = unit(len(ids), seed)
            index.add(ids, rows)
            plain |= dict(zip(ids, rows, strict=True))
        elif what == "remove":
            assert index.remove(ids) == sum(plain.pop(id_, None) is not None for id_ in ids)
        elif what == "settle":
            index.settle()
        else:
            save(index, folder, space=SPACE)
            index = load(folder, space=SPACE, settings=index.settings)
        assert index.ids().tolist() == sorted(plain)
        assert len(index) == len(plain)
    query = unit(1, 99)[0]
    best = sorted(plain, key=lambda id_: -float(plain[id_] @ query))
    scores = [match.score for match in index.search(query, 50)]
    assert np.allclose(scores, [float(plain[id_] @ query) for id_ in best], atol=1e-5)


def test_searches_go_on_while_vectors_are_added_removed_and_settled() -> None:
    index, rows = filled(3000, "ivf")
    stop, faults, searches = threading.Event(), [], [0]

    def search() -> None:
        while not stop.is_set():
            try:
                hits = found(index, rows[5], 5)
                assert hits[0] == 15, hits
                searches[0] += 1
            except (AssertionError, ValueError, RuntimeError, IndexError) as error:
                faults.append(error)
                return

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for round_ in range(3):
        index.settle_in_background()
        for part in range(10):
            ids = 100_000 + 1000 * round_ + 50 * part + np.arange(50)
            index.add(ids, -rows[:50])
            index.remove(ids[:25])
    index.close()
    index.settle()
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert searches[0] > 0
    assert len(index) == 3000 + 30 * 25


def test_what_is_removed_while_settling_stays_removed() -> None:
    index, rows = filled(500, "flat", sealed=False)
    state = index._closed()  # settle has begun
    index.remove([30])
    index.add([33], -rows[11:12])
    made = build(_material(state), WIDTH, index.settings)
    index._take_over(made, len(state.recent))
    assert 30 not in index.ids()
    assert found(index, rows[11], 1) != [33]
    assert found(index, -rows[11], 1) == [33]
    assert len(index) == 499


# ---- bad vectors


def test_nan_other_dimensions_and_double_ids_are_refused() -> None:
    index, rows = filled(10, "flat")
    bad = rows[:2].copy()
    bad[1, 3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        index.add([1, 2], bad)
    with pytest.raises(ValueError, match=r"\(1, 16\)"):
        index.add([1], np.zeros((1, 8), dtype=np.float32))
    with pytest.raises(ValueError, match="once"):
        index.add([1, 1], rows[:2])
    with pytest.raises(ValueError, match="16"):
        index.search(np.zeros(8, dtype=np.float32), 3)
    with pytest.raises(ValueError, match="finite"):
        index.search(bad[1], 3)
    assert len(index) == 10


def test_an_empty_index_finds_nothing_and_can_be_saved(tmp_path: Path) -> None:
    index = VectorIndex()
    assert index.search(np.zeros(3, dtype=np.float32), 5) == []
    save(index, tmp_path, space=SPACE)
    again = load(tmp_path, space=SPACE)
    again.add([1], unit(1, 1))
    assert found(again, unit(1, 1)[0]) == [1]
    assert generation(tmp_path) == 1
