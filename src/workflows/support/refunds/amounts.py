"""Refund amounts from the sandbox. Tickets that wait at the same time share a run of it.

Rule: where no sandbox is safe nothing is worked out, and the ticket goes to a person.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from ....agents.call import in_thread
from ....agents.sandbox import Limits, Sandbox
from ....config import Config
from ....errors import ToolError
from ....models.batch import Batcher
from ..shapes import Amount, Order, Rule

_WINDOW_S = 0.02
_MOST = 200
_FIELDS = ("unit_cents", "quantity", "discount_cents", "shipping_cents", "charges", "refunded_cents")


_COUNTERS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Counter]] = weakref.WeakKeyDictionary()


class Counter:
    """Works out amounts, many with one run of the sandbox; for one event loop."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._lock = asyncio.Lock()
        self._batcher = Batcher[Mapping[str, Any], Amount](self._run, window_s=_WINDOW_S, max_items=_MOST)

    async def amount(self, order: Order, rule: Rule) -> Amount:
        """What is due; `trouble` says why it can't be told."""
        try:
            return await self._batcher.ask({"order": order, "rule": rule})
        except ToolError as error:
            return nothing(order["currency"], trouble=str(error))

    async def _run(self, claims: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, Amount]]:
        async with self._lock:
            found = await in_thread(lambda: amounts(self._sandbox, list(claims.values())))
        return zip(claims, found, strict=True)


def amounts(sandbox: Sandbox, claims: Sequence[Mapping[str, Any]]) -> list[Amount]:
    """What is due for each claim (`order`, `rule`), in order.

    Raises:
        ToolError: no sandbox is safe here, or an order's figures are no whole cents.
    """
    given = [{"order": {name: _whole(one["order"], name) for name in _FIELDS}, "rule": one["rule"]} for one in claims]
    outcome = sandbox.run(formula(), {"claims": given}, limits=Limits(seconds=60, cpu_s=30))
    return [
        Amount(
            cents=int(found["cents"]),
            currency=one["order"]["currency"],
            lines=[str(line) for line in found["lines"]],
            sandbox=outcome.sandbox,
            trouble="",
        )
        for one, found in zip(claims, outcome.result, strict=True)
    ]


def nothing(currency: str = "", *, trouble: str = "") -> Amount:
    """No amount."""
    return Amount(cents=0, currency=currency, lines=[], sandbox="", trouble=trouble)


@lru_cache(maxsize=1)
def formula() -> str:
    """The source that the sandbox runs."""
    return files(__package__).joinpath("formula.txt").read_text("utf-8")


@cache
def sandbox_for(kind: Any) -> Sandbox:
    """The sandbox that the settings name."""
    return Sandbox(kind=kind)


def counter(config: Config) -> Counter:
    """What works out amounts on this event loop."""
    loop, kind = asyncio.get_running_loop(), config.tools.code.sandbox
    by_kind = _COUNTERS.setdefault(loop, {})
    return by_kind.setdefault(kind, Counter(sandbox_for(kind)))


def _whole(order: Mapping[str, Any], name: str) -> int:
    value = order[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ToolError(f"expected {name} of order {order.get('id')!r} in whole cents or pieces, got {value!r}")
    return value
