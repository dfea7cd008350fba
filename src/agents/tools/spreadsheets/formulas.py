"""Formulas that somebody asked for. Rule: they compute from cells; none reaches outside the workbook."""

from __future__ import annotations

import re

from ....errors import ToolError

_OUTSIDE = re.compile(
    r"\b(WEBSERVICE|FILTERXML|HYPERLINK|RTD|CALL|REGISTER(\.ID)?|EXEC|DDE|IMPORT\w+|IMAGE|STOCKHISTORY|SQL\.REQUEST"
    r"|CUBE\w+|EVALUATE|FOPEN|FWRITELN?)\s*\(",
    re.IGNORECASE,
)
MOST_CHARS = 2_000


def checked(formula: str) -> str:
    """The formula.

    Raises:
        ToolError: it does not begin with `=`, or it names a function, file or program outside the workbook.
    """
    if not formula.startswith("=") or len(formula) > MOST_CHARS:
        raise ToolError(
            f"expected a formula that begins with =, of {MOST_CHARS} characters at most, got {formula[:60]!r}"
        )
    bare = re.sub(r'"(?:[^"]|"")*"', '""', formula)
    if _OUTSIDE.search(bare) or re.search(r"\[[^\]]*\]|\|", bare) or "://" in formula:
        raise ToolError(f"expected a formula over cells of this workbook, got {formula[:80]!r}, which reaches outside")
    return formula
