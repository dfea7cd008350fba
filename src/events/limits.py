"""What runs use and wait for: model calls, places at limits, budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .payload import Payload


@dataclass(frozen=True, slots=True)
class ModelCall(Payload):
    """One request to a model. `cost_usd` None: the price is unknown. `waited_s` at the ledger, not in `seconds`."""

    type: ClassVar[str] = "model.call"
    step: str | None
    role: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost_usd: float | None
    seconds: float
    waited_s: float
    outcome: str


@dataclass(frozen=True, slots=True)
class LimitWaiting(Payload):
    """A step is ready but waits for a place at `limit`."""

    type: ClassVar[str] = "limit.waiting"
    step: str
    limit: str


@dataclass(frozen=True, slots=True)
class LimitChanged(Payload):
    """The number of steps side by side was lowered or raised again (additive increase, multiplicative decrease)."""

    type: ClassVar[str] = "limit.changed"
    parallel_steps: int
    reason: str


@dataclass(frozen=True, slots=True)
class AlertChanged(Payload):
    """The server warns, or no longer: `alert` is memory (MB), errors or quota (shares); of the server, not of a run."""

    type: ClassVar[str] = "alert.changed"
    alert: str
    is_raised: bool
    value: float
    limit: float
    text: str


@dataclass(frozen=True, slots=True)
class BudgetWarning(Payload):
    """A budget is 80 % or wholly used."""

    type: ClassVar[str] = "budget.warning"
    budget: str
    used: float
    limit: float
