"""What is being forgotten: kept until nothing of it is left, so that a kill in the middle only delays it.

Rule: the intent is on disk before anything goes, and goes last. It holds the words, which it alone still needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import SearchIndexError
from ..codec import pack, unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A fact on its way out: whose, its id, all texts it had, and the stored values (hashes) that hold them.

    `left` are the places that still have them, sessions by id; None: nobody has looked yet.
    """

    user: str
    fact: str
    texts: tuple[str, ...]
    artifacts: tuple[str, ...] = ()
    left: tuple[str, ...] | None = None


class Intents:
    """The intents in a folder, a file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[Intent]:
        """Those that are not done, in any order; costs one look when there are none."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                if not path.name.startswith(".") and (intent := _read(path)) is not None:
                    found.append(intent)
        return found

    def add(self, user: str, wordings: Mapping[str, Sequence[str]]) -> None:
        """Notes facts of a person, by id, with all texts they had.

        Raises:
            SearchIndexError: kind `disk`: it can't be written.
        """
        for fact, texts in wordings.items():
            self.put(Intent(user=user, fact=fact, texts=tuple(texts)))

    def put(self, intent: Intent) -> None:
        """Writes an intent, in place of the same fact's.

        Raises:
            SearchIndexError: kind `disk`: it can't be written.
        """
        path = self._path(intent)
        new = path.with_name("." + path.name)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(pack(asdict(intent)))
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            raise SearchIndexError(f"expected to write {str(path)!r}, got: {error}; make room", kind="disk") from error

    def remove(self, intents: Iterable[Intent]) -> None:
        """Drops intents that are done; the folder goes with the last."""
        for intent in intents:
            self._path(intent).unlink(missing_ok=True)
        for path in self._folder.glob(".*"):  # of a process that was killed while it wrote
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _path(self, intent: Intent) -> Path:
        whose = hashlib.sha256(f"{intent.user}\0{intent.fact}".encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / whose[:32]


def _read(path: Path) -> Intent | None:
    """The intent in a file; None: it is gone, or none."""
    try:
        data = unpack(path.read_bytes())
        lists = {name: tuple(data[name]) for name in ("texts", "artifacts")}
        left = None if data["left"] is None else tuple(data["left"])
        return Intent(user=data["user"], fact=data["fact"], left=left, **lists)
    except (OSError, ValueError, TypeError, KeyError):
        return None
