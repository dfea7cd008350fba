"""Questions to people, and their answers. Rule: an answer is in the journal before anything follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import UsageError
from ...events import ApprovalAnswered, ApprovalAsked
from ..planning.plan import INPUTS, ReferenceSyntaxError, Step, references
from . import ticks
from .core import Core
from .past import question_key
from .run import Approve


class People:
    """The open approvals of one run, by step."""

    def __init__(self, core: Core, when_left_open: Callable[[], None]) -> None:
        self.core = core
        self.open: dict[str, ApprovalAsked] = {}
        self.heard: Callable[[ApprovalAsked, ApprovalAnswered], None] = lambda asked, answered: None
        self._inside: dict[str, str] = {}
        self.asking = 0
        self._when_left_open = when_left_open

    def answer(self, step: str, *, granted: bool, note: str = "", changes: Mapping[str, Any] | None = None) -> None:
        """A person's answer to an open approval; in the journal when this returns.

        `changes` are new values: of the goal's inputs where the name is one, else of the step's own parameters.

        Raises:
            UsageError: nothing is asked of this step.
        """
        asked = self.open.pop(step, None)
        if asked is None:
            raise UsageError(f"expected an open approval, got {step!r}; open are: {', '.join(self.open) or 'none'}")
        answered = ApprovalAnswered(step, granted, note, dict(changes or {}))
        self.core.emit(answered)
        self.heard(asked, answered)
        if step in self._inside:
            self._answer_inside(asked, answered)
            return
        self._record_effect(asked, answered)
        self.core.run.journal.commit()
        self._change(step, answered.changes)
        self.core.tell(ticks.Answered(step, granted, note))

    def ask_inside(self, step: str, asked: ApprovalAsked) -> ApprovalAnswered | None:
        """The answer to what the running call of a step asks; None: it is open now, and the call stops to wait."""
        before = self.core.run.past.answer(asked)
        if before is None and asked.step not in self.open:
            self._inside[asked.step] = step
            self._open(asked)
            self.core.wake.set()
        return before

    def _answer_inside(self, asked: ApprovalAsked, answered: ApprovalAnswered) -> None:
        """Keeps an answer for the call that asked, and has that call started again."""
        step = self._inside.pop(asked.step)
        own = {name: value for name, value in answered.changes.items() if name not in self.core.run.values.inputs}
        self.core.run.past.answers[question_key(asked, own)] = answered
        self.core.run.journal.commit()
        self._change(asked.step, answered.changes)
        self.core.tell(ticks.Unparked(step))

    def _record_effect(self, asked: ApprovalAsked, answered: ApprovalAnswered) -> None:
        """An effect in doubt that did happen counts as a result from now on."""
        core, step = self.core, asked.step
        if asked.kind == "in_doubt" and answered.granted:
            epoch = core.state.cells[step].epoch
            core.record(step, epoch, core.run.values.encode(None), 0.0, key=core.keys.get(step))

    def _change(self, step: str, changes: Mapping[str, Any]) -> None:
        run = self.core.run
        inputs = {name: value for name, value in changes.items() if name in run.values.inputs}
        own = {name: value for name, value in changes.items() if name not in inputs}
        if own:
            run.overrides.setdefault(step, {}).update(own)
        if inputs:
            run.values.inputs.update(inputs)
            users = tuple(name for name, s in run.steps.items() if any(_reads(s, i) for i in inputs))
            self.core.tell(ticks.InputsChanged(users))

    def ask(self, command: ticks.Ask) -> None:
        """Opens an approval, and puts it to the person if there is one."""
        step = self.core.run.steps[command.step]
        try:
            arguments = self.core.arguments(step)
        except (LookupError, ReferenceSyntaxError):
            arguments = step.parameters
        if command.kind == "step":
            reason = "it ran before" if step.id in self.core.run.past.again else command.reason
            question = f"Run {step.action} ({reason})?"
        else:
            question = f"{step.action} may or may not have taken effect: {command.reason}. Did it happen?"
        asked = ApprovalAsked(step.id, command.kind, question, dict(arguments))
        if command.kind == "step" and self._ran_before(step, arguments):
            self.core.tell(ticks.Answered(step.id, True, "it ran before with the same inputs"))
            return
        before = self.core.run.past.answer(asked)
        if before is not None:
            self._record_effect(asked, before)
            self.core.tell(ticks.Answered(step.id, before.granted, before.note))
            return
        self._open(asked)

    def _open(self, asked: ApprovalAsked) -> None:
        self.open[asked.step] = asked
        self.core.emit(asked)
        if self.core.run.approve is not None:
            self.asking += 1
            self.core.aside(self._put_to_person(asked, self.core.run.approve))

    def _ran_before(self, step: Step, arguments: Mapping[str, Any]) -> bool:
        """Whether a write that took effect only gives its result once more."""
        past = self.core.run.past
        return step.id in past.again and past.has(step.id, self.core.key(step, arguments))

    async def _put_to_person(self, asked: ApprovalAsked, approve: Approve) -> None:
        try:
            granted = await approve(asked)
        finally:
            self.asking -= 1
        if granted is None:
            self._when_left_open()
        elif self.open.get(asked.step) is asked:
            self.answer(asked.step, granted=granted)


def _reads(step: Step, name: str) -> bool:
    found = references([dict(step.parameters), step.for_each])
    return any(r.step == INPUTS and r.path[:1] == (name,) for r in found)
