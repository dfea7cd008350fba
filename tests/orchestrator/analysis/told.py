"""Events of a run written down by hand: what happened at which second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planloom.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    ModelCall,
    Payload,
    PlanReady,
    RunFinished,
    RunStarted,
    StepAdded,
    StepFinished,
    StepStarted,
    StepVerified,
)


class Told:
    """Collects events; each method is one thing that happened at a second."""

    def __init__(self, *, source: str = "plan", began: float = 0.0, **settings: Any) -> None:
        self.events: list[Event] = []
        self.at(began, RunStarted("goal", {}, source, {"max_parallel_steps": 5, "verify": "background"} | settings))

    def at(self, second: float, *payloads: Payload) -> Told:
        for payload in payloads:
            self.events.append(Event(len(self.events) + 1, 1000.0 + second, "s", "r", payload))
        return self

    def add(self, second: float, *steps: str, after: tuple[str, ...] = (), **more: Any) -> Told:
        more = {"effect": "read"} | more
        return self.at(second, *(StepAdded(step, "act", after, **more) for step in steps))

    def ready(self, second: float) -> Told:
        return self.at(second, PlanReady(0))

    def start(self, second: float, step: str, because: str = "added", after: str = "", **more: Any) -> Told:
        return self.at(second, StepStarted(step, 1, 0, because=because, after=after, **more))

    def end(self, second: float, step: str, status: Any = "ok", seconds: float = 0.0, **more: Any) -> Told:
        return self.at(second, StepFinished(step, status, 0, 1, seconds, **more))

    def verdict(self, second: float, step: str, verdict: Any = "pass") -> Told:
        return self.at(second, StepVerified(step, 0, verdict, "", ("judge",)))

    def ask(self, second: float, step: str, kind: Any = "step") -> Told:
        return self.at(second, ApprovalAsked(step, kind, "Run it?", {}))

    def answer(self, second: float, step: str, granted: bool = True) -> Told:
        return self.at(second, ApprovalAnswered(step, granted, "", {}))

    def call(self, second: float, step: str | None, role: str, seconds: float, waited: float = 0.0) -> Told:
        return self.at(second, ModelCall(step, role, "m", 100, 10, 0, 0.5, seconds, waited, "ok"))

    def finish(self, second: float, status: Any = "done", **cost: Any) -> list[Event]:
        began = self.events[0].at - 1000.0
        self.at(second, RunFinished(status, "", "", second - began, cost))
        return self.events


def shares(blame: Mapping[Any, float]) -> dict[str, float]:
    """The categories that took time, rounded to the millisecond."""
    return {str(name): round(seconds, 3) for name, seconds in blame.items() if seconds > 1e-9}
