"""Works out arithmetic with exact fractions. Rule: nothing grows beyond a bound, whatever an expression asks for.

Fractions stay exact through the four operations and whole powers; roots, logarithms and the like are worked out to
50 digits, angles to 15, and the result then says that it is not exact.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException
from fractions import Fraction
from typing import Any

from ....errors import ToolError

MOST_CHARACTERS = 1_000
_MOST_BITS = 20_000
_MOST_FACTORIAL = 1_000
_FINE = Context(prec=50, Emax=9_999, Emin=-9_999)
_PI = Fraction("3.14159265358979323846264338327950288419716939937510582")
_E = Fraction("2.71828182845904523536028747135266249775724709369995957")
_SIGNS = str.maketrans("×·÷−–", "**/--")  # noqa: RUF001  # as people write them


class Sum:
    """One expression's work; `is_exact` turns false when something had to be rounded."""

    def __init__(self, variables: Mapping[str, Fraction]) -> None:
        self.is_exact = True
        self._variables = variables

    def value(self, text: str) -> Fraction:
        """What the expression gives.

        Raises:
            ToolError: it is no arithmetic, has no value, or grows too large.
        """
        source = text.strip().translate(_SIGNS).replace("^", "**")
        if not source or len(source) > MOST_CHARACTERS:
            raise ToolError(f"expected an expression of 1 to {MOST_CHARACTERS} characters, got {len(source):,}")
        try:
            found = self._evaluator(source).eval(source, ast.parse(source, mode="eval").body)
        except ToolError:
            raise
        except ZeroDivisionError as error:
            raise ToolError(f"{text!r} divides by zero") from error
        except (SyntaxError, MemoryError, RecursionError) as error:
            raise ToolError(f"expected arithmetic such as (3 + 4) * 2.5, got {text[:120]!r}") from error
        except Exception as error:  # the border: an expression of strangers
            raise ToolError(f"{text[:120]!r} can't be worked out: {error}") from error
        if not isinstance(found, Fraction):
            raise ToolError(f"expected an expression whose value is a number, got {text[:120]!r}")
        return found

    def _evaluator(self, source: str) -> Any:
        from simpleeval import SimpleEval

        names = {"pi": _PI, "e": _E, "tau": 2 * _PI, **self._variables}
        made = SimpleEval(operators={**_OPERATORS, ast.Pow: self.power}, functions=self._functions(), names=names)
        kept = {ast.UnaryOp, ast.BinOp, ast.Call}
        made.nodes = {kind: run for kind, run in made.nodes.items() if kind in kept}
        made.nodes[ast.Constant] = lambda node: _number(ast.get_source_segment(source, node) or "")
        made.nodes[ast.Name] = lambda node: self._named(node.id, names)
        return made

    def _named(self, name: str, names: Mapping[str, Fraction]) -> Fraction:
        if name not in names:
            raise ToolError(f"expected one of the names {', '.join(sorted(names))}, got {name!r}; give it in variables")
        if names[name] in (_PI, _E, 2 * _PI):
            self.is_exact = False
        return names[name]

    def _functions(self) -> dict[str, Callable[..., Fraction]]:
        fine = {"exp": _FINE.exp, "ln": _FINE.ln, "log10": _FINE.log10}
        rough = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "radians", "degrees")
        return {
            **_EXACT,
            **{name: self._rounded(_decimal, function) for name, function in fine.items()},
            **{name: self._rounded(float, getattr(math, name)) for name in rough},
            "sqrt": lambda x: self.power(x, Fraction(1, 2)),
            "root": lambda x, n: self.power(x, 1 / n),
            "log": self._rounded(Fraction, _log),
            "pow": self.power,
        }

    def _rounded(self, kind: Callable[[Fraction], Any], function: Callable[..., Any]) -> Callable[..., Fraction]:
        """A function over numbers of another kind, whose results are rounded."""

        def call(*numbers: Fraction) -> Fraction:
            self.is_exact = False
            try:
                return bounded(Fraction(function(*map(kind, numbers))))
            except (DecimalException, OverflowError) as error:
                raise ToolError("expected a value within reach, got one that is infinite, too large or none") from error

        return call

    def power(self, base: Fraction, exponent: Fraction) -> Fraction:
        """A power; exact where the exponent is whole, or a half and the root is a fraction."""
        if exponent.denominator == 1:
            return _whole_power(base, exponent.numerator)
        if base < 0:
            raise ToolError("expected a number of at least 0 under a root, got a negative one")
        if exponent.denominator == 2 and (root := _square_root(base)) is not None:
            return _whole_power(root, exponent.numerator)
        self.is_exact = False
        try:
            return bounded(Fraction(_FINE.power(_decimal(base), _decimal(exponent))))
        except DecimalException as error:
            raise _too_large() from error


def bounded(number: Fraction) -> Fraction:
    """The number, when it is not too large to go on with."""
    if number.numerator.bit_length() + number.denominator.bit_length() > _MOST_BITS:
        raise _too_large()
    return number


def _too_large() -> ToolError:
    return ToolError(f"expected numbers of at most {int(_MOST_BITS * 0.301):,} digits, got a larger one on the way")


def _number(text: str) -> Fraction:
    """A literal as it is written, not as a float."""
    plain = text.replace("_", "")
    try:
        found = Decimal(plain)
    except DecimalException as error:
        raise ToolError(f"expected a number such as 3.5 or 1e-6, got {text[:40]!r}") from error
    if not found.is_finite() or abs(found.adjusted()) > _MOST_BITS // 4:
        raise _too_large()
    return Fraction(found)


def _decimal(number: Fraction) -> Decimal:
    return _FINE.divide(Decimal(number.numerator), Decimal(number.denominator))


def _ln(number: Fraction) -> Decimal:
    if number <= 0:
        raise ToolError("expected a number above 0 in a logarithm, got another")
    return _FINE.ln(_decimal(number))


def _log(number: Fraction, base: Fraction = Fraction(10)) -> Decimal:
    return _FINE.divide(_ln(number), _ln(base))


def _whole_power(base: Fraction, exponent: int) -> Fraction:
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > 1 and size * abs(exponent) > _MOST_BITS and abs(base) not in (0, 1):
        raise _too_large()
    if abs(base) == 1:
        return base if exponent % 2 else Fraction(1)
    return base**exponent


def _square_root(number: Fraction) -> Fraction | None:
    roots = [math.isqrt(part) for part in (number.numerator, number.denominator)]
    return Fraction(*roots) if Fraction(*roots) ** 2 == number else None


def rounded(number: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    """To so many digits behind the point; halves go away from zero, as in trade."""
    if digits.denominator != 1 or not -100 <= digits <= 100:
        raise ToolError("expected a whole number of digits from -100 to 100")
    scale = Fraction(10) ** digits.numerator
    sign = -1 if number < 0 else 1
    return Fraction(sign * math.floor(abs(number) * scale + Fraction(1, 2))) / scale


def _whole(number: Fraction) -> int:
    if number.denominator != 1:
        raise ToolError(f"expected a whole number, got {float(number):g}")
    return number.numerator


def _small(number: Fraction) -> int:
    if not 0 <= (found := _whole(number)) <= _MOST_FACTORIAL:
        raise ToolError(f"expected a whole number from 0 to {_MOST_FACTORIAL:,}, got {found:,}"[:120])
    return found


def _mean(*numbers: Fraction) -> Fraction:
    return Fraction(sum(numbers)) / len(numbers)


def _median(*numbers: Fraction) -> Fraction:
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(numbers) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _checked(function: Callable[..., Any]) -> Callable[..., Fraction]:
    return lambda *numbers: bounded(Fraction(function(*numbers)))


_OPERATORS: dict[type[ast.AST], Callable[..., Fraction]] = {
    ast.Add: _checked(operator.add),
    ast.Sub: _checked(operator.sub),
    ast.Mult: _checked(operator.mul),
    ast.Div: _checked(operator.truediv),
    ast.FloorDiv: _checked(operator.floordiv),
    ast.Mod: _checked(operator.mod),
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}

_EXACT: dict[str, Callable[..., Fraction]] = {
    "abs": _checked(abs),
    "round": rounded,
    "floor": _checked(math.floor),
    "ceil": _checked(math.ceil),
    "min": _checked(min),
    "max": _checked(max),
    "sum": _checked(lambda *numbers: sum(numbers)),
    "mean": _checked(_mean),
    "median": _checked(_median),
    "factorial": _checked(lambda n: math.factorial(_small(n))),
    "comb": _checked(lambda n, k: math.comb(_small(n), _small(k))),
    "perm": _checked(lambda n, k: math.perm(_small(n), _small(k))),
    "gcd": _checked(lambda *numbers: math.gcd(*map(_whole, numbers))),
    "lcm": _checked(lambda *numbers: math.lcm(*map(_whole, numbers))),
    "percent": _checked(lambda share, whole: share * whole / 100),
}
