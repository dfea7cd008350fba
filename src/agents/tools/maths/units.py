"""Units of measure by pint. Rule: a unit is names with small powers, never an expression to be evaluated."""

from __future__ import annotations

import re
from difflib import get_close_matches
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ....errors import ToolError

_NAME = r"[^\W\d][^\W\d]*|°[A-Za-z]?|%"
_TERM = rf"(?:{_NAME})(?:\s*(?:\^|\*\*)\s*-?\d|[²³])?"
_UNIT = re.compile(rf"(?:1\s*/\s*)?{_TERM}(?:\s*(?:[*/·]|\bper\b|\s)\s*{_TERM}){{0,9}}")


@lru_cache(maxsize=1)
def registry() -> Any:
    """All units; numbers are exact fractions."""
    from pint import UnitRegistry

    return UnitRegistry(non_int_type=Fraction, cache_folder=None, autoconvert_offset_to_baseunit=True)


def unit(text: str) -> Any:
    """A unit such as km/h, kg*m^2 or °C.

    Raises:
        ToolError: it is none.
    """
    plain = text.strip()
    if len(plain) > 80 or not _UNIT.fullmatch(plain):
        raise ToolError(f"expected a unit such as km/h, kg*m^2 or degC, got {text[:80]!r}")
    try:
        return registry().Unit(re.sub(r"\s*·\s*", "*", plain).replace("²", "^2").replace("³", "^3"))
    except Exception as error:  # the border: pint raises many kinds
        raise ToolError(f"expected a known unit, got {text!r}{_near(plain)}") from error


def converted(number: Fraction, start: str, end: str) -> Fraction:
    """A number of one unit in another.

    Raises:
        ToolError: a unit is unknown, or they measure different things.
    """
    from pint import DimensionalityError

    first, last = unit(start), unit(end)
    try:
        return Fraction(registry().Quantity(number, first).to(last).magnitude)
    except DimensionalityError as error:
        raise ToolError(
            f"expected units of one kind, got {start!r} ({first.dimensionality}) and {end!r} ({last.dimensionality})"
        ) from error
    except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
        raise ToolError(f"{start!r} can't be converted to {end!r}: {error}") from error


def _near(text: str) -> str:
    names = [name for word in re.findall(r"[^\W\d]+", text) for name in get_close_matches(word, list(registry()), n=2)]
    return f"; nearest are: {', '.join(names)}" if names else ""
