"""The context guard: every request is measured before it is sent, and pruned by rule when it is too large.

Rule: what is left out is said, see `pruning`. System messages and the last message of the user stay whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ContextError
from . import tokens
from .pruning import Keep, Message, Pruning, by_hash
from .tokens import Corrections


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Estimated tokens of a request by part, `expected` in all, and the `most` it can hardly pass."""

    messages: int
    tools: int
    schema: int
    expected: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A request that fits. `digested` outputs and turns were shortened, `dropped` messages left out; 0: none."""

    messages: tuple[Message, ...]
    measure: Measure
    digested: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Guard:
    """Measures and prunes; `corrections` come from the real usage of earlier calls."""

    corrections: Corrections = field(default_factory=Corrections)

    def measure(self, model: str, messages: Sequence[Message], *, tools: Any = None, schema: Any = None) -> Measure:
        """The size of a request. Messages, tools and schema are in OpenAI's form."""
        return self._measure(model, [tokens.of_message(message) for message in messages], tools, schema)

    def fit(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        limit: int,
        reserve_output: int,
        tools: Any = None,
        schema: Any = None,
        keep: Keep | None = None,
    ) -> Fitted:
        """The request, pruned so that it and a reply of `reserve_output` tokens are within `limit` tokens.

        `limit` 0: no limit is known. `keep` stores a text that becomes a digest and gives the handle by which it is
        found; None: the handle is its hash.

        Raises:
            ContextError: it does not fit, whatever may be left out.
        """
        pruning = Pruning(messages, keep or by_hash)
        for _ in pruning.steps():
            size = self._measure(model, [c for c in pruning.costs if c is not None], tools, schema)
            if not limit or size.most + reserve_output <= limit:
                return Fitted(
                    messages=pruning.messages, measure=size, digested=pruning.digested, dropped=pruning.dropped
                )
        raise ContextError(
            f"expected at most {limit} tokens for {model!r} with {reserve_output} of them for the reply, got "
            f"{size.most} at least after all that may be left out was left out; shorten the instructions or the "
            "last message, offer fewer tools, or choose a model with more context",
            tokens=size.most,
            limit=limit - reserve_output,
        )

    def _measure(self, model: str, costs: Sequence[int], tools: Any, schema: Any) -> Measure:
        parts = sum(costs) + tokens.PER_REPLY, tokens.of_data(tools), tokens.of_data(schema)
        return Measure(
            messages=parts[0],
            tools=parts[1],
            schema=parts[2],
            expected=self.corrections.expected(model, sum(parts)),
            most=self.corrections.most(model, sum(parts)),
        )
