"""What an agent is: a named set of tools and a prompt, with limits. Rule: data only; `agents.loop` lets it work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ..tool import Effect

NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
PREFIX = "agent:"
VARIABLES = frozenset({"name", "purpose", "tools", "workspace", "today"})
_STRENGTH: Mapping[Effect, int] = {"pure": 0, "read": 1, "write": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`max_steps` are turns of the model. `tokens` are those of all its turns; 0: no limit. `seconds` 0: no limit."""

    max_steps: int = 15
    tokens: int = 200_000
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An agent as it is declared.

    `tools` are names or patterns (`files.*`). `effects` are what its tools may do: a tool with another effect is not
    offered to it, even when a pattern names it. `model` is a role (`worker`) or the name of a model at the worker's
    endpoint. `returns` is the JSON schema of `data` in its result, None: any. `source` says where it was declared.
    """

    name: str
    purpose: str
    prompt: str
    tools: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ("pure", "read")
    model: str = "worker"
    limits: Limits = field(default_factory=Limits)
    returns: Mapping[str, Any] | None = None
    source: str = "code"

    @property
    def action(self) -> str:
        """How plans call it."""
        return PREFIX + self.name

    @property
    def effect(self) -> Effect:
        """The strongest effect its tools may have, which is the effect of a step that uses it."""
        return max(self.effects, key=_STRENGTH.__getitem__, default="pure")

    def may_use(self, tool: str, effect: Effect) -> bool:
        """Whether a tool belongs to it."""
        return effect in self.effects and any(fnmatchcase(tool, pattern) for pattern in self.tools)
