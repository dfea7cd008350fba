"""What clients may look at: sessions, runs, steps, files. Rule: reads only, from files, in threads; changes nothing.

Who may see what is decided before: every method but `sessions` and `runs` takes a session that was checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import UsageError
from ..events import ArtifactCreated, Event
from ..memory.artifacts import ArtifactStore, file_sha256
from ..memory.codec import unpack
from ..memory.journal import read
from ..memory.sessions import State, Summary
from ..orchestrator.planning.files import dump
from ..orchestrator.result import told as result_of
from ..orchestrator.resuming.recovery import Recovered
from .owners import Owners
from .protocol import Snapshot
from .rooms import Rooms
from .stepview import step_view

if TYPE_CHECKING:
    from ..orchestrator.analysis import Analysis
    from ..orchestrator.planning.plan import Plan
    from ..orchestrator.runtime import Planloom


class Shelf:
    """Read views over the sessions of one state folder."""

    def __init__(self, loom: Planloom, rooms: Rooms, owners: Owners) -> None:
        self._loom = loom
        self._rooms = rooms
        self._owners = owners
        state = Path(loom.config.state).expanduser().resolve()
        self._store = ArtifactStore(state / "artifacts")
        self._workspace = Path(loom.config.workspace).expanduser().resolve()
        self._checked: dict[Path, tuple[int, int, str]] = {}

    # ---- sessions

    async def sessions(self, owner: str, search: str = "", limit: int = 100) -> tuple[list[dict[str, Any]], int]:
        """An owner's sessions whose titles have all words of `search`, the one used last first, and how many."""
        return await asyncio.to_thread(self._sessions, owner, search, limit)

    def _sessions(self, owner: str, search: str, limit: int) -> tuple[list[dict[str, Any]], int]:
        words = search.casefold().split()
        found = [s for s in self._own(owner) if all(word in s.title.casefold() for word in words)]
        return [_listed(summary) for summary in found[:limit]], len(found)

    def _own(self, owner: str) -> Iterator[Summary]:
        for summary in self._loom.sessions.all():
            if self._owners.of(summary.id) == owner:
                yield summary

    async def snapshot(self, session_id: str) -> Snapshot:
        """A session as it is now; an empty one when it is not there yet.

        Raises:
            UsageError: the id can't be one.
            JournalError: its journal is damaged.
        """
        return _snapshot(session_id, await self._rooms.state(session_id))

    async def events(self, session_id: str, after: int, limit: int, run_id: str = "") -> list[dict[str, Any]]:
        """Events above number `after`, of all runs or one, `limit` at most.

        Raises:
            JournalError: the journal is damaged.
        """

        def taken() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            for event in self._events(session_id, after):
                if run_id in ("", event.run_id):
                    found.append(event.to_dict())
                if len(found) >= limit:
                    break
            return found

        return await asyncio.to_thread(taken)

    def _events(self, session_id: str, after: int = 0) -> Iterator[Event]:
        for record in read(self._loom.sessions.path(session_id), after=after):
            event = record.event(session_id)
            if event is not None:
                yield event

    # ---- runs

    async def runs(self, owner: str, session_id: str | None, status: str | None, limit: int) -> list[dict[str, Any]]:
        """Runs of an owner, the newest first; `session_id` and `status` None: all."""

        def found() -> list[dict[str, Any]]:
            runs: list[dict[str, Any]] = []
            for summary in self._own(owner):
                if session_id in (None, summary.id) and summary.problem is None:
                    state = self._loom.sessions.load(summary.id)
                    runs += [{"session_id": summary.id, **told} for told in _runs(state)]
            runs = [run for run in runs if status in (None, run["status"])]
            return sorted(runs, key=lambda run: (-run["began"], run["run_id"]))[:limit]

        return await asyncio.to_thread(found)

    async def told(self, run_id: str) -> Recovered:
        """A run as its journal tells it.

        Raises:
            UsageError: there is none.
            JournalError: the journal can't be read.
        """
        return await asyncio.to_thread(self._loom.underway.told, run_id)

    async def run(self, run_id: str) -> dict[str, Any]:
        """One run: as `--json` prints it, with its state, open approvals, inputs and files.

        Raises:
            as `told`.
        """
        run = await self.told(run_id)
        whole = result_of(run).to_dict()
        whole["status"] = run.status or "running"
        whole["is_here"] = run_id in self._loom.underway
        whole["inputs"] = run.inputs
        whole["approvals"] = [{"run_id": run_id, **asked.to_dict()} for asked in run.open.values()]
        whole["artifacts"] = [artifact_view(run_id, made) for made in files_of(run)]
        return whole

    async def step(self, run_id: str, step: str) -> dict[str, Any]:
        """One step: parameters, result, attempts, verdicts, cost, files, and what its agent did.

        Raises:
            UsageError: there is no such run or step.
            JournalError: the journal or a stored result can't be read.
        """
        session_id = await asyncio.to_thread(self._loom.underway.session_of, run_id)

        def made() -> dict[str, Any]:
            told = [event for event in self._events(session_id) if event.run_id == run_id]
            view = step_view(step, told)
            if view["value"] is None and view["stored"] is not None:
                view["value"] = unpack(self._store.get(view["stored"]))
            return view

        return await asyncio.to_thread(made)

    async def analysis(self, run_id: str) -> Analysis:
        """What the time of a run went to.

        Raises:
            as `step`.
        """
        from ..orchestrator.analysis import analyze

        session_id = await asyncio.to_thread(self._loom.underway.session_of, run_id)
        now = self._loom.clock.wall() if run_id in self._loom.underway else None
        return await asyncio.to_thread(
            lambda: analyze((e for e in self._events(session_id) if e.run_id == run_id), now=now)
        )

    async def plan(self, run_id: str) -> Plan:
        """The plan of a run, as far as it is known.

        Raises:
            UsageError: there is no such run, or it has none yet.
        """
        run = await self.told(run_id)
        if run.plan is None:
            raise UsageError(f"expected a run with a plan, got {run_id!r}, which has none yet")
        return run.plan

    async def plan_data(self, run_id: str) -> dict[str, Any]:
        """The same as plain data, as in a plan file."""
        return dump(await self.plan(run_id))

    # ---- files

    async def artifact(self, run_id: str, sha256: str, name: str = "") -> tuple[Path, ArtifactCreated]:
        """A file that a run made: where it is, and what is known of it. `name`: of those with the same bytes this one.

        Raises:
            UsageError: the run made none of this hash, or what is there now has another.
        """
        run = await self.told(run_id)
        found = [made for made in files_of(run) if made.sha256 == sha256]
        made = next((made for made in found if name in ("", Path(made.path).name)), None)
        if made is None:
            raise UsageError(f"expected the id of a file of run {run_id!r}, got {sha256[:80]!r}")
        path = self._workspace / made.path
        if not await asyncio.to_thread(self._is_unchanged, path, made):
            name = Path(made.path).name
            raise UsageError(f"expected {name!r} as the run made it, but it was changed or removed since")
        return path, made

    def _is_unchanged(self, path: Path, made: ArtifactCreated) -> bool:
        try:
            about = path.stat()
            known = self._checked.get(path)
            if known is None or known[:2] != (about.st_mtime_ns, about.st_size):
                if len(self._checked) >= _MOST_CHECKED:
                    self._checked.clear()
                known = self._checked[path] = (about.st_mtime_ns, about.st_size, file_sha256(path))
        except OSError:
            return False
        return known[2] == made.sha256


_MOST_CHECKED = 10_000


def files_of(run: Recovered) -> list[ArtifactCreated]:
    """The files a run made, in the order of its steps; the same bytes once for each path."""
    return [made for name in run.actions for made in run.files.get(name, ()) if made.sha256]


def artifact_view(run_id: str, made: ArtifactCreated) -> dict[str, Any]:
    """A file as clients see it."""
    return {**made.to_dict(), "name": Path(made.path).name, "url": artifact_url(run_id, made)}


def artifact_url(run_id: str, made: ArtifactCreated) -> str:
    """Where a file can be had; its name stands at the end, for people and for those who save it."""
    return f"/api/runs/{run_id}/artifacts/{made.sha256}/{quote(Path(made.path).name, safe='')}"


def _listed(summary: Summary) -> dict[str, Any]:
    told = asdict(summary)
    return {"session_id": told.pop("id"), **told}


def _snapshot(session_id: str, state: State) -> Snapshot:
    return Snapshot(
        session_id=session_id,
        last_seq=state.last,
        title=state.title,
        messages=tuple(asdict(message) for message in state.messages),
        runs=tuple(_runs(state)),
        approvals=tuple(asdict(asked) for asked in state.approvals.values()),
        context=dict(state.context),
    )


def _runs(state: State) -> list[dict[str, Any]]:
    told: list[Mapping[str, Any]] = [asdict(run) for run in state.runs.values()]
    return [{"run_id": run["id"], **{name: run[name] for name in _RUN}} for run in told]


_RUN = ("goal", "status", "reason", "began", "ended", "seconds", "cost", "plan_source")
