"""What every event says, in common: plain data with a type. Rule: a default, once released, never changes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

StepStatus = Literal["ok", "failed", "skipped", "cancelled", "in_doubt", "waiting"]
RunStatus = Literal["done", "failed", "cancelled", "budget", "needs_approval"]
VerdictStatus = Literal["pass", "fail", "unsure", "off"]


@dataclass(frozen=True, slots=True)
class Payload:
    """What an event says; subclasses are the event types."""

    type: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the type."""
        return {name: getattr(self, name) for name in _names(type(self))}


_NAMES: dict[type, tuple[str, ...]] = {}


def _names(cls: type[Payload]) -> tuple[str, ...]:
    names = _NAMES.get(cls)
    if names is None:
        names = _NAMES[cls] = tuple(f.name for f in fields(cls))
    return names
