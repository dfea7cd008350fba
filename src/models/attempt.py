"""One try of one request: its place at the run, at the ledger and before the breaker, and how it ended.

Rule: whatever happens, every try is ended once: settled, counted, told as an event, its places given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ContextError
from ..events import ModelCall
from . import tokens
from .breaker import Breakers, Pass
from .cost import Prices
from .guard import Guard
from .ledger import Amounts, Key, Ticket
from .scope import Scope
from .usage import Usage
from .warm import Lead

REJECTION_COST = 0.25  # of a try: who is told to come back later was not answered wrongly


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How calls are judged, priced and repeated.

    `context_tokens` 0: no limit; `contexts`: those of roles with another one. `max_output_tokens` 0: not told.
    `max_wait_s`: the longest wait for limits and servers, tries included, 0: no limit. `run_calls`: calls of one run
    side by side, 0: no limit. `probes`: how often a server may fail again while a call waits for it.
    """

    guard: Guard
    prices: Prices
    breakers: Breakers
    context_tokens: int = 0
    contexts: Mapping[str, int] = field(default_factory=dict)
    max_output_tokens: int = 4096
    max_attempts: int = 5
    max_wait_s: float = 0.0
    run_calls: int = 0
    warm_fan_out: bool = True
    backoff_base_s: float = 0.5
    backoff_cap_s: float = 20.0
    probes: int = 3

    def estimate(self, role: str, model: str, body: Mapping[str, Any]) -> Amounts:
        """The most a call can take, reply included.

        Raises:
            ContextError: it is more than the model takes; the request is not sent.
        """
        if "messages" in body:
            schema = body.get("response_format")
            size = self.guard.measure(model, body["messages"], tools=body.get("tools"), schema=schema)
            asked = body.get("max_tokens") or body.get("max_completion_tokens") or self.max_output_tokens
            prompt, reply = size.most, int(asked)
            self._check(role, model, size.expected, reply)
        else:
            prompt, reply = tokens.of_data(body.get("input", "")), 0
        return Amounts(tokens=prompt + reply, usd=self.prices.most(model, prompt, reply))

    def _check(self, role: str, model: str, expected: int, reply: int) -> None:
        own = self.contexts.get(role, 0)
        limit = own or self.context_tokens
        if limit and expected + reply > limit:
            name = f"models.{role}.context_tokens" if own else "models.context_tokens"
            raise ContextError(
                f"expected a request of at most {max(0, limit - reply):,} tokens for {model!r}, got about "
                f"{expected:,}; send less, or raise {name} if the model takes more",
                tokens=expected + reply,
                limit=limit,
            )


@dataclass(slots=True)
class Tries:
    """How often a request may be sent, and until when (loop time, None: no limit).

    `openings` are those of the endpoint's breaker before the first try.
    """

    rules: Rules
    due: float | None
    openings: int = 0
    spent: float = 0.0
    count: int = 0

    def is_over(self, cost: float) -> bool:
        """Counts a try that failed; whether it was the last."""
        self.spent += cost
        self.count += 1
        return self.spent >= self.rules.max_attempts or (self.due is not None and _now() >= self.due)

    def ceiling_s(self) -> float:
        """The longest random delay before the next try."""
        return min(self.rules.backoff_cap_s, self.rules.backoff_base_s * 2.0 ** min(self.count - 1, 60))

    def left_s(self) -> float | None:
        """Seconds until the end of all waiting; None: no limit."""
        return None if self.due is None else max(0.0, self.due - _now())


class Attempt:
    """One try. `changed` is called when the breaker may have changed, `leave_slot` gives the run's place back."""

    def __init__(
        self,
        key: Key,
        body: Mapping[str, Any],
        scope: Scope,
        rules: Rules,
        *,
        lead: Lead,
        changed: Callable[[], None],
        leave_slot: Callable[[], None],
    ) -> None:
        self.key = key
        self.body = body
        self.scope = scope
        self.rules = rules
        self.lead = lead
        self.began = 0.0
        self.ticket: Ticket | None = None
        self.pass_: Pass | None = None
        self._changed = changed
        self._leave_slot = leave_slot

    def leave(self, *, ok: bool | None) -> None:
        """Tells the breaker how the call went; None: it says nothing about the endpoint."""
        if self.pass_ is not None:
            self.rules.breakers.of(self.key.endpoint).leave(self.pass_, ok, _now())
            self.pass_ = None
            self._changed()

    def cancel(self) -> None:
        """Ends a try that was never sent: it counts nowhere."""
        if self.ticket is not None:
            self.ticket.cancel()
        self._leave_slot()

    def reject(self, headers: Mapping[str, str]) -> None:
        """Ends a try that the server refused as too many (429)."""
        assert self.ticket is not None, "expected an admitted call"
        self.lead.ended()
        self.ticket.reject(headers)
        self._leave_slot()
        self.tell(None, "429")

    def end(self, usage: Usage | None, outcome: str, headers: Mapping[str, str] | None = None) -> None:
        """Settles the ticket: with what was used, with nothing when the server refused, else with the estimate."""
        assert self.ticket is not None, "expected an admitted call"
        if outcome == "ok":
            self.lead.warmed()
        self.lead.ended(usage)
        if usage is not None:
            self._learn(usage)
            cost = self.rules.prices.cost(self.key.model, usage)
            self.ticket.settle(Amounts(tokens=usage.prompt + usage.completion, usd=cost), headers)
        elif outcome in ("ok", "cancelled", "cut"):
            self.ticket.settle(None, headers)
        else:
            self.ticket.settle(Amounts(tokens=0, usd=0.0), headers)
        self._leave_slot()
        self.tell(usage, outcome)

    def _learn(self, usage: Usage) -> None:
        """The real size of a prompt corrects the estimates."""
        if "messages" in self.body:
            size = self.rules.guard.measure(self.key.model, self.body["messages"], tools=self.body.get("tools"))
            self.rules.guard.corrections.learn(self.key.model, size.messages + size.tools, usage.prompt)

    def tell(self, usage: Usage | None, outcome: str) -> None:
        """The event of this try."""
        assert self.ticket is not None, "expected an admitted call"
        scope = self.scope
        cost = self.rules.prices.cost(self.key.model, usage) if usage is not None else None
        scope.report(
            ModelCall(
                step=scope.step,
                role=scope.role,
                model=self.key.model,
                prompt_tokens=usage.prompt if usage else 0,
                completion_tokens=usage.completion if usage else 0,
                cached_tokens=usage.cached if usage else 0,
                cost_usd=cost,
                seconds=_now() - self.began,
                waited_s=self.ticket.waited_s,
                outcome=outcome,
            )
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
