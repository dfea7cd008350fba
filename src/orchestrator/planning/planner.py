"""The seam to whatever makes plans: a playbook, a model, a program.

Rule: a planner proposes, it runs nothing. Steps may come one by one, while earlier ones already run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...agents.tool import Tool
from .plan import Plan, Step
from .playbooks import Library


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What is asked for. `inputs` are named values given beside the text; `playbook` names one to use.

    `begun` are the steps of a plan whose planner was cut off: it goes on behind them. A planner that `reads_more` also
    gets `tools` that fit (None: all), `facts` about the person, the session `earlier` that the goal goes on from, and
    the name of its `language` (empty: not sure).
    """

    text: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    playbook: str | None = None
    begun: tuple[Step, ...] = ()
    tools: tuple[Tool, ...] | None = None
    facts: tuple[str, ...] = ()
    earlier: tuple[Mapping[str, Any], ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan, whole, or its head with the steps still to come from `stream`. `source` says who made it.

    A stream may have an attribute `answer`: the answer's template, known when it has ended. `is_standalone`: made from
    the goal and its inputs alone, so that it may serve the same goal elsewhere; False when that is not known.
    """

    plan: Plan
    source: str
    stream: AsyncIterator[Step] | None = None
    is_standalone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step of a plan ended, for a planner that may change the plan."""

    status: str
    error: str | None = None
    caused_by: str | None = None


class Planner(Protocol):
    """Makes plans."""

    async def propose(self, goal: Goal) -> Proposal | None:
        """A plan for the goal; None when this planner has nothing to offer for it."""
        ...

    async def replan(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Plan | None:
        """A changed plan after steps failed for good; steps that stay the same are not run again. None: no change."""
        ...


class PlaybookPlanner:
    """Plans by the playbook that fits the goal. It needs no model and never changes a plan afterwards."""

    def __init__(self, library: Library, threshold: float) -> None:
        self._library = library
        self._threshold = threshold

    async def propose(self, goal: Goal) -> Proposal | None:
        """The playbook's plan.

        Raises:
            UsageError: no playbook fits, or several do.
            InputError: an input is missing or does not fit.
        """
        if goal.playbook is not None:
            playbook = self._library.get(goal.playbook)
        else:
            playbook = self._library.choose(goal.text, self._threshold)
        return Proposal(plan=playbook.plan(goal.text, goal.inputs), source=f"playbook:{playbook.name}")

    async def replan(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Plan | None:
        return None
