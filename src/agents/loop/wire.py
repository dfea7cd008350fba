"""Tools as a model's API wants them: names of letters, digits, `_` and `-`, schemas as JSON. Rule: pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..tool import Tool

_LONGEST = 64
_TOLD = 1_000


def wire_names(names: Iterable[str]) -> dict[str, str]:
    """A name for the API for each tool's name, all different: `files.read` becomes `files_read`."""
    made: dict[str, str] = {}
    for name in sorted(names):
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
        if len(plain) > _LONGEST or plain in made:
            plain = f"{plain[: _LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        made[plain] = name
    return {name: plain for plain, name in made.items()}


def described(tool: Tool, name: str) -> dict[str, Any]:
    """A tool in OpenAI's form."""
    told = tool.description.strip()[:_TOLD]
    if tool.effect == "write":
        told += " (It changes something: a person may be asked first.)"
    return {"type": "function", "function": {"name": name, "description": told, "parameters": tool.input_schema}}


def nearest(name: str, known: Iterable[str]) -> str:
    """The names that are most like one, for an error's text."""
    from difflib import get_close_matches

    known = list(known)
    return ", ".join(get_close_matches(name, known, n=3, cutoff=0.4) or known[:10]) or "none"


def same_call(tool: str, arguments: Mapping[str, Any]) -> str:
    """What makes two calls the same."""
    import json

    return f"{tool}({json.dumps(arguments, sort_keys=True, default=str)})"
