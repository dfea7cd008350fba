"""A plan while a model writes it: which steps may run already, which wait, which are faulty.

Rule: a step is released once it is healthy and everything it needs was released before it. So what runs is always a
healthy plan of its own, whatever comes later: a fault, a circle or a step that never comes can't reach it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....errors import PlanError
from .. import dag
from ..files import dump, parse_step
from ..findings import Finding
from ..lint import Linter
from ..lint.fields import FindTool
from ..plan import Plan, ReferenceSyntaxError, Step, edges
from .planlines import AnswerLine, BrokenLine, Line, StepLine

_RENAMED = frozenset({"duplicate-id", "bad-id", "bad-file"})  # faults whose correction may come under another id


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """A line that can't run as it is. `id` None: none could be read."""

    text: str
    findings: tuple[Finding, ...]
    id: str | None = None


@dataclass(slots=True, kw_only=True)
class Draft:
    """The lines so far. `max_steps` 0: no limit. `released` are in an order in which they can run."""

    find_tool: FindTool
    names: Callable[[], Iterable[str]] = tuple
    max_steps: int = 0
    inputs: Mapping[str, Any] = field(default_factory=dict)
    released: dict[str, Step] = field(default_factory=dict)
    held: dict[str, Step] = field(default_factory=dict)
    faulty: list[Faulty] = field(default_factory=list)
    answer: str | None = None
    is_cut: bool = False
    _texts: dict[str, str] = field(default_factory=dict)
    _linter: Linter | None = None
    _asked: list[Faulty] = field(default_factory=list)
    _fresh: int = 0
    _is_again: bool = False

    def take(self, line: Line) -> list[Step]:
        """The steps that this line lets run.

        Raises:
            PlanError: there are more steps than the limit.
        """
        match line:
            case AnswerLine(text):
                self.answer = text
            case BrokenLine(is_cut=True):
                self.is_cut = True
            case BrokenLine(text, reason, name):
                self._fault(text, name, [_unreadable(name, reason)])
            case StepLine(data, text):
                return self._take_step(data, text)
        return []

    def stand(self, step: Step) -> None:
        """Takes a step of an earlier process, as its model would have written it."""
        [data] = dump(Plan(goal="", steps=(step,)))["steps"]
        self.take(StepLine(data, json.dumps(data, ensure_ascii=False)))

    def begin_again(self) -> list[Faulty]:
        """Gives what should be written again; the next lines correct or continue, and may repeat what is known."""
        self._asked, self.faulty = self.faulty, []
        self._fresh, self._is_again, self.is_cut = 0, True, False
        return self._asked

    def close(self) -> None:
        """Judges what is left when a reply has ended: what was not corrected, circles, steps that never came."""
        for faulty in self._asked:
            if self._fresh and (faulty.id is None or _RENAMED & {finding.code for finding in faulty.findings}):
                self._fresh -= 1
            else:
                self.faulty.append(faulty)
        self._asked = []
        while (cycle := dag.find_cycle(Plan(goal="", steps=tuple(self.held.values())))) is not None:
            for name in cycle:
                self._reject(name, [_cycle(name, cycle)])
        self._judge_held()
        coming = {faulty.id for faulty in self.faulty}
        known = self.released.keys() | self.held.keys() | coming
        for step in list(self.held.values()):
            missing = [name for name in _needs(step) if name not in known]
            if missing:
                self._reject(step.id, [self._unknown(step, name) for name in missing])

    def _judge_held(self) -> None:
        """Finds the own faults of all that waits, so that they need not be asked for one after the other."""
        linter = Linter(self.find_tool, names=self.names, inputs=self.inputs)
        for step in self.released.values():
            linter.add(step)
        for step in list(self.held.values()):
            errors = [found for found in linter.add(step) if found.severity == "error"]
            if errors:
                self._reject(step.id, errors)

    def answer_faults(self) -> list[Finding]:
        """What is wrong with the answer's template."""
        return [found for found in self._current().end(self.answer) if found.severity == "error"]

    def written(self) -> str:
        """The healthy lines so far, released and held, as JSON Lines."""
        import json

        steps = (*self.released.values(), *self.held.values())
        data = dump(Plan(goal="", steps=steps))["steps"]
        return "\n".join(json.dumps(step, ensure_ascii=False) for step in data)

    # ---- one step

    def _take_step(self, data: Mapping[str, Any], text: str) -> list[Step]:
        try:
            step = parse_step(data)
        except PlanError as error:
            name = data.get("id")
            self._fault(text, name if isinstance(name, str) else None, error.findings)
            return []
        if self._is_known(step, text):
            return []
        self._count(step)
        self._answered(step.id)
        self._texts[step.id] = text
        self.held[step.id] = step
        return self._release()

    def _is_known(self, step: Step, text: str) -> bool:
        """Whether there is such a step; another one of the same id is a fault, unless lines are being repeated."""
        there = self.released.get(step.id) or self.held.get(step.id)
        if there is None or (self._is_again and step.id in self.held):
            return False
        if there != step and not self._is_again:
            self._fault(text, step.id, [_duplicate(step.id)])
        return True

    def _count(self, step: Step) -> None:
        count = len(self.released) + len(self.held) + len(self.faulty) + 1
        if self.max_steps and count > self.max_steps and step.id not in self.held:
            finding = Finding(
                code="too-many-steps",
                step=step.id,
                expected=f"at most {self.max_steps} steps",
                got=f"step number {count}",
                fix="split the goal, or raise execution.max_steps",
            )
            raise PlanError(f"the planner's plan is too long: {finding}", [finding])

    def _answered(self, name: str) -> None:
        """Takes a corrected line off the list; one under a new name stands for the first that is left."""
        for number, faulty in enumerate(self._asked):
            if faulty.id == name:
                del self._asked[number]
                return
        self._fresh += name not in self.held

    def _release(self) -> list[Step]:
        """Moves held steps whose inputs are all there to the released ones."""
        freed: list[Step] = []
        while (step := self._next()) is not None:
            errors = [f for f in self._current().add(step) if f.severity == "error"]
            if errors:
                self._linter = None
                self._reject(step.id, errors)
            else:
                self.released[step.id] = self.held.pop(step.id)
                freed.append(step)
        return freed

    def _next(self) -> Step | None:
        def is_free(step: Step) -> bool:
            return all(name in self.released or name == step.id for name in _needs(step))

        return next((step for step in self.held.values() if is_free(step)), None)

    def _current(self) -> Linter:
        """A linter that knows the released steps only."""
        if self._linter is None:
            self._linter = Linter(self.find_tool, names=self.names, inputs=self.inputs)
            for step in self.released.values():
                self._linter.add(step)
        return self._linter

    def _reject(self, name: str, findings: Iterable[Finding]) -> None:
        del self.held[name]
        self._fault(self._texts.get(name, ""), name, findings)

    def _fault(self, text: str, name: str | None, findings: Iterable[Finding]) -> None:
        """A line that was asked for again and is faulty again takes the place of the old one."""
        self._asked = [faulty for faulty in self._asked if name is None or faulty.id != name]
        self.faulty = [faulty for faulty in self.faulty if name is None or faulty.id != name or not self._is_again]
        self.faulty.append(Faulty(text=text, findings=tuple(findings), id=name))

    def _unknown(self, step: Step, name: str) -> Finding:
        from rapidfuzz import process

        names = [*self.released, *self.held]
        near = process.extractOne(name, names, score_cutoff=60)
        fix = f"did you mean {near[0]!r}?" if near else f"steps are {', '.join(names[:10])}"
        return Finding(code="unknown-step", step=step.id, expected="a step of the plan", got=repr(name), fix=fix)


def _needs(step: Step) -> tuple[str, ...]:
    """What a step waits for; with faulty references only what it declares, the linter tells the rest."""
    try:
        return edges(step)
    except ReferenceSyntaxError:
        return ()


def _unreadable(name: str | None, reason: str) -> Finding:
    return Finding(code="bad-file", step=name, expected="one JSON object a line", got=reason)


def _duplicate(name: str) -> Finding:
    fix = f"rename it, for example {name}_2, and the references to it"
    return Finding(code="duplicate-id", step=name, expected="an id of its own", got=f"{name!r} a second time", fix=fix)


def _cycle(name: str, cycle: list[str]) -> Finding:
    return Finding(
        code="cycle",
        step=name,
        expected="steps that do not wait for each other in a circle",
        got=" -> ".join([*cycle, cycle[0]]),
        fix="remove one of these dependencies",
    )
