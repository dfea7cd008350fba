"""Events as they may be shown: nothing that tools, models or files put into them reaches the terminal as a command.

Rule: texts are made printable before a screen sees them; results are never drawn and stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..events import Event
from ..printable import printable

_NOT_DRAWN = frozenset({"value", "plan"})


def tidy(event: Event) -> Event:
    """The event with printable texts; the same one when all of them are."""
    payload = event.payload
    changes = {
        name: clean
        for name, told in payload.to_dict().items()
        if name not in _NOT_DRAWN and (clean := tidied(told)) != told
    }
    return replace(event, payload=replace(payload, **changes)) if changes else event


def tidied(value: Any) -> Any:
    """Plain data with printable texts."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {tidied(name): tidied(inner) for name, inner in value.items()}
        case list():
            return [tidied(inner) for inner in value]
        case tuple():
            return tuple(tidied(inner) for inner in value)
        case _:
            return value
