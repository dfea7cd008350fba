"""What a run gives back. Rule: plain values; `to_dict` is the object that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from ..events import ArtifactCreated, RunStatus, StepStatus
from .resuming.recovery import Recovered
from .running.state import State, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How one step ended. `value` is its result when small, None when large or absent; `verified` names what
    verification said: pass, unsure, fail or off."""

    status: StepStatus
    seconds: float = 0.0
    attempts: int = 0
    caused_by: str | None = None
    error: str | None = None
    value: Any = None
    verified: str = "off"
    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file a step made; `path` counts from the workspace when the file is inside it."""

    path: str
    sha256: str
    media_type: str
    size_bytes: int
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A finished run. `sequential_seconds` is the sum of all steps, `critical_path_seconds` the longest chain."""

    run_id: str
    session_id: str
    goal: str
    status: RunStatus
    reason: str = ""
    answer: str = ""
    steps: Mapping[str, StepResult] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    seconds: float = 0.0
    sequential_seconds: float = 0.0
    critical_path_seconds: float = 0.0
    cost: Mapping[str, float] = field(default_factory=dict)
    plan_source: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, without the values of steps."""
        return {
            "run_id": self.run_id,
            "session_id": self.session_id,
            "goal": self.goal,
            "status": self.status,
            "reason": self.reason,
            "answer": self.answer,
            "steps": {
                name: {
                    "status": step.status,
                    "seconds": round(step.seconds, 6),
                    "attempts": step.attempts,
                    "caused_by": step.caused_by,
                    "error": step.error,
                    "verified": step.verified,
                    "action": step.action,
                }
                for name, step in self.steps.items()
            },
            "artifacts": [
                {"path": a.path, "sha256": a.sha256, "media_type": a.media_type, "size_bytes": a.size_bytes}
                for a in self.artifacts
            ],
            "seconds": round(self.seconds, 6),
            "sequential_seconds": round(self.sequential_seconds, 6),
            "critical_path_seconds": round(self.critical_path_seconds, 6),
            "cost": dict(self.cost),
            "plan_source": self.plan_source,
        }


def told(run: Recovered) -> Result:
    """The result of a run that is over, as its journal tells it."""
    return Result(
        run_id=run.run_id,
        session_id=run.session_id,
        goal=run.goal,
        status=run.status or "failed",
        reason=run.reason,
        answer=run.answer,
        steps=told_steps(run),
        artifacts=tuple(_artifact(f) for name in run.actions for f in run.files.get(name, ())),
        seconds=run.seconds,
        sequential_seconds=sum(event.seconds for event in run.finished.values()),
        cost={name: run.used[name] for name in ("usd", "tokens", "model_calls")},
        plan_source=run.source,
    )


def told_steps(run: Recovered) -> dict[str, StepResult]:
    """How every step stands, as the journal tells it."""
    return {name: _told_step(run, name, action) for name, action in run.actions.items()}


def _told_step(run: Recovered, name: str, action: str) -> StepResult:
    event = run.finished.get(name)
    if event is None:
        return StepResult(status="waiting", action=action)
    return StepResult(
        status=event.status,
        seconds=event.seconds,
        attempts=event.attempts,
        caused_by=event.caused_by,
        error=event.error,
        value=event.value,
        verified=run.verified.get(name, "off"),
        action=action,
    )


def step_results(state: State, finished: Mapping[str, Any], verified: Mapping[str, str]) -> dict[str, StepResult]:
    """How every step stands, from the scheduler's cells and the last event of each."""
    results = {}
    for cell in state:
        event = finished.get(cell.id)
        seconds = event.seconds if event is not None and cell.status is Status.DONE else 0.0
        results[cell.id] = StepResult(
            status=_STATUS.get(cell.status, "waiting"),
            seconds=seconds,
            attempts=cell.tries,
            caused_by=cell.cause,
            error=cell.error,
            value=event.value if event is not None and cell.status is Status.DONE else None,
            verified=verified.get(cell.id, "off"),
            action=cell.step.action,
        )
    return results


_STATUS: dict[Status, StepStatus] = {
    Status.DONE: "ok",
    Status.FAILED: "failed",
    Status.SKIPPED: "skipped",
    Status.CANCELLED: "cancelled",
    Status.DOUBT: "in_doubt",
}


def critical_path_seconds(state: State, seconds: Mapping[str, float]) -> float:
    """The longest chain of steps, each as long as it took."""
    inputs = {c.id: [*(i.id for i in c.inputs), *(k.id for k in c.kids or ())] for c in state}
    ends: dict[str, float] = {}
    for name in TopologicalSorter(inputs).static_order():
        before = max((ends[i] for i in inputs.get(name, ())), default=0.0)
        ends[name] = before + seconds.get(name, 0.0)
    return max(ends.values(), default=0.0)


def artifacts(state: State, files: Mapping[str, list[ArtifactCreated]]) -> tuple[Artifact, ...]:
    """The files of all steps that are ok, in plan order."""
    return tuple(_artifact(f) for cell in state if cell.status is Status.DONE for f in files.get(cell.id, ()))


def _artifact(made: ArtifactCreated) -> Artifact:
    return Artifact(
        path=made.path, sha256=made.sha256, media_type=made.media_type, size_bytes=made.size_bytes, step=made.step
    )
