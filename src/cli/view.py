"""What a person sees of a run: a fold over its events. Rule: no clock, no terminal; drawing is elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .. import events
from ..events import Event

State = Literal[
    "waiting", "running", "retrying", "asking", "ok", "failed", "skipped", "cancelled", "in_doubt"
]  # in_doubt: a write that may or may not have happened
ENDED: frozenset[State] = frozenset({"ok", "failed", "skipped", "cancelled", "in_doubt"})


@dataclass(slots=True, kw_only=True)
class StepView:
    """One step. `started_at` and `ended_at` are Unix seconds, None: not yet; `total` None: unknown."""

    id: str
    action: str = ""
    dependencies: tuple[str, ...] = ()
    parent: str | None = None
    state: State = "waiting"
    started_at: float | None = None
    ended_at: float | None = None
    seconds: float = 0.0
    attempts: int = 0
    done: float = 0.0
    total: float | None = None
    note: str = ""
    error: str = ""
    caused_by: str = ""
    limit: str = ""
    verdict: str = ""
    reused: bool = False
    children: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class View:
    """A run so far. `status` is empty while it runs; `asked` are the open questions by step, oldest first."""

    goal: str = ""
    run_id: str = ""
    started_at: float | None = None
    steps: dict[str, StepView] = field(default_factory=dict)
    asked: dict[str, events.ApprovalAsked] = field(default_factory=dict)
    files: list[events.ArtifactCreated] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    status: str = ""
    seconds: float = 0.0

    def apply(self, event: Event) -> None:
        """Takes in the next event; unknown types change nothing."""
        self.run_id = self.run_id or event.run_id
        if self.started_at is None:
            self.started_at = event.at
        match event.payload:
            case events.RunStarted(goal=goal):
                self.goal, self.status = goal, ""
            case events.RunResumed(goal=goal):
                self.goal, self.status = goal, ""
            case events.ApprovalAsked(kind="plan") as asked:
                self.asked[asked.step] = asked
            case events.ApprovalAnswered(step=step) if step not in self.steps:
                self.asked.pop(step, None)
            case events.StepAdded() as added:
                self._add(added)
            case events.PlanChanged(removed=removed, reason=reason):
                self._remove(removed)
                self._notice(f"The plan was changed: {reason}")
            case events.ArtifactCreated() as made:
                self.files = [known for known in self.files if known.path != made.path] + [made]
            case events.RunFinished(status=status, seconds=seconds):
                self.status, self.seconds = status, seconds
            case events.Notice() | events.BudgetWarning() | events.LimitChanged() as said:
                self._notice(told(said))
            case payload:
                self._apply_to_step(payload, event.at)

    def _apply_to_step(self, payload: events.Payload, at: float) -> None:
        name = getattr(payload, "step", None)
        if name is None:
            return
        step = self.steps.get(name) or self.steps.setdefault(name, StepView(id=name))
        match payload:
            case events.StepStarted(attempt=attempt):
                step.state, step.attempts, step.limit, step.note = "running", attempt, "", ""
                step.started_at, step.done, step.total = at, 0.0, None
            case events.StepProgress(done=done, total=total, note=note):
                step.done, step.total, step.note = done, total, note
            case events.StepRetrying(attempt=attempt, delay_s=delay_s, error=error):
                step.state, step.attempts = "retrying", attempt
                step.note, step.error = f"again in {delay_s:.1f} s: {error}", error
            case events.StepFinished():
                self._finish(step, payload, at)
            case events.StepVerified(verdict=verdict, reason=reason):
                step.verdict = verdict
                step.error = reason if verdict == "fail" else step.error
            case events.StepInvalidated(because=because):
                step.state, step.verdict, step.note = "waiting", "", f"again, because {because} changed"
            case events.LimitWaiting(limit=limit):
                step.limit = limit
            case events.ApprovalAsked() as asked:
                self.asked[name] = asked
                step.state = "asking"
            case events.ApprovalAnswered():
                self.asked.pop(name, None)
                step.state = "waiting" if step.state == "asking" else step.state

    def _finish(self, step: StepView, end: events.StepFinished, at: float) -> None:
        step.state = "asking" if end.status == "waiting" else end.status
        step.seconds, step.attempts, step.reused, step.ended_at = end.seconds, end.attempts, end.reused, at
        step.error, step.caused_by = end.error or "", end.caused_by or ""
        if end.status == "ok":
            step.note, step.limit = "", ""
        if step.state in ENDED and step.state != "in_doubt":
            self.asked.pop(step.id, None)

    def _add(self, added: events.StepAdded) -> None:
        self.steps[added.step] = StepView(
            id=added.step, action=added.action, dependencies=tuple(added.dependencies), parent=added.parent
        )
        if added.parent is not None and (parent := self.steps.get(added.parent)) is not None:
            parent.children = [*(child for child in parent.children if child != added.step), added.step]

    def _remove(self, names: tuple[str, ...]) -> None:
        for name in names:
            self.steps.pop(name, None)
            self.asked.pop(name, None)
        for step in self.steps.values():
            step.children = [child for child in step.children if child in self.steps]

    def _notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)

    def top(self) -> Iterator[StepView]:
        """The plan's own steps, without those a for_each was unfolded into."""
        return (step for step in self.steps.values() if step.parent is None or step.parent not in self.steps)

    def children(self, step: StepView) -> list[StepView]:
        """The steps a for_each was unfolded into, in order; empty for other steps."""
        return [self.steps[name] for name in step.children if name in self.steps]

    def time_of(self, step: StepView, now: float) -> float | None:
        """Seconds a step took so far, or in all once it ended; a for_each from its first child on; None: not begun."""
        starts = [of.started_at for of in (step, *self.children(step)) if of.started_at is not None]
        if not starts or (step.seconds and step.state in ENDED):
            return step.seconds or None
        ended_at = step.ended_at if step.state in ENDED else None
        return max(0.0, (now if ended_at is None else ended_at) - min(starts))

    def counts(self) -> Counter[State]:
        """How many steps are in each state; an unfolded for_each counts as its children."""
        return Counter(step.state for step in self.steps.values() if not step.children)

    def elapsed(self, now: float) -> float:
        """Seconds since the first event, or in all once the run ended."""
        if self.status:
            return self.seconds
        return 0.0 if self.started_at is None else max(0.0, now - self.started_at)


def told(payload: events.Payload) -> str:
    """A notice, a budget warning or a changed limit as one sentence."""
    match payload:
        case events.Notice(text=text, step=step):
            return f"{step}: {text}" if step else text
        case events.BudgetWarning(budget=budget, used=used, limit=limit):
            return f"Budget {budget}: {used:g} of {limit:g} used."
        case events.LimitChanged(parallel_steps=count, reason=reason):
            return f"{count} steps side by side from now on: {reason}."
        case _:
            return ""


def first_line(text: str) -> str:
    """The first line of a message, which is all that fits beside a step."""
    return text.strip().split("\n", 1)[0]


def as_seconds(seconds: float) -> str:
    """A duration as people read it: `0.4 s`, `12.0 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def as_size(size_bytes: float) -> str:
    """A size as people read it: `812 B`, `4.0 KB`, `1.2 MB` (thousands, as file managers count)."""
    if size_bytes < 1000:
        return f"{size_bytes:.0f} B"
    for unit in ("KB", "MB"):
        size_bytes /= 1000
        if size_bytes < 999.95:
            return f"{size_bytes:.1f} {unit}"
    return f"{size_bytes / 1000:.1f} GB"


def asked_words(asked: events.ApprovalAsked, *, width: int = 100, lines: int = 6) -> list[str]:
    """What will happen: a step's arguments, or each step of a plan with its action and what it waits for."""
    if asked.kind != "plan":
        return as_words(asked.arguments, width=width, lines=lines)
    steps = {
        step["id"]: f"{step['action']}  {step.get('reasoning', '')}".rstrip()
        for step in asked.arguments.get("steps", ())
    }
    return as_words(steps, width=width, lines=3 * lines)


def as_words(arguments: Mapping[str, Any], *, width: int = 100, lines: int = 6) -> list[str]:
    """Arguments, one a line `name: value`, each cut to `width`; says how many more there are."""
    import json

    shown = []
    for name, value in list(arguments.items())[:lines]:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        line = f"{name}: {' '.join(text.split())}"
        shown.append(line if len(line) <= width else line[: width - 1] + "…")
    if len(arguments) > lines:
        shown.append(f"and {len(arguments) - lines} more")
    return shown
