"""What each node of the graph does to one run. Rule: the nodes in `graph` only move ids; the work is here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import BudgetError, InputError, PlanError, UsageError
from ..events import AnswerToken, Notice, PlanChanged, RunFinished, RunStarted
from ..memory.artifacts import ArtifactStore
from ..memory.journal import Journal
from ..models.scope import Scope, entered
from . import answer
from .planning.findings import Finding
from .planning.plan import Plan, Step
from .planning.planner import Goal, Outcome, Planner, Proposal
from .result import Artifact, Result, StepResult, artifacts, critical_path_seconds, step_results
from .running import ticks
from .running.executor import Executor
from .running.judge import Judge
from .running.memo import Memo
from .running.run import Approve, Run, Services
from .running.state import Settings, Status
from .running.values import Values
from .writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `Planloom.run` was asked; meanings as there."""

    goal: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    playbook: str | None = None
    plan: Plan | None = None
    approve: Approve | None = None
    out: Path | None = None
    estimates: Mapping[str, float] = field(default_factory=dict)
    waits: bool = False


@dataclass(slots=True, kw_only=True)
class Active:
    """A run under way, from intake to answer."""

    id: str
    session_id: str
    request: Request
    journal: Journal
    began: float
    scope: Scope
    proposal: Proposal | None = None
    run: Run | None = None
    executor: Executor | None = None
    end: ticks.End | None = None
    replans: int = 0
    cancelled: str | None = None
    result: Result | None = None

    def emit(self, payload: Any) -> None:
        """An event, on disk and shown when this returns."""
        self.journal.append(payload, self.id)
        self.journal.commit()


class Stages:
    """The work of the graph's nodes, for all runs of a process."""

    def __init__(
        self,
        services: Services,
        planners: list[Planner],
        store: ArtifactStore,
        folders: Callable[[str, str, Path | None], Any],
        remember: Callable[[Mapping[str, list[float]]], None],
    ) -> None:
        self.services = services
        self.planners = planners
        self._store = store
        self._folders = folders
        self._remember = remember
        self.judge: Judge | None = None
        self.writer: Writer | None = None

    # ---- intake and plan

    async def propose(self, request: Request) -> Proposal:
        """A linted plan for a request, whole or still streaming.

        Raises:
            UsageError: no goal, no planner with an offer, or several near playbooks.
            InputError: an input is missing.
            PlanError: the plan has faults; `findings` names each.
        """
        proposal = await self._proposal(request)
        if proposal.stream is not None and not self.services.config.features.plan_streaming:
            steps = (*proposal.plan.steps, *[step async for step in proposal.stream])
            whole = _with_steps(proposal.plan, steps, getattr(proposal.stream, "answer", None))
            proposal = Proposal(plan=whole, source=proposal.source)
        if proposal.stream is None:
            self.check(proposal.plan)
        return proposal

    async def _proposal(self, request: Request) -> Proposal:
        if request.plan is not None:
            given = {**request.plan.inputs, **request.inputs}
            return Proposal(plan=_with_inputs(request.plan, given), source="plan")
        if not request.goal.strip() and request.playbook is None:
            raise UsageError('expected a goal in words, got nothing; try: planloom run "Report on the folder ."')
        goal = Goal(text=request.goal, inputs=request.inputs, playbook=request.playbook)
        refusal: UsageError | None = None
        for planner in self.planners:
            try:
                proposal = await planner.propose(goal)
            except InputError:
                raise
            except UsageError as error:
                refusal = refusal or error
                continue
            if proposal is not None:
                return proposal
        raise refusal or UsageError(f"expected a goal some planner can plan, got {request.goal!r}")

    def check(self, plan: Plan) -> list[Finding]:
        """The lint notes of a plan.

        Raises:
            PlanError: the plan has errors.
        """
        from .planning.lint import lint

        registry = self.services.registry
        findings = lint(plan, registry.find, names=registry.names, max_steps=self.services.config.execution.max_steps)
        errors = [f for f in findings if f.severity == "error"]
        if errors:
            told = "\n".join(f"  {finding}" for finding in errors[:20])
            raise PlanError(f"the plan has {len(errors)} error{'s' * (len(errors) > 1)}:\n{told}", errors)
        return findings

    async def plan(self, active: Active) -> None:
        """Finds the plan and announces the run."""
        with entered(active.scope):
            active.proposal = proposal = await self.propose(active.request)
        config = self.services.config
        plan = proposal.plan
        active.emit(
            RunStarted(
                plan.goal or active.request.goal,
                dict(plan.inputs),
                proposal.source,
                {
                    "max_parallel_steps": config.performance.max_parallel_steps,
                    "schedule": Settings.of(config).schedule,
                    "verify": Settings.of(config).verify,
                },
            )
        )
        active.run = self._new_run(active, plan)

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
        """Runs the plan to its end."""
        assert active.run is not None and active.proposal is not None
        if active.cancelled is not None:
            active.end = ticks.End("cancelled", active.cancelled)
            return
        active.executor = executor = Executor(self.services, active.run)
        stream = active.proposal.stream if active.replans == 0 else None
        try:
            with entered(active.scope):
                active.end = await executor.run(self._linted(active, stream) if stream is not None else None)
        except BudgetError as error:
            active.end = ticks.End("budget", error.budget)
        except PlanError as error:
            active.emit(Notice(str(error)))
            active.end = ticks.End("failed", str(error))

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
        active.run.plan = whole = _with_steps(active.run.plan, tuple(steps), getattr(stream, "answer", None))
        _refuse(linter.end(whole.answer))

    def may_replan(self, active: Active) -> bool:
        """Whether a planner may be asked to change the plan."""
        failed = active.end is not None and active.end.status == "failed"
        return failed and active.replans < self.services.config.execution.max_replans

    async def replan(self, active: Active) -> bool:
        """Asks the planners for a changed plan; True when there is one to run. Finished steps are not run again."""
        assert active.run is not None and active.executor is not None
        run, state = active.run, active.executor.core.state
        outcomes = {c.id: Outcome(status=c.status.value, error=c.error, caused_by=c.cause) for c in state}
        for planner in self.planners:
            with entered(active.scope):
                changed = await planner.replan(run.plan, outcomes)
            if changed is None:
                continue
            self.check(changed)
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
        memo = Memo()
        for cell in active.executor.core.state:
            event, stored = run.finished.get(cell.id), run.values.result(cell.id)
            if cell.status is Status.DONE and cell.settled and event is not None and event.key and stored is not None:
                memo.keep(event.key, stored, run.files.get(cell.id, []))
        active.emit(PlanChanged(removed, added, active.end.reason if active.end else ""))
        fresh = self._new_run(active, changed)
        fresh.memo, fresh.workspace, fresh.budget = memo, run.workspace, run.budget
        fresh.overrides = run.overrides
        active.run = fresh

    # ---- answer

    async def answer(self, active: Active) -> None:
        """Writes the answer and closes the run."""
        run, executor, end = active.run, active.executor, active.end
        assert run is not None and end is not None and active.proposal is not None
        steps = {}
        longest = 0.0
        files: tuple[Any, ...] = ()
        if executor is not None:
            state = executor.core.state
            steps = step_results(state, run.finished, run.verified)
            longest = critical_path_seconds(state, {name: s.seconds for name, s in steps.items()})
            files = artifacts(state, run.files)
            self._remember_seconds(executor, steps)
        text = await self._written(active, steps, files)
        seconds = self.services.clock.now() - active.began
        cost = {name: run.budget.used.get(name, 0) for name in ("usd", "tokens", "model_calls")}
        active.result = Result(
            run_id=active.id,
            session_id=active.session_id,
            goal=run.plan.goal or active.request.goal,
            status=end.status,
            reason=end.reason,
            answer=text,
            steps=steps,
            artifacts=files,
            seconds=seconds,
            sequential_seconds=sum(s.seconds for s in steps.values()),
            critical_path_seconds=longest,
            cost=cost,
            plan_source=active.proposal.source,
        )
        active.emit(RunFinished(end.status, end.reason, text, seconds, cost))

    async def _written(self, active: Active, steps: Mapping[str, StepResult], files: Sequence[Artifact]) -> str:
        """The answer: by the writer where a model planned or no template is there, else by the template."""
        run, proposal = active.run, active.proposal
        assert run is not None and proposal is not None
        by_model = proposal.source == "model" or run.plan.answer is None
        if self.writer is None or not by_model or active.cancelled is not None:
            text = answer.write(run.plan, steps, run.values.lookup)
            active.emit(AnswerToken(text))
            return text
        with entered(active.scope):
            written = await self.writer.write(
                run.plan, steps, files, run.values.lookup, lambda piece: active.emit(AnswerToken(piece))
            )
        if written.note:
            active.emit(Notice(f"the answer was written by the {written.by}: {written.note}"))
        return written.text

    def _remember_seconds(self, executor: Executor, steps: Mapping[str, Any]) -> None:
        seconds: dict[str, list[float]] = {}
        for cell in executor.core.state:
            if cell.status is Status.DONE and cell.kids is None and cell.tries:
                seconds.setdefault(cell.step.action, []).append(steps[cell.id].seconds)
        self._remember(seconds)


def _refuse(findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise PlanError(f"the planner wrote a faulty plan: {errors[0]}", errors)


def _with_steps(plan: Plan, steps: tuple[Step, ...], answer: str | None) -> Plan:
    """The plan with the steps that were streamed, and their answer's template if it has none of its own."""
    return replace(plan, steps=steps, answer=plan.answer if plan.answer is not None else answer)


def _with_inputs(plan: Plan, inputs: Mapping[str, Any]) -> Plan:
    return replace(plan, inputs=inputs)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "run"
