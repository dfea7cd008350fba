"""An index on disk: generations, damage, other embeddings, full disks, many processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from planloom.config import Index as Settings
from planloom.errors import SearchIndexError
from planloom.memory.vectors import VectorIndex
from planloom.memory.vectors.files import generation, load, save

WIDTH = 24
SPACE = "test:words"


def rows(count: int, seed: int = 1) -> np.ndarray:
    made = np.random.default_rng(seed).standard_normal((count, WIDTH)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def saved(folder: Path, kind: str = "flat", count: int = 600) -> VectorIndex:
    index = VectorIndex(WIDTH, Settings(kind=kind))
    index.add(np.arange(count), rows(count))
    index.settle()
    save(index, folder, space=SPACE)
    return index


def best(index: VectorIndex, row: np.ndarray) -> int:
    return index.search(row, 1)[0].id


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
def test_a_loaded_index_is_as_it_was_and_can_be_changed(tmp_path: Path, kind: str) -> None:
    index = saved(tmp_path, kind)
    index.remove([3, 4])
    index.add([9000], rows(1, seed=2))
    save(index, tmp_path, space=SPACE)
    again = load(tmp_path, space=SPACE, settings=index.settings)
    assert again.figures() == index.figures()
    assert again.ids().tolist() == index.ids().tolist()
    assert best(again, rows(1, seed=2)[0]) == 9000
    assert best(again, rows(600)[3]) != 3
    again.remove([9000])
    again.add([3], rows(600)[3:4])
    again.settle()
    save(again, tmp_path, space=SPACE)
    assert best(load(tmp_path, space=SPACE), rows(600)[3]) == 3


def test_only_what_changed_is_written_and_old_generations_go(tmp_path: Path) -> None:
    index = saved(tmp_path, "ivf")
    (segment,) = tmp_path.glob("segment-*.faiss")
    written = segment.stat().st_mtime_ns
    for number in range(3):
        index.add([1000 + number], rows(1, seed=number))
        save(index, tmp_path, space=SPACE)
    assert [path.name for path in tmp_path.glob("segment-*.faiss")] == [segment.name]
    assert segment.stat().st_mtime_ns == written
    assert generation(tmp_path) == 4
    assert len(list(tmp_path.iterdir())) == len(json.loads((tmp_path / "vectors.json").read_text())["files"]) + 1


def test_an_index_in_use_outlives_the_next_generation(tmp_path: Path) -> None:
    saved(tmp_path, "ivf")
    reader = load(tmp_path, space=SPACE)
    writer = load(tmp_path, space=SPACE)
    writer.add([7000], rows(1, seed=3))
    writer.settle()
    save(writer, tmp_path, space=SPACE)
    assert best(reader, rows(600)[42]) == 42
    assert best(load(tmp_path, space=SPACE), rows(1, seed=3)[0]) == 7000


def test_another_embedding_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(SearchIndexError, match="'other'") as caught:
        load(tmp_path, space="other")
    assert caught.value.kind == "foreign"


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw"])
def test_any_damage_is_found_when_loading(tmp_path: Path, kind: str) -> None:
    index = saved(tmp_path, kind)
    index.remove([5])
    index.add([800], rows(1, seed=4))
    save(index, tmp_path, space=SPACE)
    files = sorted(path for path in tmp_path.iterdir())
    assert len(files) == 6
    for path in files:
        good = path.read_bytes()
        for bad in (good[: len(good) // 2], good[:-1], b"", good[:-9] + bytes([good[-9] ^ 0xFF]) + good[-8:]):
            path.write_bytes(bad)
            try:
                load(tmp_path, space=SPACE)
            except SearchIndexError as error:
                assert error.kind in ("damaged", "foreign")
            else:
                assert path.name == "vectors.json"  # one letter of its text may be of no account
                assert len(bad) == len(good)
        path.unlink()
        with pytest.raises(SearchIndexError):
            load(tmp_path, space=SPACE)
        path.write_bytes(good)
    assert best(load(tmp_path, space=SPACE), rows(1, seed=4)[0]) == 800


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from planloom.errors import SearchIndexError
from planloom.memory.vectors.files import load, save
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
index = load(Path(sys.argv[1]), space="test:words")
rows = np.random.default_rng(9).standard_normal((4000, 24)).astype(np.float32)
index.add(np.arange(5000, 9000), rows / np.linalg.norm(rows, axis=1, keepdims=True))
if sys.argv[2] == "settled":
    index.settle()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save(index, Path(sys.argv[1]), space="test:words")
except SearchIndexError as error:
    print(error.kind, len(index))
"""


@pytest.mark.parametrize("how", ["settled", "beside"])
def test_a_full_disk_leaves_the_last_generation(tmp_path: Path, how: str) -> None:
    saved(tmp_path, "ivf")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), how], capture_output=True, text=True, check=True
    ).stdout
    assert told.split() == ["disk", "4600"]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert best(load(tmp_path, space=SPACE), rows(600)[42]) == 42


def test_nothing_there_is_told_as_such(tmp_path: Path) -> None:
    assert generation(tmp_path) == 0
    with pytest.raises(SearchIndexError, match="got none"):
        load(tmp_path, space=SPACE)
