"""One step as its events tell it. Rule: a pure fold; what came later counts, what happened before stays to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..errors import UsageError
from ..events import (
    AgentCalled,
    AgentReturned,
    AgentTurn,
    ApprovalAnswered,
    ApprovalAsked,
    ArtifactCreated,
    Event,
    ModelCall,
    PlanChanged,
    RunStarted,
    StepAdded,
    StepFinished,
    StepInvalidated,
    StepProgress,
    StepRetrying,
    StepStarted,
    StepVerified,
)

_HISTORY = (StepStarted, StepRetrying, StepFinished, StepVerified, StepInvalidated, ApprovalAsked, ApprovalAnswered)
_AGENT = (AgentTurn, AgentCalled, AgentReturned)
_LEFT_OUT = ("value", "step")


def step_view(step: str, told: Iterable[Event]) -> dict[str, Any]:
    """The step with parameters, result, verdict, attempts, cost, files and history (each with `at` and `type`).

    `status` is waiting, running, asking or as in step.finished. `stored` is the hash of a large result whose `value` is
    None.

    Raises:
        UsageError: the run has no such step.
    """
    view: dict[str, Any] = {"step": step, "status": "", "action": "", "value": None, "stored": None, "error": None}
    view |= {"parameters": None, "options": None, "dependencies": [], "effect": "", "parent": None, "reasoning": ""}
    view |= {"attempts": 0, "epoch": 0, "seconds": 0.0, "verdict": None, "progress": None, "cost_usd": 0.0, "tokens": 0}
    view |= {"files": [], "model_calls": [], "history": [], "agent": []}
    for event in told:
        payload = event.payload
        if isinstance(payload, (RunStarted, PlanChanged)):
            _plan(view, payload.plan)
        elif getattr(payload, "step", None) == step:
            _take(view, event)
    if not view["status"]:
        raise UsageError(f"expected the id of a step of this run, got {step[:80]!r}")
    return view


def _plan(view: dict[str, Any], plan: Any) -> None:
    """What the plan says of the step, where it is a plan's own and not a for_each's."""
    for said in (plan or {}).get("steps", ()):
        if said.get("id") == view["step"]:
            view["parameters"] = said.get("parameters")
            view["reasoning"] = said.get("reasoning", "")
            view["options"] = {k: v for k, v in said.items() if k in ("expects", "optional", "approval", "timeout_s")}


def _take(view: dict[str, Any], event: Event) -> None:
    payload = event.payload
    facts = payload.to_dict()
    change = _CHANGES.get(type(payload))
    if change is not None:
        change(view, facts)
    if isinstance(payload, _HISTORY):
        kept = {name: value for name, value in facts.items() if name not in _LEFT_OUT}
        view["history"].append({"at": event.at, "seq": event.seq, "type": event.type, **kept})
    elif isinstance(payload, _AGENT):
        view["agent"].append({"at": event.at, "seq": event.seq, "type": event.type, **facts})


def _added(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view.update({name: facts[name] for name in ("action", "dependencies", "effect", "parent")})
    view["status"] = view["status"] or "waiting"
    if facts["parameters"] is not None:
        view["parameters"] = facts["parameters"]
    if facts["options"] is not None:
        view["options"] = facts["options"]


def _started(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view.update(status="running", attempts=facts["attempt"], epoch=facts["epoch"], progress=None)


def _finished(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view.update({name: facts[name] for name in ("status", "epoch", "attempts", "seconds", "error", "value", "stored")})
    view["cost_usd"] += facts["cost_usd"] or 0.0


def _verified(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view["verdict"] = {name: facts[name] for name in ("verdict", "reason", "by")}


def _invalidated(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view.update(status="waiting", value=None, stored=None, verdict=None)


def _asked(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view["status"] = "asking"


def _answered(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view["status"] = "waiting"


def _progress(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view["progress"] = {name: facts[name] for name in ("done", "total", "note")}


def _file(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view["files"].append(facts)


def _model(view: dict[str, Any], facts: dict[str, Any]) -> None:
    view["model_calls"].append(facts)
    view["tokens"] += facts["prompt_tokens"] + facts["completion_tokens"]
    view["cost_usd"] += facts["cost_usd"] or 0.0


_CHANGES: dict[type, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    StepAdded: _added,
    StepStarted: _started,
    StepFinished: _finished,
    StepVerified: _verified,
    StepInvalidated: _invalidated,
    StepProgress: _progress,
    ApprovalAsked: _asked,
    ApprovalAnswered: _answered,
    ArtifactCreated: _file,
    ModelCall: _model,
}
