"""One run: what it is given and what it has made, and what all runs of a process share. Rule: data only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...agents.audit import Audit
from ...agents.call import Caller
from ...agents.knowledge import Knowledge
from ...agents.question import Ask as AskModel
from ...agents.registry import Registry
from ...agents.workspace import Workspace
from ...clock import Clock
from ...config import Config
from ...events import ApprovalAsked, ArtifactCreated, StepFinished, VerdictStatus
from ...memory.journal import Journal
from ...models.budget import Budget
from ..planning.plan import Plan, Step
from .capacity import Limits
from .judge import Ask
from .past import Past
from .state import Settings
from .values import Values

Approve = Callable[[ApprovalAsked], Awaitable[bool | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all runs of a process share."""

    config: Config
    registry: Registry
    caller: Caller
    limits: Limits
    clock: Clock
    estimate: Callable[[str], float | None] = lambda action: None
    audit: Audit | None = None
    ask: AskModel | None = None
    knowledge: Knowledge | None = None


@dataclass(slots=True, kw_only=True)
class Run:
    """One run: what it is given, and what it has made so far.

    `estimates` are seconds by step id, over those of the history. `approve` answers approvals, None: nobody does.
    `judge` decides on criteria in words, None: there is no model for that.
    `waits`: whether the run stays open for answers from elsewhere once nothing else can go on.
    """

    id: str
    plan: Plan
    journal: Journal
    workspace: Workspace
    settings: Settings
    values: Values
    budget: Budget
    wall_s: float = 0.0
    estimates: Mapping[str, float] = field(default_factory=dict)
    approve: Approve | None = None
    judge: Ask | None = None
    waits: bool = False
    past: Past = field(default_factory=Past)
    finished: dict[str, StepFinished] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    files: dict[str, list[ArtifactCreated]] = field(default_factory=dict)
    verified: dict[str, VerdictStatus] = field(default_factory=dict)
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
