"""What a plan would do, said before it runs: waves, critical path, what each step takes, what needs approval.

Rule: nothing runs here. What no earlier run has measured is None, and sums over it are lower bounds that say so.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from ....agents.tool import Effect, Tool
from ....errors import PlanError
from ....memory.history import Estimate
from .. import dag
from ..plan import INPUTS, Plan, ReferenceSyntaxError, Step, follow, paired_with, references
from .outlines import mermaid, tree

__all__ = ["explain", "Explanation", "Explained", "Totals", "mermaid", "tree"]

FindTool = Callable[[str], Tool | None]
EstimateOf = Callable[[str], Estimate | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One step. `wave` counts from 1.

    `effect` None: no such tool is known. `seconds`, `tokens` and `usd` are medians of earlier calls, of one item where
    the step is a for_each; None: unknown (for tokens and dollars also: none were used). `samples` is how many calls
    they come from. `each` says what a for_each goes over, None for other steps; `count` is how many calls the step
    stands for, None while only the run can tell.
    """

    id: str
    action: str
    wave: int
    after: tuple[str, ...] = ()
    effect: Effect | None = None
    needs_approval: bool = False
    optional: bool = False
    is_critical: bool = False
    seconds: float | None = None
    tokens: float | None = None
    usd: float | None = None
    samples: int = 0
    each: str | None = None
    count: int | None = 1
    reasoning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the steps; None where nothing is known.

    `sequential_s`: one step after another. `critical_path_s`: the longest chain, which no number of parallel steps
    can beat. `unmeasured` are the steps no earlier run has timed, `open_ended` the for_each steps whose number of
    items is not known yet (counted as one): with either, the sums are lower bounds.
    """

    steps: int
    waves: int
    sequential_s: float | None = None
    critical_path_s: float | None = None
    tokens: float | None = None
    usd: float | None = None
    unmeasured: tuple[str, ...] = ()
    open_ended: tuple[str, ...] = ()

    @property
    def is_lower_bound(self) -> bool:
        """Whether something is missing in the sums."""
        return bool(self.unmeasured or self.open_ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan before it runs. `steps` are in the plan's order, `waves` and `critical_path` hold their ids."""

    goal: str
    steps: tuple[Explained, ...]
    waves: tuple[tuple[str, ...], ...]
    critical_path: tuple[str, ...]
    totals: Totals

    @property
    def approvals(self) -> tuple[str, ...]:
        """The steps that a person has to allow, in the plan's order."""
        return tuple(step.id for step in self.steps if step.needs_approval)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; the keys are the fields' names."""
        return {
            "goal": self.goal,
            "steps": [_listed(asdict(step)) for step in self.steps],
            "waves": [list(wave) for wave in self.waves],
            "critical_path": list(self.critical_path),
            "approvals": list(self.approvals),
            "totals": _listed(asdict(self.totals)) | {"is_lower_bound": self.totals.is_lower_bound},
        }


def _listed(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def explain(plan: Plan, find_tool: FindTool, estimate: EstimateOf) -> Explanation:
    """What the plan would do. `estimate` is asked once for each action, None or no samples: unknown.

    Raises:
        PlanError: the plan has a cycle, so nothing can be said about its order.
    """
    inputs = dag.inputs_of(plan)
    cycle = dag.find_cycle(inputs)
    if cycle:
        loop = " -> ".join([*cycle, cycle[0]])
        raise PlanError(f"expected a plan without cycles, got {loop}; remove one of these dependencies")
    place = {step.id: number for number, step in enumerate(plan.steps)}
    waves = [sorted(wave, key=place.__getitem__) for wave in dag.waves(inputs)]
    wave_of = {name: number for number, wave in enumerate(waves, 1) for name in wave}
    counts = _counts(plan)
    known = lru_cache(maxsize=None)(estimate)
    steps = [_explained(step, find_tool(step.action), known(step.action), counts.get(step.id)) for step in plan.steps]
    steps = [replace(step, wave=wave_of[step.id], after=inputs[step.id]) for step in steps]
    path = dag.critical_path(inputs, _weights(steps))
    on_path = set(path)
    steps = [replace(step, is_critical=step.id in on_path) for step in steps]
    return Explanation(
        goal=plan.goal,
        steps=tuple(steps),
        waves=tuple(map(tuple, waves)),
        critical_path=tuple(path),
        totals=_totals(steps, len(waves)),
    )


def _explained(step: Step, tool: Tool | None, known: Estimate | None, count: int | None) -> Explained:
    known = known or Estimate()
    cost_usd = tool.cost_usd if tool is not None and tool.cost_usd else None
    return Explained(
        id=step.id,
        action=step.action,
        wave=1,
        effect=tool.effect if tool is not None else None,
        needs_approval=step.approval if step.approval is not None else tool is not None and tool.destructive,
        optional=step.optional,
        seconds=known.seconds,
        tokens=known.tokens,
        usd=known.usd if known.usd is not None else cost_usd,
        samples=known.samples,
        each=_each(step, count),
        count=count,
        reasoning=step.reasoning,
    )


def _weights(steps: Iterable[Explained]) -> dict[str, float]:
    """Seconds for finding the critical path; steps nobody has timed count as the median of the others."""
    steps = tuple(steps)
    timed = [step.seconds for step in steps if step.seconds is not None]
    usual = statistics.median(timed) if timed else 1.0
    return {step.id: usual if step.seconds is None else step.seconds for step in steps}


def _totals(steps: list[Explained], waves: int) -> Totals:
    def total(values: Iterable[tuple[Explained, float | None]], *, calls: bool = True) -> float | None:
        # a for_each of unknown length counts once; on the critical path its items run side by side
        known = [
            value * (_calls(step) if calls else min(1, _calls(step))) for step, value in values if value is not None
        ]
        return sum(known) if known else None

    return Totals(
        steps=len(steps),
        waves=waves,
        sequential_s=total((step, step.seconds) for step in steps),
        critical_path_s=total(((step, step.seconds) for step in steps if step.is_critical), calls=False),
        tokens=total((step, step.tokens) for step in steps),
        usd=total((step, step.usd) for step in steps),
        unmeasured=tuple(step.id for step in steps if step.seconds is None and step.count != 0),
        open_ended=tuple(step.id for step in steps if step.count is None),
    )


def _calls(step: Explained) -> int:
    return 1 if step.count is None else step.count


def _counts(plan: Plan) -> dict[str, int | None]:
    """How many calls each step stands for; None where only the run can tell."""
    by_id = {step.id: step for step in plan.steps}
    counts: dict[str, int | None] = {}
    for step in plan.steps:
        seen: set[str] = set()
        leader = step
        while (pair := _pair(leader)) is not None and pair in by_id and pair not in seen:
            seen.add(pair)
            leader = by_id[pair]
        counts[step.id] = _count(leader, plan.inputs)
    return counts


def _count(step: Step, inputs: Mapping[str, Any]) -> int | None:
    match step.for_each:
        case None:
            return 1
        case list() | tuple() as items:
            return len(items)
        case str() as text:
            try:
                wanted = list(references(text))
                value = follow(inputs, wanted[0].path) if wanted and wanted[0].step == INPUTS else None
            except (ReferenceSyntaxError, LookupError):
                return None
            return len(value) if isinstance(value, (list, tuple)) else None
        case _:
            return None


def _pair(step: Step) -> str | None:
    try:
        pair = paired_with(step) if step.for_each is not None else None
    except ReferenceSyntaxError:
        return None
    return pair.step if pair is not None else None


def _each(step: Step, count: int | None) -> str | None:
    """`each of 3 items`, `each item of load.columns`; None when the step is no for_each."""
    if step.for_each is None:
        return None
    if not isinstance(step.for_each, str):
        return f"each of {count} item{'s' * (count != 1)}"
    shown = step.for_each.strip().removeprefix("${").removesuffix("}").replace("[*]", "")
    return f"each item of {shown}" + ("" if count is None else f" ({count})")
