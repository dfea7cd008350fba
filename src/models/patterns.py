"""Settings by model name or pattern. Rule: the exact name wins, then the longest pattern that fits."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

T = TypeVar("T")


def best(table: Mapping[str, T], model: str) -> T | None:
    """The entry for a model (`gpt-4o`, `gpt-4o*`, `*`); None: there is none."""
    if model in table:
        return table[model]
    fitting = [pattern for pattern in table if fnmatchcase(model, pattern)]
    return table[max(fitting, key=len)] if fitting else None
