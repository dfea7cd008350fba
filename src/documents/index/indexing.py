"""One indexing: what changed on disk is read, cut, made vectors of, and what is gone is removed.

Rule: after each file the index is whole; whenever this stops, what is done is kept and the next time goes on there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...errors import BudgetError, ModelError, SearchIndexError, ToolError, TransientError
from ...models.embeddings import Embedder
from ..parsing.reading import Read, Readers
from . import sameness
from .embedded import PassageVectors
from .records import Failure, Known, Report
from .scan import Found, Scan, scan
from .store import Store

_GROUP = 1000  # passages whose vectors are made at once
_WAITING = 32  # files that are read and not yet stored
_FRESH_NS = 2_000_000_000  # a file written so shortly ago may have changed within the same tick of the clock
_SAVE_S = 60.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: files read of those that changed, passages with vectors, and the file that was just read."""

    stage: str
    done: int
    total: int
    embedded: int
    path: str = ""


def unheard(progress: Progress) -> None:
    """Progress nobody asked for."""


@dataclass(slots=True)
class _Tally:
    """What is counted on the way."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    embedded: int = 0
    cached: int = 0
    calls: int = 0
    notes: list[str] = field(default_factory=list)


class Indexing:
    """One call of `Library.index`."""

    def __init__(
        self,
        store: Store,
        vectors: PassageVectors,
        embedder: Embedder,
        readers: Readers,
        *,
        on_progress: Callable[[Progress], None] = unheard,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._embedder = embedder
        self._readers = readers
        self._on_progress = on_progress
        self._stop = stop or asyncio.Event()
        self._tally = _Tally()
        self._began = time.monotonic()
        self._saved = self._began
        self._is_embedding = True
        self._done = self._total = 0

    async def run(self, roots: Sequence[Path], *, ignore: Sequence[str], own: Path) -> Report:
        """Brings the index up to date with the folders.

        Raises:
            SearchIndexError: the index can't be written. What was done before is kept.
        """
        found = await asyncio.to_thread(scan, roots, ignore=ignore, own=own)
        known = await asyncio.to_thread(self._store.known)
        await self._remove_gone(found, known, roots)
        changed = [file for path, file in found.files.items() if _is_changed(file, known.get(path))]
        self._tally.unchanged = len(found.files) - len(changed)
        self._total = len(changed)
        try:
            await self._begin_vectors()
            await self._read_all(changed, known)
            await self._embed_rest()
            if not self._stop.is_set() and self._vectors.index().needs_settling:
                self._tell("arranging")
                await asyncio.to_thread(self._vectors.settle)
        finally:
            await _finish(asyncio.to_thread(self._vectors.save))
        return await asyncio.to_thread(self._report, found, roots)

    def _report(self, found: Scan, roots: Sequence[Path]) -> Report:
        """What was done."""
        tally = self._tally
        known = self._store.known()
        inside = {path: one for path, one in known.items() if any(Path(path).is_relative_to(root) for root in roots)}
        failed = [Failure(path=path, reason=one.reason) for path, one in sorted(inside.items()) if one.reason]
        failed += [Failure(path=path, reason=reason) for path, reason in sorted(found.unreadable.items())]
        chunks = [len(self._store.ids_under(str(root))) for root in roots]
        pending = self._vectors.lacking(self._store.ids())
        return Report(
            files=len(inside) - sum(1 for one in inside.values() if one.reason),
            chunks=sum(chunks),
            added=tally.added,
            changed=tally.changed,
            unchanged=tally.unchanged,
            removed=tally.removed,
            skipped=found.skipped,
            embedded=tally.embedded,
            cached=tally.cached,
            calls=tally.calls,
            pending=len(pending),
            failed=[*failed, *self._refused(roots)],
            notes=tally.notes,
            embedding=self._embedder.space.key,
            seconds=time.monotonic() - self._began,
            stopped=self._stop.is_set(),
        )

    def _refused(self, roots: Sequence[Path]) -> Iterator[Failure]:
        for one in self._store.refused():
            if any(Path(one.path).is_relative_to(root) for root in roots):
                yield Failure(path=one.path, reason=f"found by words only, no vector could be made: {one.reason}")

    # ---- files

    async def _remove_gone(self, found: Scan, known: dict[str, Known], roots: Sequence[Path]) -> None:
        """Forgets files below the roots that are gone, but not those of folders that can't be read now."""
        shut = [Path(folder) for folder in found.unreadable]
        gone = [
            path
            for path in known
            if path not in found.files
            and any(Path(path).is_relative_to(root) for root in roots)
            and not any(Path(path).is_relative_to(folder) for folder in shut)
        ]
        if gone:
            ids = await asyncio.to_thread(self._store.remove, gone)
            await asyncio.to_thread(self._vectors.remove, ids)
            self._tally.removed = len(gone)

    async def _read_all(self, files: Sequence[Found], known: dict[str, Known]) -> None:
        """Reads files in any order and stores each; a bounded number waits to be stored."""
        queue: asyncio.Queue[tuple[Found, Read | Exception]] = asyncio.Queue(_WAITING)
        todo = iter(files)
        workers = [
            asyncio.create_task(self._work(todo, queue)) for _ in range(min(2 * self._readers.count, len(files)))
        ]
        fresh: list[int] = []
        try:
            for _ in files:
                item = await self._next(queue)
                if item is None:
                    break
                file, outcome = item
                fresh += await asyncio.to_thread(self._put, file, outcome, known.get(file.path))
                self._done += 1
                self._tell("reading", file.path)
                if len(fresh) >= _GROUP:
                    await self._embed(fresh)
                    fresh = []
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        await self._embed(fresh)

    async def _work(self, todo: Iterator[Found], queue: asyncio.Queue[tuple[Found, Read | Exception]]) -> None:
        for file in todo:  # shared: each file is taken once
            try:
                outcome: Read | Exception = await self._readers.read(Path(file.path))
            except (ToolError, OSError) as error:
                outcome = error
            await queue.put((file, outcome))

    async def _next(
        self, queue: asyncio.Queue[tuple[Found, Read | Exception]]
    ) -> tuple[Found, Read | Exception] | None:
        """The next file that was read; None when it was asked to stop."""
        getting, stopping = asyncio.ensure_future(queue.get()), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([getting, stopping], return_when=asyncio.FIRST_COMPLETED)
            return None if self._stop.is_set() else getting.result()
        finally:
            getting.cancel()
            stopping.cancel()

    def _put(self, file: Found, outcome: Read | Exception, before: Known | None) -> list[int]:
        """Stores a file; gives the ids of its passages."""
        if isinstance(outcome, Exception):
            gone = self._store.fail(file.path, str(outcome), size_bytes=file.size_bytes, mtime_ns=file.mtime_ns)
            self._vectors.remove(gone)
            return []
        if before is not None and before.sha256 == outcome.sha256 and not before.reason:
            self._store.touch(
                file.path, size_bytes=outcome.size_bytes, mtime_ns=_trusted(outcome.mtime_ns), modified=outcome.modified
            )
            self._tally.unchanged += 1
            return []
        gone = self._store.put(file.path, replace(outcome, mtime_ns=_trusted(outcome.mtime_ns)))
        self._vectors.remove(gone)
        if before is None:
            self._tally.added += 1
        else:
            self._tally.changed += 1
        return self._store.ids_under(file.path)

    # ---- vectors

    async def _begin_vectors(self) -> None:
        """Looks whether the vectors on disk can be used; what can't is begun anew."""
        space = self._embedder.space.key
        if await asyncio.to_thread(self._store.meta, "space") not in ("", space):
            await asyncio.to_thread(self._store.reset_refusals)
            await asyncio.to_thread(sameness.forget, self._store)
        await asyncio.to_thread(self._store.set_meta, "space", space)
        await asyncio.to_thread(self._vectors.index)
        if await asyncio.to_thread(sameness.was_changed, self._store):
            await self._begin_anew()
        if (fault := self._vectors.fault) is not None:
            self._tally.notes.append(f"{fault} (all vectors are put together again)")
            self._vectors.clear()

    async def _embed_rest(self) -> None:
        """Makes vectors of what has none: from earlier times, or after the vectors were lost."""
        missing = [0]
        while missing and self._is_embedding and not self._stop.is_set():  # more than once when the model has changed
            ids = await asyncio.to_thread(self._store.ids)
            missing = await asyncio.to_thread(self._vectors.missing, ids)
            for at in range(0, len(missing), _GROUP):
                await self._embed(missing[at : at + _GROUP])

    async def _begin_anew(self) -> None:
        """Drops the vectors of another model of the same name."""
        await asyncio.to_thread(self._vectors.clear)
        await asyncio.to_thread(self._store.reset_refusals)
        await asyncio.to_thread(sameness.forget, self._store)
        self._tally.notes.append(sameness.told(self._embedder, "all vectors are made anew"))

    async def _embed(self, ids: Sequence[int]) -> None:
        """Makes vectors of passages that have none. A model that can't be used ends it for this time."""
        if not ids or not self._is_embedding or self._stop.is_set():
            return
        lacking = await asyncio.to_thread(self._vectors.lacking, ids)
        found = await asyncio.to_thread(self._store.passages, lacking)
        wanted = list(found.values())
        self._tell("embedding")
        try:
            made = await self._embedder.embed([one.embedded_text() for one in wanted], on_done=self._embedded_more)
        except (ModelError, TransientError, BudgetError) as error:
            self._is_embedding = False
            self._tally.notes.append(f"no vectors for now, words alone find the rest: {error}")
            return
        if await asyncio.to_thread(sameness.is_another, self._store, self._embedder):
            await self._begin_anew()
        await asyncio.to_thread(sameness.keep, self._store, self._embedder)
        self._tally.calls += made.calls
        self._tally.cached += made.cached
        good = [number for number in range(len(wanted)) if number not in made.failed]
        self._tally.embedded += len(good) - made.cached
        try:
            await asyncio.to_thread(self._vectors.add, [wanted[number].id for number in good], made.vectors[good])
        except SearchIndexError as error:
            self._is_embedding = False
            self._tally.notes.append(str(error))
            return
        await asyncio.to_thread(self._store.refuse, [(wanted[number].id, why) for number, why in made.failed.items()])
        if time.monotonic() - self._saved > _SAVE_S:
            await asyncio.to_thread(self._vectors.save)
            self._saved = time.monotonic()

    def _embedded_more(self, _count: int) -> None:
        self._tell("embedding")

    def _tell(self, stage: str, path: str = "") -> None:
        embedded = self._tally.embedded + self._tally.cached
        self._on_progress(Progress(stage, self._done, self._total, embedded, path))


def _is_changed(file: Found, known: Known | None) -> bool:
    """Whether a file must be read: new, of another size or date, or not readable the last time."""
    if known is None or known.reason:
        return True
    return (known.size_bytes, known.mtime_ns) != (file.size_bytes, file.mtime_ns)


def _trusted(mtime_ns: int) -> int:
    """A file's date, -1 when it is so young that a later change could have the same."""
    return mtime_ns if time.time_ns() - mtime_ns > _FRESH_NS else -1


async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Waits for work that must not be left half done, also when cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
