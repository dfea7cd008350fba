"""The index of a person's documents: brought up to date, searched, forgotten.

Rule: one process changes it at a time, any number searches it meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Config
from ..errors import UsageError
from ..models.embeddings import Embedder, embedder_for
from .index.embedded import PassageVectors
from .index.indexing import Indexing, Progress, unheard
from .index.lock import locked
from .index.records import Report, Status
from .index.scan import resolved
from .index.store import Store
from .parsing.reading import Read, Readers
from .search.hybrid import Found, search
from .search.scope import scope

if TYPE_CHECKING:
    from ..models.client import Models

_DEBOUNCE_MS = 500


class Library:
    """Documents in the index in `folder`. Use as `async with`, or close it; all methods from one event loop."""

    def __init__(self, config: Config, embedder: Embedder, folder: Path) -> None:
        self.folder = folder
        self.embedder = embedder
        self._config = config
        self._store = Store(folder / "documents.sqlite")
        self._vectors = PassageVectors(folder, config.index, space=embedder.space.key)
        self._readers: Readers | None = None

    async def __aenter__(self) -> Library:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the processes that read files; may be called again."""
        readers, self._readers = self._readers, None
        if readers is not None:
            await readers.close()
        self._store.close()

    # ---- what is in it

    async def index(
        self,
        paths: Iterable[str | Path] = (),
        *,
        on_progress: Callable[[Progress], None] = unheard,
        stop: asyncio.Event | None = None,
    ) -> Report:
        """Brings the index up to date with files and folders; without any, with all that were given before.

        What is unchanged is not read again, what is gone is forgotten. `stop` ends it early; what is done is kept then,
        and also when this is cancelled.

        Raises:
            UsageError: a path is not there, or none was ever given.
            SearchIndexError: another process is indexing, or the disk is full.
        """
        roots = await asyncio.to_thread(self._roots, list(paths))
        with locked(self.folder):
            await asyncio.to_thread(self._remember_roots, roots)
            work = Indexing(
                self._store, self._vectors, self.embedder, self._reading(), on_progress=on_progress, stop=stop
            )
            return await work.run(roots, ignore=self._config.documents.ignore, own=self.folder.parent)

    async def watch(
        self, paths: Iterable[str | Path] = (), *, stop: asyncio.Event | None = None
    ) -> AsyncIterator[Report]:
        """Indexes, then again whenever something below the folders changes, until `stop`.

        Raises:
            as `index`.
        """
        from watchfiles import awatch

        roots = await asyncio.to_thread(self._roots, list(paths))
        yield await self.index(roots, stop=stop)
        own = str(self.folder.parent)
        changes = awatch(
            *roots, watch_filter=lambda _, path: not path.startswith(own), debounce=_DEBOUNCE_MS, stop_event=stop
        )
        async for _ in changes:
            report = await self.index(roots, stop=stop)
            if report.added or report.changed or report.removed:
                yield report

    async def forget(self, paths: Sequence[str | Path]) -> int:
        """Removes files, or all files of folders, from the index, with their vectors; gives how many files.

        They come back when something that holds them is indexed again.
        """
        with locked(self.folder):
            wanted = [_absolute(path) for path in paths]
            count, texts = await asyncio.to_thread(self._forget, wanted)
            await self.embedder.forget(texts)
            return count

    async def status(self) -> Status:
        """How the index stands."""
        return await asyncio.to_thread(self._status)

    @property
    def is_there(self) -> bool:
        """Whether anything was ever indexed here."""
        return self._store.path.is_file()

    # ---- questions

    async def search(
        self, question: str, *, count: int = 10, under: str | Path | None = None, where: Sequence[str] = ()
    ) -> Found:
        """The passages that fit a question, best first. `under`: only of this file or folder; `where`: only of files
        that fit all conditions, such as `kind=pdf` or `modified>=2025-01-01` (`search.scope`).

        Raises:
            UsageError: nothing was indexed yet, or a condition is none.
            SearchIndexError: the index can't be read.
        """
        if not self.is_there:
            raise UsageError("expected an index, got none; make one with: planloom index FOLDER")
        inside = scope("" if under is None else _absolute(under), where)
        return await search(question, self._store, self._vectors, self.embedder, count=count, inside=inside)

    async def read(self, path: str | Path) -> Read:
        """A file's text in passages, without the index.

        Raises:
            ToolError: it can't be read; says why, in words that follow the file's name.
        """
        return await self._reading().read(Path(_absolute(path)))

    # ---- inside

    def _reading(self) -> Readers:
        if self._readers is None:
            self._readers = Readers(self._config.documents)
        return self._readers

    def _roots(self, paths: Sequence[str | Path]) -> list[Path]:
        if paths:
            return resolved(paths)
        known = [path for path in (self._store.roots() if self.is_there else []) if Path(path).exists()]
        if not known:
            raise UsageError("expected a file or folder to index, got none; try: planloom index FOLDER")
        return resolved(known)

    def _remember_roots(self, roots: Sequence[Path]) -> None:
        known = [Path(path) for path in self._store.roots()]
        kept = [path for path in known if not any(path.is_relative_to(root) for root in roots)]
        new = [root for root in roots if not any(root.is_relative_to(path) for path in kept)]
        self._store.set_roots(str(path) for path in [*kept, *new])

    def _forget(self, paths: Sequence[str]) -> tuple[int, list[str]]:
        """How many files are gone, and the texts whose vectors nobody needs any more."""
        known = self._store.known()
        gone = [one for one in known if any(Path(one).is_relative_to(path) for path in paths)]
        texts = [one.embedded_text() for one in self._store.passages(self._ids_of(gone)).values()]
        self._vectors.remove(self._store.remove(gone))
        self._vectors.save()
        self._store.set_roots(
            root for root in self._store.roots() if not any(Path(root).is_relative_to(p) for p in paths)
        )
        self._store.compact()
        return len(gone), texts

    def _ids_of(self, paths: Sequence[str]) -> list[int]:
        return [id_ for path in paths for id_ in self._store.ids_under(path)]

    def _status(self) -> Status:
        files, chunks, kinds = self._store.counts()
        index = self._vectors.index()
        pending = self._vectors.lacking(self._store.ids())
        figures = index.figures()
        return Status(
            folder=str(self.folder),
            files=files,
            chunks=chunks,
            failed=self._store.failures(),
            roots=self._store.roots(),
            embedding=self._store.meta("space") or self.embedder.space.key,
            pending=len(pending),
            size_bytes=sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file()),
            vectors=asdict(figures) if figures is not None else None,
            kinds=kinds,
        )


def library(config: Config, models: Models | None, state: Path) -> Library:
    """The index in the folder `state`, with the embedding that the settings ask for.

    Raises:
        ConfigError: what they ask for is not there.
    """
    return Library(config, embedder_for(config, models, state), state / "index")


def _absolute(path: str | Path) -> str:
    return str(Path(path).expanduser().resolve())
