"""The scheduler's state: one cell for each step. Rule: data and counters only; who may change them is `scheduler`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol, Self

from ...config import Config, Schedule
from ...config import Verify as VerifyMode
from ...events import VerdictStatus
from ..planning.plan import Step
from .ticks import Command, Entry, Tick, Traits


class Status(Enum):
    """Where a cell stands. DONE has a result; it is final once `Cell.settled`."""

    WAITING = "waiting"
    ASKING = "asking"
    READY = "ready"
    RUNNING = "running"
    DOUBT = "in_doubt"
    DONE = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


DEAD = frozenset({Status.FAILED, Status.SKIPPED, Status.CANCELLED})
TERMINAL = DEAD | {Status.DONE}


class Capacity(Protocol):
    """Places at limits that several runs share (see `capacity`)."""

    def take(self, limit: str) -> bool:
        """Takes a free place, or the one reserved for this run."""
        ...

    def wait(self, limit: str) -> None:
        """Queues this run for the next free place, which is reserved for it and comes as a `Freed` tick."""
        ...

    def decline(self, limit: str) -> None:
        """Gives a reserved place that is not needed to the next run."""
        ...


class Unlimited:
    """No shared limits."""

    def take(self, limit: str) -> bool:
        return True

    def wait(self, limit: str) -> None:
        return None

    def decline(self, limit: str) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run is scheduled; meanings and units as in `config.Performance` and `config.Execution`."""

    max_parallel_steps: int = 5
    schedule: Schedule = "dataflow"
    verify: VerifyMode = "background"
    batching: bool = True
    max_attempts: int = 3
    max_redos: int = 2
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 30.0
    seed: int = 0

    @classmethod
    def of(cls, config: Config) -> Self:
        """The settings of a configuration; a feature that is switched off wins over its setting."""
        performance, execution, features = config.performance, config.execution, config.features
        verify = config.verification.verify
        if verify == "background" and not features.background_verification:
            verify = "blocking"
        return cls(
            max_parallel_steps=performance.max_parallel_steps,
            schedule=performance.schedule if features.parallel_execution else "sequential",
            verify=verify,
            batching=features.step_batching,
            max_attempts=execution.max_attempts,
            max_redos=execution.max_redos,
            backoff_base_s=execution.backoff_base_s,
            backoff_cap_s=execution.backoff_cap_s,
            seed=execution.seed,
        )


class Cell:
    """A step while it runs. `epoch` rises whenever its result stops counting; `missing` counts inputs that are not
    there, `unsettled` inputs that may still change. `attempt` counts the tries of this epoch, `tries` all of them.
    `withheld`: its result waits for a blocking verdict. `because` is the tick that made it ready at `ready_at`;
    `limited_at` is when it was first refused a place at a shared limit. `kids` are the steps a for_each became, None
    before."""

    __slots__ = (
        "alone",
        "approval",
        "attempt",
        "backing_off",
        "because",
        "cause",
        "dependents",
        "doubted",
        "edges",
        "epoch",
        "error",
        "feedback",
        "followers",
        "group",
        "inputs",
        "kids",
        "leader",
        "level",
        "limited_at",
        "missing",
        "order",
        "ready_at",
        "redos",
        "remaining",
        "removed",
        "settled",
        "started_at",
        "status",
        "step",
        "traits",
        "tries",
        "unsettled",
        "verdict",
        "withheld",
    )

    def __init__(self, entry: Entry, order: int) -> None:
        self.step: Step = entry.step
        self.traits: Traits = entry.traits
        self.edges: tuple[str, ...] = entry.edges
        self.order = order
        self.inputs: list[Cell] = []
        self.dependents: list[Cell] = []
        self.status = Status.WAITING
        self.epoch = 0
        self.attempt = 0
        self.tries = 0
        self.withheld = False
        self.redos = 0
        self.missing = 0
        self.unsettled = 0
        self.settled = False
        self.doubted = False
        self.verdict: VerdictStatus | Literal["pending"] | None = None
        self.approval: Literal["asked", "granted"] | None = None
        self.feedback: str | None = None
        self.cause: str | None = None
        self.error: str | None = None
        self.started_at = 0.0
        self.ready_at = 0.0
        self.limited_at: float | None = None
        self.because: Tick | None = None
        self.remaining = entry.traits.duration_s
        self.level = 0
        self.alone = False
        self.backing_off = False
        self.removed = False
        self.group: Group | None = None
        self.kids: list[Cell] | None = None
        self.leader: Cell | None = None
        self.followers: list[Cell] | None = None

    @property
    def id(self) -> str:
        return self.step.id

    @property
    def has_value(self) -> bool:
        """Whether dependents may use what it gave: a result, or nothing from an optional step."""
        return (self.status is Status.DONE and not self.withheld) or (self.status in DEAD and self.step.optional)

    @property
    def blocks(self) -> bool:
        """Whether dependents can never run."""
        return self.status in DEAD and not self.step.optional

    def __repr__(self) -> str:
        return (
            f"<{self.id} {self.status.value} epoch={self.epoch} attempt={self.attempt} missing={self.missing} "
            f"unsettled={self.unsettled} verdict={self.verdict} settled={self.settled}>"
        )


class Group:
    """The members of one call that still count."""

    __slots__ = ("live", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.live = size


class State:
    """One run. `timers` is a heap of (due, serial, kind, cell, epoch, attempt)."""

    def __init__(self, settings: Settings, capacity: Capacity | None = None) -> None:
        self.settings = settings
        self.capacity: Capacity = capacity or Unlimited()
        self.sequential = settings.schedule == "sequential"
        self.limit = 1 if self.sequential else settings.max_parallel_steps
        self.full_limit = self.limit
        self.cells: dict[str, Cell] = {}
        self.order: list[Cell] = []
        self.awaited: dict[str, list[Cell]] = defaultdict(list)
        self.ready: list[tuple[float, int, int]] = []
        self.ready_to_merge: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
        self.blocked: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
        self.held: dict[int, list[Cell]] = defaultdict(list)
        self.timers: list[tuple[float, int, Literal["deadline", "retry"], Cell, int, int]] = []
        self.serial = 0
        self.level = 0
        self.level_open: dict[int, int] = defaultdict(int)
        self.slots = 0
        self.unfinished = 0
        self.busy = 0
        self.asking = 0
        self.plan_ended = False
        self.stopping: End_reason | None = None
        self.ended = False
        self.idle = False
        self.overloaded_at: float | None = None
        self.lowered_at: float | None = None
        self.credit = 0
        self.out: list[Command] = []
        self.now = 0.0
        self.tick: Tick | None = None

    def cell(self, step: str, epoch: int) -> Cell | None:
        """The cell, if what is reported of it still counts."""
        cell = self.cells.get(step)
        return cell if cell is not None and cell.epoch == epoch else None

    def next_timer(self) -> float | None:
        """When a `Clock` tick is due at the latest, None: never."""
        return self.timers[0][0] if self.timers else None

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells.values())

    def __repr__(self) -> str:
        counts: dict[str, int] = defaultdict(int)
        for cell in self:
            counts[cell.status.value] += 1
        return f"<State {dict(counts)} slots={self.slots}/{self.limit} busy={self.busy} asking={self.asking}>"


End_reason = tuple[Literal["cancelled", "budget"], str]
