"""The planner that asks a model. Its steps run while it writes; only what is broken goes back to it.

Rule: a model proposes and the lint decides. What a plan's run produced reaches the model as data only, and a step that
changes something never comes out of it without a person's approval.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from ....agents.registry import Registry
from ....agents.tool import Tool
from ....errors import ContextError, ModelError, PlanError, TransientError
from ....models.client import Message, Models
from ....models.scope import current, entered
from ..files import parse
from ..findings import Finding
from ..lint import lint
from ..plan import Plan, Step
from ..planner import Goal, Outcome, Proposal
from . import asking
from .caution import Told, cautious
from .draft import Draft
from .planlines import AnswerLine, BrokenLine, PlanLines
from .preselect import select

REPAIRS = 2
PATIENCE = 8  # cut replies one after another without a new step; one that took all its time counts twice
MAX_REPLY = 1_000_000
_ENDED_OK = frozenset({"ok", "done"})


def _unheard(text: str) -> None:
    """Notices nobody wants."""


class ModelPlanner:
    """Plans with the model of the role `planner`. `max_steps` 0: no limit; `notice` hears of repairs."""

    reads_more = True

    def __init__(
        self, models: Models, registry: Registry, *, max_steps: int, notice: Callable[[str], None] = _unheard
    ) -> None:
        self._models = models
        self._registry = registry
        self._max_steps = max_steps
        self._notice = notice

    async def propose(self, goal: Goal) -> Proposal | None:
        """A plan whose steps come from `stream`; None without a model. The model is first called by the stream.

        Steps that the goal has begun with stand; the model writes what comes behind them.
        """
        if not self._models.has("planner"):
            return None
        draft = Draft(
            find_tool=self._registry.find,
            names=self._registry.names,
            max_steps=self._max_steps,
            inputs=goal.inputs,
        )
        for step in goal.begun:
            draft.stand(step)
        told = Told(goal=goal.text, inputs=goal.inputs, is_shown_more=bool(goal.facts or goal.earlier))
        asked = await self._asked(goal)
        writing = Writing(self._models, self._registry, asked, draft, notice=self._notice, told=told)
        begun = Plan(goal=goal.text, inputs=goal.inputs, steps=goal.begun)
        is_standalone = not (goal.facts or goal.earlier or goal.begun)
        return Proposal(plan=begun, source="model", stream=writing, is_standalone=is_standalone)

    async def replan(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> Plan | None:
        """The plan with the model's change; None when it proposes none that can be used.

        Steps that ended ok stay as they are. Whatever writes from then on needs approval, because what failed may have
        spoken to the model.
        """
        if not self._models.has("planner"):
            return None
        asked = await self._asked(Goal(text=plan.goal, inputs=plan.inputs))
        faults: Sequence[Finding] = ()
        for _ in range(2):
            try:
                with entered(replace(current(), role="planner")):
                    reply = await self._models.structured(
                        "planner",
                        asking.change(asked, plan, outcomes, faults),
                        name="plan_change",
                        schema=asking.change_schema(),
                    )
                changed = self._changed(plan, outcomes, reply.data)
            except (ModelError, TransientError, ContextError) as error:
                self._notice(f"the plan was not changed: {error}")
                return None
            except PlanError as error:
                faults = error.findings
                continue
            faults = () if changed is None else self._faults(changed)
            if not faults:
                return changed
        self._notice(f"the change of the plan can't be used: {faults[0] if faults else 'it is no plan'}")
        return None

    async def tools(self, goal: str) -> list[Tool]:
        """The tools that fit a goal."""
        return await asyncio.to_thread(lambda: select(goal, self._registry))

    async def _asked(self, goal: Goal) -> list[Message]:
        return asking.first(goal, goal.tools if goal.tools is not None else await self.tools(goal.text))

    def _changed(self, plan: Plan, outcomes: Mapping[str, Outcome], data: Mapping[str, Any]) -> Plan | None:
        """The plan after a change; None if nothing changes.

        Raises:
            PlanError: the added steps are no steps.
        """
        kept = {name for name, outcome in outcomes.items() if outcome.status in _ENDED_OK}
        steps = {step.id: step for step in plan.steps}
        for name in set(data["remove"]) - kept:
            steps.pop(name, None)
        for step in parse({"goal": "", "steps": data["steps"]}, where="change").steps:
            if step.id not in kept:
                steps[step.id] = step
        if tuple(steps.values()) == plan.steps:
            return None
        told = Told(goal=plan.goal, inputs=plan.inputs, is_shown_more=True)
        left = {name: cautious(step, self._registry.find, told) for name, step in steps.items() if name not in kept}
        return replace(plan, steps=tuple((steps | left).values()), answer=data.get("answer") or plan.answer)

    def _faults(self, plan: Plan) -> list[Finding]:
        found = lint(plan, self._registry.find, names=self._registry.names, max_steps=self._max_steps)
        return [finding for finding in found if finding.severity == "error"]


class Writing:
    """The steps of a plan while a model writes it. `answer` is its template, known once the steps have ended.

    Raises, while iterated:
        PlanError: the plan can't be repaired or the model can't be used; `findings` are what was wrong.
        BudgetError: a call was not sent.
    """

    def __init__(
        self,
        models: Models,
        registry: Registry,
        asked: Sequence[Message],
        draft: Draft,
        *,
        notice: Callable[[str], None],
        told: Told,
    ) -> None:
        self.answer: str | None = None
        self._models = models
        self._registry = registry
        self._asked = asked
        self._draft = draft
        self._notice = notice
        self._told = told
        self._repairs = 0
        self._continuations = 0
        self._spent = 0  # of PATIENCE
        self._was_slow = False
        self._released_before = 0
        self._cut = ""
        self._has_ended = False
        self._prose = ""
        self._steps = self._written()

    def __aiter__(self) -> AsyncIterator[Step]:
        return self

    async def __anext__(self) -> Step:
        try:
            return await anext(self._steps)
        except (ModelError, TransientError, ContextError) as error:
            raise PlanError(f"the plan could not be written: {error}") from error

    async def aclose(self) -> None:
        """Stops the model; may be called again."""
        await self._steps.aclose()

    async def _written(self) -> Any:
        messages: list[Message] | None = list(self._asked)
        if self._draft.released:
            self._released_before = len(self._draft.released)
            self._draft.begin_again()
            messages = asking.more(self._asked, self._draft)
        while messages is not None:
            async with aclosing(self._lines(messages)) as lines:
                async for line in lines:
                    if not (isinstance(line, BrokenLine) and line.is_cut):
                        self._has_ended = isinstance(line, AnswerLine)
                    for step in self._draft.take(line):
                        yield cautious(step, self._registry.find, self._told)
            messages = self._next()

    async def _lines(self, messages: Sequence[Message]) -> Any:
        """The lines of one reply; what ends it too early is kept in `_cut`."""
        lines, size, due = PlanLines(), 0, None
        timeout_s = self._models.endpoint("planner").timeout_s
        began = asyncio.get_running_loop().time()
        self._cut = ""
        async with aclosing(self._models.stream("planner", messages)) as pieces:  # type: ignore[type-var]
            while (piece := await self._piece(pieces, due)) is not None:
                due = due or asyncio.get_running_loop().time() + timeout_s
                size += len(piece)
                if size > MAX_REPLY:
                    raise PlanError(f"expected a plan of at most {MAX_REPLY:,} characters, and the model writes on")
                for line in lines.feed(piece):
                    yield line
        for line in lines.end():
            yield line
        self._prose = lines.prose
        self._was_slow = asyncio.get_running_loop().time() - began >= timeout_s

    async def _piece(self, pieces: AsyncIterator[str], due: float | None) -> str | None:
        """The next piece, None at the end; `due` is when the whole reply must be there."""
        try:
            with entered(replace(current(), role="planner")):
                async with asyncio.timeout_at(due):
                    return await anext(pieces)
        except StopAsyncIteration:
            return None
        except TimeoutError:
            self._cut = "it was not whole within models.timeout_s, and the model still wrote"
        except TransientError as error:
            if error.overloaded and due is None:
                raise
            self._cut = str(error)
        except ModelError as error:
            if error.kind != "reply":
                raise
            self._cut = str(error)
        return None

    # ---- after a reply

    def _next(self) -> list[Message] | None:
        """What the model is asked next; None when the plan is whole.

        Raises:
            PlanError: it was asked often enough.
        """
        draft = self._draft
        draft.close()
        was_cut = (self._cut or draft.is_cut) and not self._has_ended
        if len(draft.released) > self._released_before:  # a cut reply that brought steps is progress
            self._released_before, self._continuations, self._spent = len(draft.released), 0, 0
        if was_cut and self._spent < PATIENCE:
            self._continuations += 1
            self._spent += 1 + self._was_slow
            self._notice(f"the planner's reply was cut and is continued{f': {self._cut}' * bool(self._cut)}")
            draft.begin_again()
            return asking.more(self._asked, draft)
        if was_cut:
            raise PlanError(
                f"expected a whole plan, got a reply cut {self._continuations + 1} times: {self._cut}".rstrip(": ")
            )
        if draft.faulty:
            return self._repair()
        if not draft.released:
            return self._nothing()
        self._settle_answer()
        return None

    def _repair(self) -> list[Message]:
        faulty = self._draft.faulty
        findings = [finding for one in faulty for finding in one.findings]
        if self._repairs == REPAIRS:
            told = "\n".join(f"  {finding}" for finding in findings[:20])
            raise PlanError(f"the planner could not repair its plan in {REPAIRS} tries:\n{told}", findings)
        self._repairs += 1
        self._notice(f"the planner corrects {len(faulty)} broken line{'s' * (len(faulty) > 1)}: {findings[0]}")
        tools = {tool.name: tool for tool in self._registry}
        return asking.repair(self._asked, self._draft, self._draft.begin_again(), tools)

    def _nothing(self) -> list[Message]:
        if self._draft.answer is not None:
            raise PlanError(
                f"the planner sees no way to this goal with the tools there are: {self._draft.answer[:500]}"
            )
        if self._repairs == REPAIRS:
            got = repr(self._prose.strip()[:120]) if self._prose.strip() else "an empty reply"
            raise PlanError(f"expected steps as JSON Lines from the planner's model, got {got}")
        self._repairs += 1
        self._draft.begin_again()
        return asking.nothing(self._asked)

    def _settle_answer(self) -> None:
        faults = self._draft.answer_faults() if self._draft.answer is not None else []
        if faults:
            self._notice(f"the planner's answer is not used: {faults[0]}")
        else:
            self.answer = self._draft.answer


__all__ = ["ModelPlanner", "Writing"]
