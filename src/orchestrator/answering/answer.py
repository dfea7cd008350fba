"""The answer's text from a template, without a model. Rule: what is missing is said, never papered over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ...printable import printable
from ..planning.plan import Plan, Reference, as_text, edges, references, resolve
from ..result import StepResult

_SHOWN = 2000


def write(plan: Plan, steps: Mapping[str, StepResult], lookup: Callable[[Reference], Any]) -> str:
    """The plan's answer template filled in; without one, the results of the steps nobody else uses."""
    if plan.answer is None:
        text = _results(plan, steps)
    else:
        has_some = not plan.steps or any(s.status == "ok" for s in steps.values())
        text = _filled(plan.answer, steps, lookup) if has_some else ""
    missing = _missing(steps)
    return printable("\n\n".join(part for part in (text.strip(), missing) if part))


def _filled(template: str, steps: Mapping[str, StepResult], lookup: Callable[[Reference], Any]) -> str:
    """The template without the paragraphs of which nothing is there."""

    def is_missing(reference: Reference) -> bool:
        step = steps.get(reference.step)
        return step is not None and step.status != "ok"

    def found(reference: Reference) -> Any:
        if is_missing(reference):
            return "(not available)"
        try:
            return lookup(reference)
        except LookupError:
            return "(not available)"

    paragraphs = [(text, list(references(text))) for text in re.split(r"\n{2,}", template)]
    kept = [text for text, named in paragraphs if not named or not all(map(is_missing, named))]
    return as_text(resolve("\n\n".join(kept), found))


def _results(plan: Plan, steps: Mapping[str, StepResult]) -> str:
    used = {name for step in plan.steps for name in edges(step)}
    last = [s.id for s in plan.steps if s.id not in used and s.id in steps and steps[s.id].status == "ok"]
    return "\n".join(f"{name}: {_short(steps[name].value)}" for name in last)


def _short(value: Any) -> str:
    if value is None:
        return "done"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters; the whole is in the journal)"


def _missing(steps: Mapping[str, StepResult]) -> str:
    lines = [f"- {name}: {s.error or s.status}" for name, s in steps.items() if s.status == "failed"]
    skipped = sum(s.status == "skipped" for s in steps.values())
    if skipped:
        lines.append(f"- {skipped} more {'step was' if skipped == 1 else 'steps were'} skipped because of that")
    return "Not done:\n" + "\n".join(lines[:20]) if lines else ""
