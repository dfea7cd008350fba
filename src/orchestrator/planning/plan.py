"""The plan: steps with explicit data dependencies, and references to earlier results.

Rule: everything here is immutable data and pure functions. A reference is written `${step_id.path.to[0].field}`;
`${inputs.name}` is a named input of the goal, and `$${` stands for the text `${`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal

INPUTS = "inputs"
ITEM = "item"
ID_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]*"
_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
_STEP_ID = re.compile(rf"({ID_PATTERN}(?:\[\d+\])?)(.*)", re.DOTALL)
_SAME = "[item]"
_PART = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\[\"([^\"]*)\"\]|\[(\*)\]")

Path = tuple[str | int, ...]

_OPTIONS = (
    ("reasoning", ""),
    ("expects", ()),
    ("optional", False),
    ("approval", None),
    ("timeout_s", None),
    ("verify", None),
    ("for_each", None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of one action.

    `dependencies` are declared edges; references add theirs (see `edges`). `expects` are postconditions over
    `result`. `optional`: dependents may run without this step and see None. `approval` None: the tool decides.
    `timeout_s` None: the tool or the settings decide, 0: no limit. `for_each`: a list, or a reference to one; the step
    then stands for one step an item, `${item}` in its parameters is the item, and its result is the list of theirs.
    `${other[*]}` pairs it item by item with another for_each step, without waiting for all of that one; in its
    parameters `${third[item].field}` is what a further for_each step, of as many items, gave for the same item.
    `parent` is set on the steps made from a for_each.
    """

    id: str
    action: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()
    reasoning: str = ""
    expects: tuple[str, ...] = ()
    optional: bool = False
    approval: bool | None = None
    timeout_s: float | None = None
    verify: Literal["off", "background", "blocking"] | None = None
    for_each: Any = None
    parent: str | None = None

    def options(self) -> dict[str, Any] | None:
        """What the step says besides id, action, parameters and dependencies, by name; None: nothing."""
        found = {name: value for name, default in _OPTIONS if (value := getattr(self, name)) != default}
        return found or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A DAG of steps for a goal. `answer` is a text with references, None: the results themselves are the answer."""

    goal: str
    steps: tuple[Step, ...] = ()
    answer: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """`step` is a step's id, `inputs` or `item`; `path` its fields and list positions; `all_items` marks `[*]`.

    `same_item` marks `[item]`.
    """

    step: str
    path: Path = ()
    all_items: bool = False
    same_item: bool = False

    def __str__(self) -> str:
        parts = [_written_part(p) for p in self.path]
        mark = "[*]" if self.all_items else _SAME if self.same_item else ""
        return "${" + self.step + mark + "".join(parts) + "}"


def _written_part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[A-Za-z_][\w-]*", part) else f'["{part}"]'


class ReferenceSyntaxError(ValueError):
    """The text between `${` and `}` is not a reference."""


@lru_cache(maxsize=4096)
def parse_reference(text: str, known: frozenset[str] = frozenset()) -> Reference:
    """The reference written as `text` (without `${` and `}`).

    An id like `columns[0]`, made by a for_each, is taken as the step only when it is in `known`.

    Raises:
        ReferenceSyntaxError: says which part is not understood.
    """
    match = _STEP_ID.fullmatch(text.strip())
    if match is None:
        raise ReferenceSyntaxError(f"expected step_id.path.to[0].field, got {text!r}")
    step, rest = match[1], match[2]
    same_item = rest.startswith(_SAME)
    rest = rest.removeprefix(_SAME)
    if "[" in step and step not in known:
        step, bracket, tail = step.partition("[")
        rest = bracket + tail + rest
    path: list[str | int] = []
    all_items = False
    position = 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            raise ReferenceSyntaxError(f"expected .field or [0] in {text!r}, got {rest[position:]!r}")
        if part[4]:
            if path or all_items or same_item:
                raise ReferenceSyntaxError(f"expected [*] right after the step, as in {step}[*].field, got {text!r}")
            all_items = True
        else:
            path.append(int(part[2]) if part[2] else part[1] or part[3])
        position = part.end()
    return Reference(step, tuple(path), all_items, same_item)


def references(value: Any, known: frozenset[str] = frozenset()) -> Iterator[Reference]:
    """Every reference inside a parameter value, in order, duplicates kept.

    Raises:
        ReferenceSyntaxError: as `parse_reference`.
    """
    if isinstance(value, str):
        for match in _REFERENCE.finditer(value):
            if match[1] is not None:
                yield parse_reference(match[1], known)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from references(inner, known)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from references(inner, known)


def edges(step: Step, known: frozenset[str] = frozenset(), *, by_item: bool = True) -> tuple[str, ...]:
    """Ids this step waits for: declared dependencies, then those of references; no duplicates, no `inputs`.

    `by_item` False: without those that only `[item]` names, which the parts of a for_each wait for one by one.
    """
    found = dict.fromkeys(step.dependencies)
    if step.parameters:
        named = (r.step for r in references(step.parameters, known) if by_item or not r.same_item)
        found.update(dict.fromkeys(named))
    if step.for_each is not None:
        found.update(dict.fromkeys(r.step for r in references(step.for_each, known)))
    found.pop(INPUTS, None)
    found.pop(ITEM, None)
    return tuple(found)


def resolve(value: Any, lookup: Callable[[Reference], Any], known: frozenset[str] = frozenset()) -> Any:
    """`value` with its references replaced; text that is only one reference keeps the type of what it refers to.

    `lookup` gives the value of a reference. Inside longer text, None becomes empty and data becomes JSON.
    """
    if isinstance(value, str):
        return _resolve_text(value, lookup, known) if "${" in value else value
    if isinstance(value, Mapping):
        return {key: resolve(inner, lookup, known) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [resolve(inner, lookup, known) for inner in value]
    return value


def _resolve_text(text: str, lookup: Callable[[Reference], Any], known: frozenset[str]) -> Any:
    whole = _REFERENCE.fullmatch(text)
    if whole is not None and whole[1] is not None:
        return lookup(parse_reference(whole[1], known))

    def shown(match: re.Match[str]) -> str:
        return "${" if match[1] is None else as_text(lookup(parse_reference(match[1], known)))

    return _REFERENCE.sub(shown, text)


def as_text(value: Any) -> str:
    """A value inside a sentence: text as it is, None empty, numbers short, data as JSON."""
    import json

    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return str(value)
        case float():
            return f"{value:.6g}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def follow(value: Any, path: Path) -> Any:
    """The part of `value` at `path`.

    Raises:
        LookupError: a field or position is not there; names what is.
    """
    for number, part in enumerate(path):
        if isinstance(part, int) and isinstance(value, list):
            if part >= len(value):
                raise LookupError(f"expected at least {part + 1} items, got {len(value)}")
            value = value[part]
        elif isinstance(value, Mapping) and str(part) in value:
            value = value[str(part)]
        else:
            has = (
                f"fields {', '.join(map(str, list(value)[:12]))}"
                if isinstance(value, Mapping)
                else type(value).__name__
            )
            raise LookupError(f"expected {part!r} at {'.'.join(map(str, path[:number])) or 'the top'}, got {has}")
    return value


def children(step: Step, items: list[Any]) -> tuple[Step, ...]:
    """The steps a for_each stands for, one an item, named `id[0]`, `id[1]`, ...; `${item}` is replaced by the item."""

    def made(index: int, value: Any) -> Step:
        return _child(step, index, lambda reference: follow(value, reference.path))

    return tuple(made(index, value) for index, value in enumerate(items))


def paired_children(step: Step, leader: str, path: Path, count: int) -> tuple[Step, ...]:
    """The steps of a for_each over `${leader[*].path}`: `${item.x}` becomes `${leader[i].path.x}`."""

    def made(index: int) -> Step:
        return _child(step, index, lambda item: _Written(Reference(f"{leader}[{index}]", path + item.path)))

    return tuple(made(index) for index in range(count))


def _child(step: Step, index: int, item: Callable[[Reference], Any]) -> Step:
    def lookup(reference: Reference) -> Any:
        if reference.same_item:
            return _Written(Reference(f"{reference.step}[{index}]", reference.path))
        return item(reference) if reference.step == ITEM else _Written(reference)

    leader = paired_with(step)
    if leader is not None:
        kept = [name for name in step.dependencies if name != leader.step]
    else:  # an item is only as good as the list it comes from: the commit barrier must see that step
        kept = [*step.dependencies, *(r.step for r in references(step.for_each) if r.step not in (INPUTS, ITEM))]
    return replace(
        step,
        id=f"{step.id}[{index}]",
        parameters=_substitute(step.parameters, lookup),
        dependencies=tuple(dict.fromkeys(kept)),
        for_each=None,
        parent=step.id,
    )


def paired_with(step: Step) -> Reference | None:
    """The `${other[*]}` this for_each is paired with, None if its items come from a value."""
    if not isinstance(step.for_each, str):
        return None
    found = list(references(step.for_each))
    return found[0] if len(found) == 1 and found[0].all_items else None


def _substitute(value: Any, lookup: Callable[[Reference], Any]) -> Any:
    """As `resolve`, but keeps `$${` and any text an item brings from being read as a reference later."""
    if isinstance(value, Mapping):
        return {key: _substitute(inner, lookup) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_substitute(inner, lookup) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None and whole[1] is not None:
        found = lookup(parse_reference(whole[1]))
        return str(found) if isinstance(found, _Written) else escape(found)

    def shown(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        found = lookup(parse_reference(match[1]))
        return str(found) if isinstance(found, _Written) else str(escape(as_text(found)))

    return _REFERENCE.sub(shown, value)


class _Written(str):
    """Text that is a reference on purpose."""

    __slots__ = ()


def escape(value: Any) -> Any:
    """`value` so that no text inside it is read as a reference."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: escape(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [escape(inner) for inner in value]
    return value
