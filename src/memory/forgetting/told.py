"""Sessions and stored values without the words of forgotten facts.

Rule: only sessions of the person whose fact it was, and those that knew it by its id: nobody can have texts taken out
of another's sessions.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import BusyError, JournalError
from ..artifacts import ArtifactStore
from ..codec import pack
from ..journal import read
from ..journal.lock import is_held
from ..journal.redaction import beside, redact
from ..sessions import Sessions
from ..sessions.names import is_id, person
from .wording import MARK, Wording

_HEX = re.compile(rb"[0-9a-f]{64}")
_RUN_FOLDER = re.compile(r"(?P<path>.*-(?P<run>\d{8}-\d{6}-[0-9a-f]{6}))")


@dataclass(slots=True, kw_only=True)
class Erased:
    """Ids of sessions that lost words, of those that another process writes (with who), and what went wrong, where."""

    sessions: list[str] = field(default_factory=list)
    busy: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a session refers to: hashes of stored values; and whether it holds the words, or can't be read."""

    hashes: set[str]
    holds: bool


class Told:
    """What was told in sessions, and the stored values they refer to. `local`: whose the sessions of nobody are."""

    def __init__(self, sessions: Sessions, store: ArtifactStore, *, local: str) -> None:
        self._sessions = sessions
        self._store = store
        self._local = local

    def folders(self, user: str, wording: Wording, *, only: Container[str] | None = None) -> Iterator[Path]:
        """The sessions that may hold the words; `only`: those of these names, which are known to."""
        if not self._sessions.folder.is_dir():
            return
        for folder in sorted(self._sessions.folder.iterdir()):
            if only is not None:
                is_meant = folder.name in only
            else:
                is_meant = is_id(folder.name) and (person(folder, self._local) == user or _knew(folder, wording))
            if is_meant:
                yield folder

    def survey(self, folders: Iterable[Path], wording: Wording) -> dict[Path, Found]:
        """What each session has of the words, at the cost of reading it once."""
        return {folder: _found(folder, wording) for folder in folders}

    def holding(self, found: Iterable[Found], wording: Wording) -> set[str]:
        """The hashes of stored values with the words in them, of those that the sessions refer to."""
        hashes = {sha256 for one in found for sha256 in one.hashes}
        waiting = set(hashes)
        while waiting:  # a stored result may name other artifacts
            named = self._store.named_in(waiting.pop()) - hashes
            hashes |= named
            waiting |= named
        return {sha256 for sha256 in hashes if self._holds(sha256, wording)}

    def erase(self, sessions: Mapping[Path, Found], wording: Wording, gone: set[str]) -> Erased:
        """Takes the words out of sessions, and removes the stored values `gone` that no busy session needs."""
        done = Erased()
        needed: set[str] = set()
        for folder, found in sessions.items():
            if not (found.holds or found.hashes & gone or is_held(folder)):
                continue
            try:
                made = redact(
                    folder,
                    self._sessions.clock,
                    _Change(wording, gone),
                    wording.is_in,
                    compression=self._sessions.settings.compression,
                )
            except BusyError as error:
                done.busy[folder.name] = str(error)
                needed |= found.hashes
            except JournalError as error:
                done.problems[folder.name] = str(error)
            else:
                done.sessions += [folder.name] if made.events or made.files else []
        for sha256 in gone - needed:
            self._store.path(sha256).unlink(missing_ok=True)
        self._sessions.index.renew()
        return done

    def _holds(self, sha256: str, wording: Wording) -> bool:
        try:
            return wording.is_in(self._store.path(sha256).read_bytes())
        except OSError:
            return False


def _knew(folder: Path, wording: Wording) -> bool:
    try:
        return any(wording.is_named_in(record.payload) for record in read(folder))
    except JournalError:
        return False


def _found(folder: Path, wording: Wording) -> Found:
    hashes: set[str] = set()
    holds = False
    try:
        for record in read(folder):
            data = pack(record.payload)
            hashes.update(match.decode() for match in _HEX.findall(data))
            holds = holds or (wording.may_be_in(data) and wording.is_in(record.payload))
    except JournalError:  # it is named when it can't be rewritten
        holds = True
    return Found(hashes, holds or any(wording.is_in(path.read_bytes()) for path in beside(folder)))


class _Change:
    """What is left of the payloads of a session; where a stored value goes, the mark takes its place.

    A run's folder is named by the goal's words: when they go, the folder and all paths into it get another name. The
    folder first, so that a kill in between leaves a journal that is changed the next time.
    """

    def __init__(self, wording: Wording, gone: set[str]) -> None:
        self._wording = wording
        self._gone = gone
        self._names: dict[str, str] = {}

    def __call__(self, payload: Any) -> Any:
        goal = str(payload.get("goal", ""))
        if self._wording.without(goal) != goal and (found := _RUN_FOLDER.fullmatch(str(payload.get("out", "")))):
            self._rename(Path(found["path"]), found["run"])
        left = self._wording.without(_renamed(payload, self._names) if self._names else payload)
        return {**left, "stored": None, "value": MARK} if left.get("stored") in self._gone else left

    def _rename(self, folder: Path, run: str) -> None:
        self._names[folder.name] = f"forgotten-{run}"
        if folder.is_dir():
            folder.rename(folder.with_name(self._names[folder.name]))


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """The value with other names of folders; the same object when none is in it."""
    match value:
        case str():
            return next((value.replace(old, new) for old, new in names.items() if old in value), value)
        case dict():
            made = {key: _renamed(item, names) for key, item in value.items()}
            return value if all(made[key] is value[key] for key in value) else made
        case list() | tuple():
            items = [_renamed(item, names) for item in value]
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        case _:
            return value
