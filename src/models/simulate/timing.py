"""How long things take: distributions, and when each part of a reply is there. Rule: pure; chance is an argument."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

from ...errors import UsageError

_FORMS = "SECONDS, uniform:LOW:HIGH or lognormal:MEDIAN:SIGMA"


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of seconds: fixed `low`; uniform from `low` to `high`; lognormal, median `low`, sigma `high`."""

    kind: Literal["fixed", "uniform", "lognormal"] = "fixed"
    low: float = 0.0
    high: float = 0.0

    def draw(self, chance: Random) -> float:
        """Seconds, never negative."""
        match self.kind:
            case "fixed":
                return self.low
            case "uniform":
                return chance.uniform(self.low, self.high)
            case "lognormal":
                return self.low * math.exp(chance.gauss(0.0, self.high))


def spread(text: str, *, name: str = "latency") -> Spread:
    """The distribution written as `0.2`, `fixed:0.2`, `uniform:0.1:0.4` or `lognormal:0.5:0.4`.

    Raises:
        UsageError: it is not written so.
    """
    kind, _, rest = text.partition(":")
    if not rest:
        kind, rest = "fixed", text
    try:
        numbers = [float(part) for part in rest.split(":")]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise UsageError(f"{name}: expected {_FORMS}, got {text!r}")
    match kind, numbers:
        case "fixed", [seconds]:
            return Spread("fixed", seconds)
        case "uniform", [low, high] if low <= high:
            return Spread("uniform", low, high)
        case "lognormal", [median, sigma]:
            return Spread("lognormal", median, sigma)
        case _:
            raise UsageError(f"{name}: expected {_FORMS}, got {text!r}")
