"""The brain that plans: a given plan where one fits the goal, else a seeded one over the offered tools.

Rule: every plan it makes is valid: known actions, arguments that fit their schemas, references to earlier steps whose
results have that field and type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from . import prompt, schemas
from .answer import Answer
from .catalog import Offer, likeness, offers
from .gold import GoldPlans, GoldStep
from .request import ChatRequest

_MOST_STEPS = 6
_ASKS = re.compile(
    r"json ?lines|jsonl|ndjson|(one|each|per) (step |json object )?(per |a |each )?line|\bsteps?\b", re.I
)
_REPAIR = re.compile(r"\b(repair|fix|correct|broken|invalid|faulty|rewrite)\b", re.I)
_PATH = re.compile(r"(?<![\w:/])(?:~|\.{1,2})?/[\w./~-]+|[\w-]+(?:/[\w.-]+)+|[\w-]+\.[a-z]{1,5}\b|(?<=\s)\.(?=\s|$)")
_URL = re.compile(r"https?://[^\s\"'<>)]+")
_PLACE = re.compile(r"path|file|folder|dir|directory|source|root", re.I)
_WEB = re.compile(r"url|uri|link|address", re.I)
_TEXT = re.compile(r"text|query|question|goal|topic|content|prompt|description|title|task|subject|message|input", re.I)
_CONSTRAINED = frozenset(
    ("enum", "const", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "multipleOf", "minItems")
)


def is_plan_request(text: str) -> bool:
    """Whether a text asks for steps with action, parameters and dependencies, in JSON."""
    lowered = text.lower()
    words = ("action", "parameters", "json")
    return all(word in lowered for word in words) and "depend" in lowered and _ASKS.search(text) is not None


def plan(request: ChatRequest, chance: Random, given: GoldPlans | None, seconds_per_step: float) -> Answer | None:
    """The plan as JSON Lines; None when nothing is offered and no given plan fits."""
    made = steps(request, chance, given)
    if made is None:
        return None
    text = "\n".join(json.dumps(step, ensure_ascii=False) for step in made)
    return Answer(text=text + "\n", seconds_per_line=seconds_per_step, brain="plan")


def steps(request: ChatRequest, chance: Random, given: GoldPlans | None) -> list[dict[str, Any]] | None:
    """The steps as data; a request to repair gets the broken steps alone."""
    offered = offers(request)
    asked = request.last_user_text
    goal = prompt.goal(request.text("user"), otherwise=asked)
    broken = _broken(asked)
    if broken and offered:
        return [_repaired(step, offered, goal, chance) for step in broken]
    gold = given.find(goal, request.text("user")) if given is not None else None
    if gold is not None:
        return [_from_gold(step, offered, chance) for step in gold]
    return Weaver(offered, goal, chance).weave() if offered else None


def _broken(text: str) -> list[Mapping[str, Any]]:
    """The steps that a request asks to repair, none if it does not."""
    if not _REPAIR.search(text):
        return []
    found = prompt.objects(prompt.values(text))
    return [value for value in found if isinstance(value.get("id"), str) and "action" in value]


def _repaired(step: Mapping[str, Any], offered: Sequence[Offer], goal: str, chance: Random) -> dict[str, Any]:
    named = [offer for offer in offered if offer.name == step["action"]]
    offer = named[0] if named else max(offered, key=lambda o: likeness(o, f"{step['action']} {goal}"))
    weaver = Weaver(offered, goal, chance)
    return weaver.step(str(step["id"]), offer, "Repaired.")


def _from_gold(step: GoldStep, offered: Sequence[Offer], chance: Random) -> dict[str, Any]:
    offer = _tool_for(step, offered)
    parameters = dict(step.parameters)
    if offer is not None and not parameters:
        parameters = _gold_parameters(step, offer, chance)
    return {
        "id": step.id,
        "action": step.action or (offer.name if offer else "none"),
        "parameters": parameters,
        "dependencies": list(step.deps),
        "reasoning": step.text or "A given step.",
    }


def _tool_for(step: GoldStep, offered: Sequence[Offer]) -> Offer | None:
    """The tool a given step names, else the one that takes what the step tells and is most like it."""

    def fit(offer: Offer) -> tuple[float, float]:
        takes = ("seconds" in offer.properties and step.seconds is not None) + any(map(_TEXT.search, offer.properties))
        return takes, likeness(offer, step.text)

    named = [offer for offer in offered if offer.name == step.action]
    return named[0] if named else max(offered, key=fit, default=None)


def _gold_parameters(step: GoldStep, offer: Offer, chance: Random) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, schema in offer.properties.items():
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        if name == "seconds" and step.seconds is not None:
            made[name] = step.seconds
        elif kind == "array" and re.search(r"^(inputs?|after|results?|given|sources?)$", name):
            made[name] = [f"${{{dep}}}" for dep in step.deps]
        elif kind in (None, "string") and _TEXT.search(name):
            made[name] = (step.text or step.id).replace("${", "$${")
        elif name in offer.required:
            made[name] = schemas.Maker(offer.schema, chance).make(schema, name)
    return made


@dataclass(slots=True)
class Weaver:
    """Makes the steps of one plan, one after the other."""

    offered: Sequence[Offer]
    goal: str
    chance: Random
    _done: list[tuple[str, Offer]] = field(default_factory=list)

    def weave(self) -> list[dict[str, Any]]:
        """Two to six steps; the tools most like the goal first, those that write only where nothing else is."""
        harmless = [offer for offer in self.offered if not offer.writes] or list(self.offered)
        ranked = sorted(harmless, key=lambda o: -likeness(o, self.goal) - self.chance.random() * 0.2)
        count = min(self.chance.randint(2, _MOST_STEPS), max(2, len(ranked)))
        made = []
        for number in range(count):
            offer = ranked[number % len(ranked)]
            made.append(self.step(f"s{number + 1}", offer, f"Simulated: {offer.description or offer.name}"[:120]))
        return made

    def step(self, name: str, offer: Offer, reasoning: str) -> dict[str, Any]:
        """A step with its required arguments."""
        maker = schemas.Maker(offer.schema, self.chance)
        used: list[str] = []
        parameters = {}
        for argument in offer.required:
            schema = maker._plain(offer.properties.get(argument, {}))
            source = self._reference(argument, schema)
            if source is not None:
                parameters[argument] = source[1]
                used.append(source[0])
            else:
                parameters[argument] = self._literal(argument, schema, maker)
        self._done.append((name, offer))
        return {
            "id": name,
            "action": offer.name,
            "parameters": parameters,
            "dependencies": list(dict.fromkeys(used)),
            "reasoning": reasoning,
        }

    def _reference(self, argument: str, schema: Mapping[str, Any]) -> tuple[str, str] | None:
        """An earlier step and a reference to a field of its result that fits the argument, the latest first."""
        if "type" not in schema or not isinstance(schema["type"], str) or _CONSTRAINED & set(schema):
            return None
        for name, offer in reversed(self._done):
            for field_name, kind in _fields(offer):
                if kind == schema["type"] and _fits(argument, field_name, schema):
                    return name, f"${{{name}.{field_name}}}"
        return None

    def _literal(self, argument: str, schema: Mapping[str, Any], maker: schemas.Maker) -> Any:
        """A value from the goal where the argument's name says what it is, else any that fits."""
        if "default" in schema:
            return schema["default"]
        if isinstance(schema.get("examples"), list) and schema["examples"]:
            return schema["examples"][0]
        if schema.get("type", "string") != "string" or _CONSTRAINED & set(schema):
            return maker.make(schema, argument)
        if _WEB.search(argument):
            found = _URL.search(self.goal)
            return found[0] if found else "http://127.0.0.1/"
        if _PLACE.search(argument):
            found = _PATH.search(_URL.sub(" ", self.goal))
            return found[0].rstrip(".,;") or "." if found else "."
        if _TEXT.search(argument):
            return self.goal[:200].replace("${", "$${") or "simulated"
        return maker.make(schema, argument)


def _fields(offer: Offer) -> Iterator[tuple[str, str]]:
    """The fields a tool's result always has, with their types."""
    required = offer.output.get("required", [])
    for name, schema in (offer.output.get("properties") or {}).items():
        kind = schema.get("type") if isinstance(schema, Mapping) else None
        if name in required and isinstance(kind, str) and re.fullmatch(r"[A-Za-z_][\w-]*", name):
            yield name, kind


def _fits(argument: str, field_name: str, schema: Mapping[str, Any]) -> bool:
    """Whether a field means what an argument means: the same name, or both are prose."""
    if argument == field_name:
        return not isinstance(schema.get("items"), Mapping) or set(schema["items"]) <= {"type", "title"}
    prose = r"text|summary|content|message"
    return schema["type"] == "string" and all(re.fullmatch(prose, name) for name in (argument, field_name))
