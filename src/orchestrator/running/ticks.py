"""Everything that can happen to a run (ticks), and everything the scheduler can ask for (commands).

Rule: frozen data only. An event payload among the commands means: write it to the journal and show it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...events import Payload, RunStatus, VerdictStatus
from ..planning.plan import Step

Effect = Literal["pure", "read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the scheduler must know of an action.

    `limit`: name of the shared limit its calls count against, None: unlimited. `batch_limit` 0: no batch form.
    `timeout_s` 0: no deadline. `duration_s`: the estimate that priorities are made of.
    """

    effect: Effect = "pure"
    limit: str | None = None
    batch_limit: int = 0
    batch_growth: float = 0.0
    idempotent: bool = False
    destructive: bool = False
    timeout_s: float = 0.0
    duration_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """A step as it joins the run: `edges` are the ids it waits for."""

    step: Step
    edges: tuple[str, ...] = ()
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try failed. `transient`: may pass; `overloaded`, `outcome_unknown`: as in `errors.TransientError`."""

    message: str
    transient: bool = False
    retry_after_s: float | None = None
    overloaded: bool = False
    outcome_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification says; `by` names the checks."""

    status: VerdictStatus
    reason: str = ""
    by: tuple[str, ...] = ()


# ---- ticks


@dataclass(frozen=True, slots=True)
class Added:
    """Steps joined the plan."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class PlanEnded:
    """No further step will be added from outside; `answer` is the template that came with them."""

    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Expanded:
    """A for_each step is now these steps."""

    step: str
    epoch: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """A call gave a result, which is in the journal. `verdict` None: it still has to be verified."""

    step: str
    epoch: int
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A call failed; `merged`: the failure is of a merged call as a whole."""

    step: str
    epoch: int
    failure: Failure
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Parked:
    """A call stopped to wait for people. `reason` None: it asked itself; else the step is asked about first."""

    step: str
    epoch: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unparked:
    """A person answered something a parked call asked: it is started again."""

    step: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Verification of a result came back."""

    step: str
    epoch: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Answered:
    """A person answered an approval (or, for a step in doubt: whether its effect happened)."""

    step: str
    granted: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class InputsChanged:
    """These steps read inputs that changed."""

    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Freed:
    """A place at a shared limit is reserved for this run."""

    limit: str


@dataclass(frozen=True, slots=True)
class Clock:
    """Time passed; something in `State.timers` may be due."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel one step, or the run when `step` is None."""

    step: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BudgetEnded:
    """A budget is used up; `running_too`: calls in flight are stopped as well (the wall-clock budget)."""

    budget: str
    running_too: bool = False


Tick = (
    Added
    | PlanEnded
    | Expanded
    | Finished
    | Failed
    | Parked
    | Unparked
    | Judged
    | Answered
    | InputsChanged
    | Freed
    | Clock
    | Cancel
    | BudgetEnded
)


# ---- commands


@dataclass(frozen=True, slots=True)
class Call:
    """One member of a call that is started."""

    step: str
    epoch: int
    attempt: int
    feedback: str | None


@dataclass(frozen=True, slots=True)
class Start:
    """Call the action; several members are one merged call."""

    calls: tuple[Call, ...]
    limit: str | None


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancel the call of this step; its result no longer counts."""

    step: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Verify:
    """Check the result."""

    step: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a person."""

    step: str
    kind: Literal["step", "in_doubt"]
    reason: str


@dataclass(frozen=True, slots=True)
class Expand:
    """Turn a for_each step into steps; `pairs_with` names the for_each step it follows item by item."""

    step: str
    epoch: int
    pairs_with: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Collect:
    """Gather the results of these steps, in order, as the result of a for_each step."""

    step: str
    epoch: int
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing can go on until a person answers."""


@dataclass(frozen=True, slots=True)
class End:
    """The run is over."""

    status: RunStatus
    reason: str = ""


Command = Start | Stop | Verify | Ask | Expand | Collect | Idle | End | Payload

Facts = Mapping[str, Any]
