"""A plan of one goal as a plan for goals like it: literals that stand in the goal become inputs.

Rule: when in doubt a literal stays. Nothing tells which numbers, words and dates of a plan follow from a value of the
goal, so a value becomes an input only when all that could follow from it is accounted for: the rest of the plan shares
no word and no number with it, and, by its kind, holds nothing the goal does not say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from ..plan import ID_PATTERN, INPUTS, Plan
from ..playbooks.inputs import Input, Kind
from .candidates import NotKeptError, Value, from_given, from_goal, takes
from .leaves import FindTool, Leaf, in_plain_text, leaves, rewritten, used_inputs
from .places import Place, Shape, components, mark_of, shape_of
from .privacy import is_secret
from .rest import Rest, strong_words

MAX_GOAL = 4_000
_RELATIVE = re.compile(
    r"\b(?:today|yesterday|tomorrow|now|current(?:ly)?|recent(?:ly)?|latest|last|past|next|this|ago|since|until|heute"
    r"|gestern|morgen|jetzt|hoy|ayer|aujourd'hui|hier|oggi|ieri)\b",
    re.IGNORECASE,
)
_DAY = re.compile(r"(?<!\d)(\d{4})-\d\d(?:-\d\d)?(?!\d)", re.ASCII)
_YEARS_AROUND = 3
_UNIX = range(1_000_000_000, 4_000_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A plan for goals like one goal.

    `places`: what stands in that goal for an input, by name. `given`: what must be given by name: the kind of value, or
    the mark of the one value it must have.
    """

    plan: Plan
    inputs: Mapping[str, Input]
    places: Mapping[str, str]
    given: Mapping[str, str]


def generalise(goal: str, given: Mapping[str, Any], plan: Plan, find_tool: FindTool, today: date) -> Template:
    """The plan with inputs for the values of its goal. `given` are the inputs that were given by name.

    Raises:
        NotKeptError: the plan, or something in it, can't be used again.
    """
    all_leaves = leaves(plan, find_tool)
    _refuse(goal, given, plan, all_leaves, today)
    shape = shape_of(goal)
    told = from_given(given, plan, all_leaves)
    values = [*told, *from_goal(shape, told, all_leaves)]
    while True:
        rest = Rest(shape, values, all_leaves, plan)
        free = [value for value in values if not rest.blocks(value)]
        if len(free) == len(values):
            return _template(shape, given, plan, values, all_leaves)
        values = free


def _refuse(goal: str, given: Mapping[str, Any], plan: Plan, found: Sequence[Leaf], today: date) -> None:
    if len(goal) > MAX_GOAL:
        raise NotKeptError(f"the goal is longer than {MAX_GOAL:,} characters")
    for step in plan.steps:
        if is_secret(step.parameters) or is_secret(step.for_each) or is_secret([*step.expects, step.reasoning]):
            raise NotKeptError(f"step {step.id!r} holds what looks like a secret")
    if is_secret(goal) or is_secret(plan.answer) or is_secret(given):
        raise NotKeptError("the goal or its inputs hold what looks like a secret")
    if "" in used_inputs(plan):
        raise NotKeptError("a step takes all inputs at once")
    if (made := _from_clock(goal, found, today)) is not None:
        raise NotKeptError(f"{made!r} may follow from the day the plan was made")


def _from_clock(goal: str, found: Sequence[Leaf], today: date) -> str | None:
    """A date or year near today that the goal does not say."""
    said = components([goal])
    is_relative = bool(_RELATIVE.search(goal))
    near = {str(today.year + n) for n in range(-_YEARS_AROUND, _YEARS_AROUND + 1)}
    for leaf in found:
        if isinstance(leaf.value, (int, float)):
            if (str(leaf.value) in near - said) or (int(leaf.value) in _UNIX and str(leaf.value) not in said):
                return str(leaf.value)
            continue
        for day in _DAY.finditer(leaf.plain):
            if day[0] not in goal and (is_relative or day[1] not in said):
                return day[0]
        if years := sorted(components([leaf.plain]) & (near - said)):
            return years[0]
    return None


# ---- the template


def _template(
    shape: Shape, given: Mapping[str, Any], plan: Plan, values: Sequence[Value], found: Sequence[Leaf]
) -> Template:
    names: dict[str, Value] = {value.name: value for value in values if value.name}
    for place in shape.places:  # numbered in the order of the goal
        value = next((v for v in values if not v.name and v.place == place), None)
        if value is not None:
            names[_name(value, found, {*names, *given})] = value
    written = {value.place.text: name for name, value in names.items()}

    def change(literal: Any) -> Any:
        name = next((n for n, v in names.items() if v.is_whole(literal)), None)
        if name is not None:
            return f"${{{INPUTS}.{name}}}"
        return in_plain_text(literal, embed) if isinstance(literal, str) else literal

    def embed(text: str) -> str:
        for value in values:
            if isinstance(value.exact, (str, int)) and value.place.text:
                name = written[value.place.text]
                text = value.embedded.sub(f"${{{INPUTS}.{name}}}", text)
        return text

    strong = {part for value in values for part in strong_words(value.place)}
    steps = tuple(replace(step, reasoning="") if components([step.reasoning]) & strong else step for step in plan.steps)
    answer = plan.answer
    changed = rewritten(replace(plan, steps=steps, answer=None, inputs={}), change)
    changed = replace(changed, answer=None if answer is None else in_plain_text(answer, embed))
    inputs = {name: _input(name, value, shape) for name, value in names.items()}
    fixed = {name: mark_of([value]) for name, value in given.items() if name not in names}
    inputs |= {name: Input(name=name, type=_type(given[name])) for name in fixed}
    return Template(
        plan=changed,
        inputs=inputs,
        places={name: value.place.text for name, value in names.items() if not value.name},
        given={**{n: v.place.kind for n, v in names.items() if v.name}, **{n: f"={m}" for n, m in fixed.items()}},
    )


def _name(value: Value, found: Sequence[Leaf], taken: set[str]) -> str:
    """A name for an input: that of the argument it is given to."""
    role = next(leaf.role for leaf in found if takes(leaf) and value.is_whole(leaf.value))
    name = role if re.fullmatch(ID_PATTERN, role) and role != "for_each" else value.place.kind.partition(":")[0]
    number = 2
    while name in taken:
        name, number = f"{name.rpartition('_')[0] if number > 2 else name}_{number}", number + 1
    return name


def _input(name: str, value: Value, shape: Shape) -> Input:
    if value.name:
        return Input(name=name, type=_type(value.exact))
    before = _words_before(shape, value.place)
    kind: Kind = "file" if value.place.kind.startswith("file") else _type(value.exact)
    return Input(name=name, type=kind, find=(f"{before} {{value}}",) if before else ())


def _type(value: Any) -> Kind:
    if isinstance(value, (list, tuple)):
        return "list"
    return "text" if isinstance(value, str) else "number"


def _words_before(shape: Shape, place: Place) -> str:
    """Up to three words that lead to a place."""
    at = shape.tokens.index(place)
    words: list[str] = []
    for token in reversed(shape.tokens[max(0, at - 3) : at]):
        if not isinstance(token, str) or not re.fullmatch(r"[^\W_]+", token):
            break
        words.insert(0, token)
    return " ".join(words)
