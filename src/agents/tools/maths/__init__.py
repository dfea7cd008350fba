"""Tools that calculate: exact arithmetic, units, statistics.

Rule: results say their exact value as text and whether it is exact; `value` is the nearest float.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from decimal import Context, Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field, FiniteFloat
from typing_extensions import TypedDict

from ...tool import tool
from .expression import MOST_CHARACTERS, Sum, bounded
from .units import converted

_DIGITS = 30

Expression = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
Numbers = Annotated[list[FiniteFloat], Field(min_length=1, max_length=1_000_000)]


class Number(TypedDict):
    """`value` is the nearest float, None when there is none so large. `decimal` has up to 30 digits.

    `exact`: nothing was rounded on the way; `fraction` is the value as p/q, None when it is whole, rounded or long.
    """

    value: float | None
    decimal: str
    fraction: str | None
    exact: bool


class Measured(Number):
    """A number with its unit."""

    unit: str


class Spread(TypedDict):
    """Statistics; `stdev` and `variance` are of a sample, None of one number. `modes` are the values met most often."""

    count: int
    sum: float
    mean: float
    median: float
    stdev: float | None
    variance: float | None
    minimum: float
    maximum: float
    quartiles: list[float]
    modes: list[float]


@tool(effect="pure")
def calculate(expression: Expression, variables: dict[str, FiniteFloat | str] | None = None) -> Number:
    """Works out arithmetic exactly, such as "(1250.40 + 3%2) / 7" or "round(percent(19, 84.5), 2)".

    It knows + - * / // % ^, pi and e, and sqrt, root, exp, ln, log, sin to degrees, round (halves away from zero),
    floor, ceil, abs, min, max, sum, mean, median, factorial, comb, perm, gcd, lcm, percent(share, whole).
    """
    work = Sum({name: _given(value) for name, value in (variables or {}).items()})
    return _number(work.value(expression), work.is_exact)


@tool(effect="pure")
def convert(value: FiniteFloat | str, start: str, end: str) -> Measured:
    """Converts a number from one unit to another, such as 3.5 from "mile/hour" to "m/s", or "degF" to "degC"."""
    found = bounded(converted(_given(value), start, end))
    return {**_number(found, True), "unit": end}


@tool(effect="pure")
def describe(numbers: Numbers) -> Spread:
    """Gives the statistics of numbers: sum, mean, median, standard deviation, quartiles, most frequent values."""
    count, several = len(numbers), len(numbers) > 1
    often = Counter(numbers)
    most = max(often.values())
    variance = statistics.variance(numbers) if several else None
    return {
        "count": count,
        "sum": math.fsum(numbers),
        "mean": statistics.fmean(numbers),
        "median": float(statistics.median(numbers)),
        "stdev": variance**0.5 if variance is not None else None,
        "variance": variance,
        "minimum": min(numbers),
        "maximum": max(numbers),
        "quartiles": statistics.quantiles(numbers, n=4, method="inclusive") if several else [numbers[0]] * 3,
        "modes": sorted(value for value, times in often.items() if times == most)[:20] if most > 1 else [],
    }


def _given(value: float | str) -> Fraction:
    """A number as it is written; text may be an expression."""
    return Sum({}).value(value if isinstance(value, str) else repr(value))


def _number(found: Fraction, exact: bool) -> Number:
    try:
        value: float | None = float(found)
    except OverflowError:
        value = None
    short = found.denominator != 1 and exact and len(str(found.denominator)) <= _DIGITS
    return {"value": value, "decimal": _decimal(found), "fraction": str(found) if short else None, "exact": exact}


def _decimal(found: Fraction) -> str:
    """The number in figures, 30 of them where it has more behind the point."""
    if found.denominator == 1 and len(str(found.numerator)) <= 1_000:
        return str(found.numerator)
    context = Context(prec=_DIGITS)
    made = context.divide(Decimal(found.numerator), Decimal(found.denominator)).normalize(context)
    return f"{made:f}" if abs(made.adjusted()) < _DIGITS else str(made)
