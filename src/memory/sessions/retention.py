"""How long sessions are kept, and what goes with them. Rule: only runs that have ended go, the oldest first.

An artifact goes when no event that is kept names it, in any session, and it is older than an hour: a step that is just
running may have stored it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import BusyError, JournalError
from ..artifacts import ArtifactStore
from ..codec import pack
from ..journal import Compacted, compact, ended_runs, read
from . import Sessions
from .exchange import referred
from .names import is_id

_DAY_S = 86_400.0
_GRACE_S = 3_600.0


@dataclass(slots=True)
class Tidied:
    """What tidying up did; `problems` name sessions that were left as they are, and why."""

    sessions: list[Compacted] = field(default_factory=list)
    runs_dropped: int = 0
    artifacts_removed: int = 0
    artifact_bytes: int = 0
    problems: list[str] = field(default_factory=list)


def tidy(sessions: Sessions, store: ArtifactStore, *, only: str | None = None) -> Tidied:
    """Compacts sessions (`only`: this one), drops what the settings keep no longer, and artifacts nobody names.

    Raises:
        UsageError: there is no session `only`.
    """
    done = Tidied()
    names = [only] if only is not None else _names(sessions.folder)
    drops = _aged(sessions, names, done)
    for name in names:
        _compact(sessions, name, drops.get(name, set()), done)
    if only is None:
        _shrink(sessions, names, done)
    _sweep(sessions, store, done)
    return done


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if is_id(path.name)) if folder.is_dir() else []


def _aged(sessions: Sessions, names: list[str], done: Tidied) -> Mapping[str, set[str]]:
    """Runs that ended longer ago than they are kept, by session."""
    days = sessions.settings.retention_days
    if not days:
        return {}
    limit = sessions.clock.wall() - days * _DAY_S
    return {name: {run for run, at in _ended(sessions, name, done).items() if at < limit} for name in names}


def _ended(sessions: Sessions, name: str, done: Tidied) -> dict[str, float]:
    try:
        return ended_runs(read(sessions.path(name)))
    except JournalError as error:
        done.problems.append(str(error))
        return {}


def _compact(sessions: Sessions, name: str, drops: set[str], done: Tidied) -> None:
    sessions.unload(name)
    try:
        made = compact(
            sessions.existing(name), sessions.clock, drop_runs=drops, compression=sessions.settings.compression
        )
    except BusyError:
        return  # in use: its turn comes another time
    except JournalError as error:
        if str(error) not in done.problems:
            done.problems.append(str(error))
        return
    done.sessions.append(made)
    done.runs_dropped += len(drops)


def _shrink(sessions: Sessions, names: list[str], done: Tidied) -> None:
    """Drops the oldest ended runs of all sessions until the journals fit into `sessions.max_bytes`."""
    limit = sessions.settings.max_bytes
    sizes = {name: _size(sessions.path(name)) for name in names}
    surplus = float(sum(sizes.values()) - limit)
    if not limit or surplus <= 0:
        return
    drops: dict[str, set[str]] = {}
    for _, name, run, size in sorted(_shares(sessions, names, sizes, done)):
        if surplus <= 0:
            break
        drops.setdefault(name, set()).add(run)
        surplus -= size
    for name, runs in drops.items():
        _compact(sessions, name, runs, done)


def _shares(
    sessions: Sessions, names: list[str], sizes: Mapping[str, int], done: Tidied
) -> list[tuple[float, str, str, float]]:
    """For each ended run: when it ended, its session, its id, and about how many bytes it takes on disk."""
    shares = []
    for name in names:
        ended = _ended(sessions, name, done)
        raw: dict[str, int] = {}
        for record in read(sessions.path(name)) if ended else ():
            raw[record.run_id] = raw.get(record.run_id, 0) + len(pack(record.payload)) + 40
        whole = sum(raw.values()) or 1
        shares += [(at, name, run, sizes[name] * raw[run] / whole) for run, at in ended.items()]
    return shares


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.journal"))


def _sweep(sessions: Sessions, store: ArtifactStore, done: Tidied) -> None:
    used: set[str] = set()
    for name in _names(sessions.folder):
        try:
            used |= referred(read(sessions.path(name)))
        except JournalError as error:
            told = f"artifacts were left alone, because a session can't be read: {error}"
            done.problems = [problem for problem in done.problems if problem != str(error)] + [told]
            return
    waiting = set(used)
    while waiting:  # a stored result may name other artifacts
        sha256 = waiting.pop()
        named = store.named_in(sha256) - used
        used |= named
        waiting |= named
    done.artifacts_removed, done.artifact_bytes = store.sweep(used, before=sessions.clock.wall() - _GRACE_S)
