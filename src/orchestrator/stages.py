"""What each node of the graph does to one run. Rule: the nodes in `graph` only move ids; the work is here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from ..errors import BudgetError, PlanError, PlanloomError
from ..events import Notice, PlanChanged, RunFinished, RunStarted
from ..memory.artifacts import ArtifactStore
from ..models.scope import entered
from .active import Active
from .answering.ending import Ending
from .planning.files import dump
from .planning.findings import Finding
from .planning.plan import Plan, Step
from .planning.planner import Outcome, Proposal
from .proposals import Proposals, with_steps
from .resuming.recovery import Recovered
from .review import Review
from .running import ticks
from .running.executor import Executor
from .running.judge import Judge
from .running.past import Kept, Past
from .running.run import Run
from .running.state import Settings, Status
from .running.values import Values


class Stages:
    """The work of the graph's nodes, for all runs of a process."""

    def __init__(
        self,
        proposals: Proposals,
        store: ArtifactStore,
        *,
        folders: Callable[[str, str, Path | None], Any],
        ending: Ending,
        listen: Callable[[Active], Coroutine[Any, Any, None]],
    ) -> None:
        self.services = proposals.services
        self.proposals = proposals
        self._store = store
        self._folders = folders
        self.answer = ending.answer
        self._listen = listen
        self.judge: Judge | None = None

    # ---- intake and plan

    async def plan(self, active: Active) -> None:
        """Finds the plan and announces the run, or takes up one that another process began.

        Raises:
            as `Proposals.propose`; the run is then over.
        """
        recovered = active.recovered
        if recovered is not None and recovered.is_whole and recovered.plan is not None:
            await self.services.registry.prepare(step.action for step in recovered.plan.steps)
            active.proposal = Proposal(plan=recovered.plan, source=recovered.source)
        else:
            await self._plan_anew(active)
        assert active.proposal is not None
        active.run = self._new_run(active, active.proposal.plan)
        if recovered is not None:
            self._take_up(active, active.run, recovered)
        if recovered is None or not _goes_on(active.proposal.plan, recovered):
            self._announce(active, active.run)

    async def _plan_anew(self, active: Active) -> None:
        try:
            with entered(active.scope):
                active.proposal = await self.proposals.propose(active.request)
        except PlanloomError as error:
            active.emit(RunFinished("failed", str(error), "", self.services.clock.now() - active.began, {}))
            raise

    def _announce(self, active: Active, run: Run) -> None:
        assert active.proposal is not None
        settings = run.settings
        active.emit(
            RunStarted(
                run.plan.goal or active.request.goal,
                dict(run.plan.inputs),
                active.proposal.source,
                {
                    "max_parallel_steps": settings.max_parallel_steps,
                    "schedule": settings.schedule,
                    "verify": settings.verify,
                },
                dump(run.plan) if active.proposal.stream is None else None,
                str(run.workspace.out),
            )
        )
        for text in self.services.registry.take_notices():
            active.emit(Notice(text))

    def _take_up(self, active: Active, run: Run, recovered: Recovered) -> None:
        run.past, run.overrides = recovered.past, recovered.overrides
        active.replans, active.cancelled = recovered.replans, recovered.cancelled
        active.began -= recovered.seconds
        run.budget.settle({}, dict(recovered.used))

    def _new_run(self, active: Active, plan: Plan) -> Run:
        config, request = self.services.config, active.request
        execution = config.execution
        values = Values(
            self._store, plan.inputs, large_bytes=execution.large_result_bytes, max_bytes=execution.max_result_bytes
        )
        assert active.proposal is not None
        name = active.proposal.source.partition(":")[2] or plan.goal or "run"
        return Run(
            id=active.id,
            plan=plan,
            journal=active.journal,
            workspace=self._folders(_slug(name), active.id, request.out),
            settings=Settings.of(config),
            values=values,
            budget=active.scope.budgets[0],
            wall_s=config.limits.wall_s,
            estimates=request.estimates,
            approve=request.approve,
            judge=self.judge.about(plan.goal) if self.judge is not None else None,
            waits=request.waits,
        )

    # ---- execute and replan

    async def execute(self, active: Active) -> None:
        """Runs the plan to its end, or until only people can go on."""
        listening = asyncio.create_task(self._listen(active))
        await asyncio.sleep(0)  # a cancel that was left here is heard before anything starts
        try:
            await self._execute(active)
        finally:
            listening.cancel()

    async def _execute(self, active: Active) -> None:
        assert active.run is not None and active.proposal is not None
        active.end = None
        if active.replans == 0 and self.services.config.execution.plan_approval:
            await self._review(active, active.run)
        if active.cancelled is not None:
            active.end = ticks.End("cancelled", active.cancelled)
        if active.end is not None:
            return
        active.executor = executor = Executor(self.services, active.run)
        stream = active.proposal.stream if active.replans == 0 else None
        try:
            with entered(active.scope):
                active.end = await executor.run(self._linted(active, stream) if stream is not None else None)
            active.asked = dict(executor.people.open)
        except BudgetError as error:
            active.end = ticks.End("budget", error.budget)
        except PlanError as error:
            active.emit(Notice(str(error)))
            active.end = ticks.End("failed", str(error))

    async def _review(self, active: Active, run: Run) -> None:
        """Asks whether the plan may run; without a yes, the run has its end."""
        active.review = review = Review(run.plan, self._question(run.plan), active.journal, active.id)
        try:
            answered = await review.answered(run.past, run.approve, waits=run.waits)
        finally:
            active.review = None
        if answered is None:
            active.asked = {review.asked.step: review.asked}
            active.end = ticks.End("needs_approval", "waits for an answer to: plan")
        elif not answered.granted:
            reason = f": {answered.note}" if answered.note else ""
            active.end = ticks.End("failed", f"the plan was refused{reason}")

    def _question(self, plan: Plan) -> str:
        find, estimate = self.services.registry.find, self.services.estimate
        tools = [find(step.action) for step in plan.steps]
        writes = sum(tool is not None and tool.effect == "write" for tool in tools)
        known = [seconds for step in plan.steps if (seconds := estimate(step.action)) is not None]
        about = f", about {sum(known):.0f} s one after another" if len(known) == len(plan.steps) else ""
        changes = f"{writes} of them write" if writes else "none of them writes"
        return f"Run this plan of {len(plan.steps)} steps ({changes}{about})?"

    async def _linted(self, active: Active, stream: AsyncIterator[Step]) -> AsyncIterator[Step]:
        from .planning.lint import Linter

        assert active.run is not None
        registry = self.services.registry
        linter = Linter(
            registry.find,
            names=registry.names,
            max_steps=self.services.config.execution.max_steps,
            inputs=active.run.plan.inputs,
        )
        steps = list(active.run.plan.steps)
        for step in steps:
            linter.add(step)
        async for step in stream:
            _refuse(linter.add(step))
            steps.append(step)
            yield step
        active.run.plan = whole = with_steps(active.run.plan, tuple(steps), getattr(stream, "answer", None))
        _refuse(linter.end(whole.answer))

    def pause(self, active: Active) -> None:
        """Notes that a run rests until people answer."""
        assert active.end is not None
        active.emit(RunFinished(active.end.status, active.end.reason, "", self.services.clock.now() - active.began, {}))

    def may_replan(self, active: Active) -> bool:
        """Whether a planner may be asked to change the plan."""
        failed = active.end is not None and active.end.status == "failed"
        return failed and active.executor is not None and active.replans < self.services.config.execution.max_replans

    async def replan(self, active: Active) -> bool:
        """Asks the planners for a changed plan; True when there is one to run. Finished steps are not run again."""
        assert active.run is not None and active.executor is not None
        run, state = active.run, active.executor.core.state
        outcomes = {c.id: Outcome(status=c.status.value, error=c.error, caused_by=c.cause) for c in state}
        for planner in self.proposals.planners:
            with entered(active.scope):
                changed = await planner.replan(run.plan, outcomes)
            if changed is None:
                continue
            self.proposals.check(changed)
            active.replans += 1
            self._carry_over(active, changed)
            return True
        return False

    def _carry_over(self, active: Active, changed: Plan) -> None:
        assert active.run is not None and active.executor is not None
        run = active.run
        before, after = {s.id: s for s in run.plan.steps}, {s.id: s for s in changed.steps}
        removed = tuple(name for name in before if after.get(name) != before[name])
        added = tuple(name for name in after if after[name] != before.get(name))
        past = Past(cancelled=run.past.cancelled, answers=run.past.answers, again=set(run.past.again))
        for cell in active.executor.core.state:
            event, stored = run.finished.get(cell.id), run.values.result(cell.id)
            if event is None or event.key is None:
                continue
            if cell.status is Status.DONE and cell.settled and stored is not None:
                verdict = ticks.Verdict(run.verified.get(cell.id, "off"), "verified before", ("earlier round",))
                past.keep(event.key, Kept(stored=stored, files=tuple(run.files.get(cell.id, ())), verdict=verdict))
                if cell.traits.effect == "write":
                    past.again.add(cell.id)
            elif cell.status is Status.FAILED:
                past.keep(event.key, Kept(error=event.error or ""))
        past.threads, past.messages = run.past.threads, run.past.messages
        active.emit(PlanChanged(removed, added, active.end.reason if active.end else "", dump(changed)))
        fresh = self._new_run(active, changed)
        fresh.past, fresh.workspace, fresh.budget = past, run.workspace, run.budget
        fresh.overrides = run.overrides
        active.run = fresh


def _refuse(findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise PlanError(f"the planner wrote a faulty plan: {errors[0]}", errors)


def _goes_on(plan: Plan, recovered: Recovered) -> bool:
    """Whether the journal tells of the whole of this plan already."""
    return recovered.plan is not None and recovered.is_whole and plan.steps == recovered.plan.steps


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
