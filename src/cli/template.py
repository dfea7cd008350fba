"""The text of `config.yaml`: every setting with its meaning and default, made from the models.

Rule: the file at the top of the repository is this text, and a test compares them, so that they never drift.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from ..config import Config, Group
from ..settings import VERSION_KEY, subgroup

_WIDTH = 110
_HEAD = f"""\
# Planloom's settings: every key, its meaning and its default. Delete what you don't change.
#
# A flag wins over an environment variable (PLANLOOM_PERFORMANCE__MAX_PARALLEL_STEPS=8), which wins over this file,
# which wins over the defaults. `planloom doctor` prints the values in force and where each came from.
# Read are: the file of --config or PLANLOOM_CONFIG, else ./planloom.yaml, else ./config.yaml with the next line in it.
{VERSION_KEY}: 1
"""


def text() -> str:
    """The whole file."""
    return _HEAD + "".join(_group(Config, ""))


def _group(group: type[Group], indent: str) -> Iterator[str]:
    for name, info in group.model_fields.items():
        if (inner := subgroup(info)) is not None:
            yield f"\n{indent}{name}:\n"
            yield from _group(inner, indent + "  ")
            continue
        default = info.get_default(call_default_factory=True)
        comment = f"{info.description} Default: {_shown(default)}"
        if not indent:
            yield "\n"
        yield textwrap.fill(comment, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ") + "\n"
        yield f"{indent}{name}: {_shown(default)}\n"


def _shown(value: Any) -> str:
    """A value in YAML, on one line; a secret has no default to show."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return value if isinstance(value, str) and value else json.dumps(value)
