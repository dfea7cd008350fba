"""Starts runs for clients and carries out what they order. Rule: a run belongs to its session, never to a connection.

A client that goes away ends nothing. When the server ends, runs are left as their journals tell them, and go on when it
starts again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import JournalError, PlanloomError, UsageError
from ..events import Event, RunFinished
from ..memory.sessions import new_id
from ..orchestrator.planning.files import parse
from .logs import Log
from .owners import Owners
from .room import Room
from .rooms import Rooms

if TYPE_CHECKING:
    from ..orchestrator.runtime import Planloom

_REVIEW = "plan"
_SIDE_BY_SIDE = 4  # runs taken up at the same time at start

Entered = Callable[[Room], None]
Runs = Callable[[Callable[[Event], None]], Awaitable[Any]]


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
        self._tasks: set[asyncio.Task[Any]] = set()
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

        def run(hear: Callable[[Event], None]) -> Awaitable[Any]:
            return self._loom.run(
                ask.message,
                inputs=ask.inputs,
                playbook=ask.playbook,
                plan=plan,
                session_id=session_id,
                on_event=hear,
                waits=True,
            )

        return await self._begin(session_id, run, failed, entered)

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

        def run(hear: Callable[[Event], None]) -> Awaitable[Any]:
            return self._loom.resume(run_id, from_step=from_step, on_event=hear, waits=True)

        return await self._begin(session_id, run, failed, entered)

    async def _begin(self, session_id: str, run: Runs, failed: Failed | None, entered: Entered | None) -> Begun:
        if self._is_stopping:
            raise StoppingError("expected to take this on, but the server ends; send it again in a moment")
        room = self._rooms.warm(session_id)
        if entered is not None:
            entered(room)
        known: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def hear(event: Event) -> None:
            if not known.done():
                known.set_result(event.run_id)

        task = asyncio.create_task(self._drive(room, run(hear), known, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        both: set[asyncio.Future[Any]] = {known, task}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not known.done():
            if (error := task.result()) is not None:
                raise error
            raise UsageError("expected a run that may go on, got one with nothing left to do")
        return Begun(session_id=session_id, run_id=known.result())

    async def _drive(
        self, room: Room, run: Awaitable[Any], known: asyncio.Future[str], failed: Failed | None
    ) -> Exception | None:
        """One run to its end; the border where its errors become an event and a line of the log."""
        try:
            await run
        except asyncio.CancelledError:
            raise
        except PlanloomError as error:
            self._report(room, known, error, failed)
            return error
        except Exception as error:  # noqa: BLE001 - the border of every run
            ids = {"session_id": room.id, "run_id": _id(known)}
            self._log.error("run broke", **ids, kind=type(error).__name__, exc_info=True)
            self._end(room, known, f"internal error: {type(error).__name__}; the server's log says more")
            self._report(room, known, error, failed)
            return error
        finally:
            self._rooms.cool(room)
        return None

    def _report(self, room: Room, known: asyncio.Future[str], error: Exception, failed: Failed | None) -> None:
        self._log.info("run refused", session_id=room.id, run_id=_id(known), kind=type(error).__name__)
        if failed is not None and known.done():
            failed(Begun(session_id=room.id, run_id=known.result()), error)

    def _end(self, room: Room, known: asyncio.Future[str], reason: str) -> None:
        """Writes the end of a run that could not do so itself, so that it is not taken up again."""
        if not known.done():
            return
        try:
            end = RunFinished("failed", reason, "", 0.0, {})
            self._loom.sessions.open(room.id).add(end, run_id=known.result())
        except JournalError as error:
            self._log.error("journal not written", session_id=room.id, run_id=known.result(), error=str(error))

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
        gate = asyncio.Semaphore(_SIDE_BY_SIDE)

        async def one(session_id: str, run_id: str) -> bool:
            async with gate:
                try:
                    await self.go_on(run_id, self._owners.of(session_id) or "")
                except (PlanloomError, OSError) as error:
                    self._log.warning("run not taken up", session_id=session_id, run_id=run_id, error=str(error))
                    return False
                return True

        return sum(await asyncio.gather(*(one(*place) for place in left)))

    async def close(self) -> None:
        """Leaves all runs as their journals tell them; may be called again."""
        self._is_stopping = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _id(known: asyncio.Future[str]) -> str:
    return known.result() if known.done() else ""
