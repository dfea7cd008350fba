"""Starts runs for clients and carries out what they order. Rule: a run belongs to its session, never to a connection.

A client that goes away ends nothing. When the server ends, runs are left as their journals tell them, and go on when it
starts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import JournalError, PlanloomError, UsageError
from ..events import RunFinished
from ..memory.sessions import new_id
from ..orchestrator.active import Active, Request
from ..orchestrator.planning.files import parse
from .entrance import Entrance
from .logs import Log
from .owners import Owners
from .room import Room
from .rooms import Rooms

if TYPE_CHECKING:
    from ..orchestrator.runtime import Planloom

_REVIEW = "plan"
_STARTING = 4  # runs that are planned side by side: the others have been accepted, and wait a moment

Entered = Callable[[Room], None]


class StoppingError(PlanloomError):
    """The server is about to end and takes nothing on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A goal of a client; meanings as for `Planloom.run`. `plan` is plain data as in a plan file."""

    message: str = ""
    session_id: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    playbook: str | None = None
    plan: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A run that was taken on."""

    session_id: str
    run_id: str


Failed = Callable[[Begun, Exception], None]


class Desk:
    """Runs of one process, for all clients; `owner` is checked on every call."""

    def __init__(self, loom: Planloom, rooms: Rooms, owners: Owners, log: Log) -> None:
        self._loom = loom
        self._rooms = rooms
        self._owners = owners
        self._log = log
        self._entrance = Entrance(_STARTING)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False

    @property
    def running(self) -> int:
        """How many runs are under way here."""
        return len(self._tasks)

    # ---- runs

    async def start(self, ask: Ask, owner: str, failed: Failed | None = None, entered: Entered | None = None) -> Begun:
        """Takes a goal on; gives its ids once they are durable.

        `entered` gets the room before anything happens in it; `failed` hears of a run that could not go on.

        Raises:
            UsageError, PlanError, InputError: as `Planloom.run`, or the session is somebody else's.
            BusyError: another process writes the session.
            JournalError: it can't be written.
            StoppingError: the server ends.
        """
        session_id = ask.session_id or new_id()
        plan = parse(ask.plan) if ask.plan is not None else None
        if not ask.message.strip() and plan is None and ask.playbook is None:
            raise UsageError('expected a goal in `message`, got nothing; try: "Report on the folder ."')
        self._owners.claim(session_id, owner)

        request = Request(goal=ask.message, inputs=ask.inputs, playbook=ask.playbook, plan=plan, waits=True)
        return self._begin(session_id, lambda: self._loom.underway.open(request, session_id), failed, entered)

    async def go_on(
        self,
        run_id: str,
        owner: str,
        from_step: str | None = None,
        failed: Failed | None = None,
        entered: Entered | None = None,
    ) -> Begun:
        """Goes on with a run that stands still; `failed` and `entered` as for `start`.

        Raises:
            UsageError: no such run of this owner, or nothing is left to do, or it is under way.
            others: as `start`.
        """
        session_id = await self.session_of(run_id, owner)
        if from_step is None:
            told = await asyncio.to_thread(self._loom.underway.told, run_id)
            if told.status in ("done", "cancelled"):
                raise UsageError(f"expected a run that may go on, got {run_id!r}, which is {told.status}")

        def resumed() -> Active:
            active = self._loom.underway.resume(run_id, from_step, approve=None, waits=True)
            if not isinstance(active, Active):
                raise UsageError(f"expected a run that may go on, got {run_id!r}, which is {active.status}")
            return active

        return self._begin(session_id, resumed, failed, entered)

    def _begin(
        self, session_id: str, opened: Callable[[], Active], failed: Failed | None, entered: Entered | None
    ) -> Begun:
        """Opens a run; it is accepted when this returns, and goes on in a task of its own."""
        if self._is_stopping:
            raise StoppingError("expected to take this on, but the server ends; send it again in a moment")
        room = self._rooms.warm(session_id)
        try:
            if entered is not None:
                entered(room)
            active = opened()
            active.accept()
        except BaseException:
            self._rooms.cool(room)
            raise
        begun = Begun(session_id=session_id, run_id=active.id)
        task = asyncio.create_task(self._drive(room, active, begun, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    async def _drive(self, room: Room, active: Active, begun: Begun, failed: Failed | None) -> None:
        """One run to its end; the border where its errors become an event and a line of the log."""
        ids = {"session_id": room.id, "run_id": active.id}
        try:
            async with self._entrance.passed(active.journal, active.id):
                await self._loom.follow(active)
        except asyncio.CancelledError:
            raise
        except PlanloomError as error:
            self._log.info("run refused", **ids, kind=type(error).__name__)
            if failed is not None:
                failed(begun, error)
        except Exception as error:  # noqa: BLE001 - the border of every run
            self._log.error("run broke", **ids, kind=type(error).__name__, exc_info=True)
            self._end(begun, f"internal error: {type(error).__name__}; the server's log says more")
            if failed is not None:
                failed(begun, error)
        finally:
            self._loom.underway.close(active)
            self._rooms.cool(room)

    def _end(self, begun: Begun, reason: str) -> None:
        """Writes the end of a run that could not do so itself, so that it is not taken up again."""
        try:
            end = RunFinished("failed", reason, "", 0.0, {})
            self._loom.sessions.open(begun.session_id).add(end, run_id=begun.run_id)
        except JournalError as error:
            self._log.error("journal not written", session_id=begun.session_id, error=str(error))

    # ---- orders

    async def session_of(self, run_id: str, owner: str) -> str:
        """The session of a run.

        Raises:
            UsageError: there is no such run of this owner.
        """
        try:
            if run_id in self._loom.underway:
                session_id = self._loom.underway.session_of(run_id)
            else:
                session_id = await asyncio.to_thread(self._loom.underway.session_of, run_id)
            self._owners.check(session_id, owner)
        except UsageError:
            raise UsageError(f"expected the id of one of your runs, got {run_id!r}") from None
        return session_id

    async def answer(
        self, run_id: str, step: str, owner: str, *, granted: bool, note: str, changes: Mapping[str, Any]
    ) -> str:
        """Answers an open approval, durably; gives the run's session. A run that stands still goes on then.

        Raises:
            UsageError: no such run of this owner, or nothing is asked of the step.
            JournalError: it can't be written.
        """
        session_id = await self.session_of(run_id, owner)
        await self._loom.approve(run_id, step, granted, note=note, changes=changes)
        await self._see(session_id)
        if run_id not in self._loom.underway:
            await self.go_on(run_id, owner)
        return session_id

    async def cancel(self, run_id: str, step: str | None, owner: str, reason: str) -> str:
        """Cancels a run or a step, durably; gives the run's session.

        Raises:
            UsageError: no such run or step of this owner, or it is over.
            JournalError: it can't be written.
        """
        session_id = await self.session_of(run_id, owner)
        await self._loom.cancel(run_id, step, reason=reason)
        await self._see(session_id)
        return session_id

    async def change_plan(
        self, run_id: str, plan: Mapping[str, Any], owner: str, note: str, failed: Failed | None = None
    ) -> Begun:
        """Refuses the plan under review and runs this one in its session.

        Raises:
            PlanError: the new plan has faults; the old one is still under review.
            UsageError: no plan of this run is under review.
            others: as `start`.
        """
        session_id = await self.session_of(run_id, owner)
        await self._loom.plan(plan=parse(plan))
        if _REVIEW not in self._loom.open_approvals(run_id):
            raise UsageError(f"expected a run whose plan is under review, got {run_id!r}")
        await self._loom.approve(run_id, _REVIEW, False, note=note or "changed by the person")
        return await self.start(Ask(session_id=session_id, plan=plan), owner, failed)

    async def room(self, session_id: str) -> Room:
        """The room of a session; whoever wants it to stay joins it at once.

        Raises:
            JournalError: its journal is damaged.
        """
        return await self._rooms.enter(session_id)

    async def _see(self, session_id: str) -> None:
        """Takes in what an order wrote into a session that is not open here."""
        room = await self._rooms.enter(session_id)
        self._rooms.look(room)
        self._rooms.forget(room)

    # ---- start and end

    async def take_up(self) -> int:
        """Goes on with the runs that an earlier server left; gives how many. Those of the command line are its own."""
        left = [
            (summary.id, run_id)
            for summary in await asyncio.to_thread(self._loom.sessions.all)
            for run_id, status in summary.runs.items()
            if status in ("running", "needs_approval") and self._owners.is_served(summary.id)
        ]
        taken = 0
        for session_id, run_id in left:
            try:
                await self.go_on(run_id, self._owners.of(session_id) or "")
                taken += 1
            except (PlanloomError, OSError) as error:
                self._log.warning("run not taken up", session_id=session_id, run_id=run_id, error=str(error))
        return taken

    async def close(self) -> None:
        """Leaves all runs as their journals tell them; may be called again."""
        self._is_stopping = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
