"""A goal as it was asked for, and the run it became. Rule: data only, from intake to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..memory.journal import Journal
from ..models.scope import Scope
from .planning.plan import Plan
from .planning.planner import Proposal
from .recovery import Recovered
from .result import Result
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
    """A run under way, from intake to answer. `recovered`: what its journal tells, when another process began it."""

    id: str
    session_id: str
    request: Request
    journal: Journal
    began: float
    scope: Scope
    recovered: Recovered | None = None
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
