"""The end of a run: its answer, its figures, its last event. Rule: what is missing is named, never made up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from ...clock import Clock
from ...events import AnswerToken, Notice, RunFinished
from ...models.scope import entered
from ..active import Active
from ..consumption import consumption
from ..intake.reception import SESSION
from ..planning.cached.cache import SOURCE, PlanCache
from ..result import Artifact, Result, StepResult, artifacts, critical_path_seconds, step_results, told_steps
from ..running import ticks
from ..running.executor import Executor
from ..running.state import Status
from . import answer
from .learning import learn
from .writer import Writer

T = TypeVar("T")


class Ending:
    """Writes answers. `writer` None: templates alone; `remember` keeps how long actions took."""

    def __init__(
        self, clock: Clock, remember: Callable[[Mapping[str, list[float]]], None], writer: Writer | None = None
    ) -> None:
        self._clock = clock
        self._remember = remember
        self.writer = writer
        self.plans: PlanCache | None = None
        self.conceal: Callable[[str], str] = str  # takes keys out of what is shown

    async def answer(self, active: Active) -> None:
        """Writes the answer and closes the run."""
        run, executor, end = active.run, active.executor, active.end
        assert run is not None and end is not None and active.proposal is not None
        steps = {}
        longest = 0.0
        files: tuple[Any, ...] = ()
        if active.recovered is not None:
            steps = told_steps(active.recovered)
        if executor is not None:
            state = executor.core.state
            steps = step_results(state, run.finished, run.verified)
            longest = critical_path_seconds(state, {name: s.seconds for name, s in steps.items()})
            files = artifacts(state, run.files)
            self._remember_seconds(executor, steps)
        text = await self._written(active, steps, files)
        end = active.end or end
        seconds = self._clock.now() - active.began
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
        if self.plans is not None and (said := await learn(self.plans, active)):
            active.emit(Notice(said))
        now, before = consumption(), active.used_before
        machine = {"cpu_s": max(0.0, round(now.cpu_s - before.cpu_s, 3)), "memory_mb": round(now.memory_mb, 1)}
        active.emit(RunFinished(end.status, end.reason, text, seconds, {**cost, **machine}))

    async def _written(self, active: Active, steps: Mapping[str, StepResult], files: Sequence[Artifact]) -> str:
        """The answer: by the writer where a model planned or no template is there, else by the template."""
        run, proposal = active.run, active.proposal
        assert run is not None and proposal is not None
        by_model = (
            proposal.source in ("model", SESSION) or proposal.source.startswith(SOURCE) or run.plan.answer is None
        )
        if self.writer is None or not by_model or active.cancelled is not None:
            text = self.conceal(answer.write(run.plan, steps, run.values.lookup))
            active.emit(AnswerToken(text))
            return text
        said: list[str] = []

        def tell(piece: str) -> None:
            said.append(piece)
            active.emit(AnswerToken(piece))

        with entered(active.scope):
            written = await _unless(active.halted, self.writer.write(run.plan, steps, files, run.values.lookup, tell))
        if written is None:
            active.end = ticks.End("cancelled", active.cancelled or "the run was cancelled")
            return "".join(said)
        if written.note:
            active.emit(Notice(f"the answer was written by the {written.by}: {written.note}"))
        return written.text

    def _remember_seconds(self, executor: Executor, steps: Mapping[str, Any]) -> None:
        seconds: dict[str, list[float]] = {}
        for cell in executor.core.state:
            if cell.status is Status.DONE and cell.kids is None and cell.tries:
                seconds.setdefault(cell.step.action, []).append(steps[cell.id].seconds)
        self._remember(seconds)


async def _unless(halted: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None when the event comes before: then the work is cancelled."""
    working, halting = asyncio.create_task(work), asyncio.create_task(halted.wait())
    try:
        await asyncio.wait({working, halting}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, halting):
            task.cancel()
        await asyncio.gather(working, halting, return_exceptions=True)
