"""A plan of one goal as a plan for goals like it: literals that stand in the goal become inputs.

Rule: when in doubt a literal stays. Nothing tells which numbers, words and dates of a plan follow from a value of the
goal, so a value becomes an input only when all that could follow from it is accounted for: the rest of the plan shares
no word and no number with it, and, by its kind, holds nothing the goal does not say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePath
from typing import Any

from ....errors import PlanloomError
from ..plan import ID_PATTERN, INPUTS, Plan
from ..playbooks.inputs import Input, Kind
from .leaves import FindTool, Leaf, in_plain_text, leaves, positions, rewritten, used_inputs
from .places import Place, Shape, components, folded, kind_of, mark_of, shape_of
from .privacy import is_secret

MAX_GOAL = 4_000
_SAFE = re.compile(r"[\w ./~@+-]*")
_NUMERIC = ("number", "decimal")
_LEARNT = ("name", "code", "text", "date")
_RELATIVE = re.compile(
    r"\b(?:today|yesterday|tomorrow|now|current(?:ly)?|recent(?:ly)?|latest|last|past|next|this|ago|since|until|heute"
    r"|gestern|morgen|jetzt|hoy|ayer|aujourd'hui|hier|oggi|ieri)\b",
    re.IGNORECASE,
)
_DAY = re.compile(r"(?<!\d)(\d{4})-\d\d(?:-\d\d)?(?!\d)", re.ASCII)
_YEARS_AROUND = 3
_UNIX = range(1_000_000_000, 4_000_000_000)
_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_LONG_GIVEN = 200


class NotKeptError(PlanloomError):
    """A plan is not kept; says why."""


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


@dataclass(frozen=True, slots=True)
class _Value:
    """Something that may become, or is, an input; `name` is set for what was given by name."""

    place: Place
    exact: Any
    name: str = ""

    def is_whole(self, value: Any) -> bool:
        """Whether a literal is this value and nothing else."""
        if isinstance(value, str) or isinstance(self.exact, str):
            return bool(value == self.place.text) and isinstance(value, str)
        return bool(value == self.exact)

    @property
    def embedded(self) -> re.Pattern[str]:
        """It inside a longer text, not as a part of a longer word, path or number."""
        return re.compile(rf"(?<![\w./\\~@:+-]){re.escape(self.place.text)}(?![\w/\\~@+-])(?![.:,]\w)")


def generalise(goal: str, given: Mapping[str, Any], plan: Plan, find_tool: FindTool, today: date) -> Template:
    """The plan with inputs for the values of its goal. `given` are the inputs that were given by name.

    Raises:
        NotKeptError: the plan, or something in it, can't be used again.
    """
    all_leaves = leaves(plan, find_tool)
    _refuse(goal, given, plan, all_leaves, today)
    shape = shape_of(goal)
    told = _given(given, plan, all_leaves)
    values = [*told, *_from_goal(shape, told, all_leaves)]
    while True:
        rest = _Rest(shape, values, all_leaves, plan)
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


# ---- what may become an input


def _given(given: Mapping[str, Any], plan: Plan, found: Sequence[Leaf]) -> list[_Value]:
    """The given values that the plan uses, by reference or as literals."""
    used = used_inputs(plan)
    values = []
    for name, value in given.items():
        if isinstance(value, (bool, Mapping)) or value is None:
            raise NotKeptError(f"the input {name!r} is neither text, number nor list")
        kind = kind_of(value) if isinstance(value, str) else type(value).__name__
        made = _Value(Place(kind, str(value)), value, name)
        literal = isinstance(value, (str, int, float)) and value != "" and any(made.is_whole(f.value) for f in found)
        if literal and sum(other == value for other in given.values()) > 1:
            raise NotKeptError(f"several inputs are {value!r}, and a step holds it as a literal")
        if name in used or literal:
            values.append(made)
    return values


def _from_goal(shape: Shape, given: Sequence[_Value], found: Sequence[Leaf]) -> list[_Value]:
    """The values of the goal that stand in it once, and in the plan as whole literals in one role."""
    texts = Counter([*(folded(place.text) for place in shape.places), *shape.words])
    taken = {folded(value.place.text) for value in given}
    numbers = Counter(place.number for place in shape.places if place.number is not None)
    values = []
    for place in shape.places:
        text = folded(place.text)
        twice = place.number is not None and numbers[place.number] > 1
        if not text.strip() or texts[text] > 1 or text in taken or twice:
            continue
        value = _as_used(place, found)
        if value is not None:
            values.append(value)
    names = [value for value in values if value.place.kind == "name"]
    if len(names) < sum(place.kind == "name" for place in shape.places):
        values = [value for value in values if value not in names]  # capitals may mean something else here
    return sorted(values, key=lambda value: -len(value.place.text))


def _as_used(place: Place, found: Sequence[Leaf]) -> _Value | None:
    """The value as the plan has it, as text or as a number; None when it has none, or both, or in several roles."""
    as_number = None if place.number is None else _Value(place, place.number)
    as_words = _Value(place, place.text)
    numbers = [leaf for leaf in found if as_number is not None and _takes(leaf) and as_number.is_whole(leaf.value)]
    texts = [leaf for leaf in found if _takes(leaf) and as_words.is_whole(leaf.value)]
    if bool(numbers) == bool(texts):
        return None
    distinct = place.kind.startswith(("file", "link", "text", "date"))
    if not distinct and len({leaf.role for leaf in (*numbers, *texts)}) > 1:
        return None
    return as_number if numbers else as_words


def _takes(leaf: Leaf) -> bool:
    """Whether a reference may stand there, and the plan says it on purpose."""
    return leaf.where in ("parameters", "for_each")


# ---- what stands in the way


class _Rest:
    """What is left of a plan when its inputs are taken out, against what the goal says beside them."""

    def __init__(self, shape: Shape, values: Sequence[_Value], found: Sequence[Leaf], plan: Plan) -> None:
        texts = {value.place.text for value in values}
        wording = [*shape.words, *(place.text for place in shape.places if place.text not in texts)]
        rest = [leaf for leaf in found if not (_takes(leaf) and any(v.is_whole(leaf.value) for v in values))]
        self._said = components(wording)
        self._rest = [(leaf, _without(leaf, values)) for leaf in rest]
        self._positions = positions(plan)
        self._counts = {n for n in Counter(step.action for step in plan.steps).values() if n > 1}
        self._counts |= {len(step.for_each) for step in plan.steps if isinstance(step.for_each, list)}

    def blocks(self, value: _Value) -> bool:
        """Whether something of the rest may follow from a value."""
        place = value.place
        if value.name and len(place.text) > _LONG_GIVEN:
            return False
        if components([place.text]) & self._words("parameters", "for_each", "expects", "key"):
            return True
        if _strong(place) & self._words("answer") or not self._is_safe(value):
            return True
        if value.name:
            return False
        if place.kind.startswith((*_NUMERIC, "date")) and self._has_numbers(place):
            return True
        return place.kind.partition(":")[0] in _LEARNT and self._has_words()

    def _words(self, *where: str, defaults: bool = True) -> set[str]:
        return components(
            text for leaf, text in self._rest if leaf.where in where and (defaults or not leaf.is_default)
        )

    def _is_safe(self, value: _Value) -> bool:
        """Whether it may stand inside a longer text: with odd signs it could mean something there (a query)."""
        if _SAFE.fullmatch(value.place.text) and not isinstance(value.exact, float):
            return True
        longer = [leaf for leaf, _ in self._rest if isinstance(leaf.value, str)]
        if not isinstance(value.exact, float):
            longer = [leaf for leaf in longer if leaf.where != "answer"]
        return not any(value.embedded.search(leaf.plain) for leaf in longer)

    def _has_numbers(self, place: Place) -> bool:
        """Whether the rest has a number the goal does not say: it may have been worked out."""
        found = self._words("parameters", "for_each", "key", "answer", defaults=False)
        checks = self._words("expects") - {"0"}
        numbers = {part for part in found | checks if part.isdigit() or part in _WORDS[2:]}
        number = place.number
        counted = number is not None and (number in self._counts or (number == 1 and 0 in self._positions))
        return bool(numbers - self._said) or any(n > 0 for n in self._positions) or counted

    def _has_words(self) -> bool:
        """Whether the rest has a word the goal does not say: it may be a translation, a code, a place's figure."""
        found = self._words("parameters", "for_each", "key", defaults=False)
        prose = [text for leaf, text in self._rest if leaf.where in ("answer", "expects")]
        names = {p.text for text in prose for p in shape_of(text).places if p.kind == "name"}
        return bool((found | components(names)) - self._said)


def _without(leaf: Leaf, values: Iterable[_Value]) -> str:
    """A leaf's text without the values that would be replaced in it."""
    text = leaf.plain
    if isinstance(leaf.value, str) and leaf.where in ("parameters", "for_each", "answer"):
        for value in values:
            text = value.embedded.sub(" ", text) if value.place.text else text
    return text


def _strong(place: Place) -> set[str]:
    """The words by which people would speak of a value: of a path the last name without its ending."""
    return components([PurePath(place.text).stem if place.kind.startswith("file") else place.text])


# ---- the template


def _template(
    shape: Shape, given: Mapping[str, Any], plan: Plan, values: Sequence[_Value], found: Sequence[Leaf]
) -> Template:
    names: dict[str, _Value] = {value.name: value for value in values if value.name}
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

    strong = {part for value in values for part in _strong(value.place)}
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


def _name(value: _Value, found: Sequence[Leaf], taken: set[str]) -> str:
    """A name for an input: that of the argument it is given to."""
    role = next(leaf.role for leaf in found if _takes(leaf) and value.is_whole(leaf.value))
    name = role if re.fullmatch(ID_PATTERN, role) and role != "for_each" else value.place.kind.partition(":")[0]
    number = 2
    while name in taken:
        name, number = f"{name.rpartition('_')[0] if number > 2 else name}_{number}", number + 1
    return name


def _input(name: str, value: _Value, shape: Shape) -> Input:
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
