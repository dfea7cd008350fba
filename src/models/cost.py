"""What calls cost, from the price table of the configuration. Rule: a model without a price costs None, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from ..errors import ConfigError
from .patterns import best
from .usage import Usage

_PER = 1_000_000
_KEYS = ("input", "cached_input", "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for 1,000,000 tokens; 0 is free. `cached_input` None: as `input`."""

    input: float
    output: float = 0.0
    cached_input: float | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model name or pattern (see `patterns`)."""

    table: Mapping[str, Price] = field(default_factory=dict)

    @classmethod
    def read(cls, table: Mapping[str, Mapping[str, float]]) -> Prices:
        """The table of `models.prices`.

        Raises:
            ConfigError: a price has an unknown key, no input price, or is negative.
        """
        return cls({model: _price(model, entry) for model, entry in table.items()})

    def of(self, model: str) -> Price | None:
        """The price of a model; None: unknown."""
        return best(self.table, model)

    def cost(self, model: str, usage: Usage) -> float | None:
        """US dollars of a call; None: the price is unknown."""
        price = self.of(model)
        if price is None:
            return None
        cached = min(usage.cached, usage.prompt)
        cached_price = price.input if price.cached_input is None else price.cached_input
        fresh = (usage.prompt - cached) * price.input
        return (fresh + cached * cached_price + usage.completion * price.output) / _PER

    def most(self, model: str, input_tokens: int, max_output_tokens: int) -> float | None:
        """The most a call can cost before it is made: nothing cached, the reply as long as allowed; None: unknown."""
        price = self.of(model)
        if price is None:
            return None
        dearest = max(price.input, price.cached_input or 0.0)
        return (input_tokens * dearest + max_output_tokens * price.output) / _PER


def _price(model: str, entry: Mapping[str, float]) -> Price:
    where = f"models.prices: {model!r}"
    for key, value in entry.items():
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"{where}: expected the keys {', '.join(_KEYS)}, got {key!r}{hint}")
        if not 0 <= value < float("inf"):
            raise ConfigError(f"{where}: expected {key} as US dollars for 1,000,000 tokens, 0 or more, got {value!r}")
    if "input" not in entry:
        raise ConfigError(f"{where}: expected a price for input, got only {', '.join(entry) or 'nothing'}")
    return Price(**dict(entry))
