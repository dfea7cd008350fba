"""The composition root: makes everything once, hands it down, and closes it in reverse order.

Rule: the only place that reads the clock of the machine and knows all parts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from ..agents.equipment import equipped
from ..agents.knowledge import Knowledge
from ..agents.tool import Tool
from ..agents.workspace import Workspace
from ..clock import Clock, SystemClock
from ..config import Config
from ..events import ApprovalAsked, Event
from ..memory.artifacts import ArtifactStore
from ..memory.history import History
from ..memory.journal import Listener
from ..memory.sessions import Sessions
from ..models.client import Models, RoleName, endpoint_of
from ..settings import load
from . import making
from .active import Active, Request
from .answering.ending import Ending
from .planning.modelled import ModelPlanner
from .planning.plan import Plan
from .planning.planner import Planner
from .planning.playbooks import Library
from .proposals import Proposals
from .result import Result, told
from .resuming.control import Control
from .resuming.recovery import Recovered
from .resuming.underway import Underway
from .running.capacity import Limits
from .running.run import Approve, Services
from .stages import Stages


class Planloom:
    """Runs goals. Use as `async with Planloom() as loom`; one instance runs any number of goals side by side."""

    def __init__(
        self,
        config: Config | None = None,
        *,
        tools: Iterable[Tool] = (),
        planner: Planner | None = None,
        clock: Clock | None = None,
        checkpointer: Any = None,
    ) -> None:
        """`tools` join the built-in ones; `planner` is asked before the playbooks.

        `checkpointer` is LangGraph's, for tools of its world that watch runs; what a run needs is in its journal.
        `config` None: the settings in force in the working folder (file, environment), as for the command line.
        """
        self.config = config if config is not None else load(environ=os.environ).config
        self.registry = equipped(self.config, os.environ)
        self.registry.add(*tools)
        self.library = Library([Path(folder).expanduser() for folder in self.config.playbooks.folders])
        self._state = Path(self.config.state).expanduser().resolve()
        self._workers: Any = None
        self._graph: Any = None
        self._checkpointer = checkpointer
        self.clock = clock or SystemClock()
        self.history = History(self._state / "history.sqlite")
        self.sessions = Sessions(self._state, self.config.sessions, self.clock)
        self.underway = Underway(self.sessions, self.config, self.clock)
        self.models = self._make_models()
        self._asker = making.asker(self.config, self.models)
        self.knowledge = Knowledge(self.config, self._state, self.models, self.clock, self.sessions)
        self.crew = making.crew(self.config, self.registry, self.models)
        self._control = Control(self.underway)
        self.stages = self._make_stages(planner)

    async def __aenter__(self) -> Planloom:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends worker processes and connections, and closes journals; may be called again."""
        if self.stages.judge is not None:
            await self.stages.judge.close()
        if self._asker is not None:
            await self._asker.close()
        await self.knowledge.close()
        if self.models is not None:
            await self.models.close()
        workers, self._workers = self._workers, None
        if workers is not None:
            await workers.close()
        await self.registry.close()
        self.underway.close_all()
        self.history.close()

    # ---- goals

    async def plan(
        self,
        goal: str = "",
        *,
        inputs: Mapping[str, Any] | None = None,
        playbook: str | None = None,
        plan: Plan | None = None,
    ) -> Plan:
        """The plan for a goal, linted and not run.

        Raises:
            UsageError, InputError, PlanError: as `run`.
        """
        proposal = await self.stages.proposals.propose(
            Request(goal=goal, inputs=inputs or {}, playbook=playbook, plan=plan)
        )
        if proposal.stream is None:
            return proposal.plan
        steps = tuple([step async for step in proposal.stream])
        whole = Plan(goal=proposal.plan.goal, steps=steps, answer=proposal.plan.answer, inputs=proposal.plan.inputs)
        self.stages.proposals.check(whole)
        return whole

    async def run(
        self,
        goal: str = "",
        *,
        inputs: Mapping[str, Any] | None = None,
        playbook: str | None = None,
        plan: Plan | None = None,
        session_id: str | None = None,
        approve: Approve | None = None,
        on_event: Listener | None = None,
        out: Path | None = None,
        estimates: Mapping[str, float] | None = None,
        waits: bool = False,
    ) -> Result:
        """Plans a goal, runs the plan, and answers.

        `plan` is run as it is; else `playbook` plans, else the playbook or planner that fits the goal. `inputs` are
        named values. `approve` answers approvals (None: leave open); without it, and unless `waits`, a run that only
        waits for people ends with status needs_approval. `out` is the folder for its files. `estimates` are seconds by
        step id. Cancelling this coroutine cancels the run.

        Raises:
            UsageError: no planner has an offer for the goal, or several playbooks fit.
            InputError: an input is missing or does not fit.
            PlanError: the plan has errors; nothing was run.
            JournalError: the journal can't be written; what was acknowledged is kept.
        """
        request = Request(
            goal=goal,
            inputs=inputs or {},
            playbook=playbook,
            plan=plan,
            approve=approve,
            out=out,
            estimates=estimates or {},
            waits=waits,
        )
        return await self.follow(self.underway.open(request, session_id), on_event)

    async def follow(self, active: Active, on_event: Listener | None = None) -> Result:
        """Runs what `underway` opened; errors and cancelling as for `run`."""
        stop = active.journal.listen(_only(active.id, on_event)) if on_event is not None else None
        try:
            active.accept()
            await self._invoke(active.id)
        finally:
            if stop is not None:
                stop()
            self.underway.close(active)
            await self.knowledge.finish_forgetting()
        assert active.result is not None
        return active.result

    async def stream(self, goal: str = "", **options: Any) -> AsyncIterator[Event]:
        """The events of a run as they happen; options and errors as for `run`. Closing the iterator cancels the run."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        task = asyncio.create_task(self.run(goal, on_event=queue.put_nowait, **options))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def resume(
        self,
        run_id: str,
        *,
        from_step: str | None = None,
        approve: Approve | None = None,
        on_event: Listener | None = None,
        waits: bool = False,
    ) -> Result:
        """Goes on with a run of an earlier process; options as for `run`.

        What is finished is not run again. A run that failed or used up a budget has what failed tried anew; one that
        is done or cancelled only gives its result. `from_step` runs that step, and what depends on it, again; writes
        among them ask first.

        Raises:
            UsageError: no such run, or it is under way, or has no such step.
            BusyError: another process works on its session.
            JournalError: the journal can't be read or written.
        """
        active = self.underway.resume(run_id, from_step, approve=approve, waits=waits)
        if isinstance(active, Recovered):
            return told(active)
        return await self.follow(active, on_event)

    async def approve(
        self, run_id: str, step: str, granted: bool, *, note: str = "", changes: Mapping[str, Any] | None = None
    ) -> None:
        """Answers an open approval of a run, wherever it is; durable when this returns.

        A run that no process works on goes on with `resume`.

        Raises:
            UsageError: there is no such run, or nothing is asked of this step.
        """
        self._control.approve(run_id, step, granted, note, changes or {})

    def open_approvals(self, run_id: str) -> Mapping[str, ApprovalAsked]:
        """The approvals of a run that wait for an answer, by step.

        Raises:
            UsageError: there is no such run.
        """
        return self._control.open_approvals(run_id)

    async def cancel(self, run_id: str, step: str | None = None, *, reason: str = "") -> None:
        """Cancels a run, or one step of it, wherever it is; durable when this returns.

        Raises:
            UsageError: there is no such run, it is over, or has no such step.
        """
        self._control.cancel(run_id, step, reason)

    # ---- what the parts are handed

    def estimate_seconds(self, action: str) -> float | None:
        """The median duration of an action in earlier runs, None when unknown."""
        return self.history.estimate(action).seconds

    def _workspace(self, name: str, run_id: str, out: Path | None) -> Workspace:
        root = Path(self.config.workspace).expanduser()
        folder = out if out is not None else Path(self.config.out).expanduser() / f"{name}-{run_id}"
        return Workspace(root, folder)

    def _make_services(self) -> Services:
        return Services(
            config=self.config,
            registry=self.registry,
            caller=making.caller(self.config, self._make_workers),
            limits=Limits(self.config.limits.per_tool),
            clock=self.clock,
            estimate=self.estimate_seconds,
            ask=self._asker.ask if self._asker is not None else None,
            knowledge=self.knowledge,
            audit=making.audit(self.config, self._state, self.clock),
        )

    def _make_stages(self, planner: Planner | None) -> Stages:
        planners: list[Planner] = [making.playbook_planner(self.config, self.library, self.models)]
        if planner is not None:
            planners.insert(0, planner)
        ending = Ending(self.clock, self.history.record_seconds)
        ending.plans = making.plan_cache(self.config, self._state, self.registry)
        planners += [ending.plans] if ending.plans is not None else []
        reception = making.reception(self.clock, self.underway)
        reception.recall = self.knowledge.recall
        stages = Stages(
            Proposals(self._make_services(), planners, reception),
            ArtifactStore(self._state / "artifacts"),
            folders=self._workspace,
            ending=ending,
            listen=self._control.listen,
        )
        if self.models is not None:
            modelled = ModelPlanner(self.models, self.registry, max_steps=self.config.execution.max_steps)
            reception.choose = modelled.tools
            planners.append(modelled)
            stages.judge = making.judge(self.config, self.models)
            ending.writer = making.writer(self.config, self.models)
            ending.conceal = self.models.conceal
        return stages

    def _make_models(self) -> Models | None:
        """The models, None when no role has one: then nothing of them is imported."""
        if not any(endpoint_of(self.config.models, role) for role in get_args(RoleName)):
            return None
        from ..models.governed import governed

        return governed(self.config, self.clock)

    def _make_workers(self) -> Any:
        from ..agents.workers import Workers

        if self._workers is None:
            self._workers = Workers(self.config.performance.worker_processes)
        return self._workers

    async def _invoke(self, run_id: str) -> None:
        """One pass through the graph. With a checkpointer the run is a thread of its own, deleted when it has ended."""
        if self._graph is None:
            from .graph import build_graph

            self._graph = build_graph(self, checkpointer=self._checkpointer)
        if self._checkpointer is None:
            await self._graph.ainvoke({"run_id": run_id})
            return
        thread = {"configurable": {"thread_id": run_id}}
        try:
            await self._graph.ainvoke({"run_id": run_id}, thread, durability="sync")
        finally:
            await self._checkpointer.adelete_thread(run_id)


def _only(run_id: str, listener: Listener) -> Callable[[Event], None]:
    def heard(event: Event) -> None:
        if event.run_id == run_id:
            listener(event)

    return heard


__all__ = ["Planloom", "Result"]
