"""Postconditions of a step: small expressions over `result`, such as `result.rows > 0`.

Rule: an expression can look at the result and nothing else. Names: `result`, `true`, `false`, `none`; functions: len,
abs, min, max, sum, round, sorted, any, all, str, int, float; comprehensions. Fields of data are the only attributes
there are. Evaluated by simpleeval, with a limit on the work.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

MAX_CHARACTERS = 2_000
MAX_OPERATIONS = 5_000_000
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (len, abs, min, max, sum, round, sorted, any, all, str, int, float)
}
_CONSTANTS = {"true": True, "false": False, "none": None}
_RESULT = "result"
_SYNTAX = (
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.keyword, ast.Attribute, ast.Subscript),
    *(ast.Slice, ast.Name, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.GeneratorExp),
    *(ast.comprehension, ast.expr_context, ast.boolop, ast.unaryop, ast.cmpop),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
)


class ExpectsError(ValueError):
    """An expression can't be read, or can't be applied to the result; says why."""


@lru_cache(maxsize=1024)
def parse(text: str) -> ast.expr:
    """The expression as a syntax tree.

    Raises:
        ExpectsError: it is no expression, or uses a name, function or operator that is not there.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpectsError(f"expected at most {MAX_CHARACTERS:,} characters, got {len(text):,}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        nodes = list(ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpectsError(f"expected an expression over result, got {text!r}: {error}") from error
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    called |= {id(node.value) for node in nodes if isinstance(node, ast.keyword)}
    for node in nodes:
        _check(node, bound, id(node) in called)
    return tree


def _check(node: ast.AST, bound: set[str], is_called: bool) -> None:
    match node:
        case ast.Call(func=function) if not isinstance(function, ast.Name) or function.id not in _FUNCTIONS:
            raise ExpectsError(f"expected one of the functions {', '.join(_FUNCTIONS)}, got {ast.unparse(function)!r}")
        case ast.Name(id=name) if name in _FUNCTIONS:
            if not is_called:
                raise ExpectsError(f"expected a call such as {name}(result), got {name!r} alone")
        case ast.Name(id=name) if name != _RESULT and name not in _CONSTANTS and name not in bound:
            raise ExpectsError(f"expected only the name result, got {name!r}")
        case ast.Attribute(attr=field) if field.startswith("__"):
            raise ExpectsError(f"expected the name of a field, got {field!r}")
        case _ if not isinstance(node, _SYNTAX):
            raise ExpectsError(f"expected comparisons, arithmetic and fields, got {type(node).__name__}")


def paths(text: str) -> Iterator[tuple[str | int, ...]]:
    """The fields of the result an expression names, such as ("rows",) or ("items", 0, "size").

    A position from the end is given as 0: any item stands for it.

    Raises:
        ExpectsError: as `parse`.
    """
    tree = parse(text)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, (ast.Attribute, ast.Subscript))}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and id(node) not in inner:
            path = _path(node)
            if path:
                yield path


def _path(node: ast.expr) -> tuple[str | int, ...] | None:
    """The path from `result`, up to the first part that only the run can tell; None when it begins elsewhere."""
    match node:
        case ast.Name(id=name):
            return () if name == _RESULT else None
        case ast.Attribute(value=value, attr=field):
            return _joined(value, field)
        case ast.Subscript(value=value, slice=ast.Constant(value=part)) if isinstance(part, (str, int)):
            return _joined(value, part)
        case ast.Subscript(value=value, slice=ast.UnaryOp()):
            return _joined(value, 0)
    return None


def _joined(value: ast.expr, part: str | int) -> tuple[str | int, ...] | None:
    before = _path(value)
    return None if before is None else (*before, part)


def holds(text: str, result: Any) -> bool:
    """Whether the expression is true of a result (plain data). Cost: linear in the items it looks at.

    Raises:
        ExpectsError: the expression is faulty, a field it names is not in the result, or it takes too long.
    """
    from simpleeval import InvalidExpression

    tree = parse(text)
    try:
        return bool(_evaluator(result).eval(text, previously_parsed=tree))
    except ExpectsError:
        raise
    except IndexError as error:
        raise ExpectsError(f"a list in the result is too short: {error}") from error
    except KeyError as error:
        raise ExpectsError(f"there is no field {error.args[0]!r}") from error
    except (InvalidExpression, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise ExpectsError(f"it can't be said of this result: {error}") from error


def _evaluator(result: Any) -> Any:
    names = {_RESULT: result, **_CONSTANTS}
    functions = dict(_FUNCTIONS) | {"round": _rounded}
    return _evaluator_class()(names=names, functions=functions, operators=_operators())


@lru_cache(maxsize=1)
def _evaluator_class() -> Any:
    from simpleeval import EvalWithCompoundTypes, IterableTooLong

    class Evaluator(EvalWithCompoundTypes):  # type: ignore[misc]
        """As its base, but attributes are fields, and the limit is on all operations instead of on each list."""

        _left = MAX_OPERATIONS

        def _eval(self, node: ast.AST) -> Any:
            self._left -= 1
            self._max_count = 0
            if self._left < 0:
                raise IterableTooLong(f"it takes more than {MAX_OPERATIONS:,} operations; look at fewer items")
            return self.nodes[type(node)](node)

        def _eval_attribute(self, node: ast.Attribute) -> Any:
            return _field(self._eval(node.value), node.attr)

    return Evaluator


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        there = ", ".join(map(str, list(value)[:12])) or "nothing"
        raise ExpectsError(f"there is no field {name!r}; there is {there}")
    kinds = {type(None): "nothing", str: "a text", list: "a list", bool: "true or false"}
    raise ExpectsError(f"there is {kinds.get(type(value), 'a number')} where field {name!r} is looked for")


def _rounded(number: Any, digits: int = 0) -> Any:
    if not -400 <= digits <= 400:
        raise ValueError(f"expected up to 400 digits, got {digits}")
    return round(number, digits)


@lru_cache(maxsize=1)
def _operators() -> dict[type[ast.AST], Callable[..., Any]]:
    from simpleeval import DEFAULT_OPERATORS

    def remainder(number: Any, by: Any) -> Any:
        if isinstance(number, str):
            raise TypeError("expected a number before %, got a text")
        return operator.mod(number, by)

    return {**DEFAULT_OPERATORS, ast.Mod: remainder}
