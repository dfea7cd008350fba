"""What an analysis says, as plain data.

Rule: moments are seconds of working time since the run was asked for; times in which no process ran it are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Category = Literal[
    "planning", "limit_wait", "model", "tool", "verification", "approval", "queue", "back_off", "overhead"
]
CATEGORIES: tuple[Category, ...] = (
    "planning",
    "limit_wait",
    "model",
    "tool",
    "verification",
    "approval",
    "queue",
    "back_off",
    "overhead",
)
SpanKind = Literal["queue", "limit", "run", "back_off", "verification", "approval"]
Outcome = Literal["ok", "open", "failed", "retried", "rejected", "invalidated", "cancelled", "in_doubt", "reused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of wall time and what the run waited for; `detail` names the limit, role or cause."""

    start_s: float
    end_s: float
    category: Category
    step: str | None = None
    detail: str = ""

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What one step did or waited for. `outcome` is said of runs; `open`: it had no end yet."""

    start_s: float
    end_s: float
    kind: SpanKind
    outcome: Outcome = "ok"

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """One step. `start_s` and `end_s` are None where it never began; `cost_usd` None: the price is unknown.

    `run_s` is the time of all its tries, `wasted_s` that of tries whose result did not count. `wait_s` went to the
    queue of the run and to limits of its action; `ledger_s` to limits of models, within `run_s`. `batch` counts the
    steps that shared its last call.
    """

    id: str
    action: str = ""
    effect: str = ""
    parent: str | None = None
    dependencies: tuple[str, ...] = ()
    status: str = "waiting"
    verdict: str = "off"
    error: str = ""
    caused_by: str | None = None
    attempts: int = 0
    retries: int = 0
    rejected: int = 0
    invalidated: int = 0
    reused: bool = False
    batch: int = 1
    added_s: float = 0.0
    start_s: float | None = None
    end_s: float | None = None
    run_s: float = 0.0
    wasted_s: float = 0.0
    wait_s: float = 0.0
    back_off_s: float = 0.0
    verification_s: float = 0.0
    approval_s: float = 0.0
    ledger_s: float = 0.0
    model_s: float = 0.0
    model_calls: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    is_critical: bool = False
    generation: int = 0
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time in which a process ran the run, after `pause_s` in which none did.

    `ended` is the run's status, or `cut`: nothing says how it ended.
    """

    start_s: float
    end_s: float
    ended: str
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A step of the critical path: what the run waited for because of it, `waited_s` of it before, between and behind
    the step's tries."""

    step: str
    seconds: float
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """An estimate: the wall time if something did not limit the run, and how much less that is."""

    name: Literal["places", "action_limits", "model_limits", "approvals", "verification", "everything"]
    wall_s: float
    gain_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A run, taken apart. `blame` adds up to `wall_s`, the time in which a process ran it.

    `began_at` is in Unix seconds. `status` is empty while nothing says how the run ended. `not_running_s` lies between
    the stretches and is no part of `wall_s`. `places` 0: no limit. `parallel` is the mean number of steps side by side,
    `efficiency` the speed-up over the most that ran side by side (0 to 1). `largest_call` is in tokens.
    `cpu_s` and `memory_mb` are those of `Consumption`, None while there is no end. `what_if` is empty for runs that
    have no end, were resumed, or whose plan was changed.
    """

    run_id: str
    session_id: str
    goal: str = ""
    status: str = ""
    reason: str = ""
    plan_source: str = ""
    began_at: float = 0.0
    wall_s: float = 0.0
    not_running_s: float = 0.0
    blame: Mapping[Category, float] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    steps: Mapping[str, StepFigures] = field(default_factory=dict)
    critical_path: tuple[PathStep, ...] = ()
    places: int = 0
    schedule: str = "dataflow"
    peak: int = 0
    parallel: float = 0.0
    sequential_s: float = 0.0
    speed_up: float = 0.0
    efficiency: float = 0.0
    what_if: tuple[WhatIf, ...] = ()
    model_calls: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    largest_call: int = 0
    cpu_s: float | None = None
    memory_mb: float | None = None
    replans: int = 0
    open_approvals: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def span_s(self) -> float:
        """From the first moment to the last, times without a process included."""
        return self.wall_s + self.not_running_s

    @property
    def leaves(self) -> list[StepFigures]:
        """The steps that did something themselves: a for_each counts as the steps it became."""
        parents = {step.parent for step in self.steps.values()}
        return [step for step in self.steps.values() if step.id not in parents]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, seconds to the microsecond."""
        told: dict[str, Any] = _rounded(asdict(self))
        told["steps"] = list(told["steps"].values())
        return told


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, (list, tuple)) else value
