"""The record of an agent's conversations, from which an interrupted one goes on.

Rule: a fold over events. What a model said and what a tool returned is never asked for a second time in one
conversation; a conversation belongs to a step and to the content it was begun with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ...events import AgentCalled, AgentReturned, AgentTurn, Payload
from ..tool import Tool

Outcome = Literal["ok", "failed", "refused", "denied", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call that an agent wants. `id` is the step's and a number; `tainted`: it has seen data of others."""

    id: str
    agent: str
    tool: str
    arguments: Mapping[str, Any]
    tainted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came of a call. `handle` is what a large result is read by in slices, empty: it is whole."""

    status: Outcome
    value: Any = None
    error: str = ""
    handle: str = ""


class Invoke(Protocol):
    """What a run lends an agent's step: tools under the run's rules, and a record that outlives the process."""

    @property
    def is_tainted(self) -> bool:
        """Whether the step was handed data that others wrote."""
        ...

    def thread(self, key: str) -> Thread:
        """The conversation of this step that was begun with this content; a new one if there is none."""
        ...

    def record(self, turn: AgentTurn) -> None:
        """Keeps a reply of the model; it is durable when this returns."""
        ...

    def allows(self, tool: Tool) -> bool:
        """Whether this run's role may use a tool at all."""
        ...

    def keep(self, text: str) -> str:
        """Stores a text and gives the handle by which `results.read` reads it."""
        ...

    async def __call__(self, thread: Thread, call: Call) -> Returned:
        """Calls a tool: checked, allowed or asked for, within limits, recorded.

        Raises:
            BudgetError, JournalError: the run can't go on.
        """
        ...


@dataclass(slots=True)
class Thread:
    """One conversation. `base` is the number of tool calls the step made in earlier ones, so that ids stay unique."""

    key: str
    base: int = 0
    turns: list[AgentTurn] = field(default_factory=list)
    called: dict[str, AgentCalled] = field(default_factory=dict)
    returned: dict[str, AgentReturned] = field(default_factory=dict)


@dataclass(slots=True)
class Threads:
    """All conversations of a run's agents, by step."""

    by_step: dict[str, dict[str, Thread]] = field(default_factory=dict)

    def of(self, step: str, key: str) -> Thread:
        """A step's conversation under a content key, begun if there is none."""
        known = self.by_step.setdefault(step, {})
        if key not in known:
            known[key] = Thread(key, base=sum(len(turn.calls) for t in known.values() for turn in t.turns))
        return known[key]

    def apply(self, payload: Payload) -> None:
        """Takes in an event; those of other kinds are passed over."""
        match payload:
            case AgentTurn():
                turns = self.of(payload.step, payload.thread).turns
                del turns[payload.turn - 1 :]
                turns.append(payload)
            case AgentCalled():
                self._latest(payload.step).called[payload.key] = payload
            case AgentReturned():
                self._latest(payload.step).returned[payload.key] = payload
            case _:
                return

    def _latest(self, step: str) -> Thread:
        """The conversation that speaks: a step has one at a time."""
        return next(reversed(self.by_step.setdefault(step, {}).values()), None) or self.of(step, "")
