"""A run in a few lines for a log: each begins with the run's id, so that lines of many runs can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .figures import Analysis, StepFigures
from .scenarios import side_by_side


def totals(analysis: Analysis) -> list[str]:
    """Seconds in all and of each kind of action, how many ran side by side, tokens, errors by kind, machine."""
    return [f"{analysis.run_id}  {name:<10}  {text}" for name, text in _lines(analysis)]


def _lines(analysis: Analysis) -> Iterator[tuple[str, str]]:
    leaves = analysis.leaves
    ok = sum(step.status == "ok" for step in leaves)
    yield (
        "total",
        (
            f"{analysis.wall_s:.2f} s, {analysis.status or 'no end yet'}, {ok} of {len(leaves)} steps ok, "
            f"{analysis.peak} at once, {analysis.schedule}"
        ),
    )
    families: dict[str, list[StepFigures]] = {}
    for step in leaves:
        if step.start_s is not None:
            families.setdefault(step.action.partition(".")[0] or step.action, []).append(step)
    for family, steps in families.items():
        yield family, _family(steps)
    yield "model", f"{analysis.model_calls} calls, {analysis.tokens} tokens, {analysis.largest_call} in the largest"
    yield "errors", _errors(leaves)
    if analysis.cpu_s is not None:
        yield "machine", f"{analysis.cpu_s:.2f} s of processors, {analysis.memory_mb or 0:.0f} MB of memory at most"


def _family(steps: Sequence[StepFigures]) -> str:
    work_s, most = side_by_side(steps)
    starts = [step.start_s for step in steps if step.start_s is not None]
    ends = [step.end_s for step in steps if step.end_s is not None]
    spent_s = max(ends, default=0.0) - min(starts, default=0.0)
    return f"{spent_s:.2f} s from first to last, {len(steps)} steps, {work_s:.2f} s of work, {most} at once"


def _errors(leaves: Sequence[StepFigures]) -> str:
    """How often what happened to which action: retried, rejected, failed, skipped, cancelled, in doubt."""
    found = Counter[tuple[str, str]]()
    for step in leaves:
        found["retried", step.action] += step.retries
        found["rejected", step.action] += step.rejected
        if step.status not in ("ok", "waiting", "running"):
            found[step.status.replace("_", " "), step.action] += 1
    return ", ".join(f"{count} {kind} ({action})" for (kind, action), count in sorted(found.items()) if count) or "none"
