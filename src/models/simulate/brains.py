"""What the model says when no scenario says it: found out from the prompt alone. Rule: pure, by seeded chance.

In this order: a plan, a verdict, an answer in a given schema, a call of an offered tool, a digest, a short text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from random import Random
from typing import Any

from . import planning, prompt, schemas
from .answer import Answer, ToolCall
from .catalog import Offer, likeness
from .chance import Draw
from .gold import GoldPlans
from .request import ChatRequest

_JUDGES = re.compile(r"\bverdicts?\b|\bjudge\b|\bjudg(e)?ments?\b|\bgrader?\b", re.I)
_OUTCOMES = re.compile(
    r"\bpass(ed|es)?\b.*\bfail(ed|s)?\b|\bfail(ed|s)?\b.*\bpass(ed|es)?\b|\bverdicts?\b", re.I | re.S
)
_WRITES = re.compile(
    r"\bwriter\b|\bwrit(e|es|ing)\b.{0,60}\b(answer|report|reply|summary|text)\b|\bsummar(y|i[sz]e)|\bdigest\b",
    re.I | re.S,
)
_JSON_ONLY = re.compile(r"\bjson\b", re.I)
_SHOWN_IDS = 40


def think(
    request: ChatRequest,
    draw: Draw,
    *,
    plans: GoldPlans | None = None,
    seconds_per_step: float = 0.0,
    judge_failure_rate: float = 0.0,
) -> Answer:
    """The reply to a request. Instructions are taken from the system messages; from the user's if those say nothing."""
    kind = _kind(request)
    chance = draw.stream("brain")
    if kind == "plan" and (planned := _plan(request, chance, plans, seconds_per_step)):
        return planned
    wishes = _wishes(request, kind, chance, judge_failure_rate)
    schema = request.schema or (_schema_in_prompt(request) if request.json or not request.tools else None)
    if schema is not None:
        return _structured(request, schema, chance, wishes, kind)
    if kind == "judge":
        return _judgement(request, wishes)
    if request.json:
        text = json.dumps({"answer": wishes.text, "simulated": True}, ensure_ascii=False)
        return Answer(text=text, brain="json")
    if request.tools and request.tool_choice != "none" and (called := _tool_call(request, chance)):
        return called
    return digest(request) if kind == "writer" else _text(request, draw)


def _kind(request: ChatRequest) -> str:
    system = request.text("system", "developer")
    for text in (system, f"{system}\n{request.text('user')}"):
        if planning.is_plan_request(text):
            return "plan"
        if _JUDGES.search(text) and _OUTCOMES.search(text):
            return "judge"
        if _WRITES.search(text):
            return "writer"
    return "text"


def _plan(request: ChatRequest, chance: Random, plans: GoldPlans | None, seconds_per_step: float) -> Answer | None:
    if request.schema is None and not request.json:
        return planning.plan(request, chance, plans, seconds_per_step)
    made = planning.steps(request, chance, plans)
    if made is None:
        return None
    if request.schema is None:
        return Answer(text=json.dumps({"steps": made}, ensure_ascii=False), brain="plan")
    told = _steps_in(request.schema, made, chance)
    return None if told is None else Answer(text=json.dumps(told, ensure_ascii=False), brain="plan")


def _steps_in(schema: Mapping[str, Any], made: list[dict[str, Any]], chance: Random) -> Any:
    """The steps in the form a schema has for them; None when it has none."""
    from jsonschema import Draft202012Validator

    value = schemas.value(schema, chance)
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list) or not value["steps"]:
        return None
    known = set(value["steps"][0]) if isinstance(value["steps"][0], dict) else set()
    value["steps"] = [{key: inner for key, inner in step.items() if key in known} for step in made]
    return value if Draft202012Validator(schema).is_valid(value) else None


def _wishes(request: ChatRequest, kind: str, chance: Random, failure_rate: float) -> schemas.Wishes:
    asked = request.last_user_text
    words = " ".join(prompt.goal(asked, otherwise=asked).split())[:120]
    return schemas.Wishes(
        ids=prompt.ids(asked),
        text=f"Simulated reply to: {words}",
        passes=(lambda: chance.random() >= failure_rate) if kind == "judge" else None,
        reasons=("Simulated: it fits what was asked.", "Simulated: it does not fit what was asked."),
    )


def _schema_in_prompt(request: ChatRequest) -> Mapping[str, Any] | None:
    """The schema that the text asks to follow; only where it asks for JSON at all."""
    text = request.text("system", "developer", "user")
    return prompt.schema(text) if _JSON_ONLY.search(text) else None


def _structured(
    request: ChatRequest, schema: Mapping[str, Any], chance: Random, wishes: schemas.Wishes, kind: str
) -> Answer:
    """A value of the schema as JSON; in a fenced block where only the text asked for it."""
    text = json.dumps(schemas.value(schema, chance, wishes), ensure_ascii=False)
    if not request.json:
        text = f"```json\n{text}\n```"
    return Answer(text=text, brain="judge" if kind == "judge" else "json")


def _judgement(request: ChatRequest, wishes: schemas.Wishes) -> Answer:
    """Verdicts without a schema: an object, or a list with one for each id."""
    assert wishes.passes is not None
    verdicts = []
    for identity in wishes.ids or ("",):
        passed = wishes.passes()
        told = {"verdict": "pass" if passed else "fail", "reason": wishes.reasons[0 if passed else 1]}
        verdicts.append({"id": identity, **told} if identity else told)
    told_all: Any = verdicts if len(verdicts) > 1 else verdicts[0]
    if request.json and len(verdicts) > 1:
        told_all = {"verdicts": verdicts}
    return Answer(text=json.dumps(told_all, ensure_ascii=False), brain="judge")


def _tool_call(request: ChatRequest, chance: Random) -> Answer | None:
    """A call of the tool that fits best; None once tools have answered, unless a call is demanded."""
    forced = isinstance(request.tool_choice, Mapping)
    has_results = any(message.get("role") == "tool" for message in request.messages)
    if has_results and not forced and request.tool_choice != "required":
        return None
    goal = request.last_user_text
    offered = [
        Offer(name=t["name"], description=str(t.get("description", "")), schema=t.get("parameters") or {})
        for t in request.tools
        if not forced or t["name"] == request.tool_choice["name"]
    ]
    chosen = max(offered, key=lambda offer: likeness(offer, goal))
    arguments = planning.Weaver([chosen], goal, chance).step("s1", chosen, "")["parameters"]
    call = ToolCall(chosen.name, json.dumps(arguments, ensure_ascii=False))
    return Answer(tool_calls=(call,), brain="tools")


def digest(request: ChatRequest) -> Answer:
    """What a writer was given, shortened: the goal, then the first and the last line of each part, with its id."""
    given = request.text("user", "tool")
    goal = " ".join(prompt.goal(given, otherwise=request.last_user_text).split())[:160]
    lines = [f"Simulated digest of {len(given):,} characters. Goal: {goal}"]
    for identity, text in _parts(given)[:_SHOWN_IDS]:
        lines.append(f"- [{identity}] {_ends(text)}")
    if len(lines) == 1:
        lines.append(_ends(given))
    return Answer(text="\n".join(lines), brain="writer")


def _parts(text: str) -> list[tuple[str, str]]:
    """The parts of a text with their ids: objects with an id, else sections that begin with one."""
    found = []
    for value in prompt.objects(prompt.values(text)):
        identity = next((value[key] for key in ("id", "step", "step_id") if isinstance(value.get(key), str)), None)
        if identity is not None:
            rest = {key: inner for key, inner in value.items() if key not in ("id", "step", "step_id")}
            found.append((identity, json.dumps(rest, ensure_ascii=False)))
    if found:
        return found
    pattern = r"<(?:step|result|item|data)[^>]*?\b(?:id|step|name)=[\"']([^\"']+)[\"'][^>]*>(.*?)</"
    tags = re.findall(pattern, text, re.S)
    if tags:
        return [(identity, inner) for identity, inner in tags]
    sections = re.split(r"^#+[ \t]*(?:step[ \t]+)?[`\"']?([\w.\[\]-]+)[`\"']?[^\n]*\n", text, flags=re.M | re.I)
    return list(zip(sections[1::2], sections[2::2], strict=False))


def _ends(text: str) -> str:
    """The first and the last line of a text, each at most 100 characters."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return "(nothing)"
    first = lines[0][:100]
    if len(lines) == 1:
        return first if len(lines[0]) <= 200 else f"{first} ... {lines[0][-100:]}"
    return f"{first} ... {lines[-1][-100:]}"


def _text(request: ChatRequest, draw: Draw) -> Answer:
    words = " ".join(request.last_user_text.split())
    shown = words if len(words) <= 80 else f"{words[:80]}..."
    return Answer(text=f"Simulated reply {draw.digest[:6]} to: {shown}", brain="text")
