"""What the planner's model is told. Rule: the prompt's stable part comes first; all that is not ours is fenced data.

The goal is a person's wish and stands in a tag of its own; everything else that nobody here wrote stands in a fence.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from string import Template
from typing import Any

from ....agents.tool import Tool
from ....models.client import Message
from ....models.fence import as_data, fenced
from ..files import dump, schema
from ..findings import Finding
from ..plan import Plan
from ..planner import Goal, Outcome
from .draft import Draft, Faulty
from .preselect import catalogue, line

_INPUT_CHARS = 2_000
_LINE_CHARS = 2_000
_FAULTY_LINES = 30
_OUTCOMES = 200
_NO_STEP = (
    "Your reply held no step. Write the plan now: one JSON object per line, with id, action, parameters and "
    "dependencies, and nothing else."
)


@lru_cache(maxsize=16)
def text(name: str) -> str:
    """A prompt of the package."""
    from importlib import resources

    return resources.files("planloom.prompts").joinpath(name).read_text(encoding="utf-8")


def first(goal: Goal, tools: Iterable[Tool]) -> list[Message]:
    """Asks for a plan."""
    system = f"{text('planner.md')}\n# Tools\n\n{catalogue(tools)}\n"
    asked = f"<goal>\n{as_data(goal.text)}\n</goal>\n"
    shown: list[Any] = []
    if goal.earlier:
        shown.append({"earlier": [{"by": m["role"], "said": m["content"]} for m in goal.earlier]})
    if goal.facts:
        shown.append({"facts": [_shortened(fact) for fact in goal.facts]})
    if goal.inputs:
        shown.append({"inputs": {name: _shortened(value) for name, value in goal.inputs.items()}})
    if shown:
        asked += "\nData to this goal, between two marks that no one else knows:\n"
        asked += fenced("\n".join(as_data(part) for part in shown)) + "\n"
    if goal.inputs:
        asked += 'Use the inputs as "${inputs.name}".\n'
    if goal.earlier:
        asked += 'What "it", "that" or "the same" in the goal mean is told by the last of "earlier".\n'
    if goal.language:
        asked += f"The goal is in {goal.language}; so is the answer.\n"
    return [_message("system", system), _message("user", asked)]


def repair(
    asked: Sequence[Message], draft: Draft, faulty: Sequence[Faulty], tools: Mapping[str, Tool]
) -> list[Message]:
    """Asks for the faulty lines only; tools that the findings name are shown."""
    shown = list(faulty[:_FAULTY_LINES])
    told = "\n\n".join(_faulty(one) for one in shown)
    findings = " ".join(str(finding) for one in shown for finding in one.findings)
    named = [line(tool) for name, tool in tools.items() if name in findings][:20]
    if named:
        told += "\n\nThese tools are named above:\n\n" + "\n".join(named)
    return [*asked, *_known(draft), _message("user", Template(text("repair.md")).safe_substitute(broken=told))]


def more(asked: Sequence[Message], draft: Draft) -> list[Message]:
    """Asks for the lines behind those of a reply that was cut; for the plan again when none came."""
    known = _known(draft)
    return [*asked, *known, _message("user", text("continue.md"))] if known else list(asked)


def nothing(asked: Sequence[Message]) -> list[Message]:
    """Asks again after a reply without a step."""
    return [*asked, _message("user", _NO_STEP)]


def change(
    asked: Sequence[Message], plan: Plan, outcomes: Mapping[str, Outcome], faults: Sequence[Finding]
) -> list[Message]:
    """Asks for a change of a plan whose steps failed; `faults` are those of the change proposed before."""
    ended = {
        name: {
            "status": outcome.status,
            **({"error": outcome.error[:500]} if outcome.error else {}),
            **({"because_of": outcome.caused_by} if outcome.caused_by else {}),
        }
        for name, outcome in sorted(outcomes.items(), key=lambda item: item[1].status == "ok")[:_OUTCOMES]
    }
    wrong = "".join(f"\n- {finding}" for finding in faults[:20])
    told = Template(text("replan.md")).safe_substitute(
        data=fenced(as_data({"steps": dump(plan)["steps"], "answer": plan.answer, "ended": ended})),
        faults=f"\n\nYour last change can't be used:\n{wrong}" if wrong else "",
    )
    return [*asked, _message("user", told)]


def change_schema() -> dict[str, Any]:
    """The JSON schema of a change."""
    return {
        "type": "object",
        "required": ["remove", "steps"],
        "additionalProperties": False,
        "properties": {
            "remove": {"type": "array", "items": {"type": "string"}},
            "steps": schema()["properties"]["steps"],
            "answer": {"type": ["string", "null"]},
            "reason": {"type": "string"},
        },
    }


def _shortened(value: Any) -> Any:
    told = json.dumps(value, ensure_ascii=False, default=str)
    return value if len(told) <= _INPUT_CHARS else f"{told[:_INPUT_CHARS]} ... ({len(told):,} characters)"


def _faulty(faulty: Faulty) -> str:
    written = " ".join(faulty.text.split())[:_LINE_CHARS]
    return "\n".join([written, *(f"- {finding}" for finding in faulty.findings[:10])])


def _known(draft: Draft) -> list[Message]:
    written = draft.written()
    return [_message("assistant", written)] if written else []


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}
