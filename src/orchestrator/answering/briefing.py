"""What the writer is told of a run: steps, results, files and a draft, one JSON object a line, within a size.

Rule: pure. What is left out is said, with how much it is; a result that is shown in part names its handle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...agents.digest import digest, excerpt, outline, shares, written
from ...models.fence import as_data
from ..planning.plan import Plan, Reference, edges
from ..result import Artifact, StepResult

Lookup = Callable[[Reference], Any]

_ERROR_BYTES = 400
_OVERHEAD = 240  # bytes of a result's line apart from its text
_DRAFT = ""  # no step's id


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to tell. `lookup` gives results that are not in `steps` because they are large; `draft` is the
    answer as the plan's template gives it, empty for none."""

    plan: Plan
    steps: Mapping[str, StepResult]
    files: Sequence[Artifact]
    lookup: Lookup
    draft: str = ""


def briefing(material: Material, max_bytes: int) -> str:
    """At most about `max_bytes` of text. What nobody else uses comes before what others used."""
    ranked = _ranked(material.plan, material.steps)
    rows = _within([_row(name, step) for name, step in ranked], max_bytes // 4, "steps")
    rows += _within([_file(file) for file in material.files], max_bytes // 8, "files")
    left = max_bytes - sum(len(row.encode()) + 1 for row in rows)
    most = max(0, left) // (2 * _OVERHEAD)
    values: list[tuple[str, Any]] = [(_DRAFT, material.draft)] if material.draft else []
    values += _values(ranked, material.lookup, most)
    given = shares([_size(written(value)) for _, value in values], left - _OVERHEAD * len(values))
    rows += [_result(name, value, room) for (name, value), room in zip(values, given, strict=True)]
    return "\n".join(rows)


def _values(ranked: Sequence[tuple[str, StepResult]], lookup: Lookup, most: int) -> list[tuple[str, Any]]:
    """The results to show, at most so many; those made from a for_each stand in its list."""
    values: dict[str, Any] = {}
    for name, step in ranked:
        if len(values) >= most:
            break
        if step.status != "ok" or name.partition("[")[0] in values:
            continue
        value = step.value if step.value is not None else _found(name, lookup)
        if value is not None:
            values[name] = value
    return list(values.items())


def _found(name: str, lookup: Lookup) -> Any:
    try:
        return lookup(Reference(name))
    except LookupError:
        return None


def _ranked(plan: Plan, steps: Mapping[str, StepResult]) -> list[tuple[str, StepResult]]:
    """Steps by what an answer needs most: failed ones, results nobody uses, others, parts of a for_each."""
    used = {name for step in plan.steps for name in edges(step)}

    def rank(entry: tuple[str, StepResult]) -> int:
        name, step = entry
        if step.status not in ("ok", "skipped"):
            return 0
        return 3 if "[" in name else 1 if name not in used else 2

    return sorted(steps.items(), key=rank)


def _row(name: str, step: StepResult) -> str:
    told: dict[str, Any] = {"step": name, "action": step.action, "status": step.status, "verified": step.verified}
    if step.error:
        told["error"] = excerpt(step.error, _ERROR_BYTES).text
    if step.caused_by:
        told["because_of"] = step.caused_by
    return _line(told)


def _file(file: Artifact) -> str:
    return _line({"file": file.path, "kind": file.media_type, "size_bytes": file.size_bytes, "made_by": file.step})


def _result(name: str, value: Any, room: int) -> str:
    text = written(value)
    size, raw = _size(text), len(text.encode("utf-8", "replace"))
    part = digest(value, raw if size <= room else int(room * raw / size))
    label = {"draft": "the answer as a template gives it"} if name == _DRAFT else {"step": name}
    shown = {"shown": "the whole"}
    if not part.whole:
        handle = {} if name == _DRAFT else {"handle": "${" + name + "}"}
        shown = {"shown": f"only the beginning and the end of {part.size_bytes:,} bytes", **handle}
        if not isinstance(value, str):
            shown["structure"] = excerpt(outline(value), _ERROR_BYTES).text
    return _line({**label, **shown, "data": part.text})


def _size(text: str) -> int:
    """Bytes of a text inside JSON."""
    return len(as_data(text).encode())


def _within(rows: Sequence[str], max_bytes: int, what: str) -> list[str]:
    """The first rows that fit, and a line that counts the rest."""
    kept: list[str] = []
    for row in rows:
        max_bytes -= len(row.encode("utf-8", "replace")) + 1
        if max_bytes < 0:
            break
        kept.append(row)
    if len(kept) < len(rows):
        kept.append(_line({"left_out": f"{len(rows) - len(kept)} more {what} are not listed here"}))
    return kept


def _line(told: Mapping[str, Any]) -> str:
    return as_data(told)
