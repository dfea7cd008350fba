"""Postconditions of a step: small expressions over `result`, such as `result.rows > 0`.

Rule: an expression can look at the result and nothing else. Names: `result`, `true`, `false`, `none`; functions: len,
abs, min, max, sum, round, sorted, any, all, str, int, float. Evaluated by simpleeval; fields of data
are the only attributes there are.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

_FUNCTIONS = {f.__name__: f for f in (len, abs, min, max, sum, round, sorted, any, all, str, int, float)}
_NAMES = frozenset({"result", "true", "false", "none", "True", "False", "None"})


class ExpectsError(ValueError):
    """An expression can't be read, or can't be applied to the result; says why."""


@lru_cache(maxsize=1024)
def parse(text: str) -> ast.expr:
    """The expression as a syntax tree.

    Raises:
        ExpectsError: it is no expression, or uses a name or function that is not there.
    """
    from simpleeval import InvalidExpression, SimpleEval

    try:
        tree = SimpleEval.parse(text)
    except (InvalidExpression, SyntaxError, ValueError) as error:
        raise ExpectsError(f"expected an expression over result, got {text!r}: {error}") from error
    if not isinstance(tree, ast.Expr):
        raise ExpectsError(f"expected an expression over result, got {text!r}")
    bound = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in _NAMES | _FUNCTIONS.keys() | bound:
            raise ExpectsError(f"expected only the name result, got {node.id!r} in {text!r}")
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            raise ExpectsError(f"expected the name of a field, got {node.attr!r} in {text!r}")
    return ast.fix_missing_locations(ast.Expression(_FieldAccess().visit(tree.value))).body


def holds(text: str, result: Any) -> bool:
    """Whether the expression is true of a result.

    Raises:
        ExpectsError: the expression is faulty, or a field it names is not in the result.
    """
    from simpleeval import EvalWithCompoundTypes, InvalidExpression

    names = {"result": result, "true": True, "false": False, "none": None}
    evaluator = EvalWithCompoundTypes(names=names, functions=dict(_FUNCTIONS))
    try:
        return bool(evaluator.eval(text, previously_parsed=parse(text)))
    except ExpectsError:
        raise
    except KeyError as error:
        raise ExpectsError(f"the result has no field {error.args[0]!r}") from error
    except (InvalidExpression, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise ExpectsError(f"it can't be said of this result: {error}") from error


class _FieldAccess(ast.NodeTransformer):
    """`result.items` becomes `result["items"]`: fields of data are the only attributes there are."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # the visitor's own name
        key = ast.Constant(node.attr)
        return ast.copy_location(ast.Subscript(self.visit(node.value), key, node.ctx), node)
