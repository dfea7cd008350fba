"""A goal as it was asked for, and the run it became. Rule: data only, from intake to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..events import ApprovalAsked, CancelRequested, RunAccepted
from ..memory.journal import Journal
from ..models.scope import Scope
from .consumption import Consumption, consumption
from .planning.files import dump
from .planning.plan import Plan
from .planning.planner import Proposal
from .result import Result
from .resuming.recovery import Recovered
from .review import Review
from .running import ticks
from .running.executor import Executor
from .running.run import Approve, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What `Planloom.run` was asked; meanings as there. `begun`: the plan so far, when its planner was cut off."""

    goal: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    playbook: str | None = None
    plan: Plan | None = None
    approve: Approve | None = None
    out: Path | None = None
    estimates: Mapping[str, float] = field(default_factory=dict)
    waits: bool = False
    begun: Plan | None = None


@dataclass(slots=True, kw_only=True)
class Active:
    """A run under way, from intake to answer. `recovered`: what its journal tells, when another process began it.

    `asked` are the approvals that were open when it came to rest; `is_embedded`: it came through the graph itself.
    `halted` is set once the whole run is cancelled, for what is not the executor's.
    """

    id: str
    session_id: str
    request: Request
    journal: Journal
    began: float
    scope: Scope
    used_before: Consumption = field(default_factory=consumption)
    recovered: Recovered | None = None
    proposal: Proposal | None = None
    run: Run | None = None
    review: Review | None = None
    asked: Mapping[str, ApprovalAsked] = field(default_factory=dict)
    executor: Executor | None = None
    end: ticks.End | None = None
    replans: int = 0
    cancelled: str | None = None
    halted: asyncio.Event = field(default_factory=asyncio.Event)
    is_embedded: bool = False
    is_accepted: bool = False
    result: Result | None = None

    def emit(self, payload: Any) -> None:
        """An event, on disk and shown when this returns."""
        self.journal.append(payload, self.id)
        self.journal.commit()

    def accept(self) -> None:
        """Notes that the goal was taken on, before anything else; once, and not for a run that goes on."""
        if self.recovered is None and not self.is_accepted:
            self.is_accepted = True
            plan = dump(self.request.plan) if self.request.plan is not None else None
            out = "" if self.request.out is None else str(self.request.out)
            self.emit(RunAccepted(self.request.goal, dict(self.request.inputs), self.request.playbook, plan, out))

    @property
    def approvals(self) -> dict[str, ApprovalAsked]:
        """The approvals that wait for an answer, by step."""
        if self.review is not None:
            return {self.review.asked.step: self.review.asked}
        return dict(self.executor.people.open) if self.executor is not None else {}

    def answer(self, step: str, *, granted: bool, note: str, changes: Mapping[str, Any]) -> None:
        """Answers an open approval; durable when this returns.

        Raises:
            UsageError: nothing is asked of this step.
        """
        if self.review is not None and step == self.review.asked.step:
            self.review.answer(granted=granted, note=note, changes=changes)
        elif self.executor is not None:
            self.executor.people.answer(step, granted=granted, note=note, changes=changes)
        else:
            raise UsageError(f"expected a run that has begun its steps, got {self.id!r}")

    def cancel(self, step: str | None, reason: str) -> None:
        """Cancels the run, or one of its steps; durable when this returns.

        Raises:
            UsageError: the run has no such step.
        """
        if self.executor is not None:
            self.executor.cancel(step, reason)
            if step is None:
                self.cancelled = reason or "the run was cancelled"
                self.halted.set()
            return
        if step is not None:
            raise UsageError(f"expected a step of a run that has begun, got {step!r}; nothing of it runs yet")
        self.emit(CancelRequested(None, reason))
        self.cancelled = reason or "cancelled before it began"
        self.halted.set()
        if self.review is not None:
            self.review.withdraw()
