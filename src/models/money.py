"""Money and other budgets before a call: set aside, or waited for while calls in flight may still give some back.

Rule: what was promised never exceeds a budget. A call that fits only when calls in flight turn out cheaper waits for
them; one that does not fit beside what is used for good is refused at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import BudgetError
from .budget import Budget

Spend = Mapping[str, float]


@dataclass(slots=True)
class Purse:
    """Reservations of calls in flight, over any number of budgets."""

    _held: dict[int, int] = field(default_factory=dict)  # calls in flight by budget
    _waiters: list[asyncio.Future[None]] = field(default_factory=list)

    async def reserve(self, budgets: Sequence[Budget], spend: Spend, on_wait: Callable[[], None]) -> None:
        """Sets amounts aside in all budgets or none; cancelled while waiting it leaves nothing.

        `on_wait` is called before each wait.

        Raises:
            BudgetError: they don't fit, whatever the calls in flight give back.
        """
        while (error := _reserve(budgets, spend)) is not None:
            full, refusal = error
            if not self._held.get(id(full)) or not _could_fit(full, spend):
                raise refusal
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            on_wait()
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        for budget in budgets:
            self._held[id(budget)] = self._held.get(id(budget), 0) + 1

    def settle(self, budgets: Sequence[Budget], reserved: Spend, real: Spend) -> tuple[str, ...]:
        """Replaces what was set aside by what was used; gives the names of the budgets that passed 80 % by it."""
        passed: list[str] = []
        for budget in budgets:
            passed += budget.settle(reserved, real)
            self._held[id(budget)] -= 1
            if not self._held[id(budget)]:
                del self._held[id(budget)]
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        return tuple(dict.fromkeys(passed))


def _reserve(budgets: Sequence[Budget], spend: Spend) -> tuple[Budget, BudgetError] | None:
    """Sets aside in all; else gives the budget that is too small, with nothing set aside."""
    for at, budget in enumerate(budgets):
        try:
            budget.reserve(spend)
        except BudgetError as error:
            for earlier in budgets[:at]:
                earlier.settle(spend, {})
            return budget, error
    return None


def _could_fit(budget: Budget, spend: Spend) -> bool:
    """Whether the amounts fit beside what is used for good."""
    return all(
        not budget.limits.get(name) or budget.used.get(name, 0) + amount <= budget.limits[name]
        for name, amount in spend.items()
    )
