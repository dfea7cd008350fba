"""Budgets of a run: reserved before a call, settled after it, so that concurrent calls never overshoot.

Rule: plain bookkeeping, no waiting. 0 in a limit means: no limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import BudgetError

WARN_SHARE = 0.8


@dataclass(slots=True)
class Budget:
    """Limits, what is used for good, and what is reserved by calls in flight, by name (usd, tokens, model_calls)."""

    limits: Mapping[str, float]
    used: dict[str, float] = field(default_factory=dict)
    reserved: dict[str, float] = field(default_factory=dict)

    def reserve(self, amounts: Mapping[str, float]) -> None:
        """Sets amounts aside, all of them or none.

        Raises:
            BudgetError: one of them does not fit; names it.
        """
        for name, amount in amounts.items():
            limit = self.limits.get(name, 0)
            wanted = self.used.get(name, 0) + self.reserved.get(name, 0) + amount
            if limit and wanted > limit * (1 + 1e-12):
                left = max(0.0, limit - self.used.get(name, 0) - self.reserved.get(name, 0))
                raise BudgetError(
                    f"expected at most {left:g} {name} more, got a call that may take {amount:g}; "
                    f"raise limits.{name} (now {limit:g}) to go on",
                    budget=name,
                )
        for name, amount in amounts.items():
            self.reserved[name] = self.reserved.get(name, 0) + amount

    def settle(self, reserved: Mapping[str, float], real: Mapping[str, float]) -> list[str]:
        """Replaces what was reserved by what was really used; gives the budgets that passed 80 % by it."""
        for name, amount in reserved.items():
            self.reserved[name] = self.reserved.get(name, 0) - amount
        passed = []
        for name, amount in real.items():
            before = self.used.get(name, 0)
            self.used[name] = before + amount
            edge = self.limits.get(name, 0) * WARN_SHARE
            if edge and before < edge <= self.used[name]:
                passed.append(name)
        return passed
