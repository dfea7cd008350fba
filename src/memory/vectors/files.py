"""An index on disk: one manifest that names the files of one generation.

Rule: a file is whole before the manifest names it, and the manifest is replaced in one move; so whatever happens, the
old or the new generation is there. Segments are mapped into memory, not read.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xxhash

from ...config import Index as Settings
from ...errors import SearchIndexError
from .index import Snapshot, VectorIndex
from .segment import Figures, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1
MANIFEST = "vectors.json"
_WHOLE_BYTES = 64 * 2**20  # larger files are checked at their ends and at places between
_PLACES, _PLACE_BYTES = 64, 65_536


def save(index: VectorIndex, folder: Path, *, space: str) -> None:
    """Writes what has changed since the last generation in `folder`; a new segment is then mapped, not held.

    `space` names the embedding; an index is loaded with the same only.

    Raises:
        SearchIndexError: kind `disk`: full, or not writable. The last generation is as it was.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _manifest(folder)
    except (OSError, SearchIndexError):
        before = {}
    try:
        _save(index, folder, space, before)
    except (OSError, RuntimeError) as error:  # faiss raises RuntimeError
        _tidy(folder, {entry["file"] for entry in before.get("files", {}).values()})
        raise SearchIndexError(
            f"expected to save the index in {str(folder)!r}, got: {error}; make room and try again", kind="disk"
        ) from error


def load(folder: Path, *, space: str, settings: Settings | None = None) -> VectorIndex:
    """The last generation.

    Raises:
        SearchIndexError: `foreign` when another embedding made it, `damaged` when files are missing or changed.
    """
    try:
        return _load(folder, space, settings)
    except FileNotFoundError:  # another process has just written the next generation
        with contextlib.suppress(FileNotFoundError):
            return _load(folder, space, settings)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise SearchIndexError(f"the index in {str(folder)!r} is damaged: {error}", kind="damaged") from error
    raise SearchIndexError(f"expected an index in {str(folder)!r}, got none or one with files missing", kind="damaged")


def generation(folder: Path) -> int:
    """The number of the last generation; 0: there is none, or it can't be read."""
    try:
        return int(_manifest(folder)["generation"])
    except (OSError, KeyError, ValueError, TypeError, SearchIndexError):
        return 0


def _save(index: VectorIndex, folder: Path, space: str, before: Mapping[str, Any]) -> None:
    import faiss
    import numpy as np

    saved = index.snapshot()
    number = int(before.get("generation", 0)) + 1
    files: dict[str, Any] = {}
    kept = {name: entry["file"] for name, entry in before.get("files", {}).items()}
    figures: dict[str, Any] = {}
    segment = saved.segment
    if segment is not None:
        figures = {name: getattr(segment.figures, name) for name in Figures.__slots__}
        if segment.home is not None and segment.home == str(folder / kept.get("segment", "")):
            files |= {name: before["files"][name] for name in ("segment", "segment_ids")}
        else:
            index_, ids = segment.index, segment.ids
            files["segment"] = _written(folder, f"segment-{number}.faiss", lambda path: faiss.write_index(index_, path))
            files["segment_ids"] = _written(folder, f"segment-ids-{number}.npy", _array(ids))
        if saved.alive is not None:
            files["alive"] = _written(folder, f"alive-{number}.npy", _array(np.packbits(saved.alive)))
    if len(saved.ids):
        files["ids"] = _written(folder, f"ids-{number}.npy", _array(saved.ids))
        files["vectors"] = _written(folder, f"vectors-{number}.npy", _array(saved.vectors))
    manifest = {
        "format": FORMAT,
        "generation": number,
        "space": space,
        "dimensions": saved.dimensions,
        "figures": figures,
        "files": files,
    }
    _written(folder, MANIFEST, lambda path: Path(path).write_text(json.dumps(manifest, indent=1), "utf-8"))
    _tidy(folder, {entry["file"] for entry in files.values()})
    if segment is not None and segment.home is None:
        index.rebase(_segment(folder, manifest), segment)


def _load(folder: Path, space: str, settings: Settings | None) -> VectorIndex:
    import numpy as np

    manifest = _manifest(folder)
    if manifest["space"] != space:
        raise SearchIndexError(
            f"the index in {str(folder)!r} was built with {manifest['space']!r}, now it is {space!r}; index again",
            kind="foreign",
        )
    files = manifest["files"]
    for entry in files.values():
        _check(folder, entry)
    segment = _segment(folder, manifest) if "segment" in files else None
    alive = None
    if segment is not None and "alive" in files:
        packed = _loaded(folder, files["alive"])
        alive = np.unpackbits(packed, count=len(segment)).astype(np.bool_)
    none = np.zeros((0, manifest["dimensions"]), dtype=np.float32)
    saved = Snapshot(
        dimensions=manifest["dimensions"],
        segment=segment,
        alive=alive,
        ids=_loaded(folder, files["ids"]) if "ids" in files else np.zeros(0, dtype=np.int64),
        vectors=_loaded(folder, files["vectors"]) if "vectors" in files else none,
    )
    return VectorIndex.restored(saved, settings)


def _segment(folder: Path, manifest: Mapping[str, Any]) -> Segment:
    """The segment, mapped into memory; it lives as long as it is used, also when its file is replaced."""
    import faiss

    path = folder / manifest["files"]["segment"]["file"]
    ids = _loaded(folder, manifest["files"]["segment_ids"])
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    if index.ntotal != len(ids) or index.d != manifest["dimensions"]:
        raise ValueError(f"{path.name}: expected {len(ids)} x {manifest['dimensions']}, got {index.ntotal} x {index.d}")
    return Segment(index, ids, Figures(**manifest["figures"]), home=str(path))


def _manifest(folder: Path) -> dict[str, Any]:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise SearchIndexError(f"{str(folder / MANIFEST)!r} is damaged: {error}", kind="damaged") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise SearchIndexError(f"{str(folder / MANIFEST)!r}: expected format {FORMAT}, got another", kind="foreign")
    return found


def _written(folder: Path, name: str, write: Callable[[str], Any]) -> dict[str, Any]:
    """Writes a file beside its place, makes sure it is on disk, and moves it there."""
    path = folder / name
    half = folder / f".{name}.{os.getpid()}"
    try:
        write(str(half))
        with half.open("rb+") as file:
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise
    return {"file": name, "bytes": path.stat().st_size, "hash": _hash(path)}


def _array(array: NDArray[Any]) -> Callable[[str], None]:
    def write(path: str) -> None:
        import numpy as np

        with Path(path).open("wb") as file:
            np.save(file, array, allow_pickle=False)

    return write


def _loaded(folder: Path, entry: Mapping[str, Any]) -> NDArray[Any]:
    import numpy as np

    found: NDArray[Any] = np.load(folder / entry["file"], allow_pickle=False)
    return found


def _check(folder: Path, entry: Mapping[str, Any]) -> None:
    path = folder / entry["file"]
    size = path.stat().st_size
    if size != entry["bytes"]:
        raise ValueError(f"{path.name}: expected {entry['bytes']} bytes, got {size}")
    if _hash(path) != entry["hash"]:
        raise ValueError(f"{path.name}: its content has changed")


def _hash(path: Path) -> str:
    """XXH3 of the file; of a large one, of 64 pieces of 64 KiB from begin to end, so that mapping stays cheap."""
    state = xxhash.xxh3_128()
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            while piece := file.read(2**20):
                state.update(piece)
        else:
            for place in range(_PLACES):
                file.seek((size - _PLACE_BYTES) * place // (_PLACES - 1))
                state.update(file.read(_PLACE_BYTES))
    return state.hexdigest()


def _tidy(folder: Path, kept: set[str]) -> None:
    """Removes files of older generations, and of one that could not be finished."""
    for path in folder.iterdir() if folder.is_dir() else ():
        is_ours = path.suffix in (".faiss", ".npy") or path.name.startswith(".")
        if is_ours and path.name not in kept:
            with contextlib.suppress(OSError):
                path.unlink()
