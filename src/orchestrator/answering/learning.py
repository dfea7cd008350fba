"""What a run that has ended teaches the plan cache. Rule: plain facts of the run; the cache decides."""

from __future__ import annotations

from ..active import Active
from ..intake import kind
from ..planning.cached.cache import PlanCache, Ran


async def learn(cache: PlanCache, active: Active) -> str:
    """Keeps or retires the run's plan. What a person should know of it, empty: nothing."""
    run, executor, end = active.run, active.executor, active.end
    if run is None or executor is None or end is None or active.proposal is None:
        return ""
    if kind(active.request.goal) != "goal":  # what it means hangs on what was said before
        return ""
    work = [cell for cell in executor.core.state if cell.kids is None]
    request = active.request
    learnt = await cache.learn(
        Ran(
            goal=request.goal or run.plan.goal,
            inputs=request.inputs,
            plan=run.plan,
            source=active.proposal.source,
            status=end.status,
            steps={cell.id: (cell.status.value, run.verified.get(cell.id, "off")) for cell in work},
            replans=active.replans,
            changed=bool(run.overrides),
            is_standalone=active.proposal.is_standalone,
            run=active.id,
        )
    )
    if learnt.retired and learnt.retired != learnt.kept:
        return f"the kept plan {learnt.retired!r} is no longer used: this run of it was not verified"
    return ""
