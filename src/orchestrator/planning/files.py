"""Plan files in YAML and JSON, one schema for both. Rule: every fault names its place and the nearest right word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...errors import PlanError
from .findings import Finding
from .plan import Plan, Step
from .yamlfile import MAX_BYTES, Lines, Place, fault, read

_PLAN_KEYS = ("goal", "steps", "answer", "inputs")
_STEP_KEYS = tuple(f.name for f in fields(Step) if f.name != "parent")
_STEP_DEFAULTS = tuple((key, getattr(Step(id="", action=""), key)) for key in _STEP_KEYS)
_VERIFY = ("off", "background", "blocking")


def load(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        PlanError: there is no such file, or it is no plan; names line and place.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise fault(str(path), f"a plan file of at most {MAX_BYTES:,} bytes", f"{path.stat().st_size:,}")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise fault(str(path), "text in UTF-8", f"other bytes at {error.start}") from error
    except OSError as error:
        raise fault(str(path), "a readable plan file", error.strerror or str(error)) from error
    data, lines = read(text, str(path))
    return parse(data, where=str(path), lines=lines)


def parse(data: Any, *, where: str = "plan", lines: Lines | None = None) -> Plan:
    """The plan that plain data describes; `lines` from `yamlfile.read` put line numbers into the findings.

    Raises:
        PlanError: with a finding for each fault.
    """
    reader = _Reader(where, lines or {})
    plan = reader.plan(data)
    if reader.faults:
        told = "\n".join(f"  {line}" for line in reader.told[:20])
        raise PlanError(f"{where} is not a plan:\n{told}", reader.faults)
    return plan


def parse_step(data: Any, *, where: str = "step") -> Step:
    """One step from plain data, as a model writes it.

    Raises:
        PlanError: as `parse`.
    """
    return parse({"goal": "", "steps": [data]}, where=where).steps[0]


def dump(plan: Plan) -> dict[str, Any]:
    """The plan as plain data; what has its default is left out."""
    made: dict[str, Any] = {"goal": plan.goal, "steps": [_dumped(step) for step in plan.steps]}
    if plan.answer is not None:
        made["answer"] = plan.answer
    if plan.inputs:
        made["inputs"] = dict(plan.inputs)
    return made


def _dumped(step: Step) -> dict[str, Any]:
    values = ((key, getattr(step, key), default) for key, default in _STEP_DEFAULTS)
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value, default in values
        if key in ("id", "action") or value != default
    }


class _Reader:
    """Collects every fault, so that one look at the report is enough."""

    def __init__(self, where: str, lines: Lines) -> None:
        self.where = where
        self.lines = lines
        self.faults: list[Finding] = []
        self.told: list[str] = []
        self._step: str | None = None

    def plan(self, data: Any) -> Plan:
        if not isinstance(data, Mapping):
            self.fault((), "an object with goal and steps", _kind(data))
            return Plan(goal="")
        self._check_keys(data, _PLAN_KEYS, ())
        goal = self._get(data, "goal", (), "text", _is_text, "")
        answer = self._get(data, "answer", (), "text", _is_text, None)
        inputs = self._get(data, "inputs", (), "an object", _is_mapping, {})
        raw = self._get(data, "steps", (), "a list of steps", _is_list, [])
        if "steps" not in data:
            self.fault((), "steps", "none")
        steps = tuple(self._step_of(item, ("steps", number)) for number, item in enumerate(raw))
        return Plan(goal=goal, steps=steps, answer=answer, inputs=inputs)

    def _step_of(self, data: Any, path: Place) -> Step:
        if not isinstance(data, Mapping):
            self.fault(path, "an object with id and action", _kind(data))
            return Step(id="", action="")
        self._step = str(data.get("id", "")) or None
        self._check_keys(data, _STEP_KEYS, path)
        for key in ("id", "action"):
            if key not in data:
                self.fault(path, key, "none")
        get = self._get
        step = Step(
            id=get(data, "id", path, "text", _is_text, ""),
            action=get(data, "action", path, "the name of an action", _is_text, ""),
            parameters=get(data, "parameters", path, "an object", _is_mapping, {}),
            dependencies=_texts(get(data, "dependencies", path, "a list of step ids", _is_texts, ())),
            reasoning=get(data, "reasoning", path, "text", _is_text, ""),
            expects=_texts(get(data, "expects", path, "a list of expressions", _is_texts, ())),
            optional=get(data, "optional", path, "true or false", _is_bool, False),
            approval=get(data, "approval", path, "true or false", _is_bool, None),
            timeout_s=get(data, "timeout_s", path, "a number of seconds from 0", _is_seconds, None),
            verify=get(data, "verify", path, " or ".join(_VERIFY), _is_verify, None),
            for_each=get(data, "for_each", path, "a list, or a reference to one", _is_items, None),
        )
        self._step = None
        return step

    def _get(self, data: Any, key: str, path: Place, expected: str, fits: Callable[[Any], bool], default: Any) -> Any:  # noqa: PLR0917
        value = data.get(key)
        if value is None:
            return default
        if fits(value):
            return value
        self.fault((*path, key), expected, _shown(value))
        return default

    def _check_keys(self, data: Mapping[str, Any], known: tuple[str, ...], path: Place) -> None:
        from rapidfuzz import process

        for key in data:
            if key not in known:
                near = process.extractOne(str(key), known, score_cutoff=60)
                fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
                self.fault((*path, str(key)), "a known key", repr(key), fix)

    def fault(self, path: Place, expected: str, got: str, fix: str = "") -> None:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".") or "the file"
        line = next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)
        finding = Finding(code="bad-file", step=self._step, expected=f"{place}: {expected}", got=got, fix=fix)
        self.faults.append(finding)
        at = f"line {line}, " if line else ""
        self.told.append(f"{at}{place}: expected {expected}, got {got}" + (f"; {fix}" if fix else ""))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_verify(value: Any) -> bool:
    return value in _VERIFY


def _is_items(value: Any) -> bool:
    return isinstance(value, (list, str))


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "nothing", bool: "true or false"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def schema() -> dict[str, Any]:
    """The JSON schema of a plan file."""
    texts = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    step = {
        "id": {"type": "string"},
        "action": {"type": "string"},
        "parameters": {"type": "object"},
        "dependencies": texts,
        "reasoning": {"type": "string"},
        "expects": texts,
        "optional": {"type": "boolean"},
        "approval": {"type": ["boolean", "null"]},
        "timeout_s": {"type": ["number", "null"], "minimum": 0},
        "verify": {"enum": [*_VERIFY, None]},
        "for_each": {"anyOf": [{"type": "array"}, {"type": "string"}, {"type": "null"}]},
    }
    return {
        "type": "object",
        "required": ["steps"],
        "additionalProperties": False,
        "properties": {
            "goal": {"type": "string"},
            "answer": {"type": ["string", "null"]},
            "inputs": {"type": "object"},
            "steps": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "action"],
                    "additionalProperties": False,
                    "properties": step,
                },
            },
        },
    }
