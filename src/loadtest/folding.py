"""What the events of a run tell about one goal. Rule: pure; kinds it does not know change nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..printable import printable
from .records import OK, Served

_TYPE = re.compile(r"([A-Z][A-Za-z]*(?:Error|Exception|Timeout))\b")
_NUMBER = re.compile(r"\d[\d.,]*")
_WORDS = 44


@dataclass(slots=True)
class Fold:
    """Adds the events of one run to `served`; `asked` are the approvals nobody has answered yet."""

    served: Served
    asked: list[str] = field(default_factory=list)
    is_over: bool = False
    _model_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _error: str = ""

    def take(self, event: Mapping[str, Any]) -> None:
        """Takes one event in, as the socket sends it."""
        served = self.served
        match event["type"]:
            case "run.started":
                served.plan = str(event.get("plan_source", ""))
            case "step.started":
                served.queued_s += event.get("queued_s", 0.0) + event.get("limited_s", 0.0)
            case "model.call":
                self._call(event)
            case "step.finished":
                self._step(event)
            case "approval.asked":
                served.approvals += 1
                self.asked.append(str(event["step"]))
            case "run.finished":
                self._end(event)

    def _call(self, said: Mapping[str, Any]) -> None:
        served = self.served
        served.calls += 1
        served.rejected += said["outcome"] == "429"
        served.prompt_tokens += said["prompt_tokens"]
        served.completion_tokens += said["completion_tokens"]
        served.largest_prompt = max(served.largest_prompt, said["prompt_tokens"])
        served.model_s += said["seconds"]
        served.waited_s += max(0.0, said["waited_s"])
        self._add_usd(said["cost_usd"])
        if said["step"] is not None:
            self._model_s[said["step"]] += said["seconds"] + max(0.0, said["waited_s"])

    def _step(self, said: Mapping[str, Any]) -> None:
        self.served.steps += 1
        self.served.tool_s += max(0.0, said["seconds"] - self._model_s.pop(said["step"], 0.0))
        if said.get("cost_usd"):
            self._add_usd(said["cost_usd"])
        if said["status"] == "failed" and not self._error:
            self._error = str(said.get("error") or "")

    def _add_usd(self, usd: float | None) -> None:
        served = self.served
        served.usd = None if usd is None or served.usd is None else served.usd + usd

    def _end(self, said: Mapping[str, Any]) -> None:
        self.is_over = True
        self.served.outcome = OK if said["status"] == "done" else self._kind(str(said["status"]), str(said["reason"]))
        if self.served.outcome != OK:
            self.served.reason = (self._error or str(said["reason"]))[:300]

    def _kind(self, status: str, reason: str) -> str:
        if status != "failed":
            return status
        return kind(self._error or reason or status)


def kind(error: str) -> str:
    """What failures are counted by: the type an error's text names first, else its first words without numbers."""
    found = _TYPE.match(error)
    return found[1] if found else _NUMBER.sub("N", " ".join(printable(error).split()))[:_WORDS]
