"""Orders that people give to runs, as plain data: `do` (approve, cancel), `run`, `step` and more. Rule: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import UsageError
from ...events import ApprovalAnswered, CancelRequested, Payload
from .recovery import Recovered


def row(order: Mapping[str, Any]) -> Payload:
    """The journal's row of an order."""
    if order["do"] == "approve":
        return ApprovalAnswered(order["step"], order["granted"], order["note"], order["changes"])
    return CancelRequested(order["step"], order["reason"])


def check(recovered: Recovered, order: Mapping[str, Any]) -> None:
    """Refuses an order that has no meaning for the run as its journal tells it.

    Raises:
        UsageError: nothing is asked of the step, the run is over, or it has no such step.
    """
    step, run_id = order["step"], recovered.run_id
    if order["do"] == "approve":
        if step not in recovered.open:
            waiting = ", ".join(recovered.open) or "none"
            raise UsageError(f"expected an open approval of run {run_id!r}, got {step!r}; open are: {waiting}")
    elif recovered.is_over:
        raise UsageError(f"expected a run that can be cancelled, got {run_id!r}, which is over: {recovered.status}")
    elif step is not None and step not in recovered.actions:
        known = ", ".join(recovered.actions) or "none"
        raise UsageError(f"expected a step of run {run_id!r}, got {step!r}; it has: {known}")
