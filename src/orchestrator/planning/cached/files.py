"""Kept plans as files: playbooks that a person can read, change, and copy into a folder of their own.

Rule: a file is written whole or not at all, and read back before it counts. Its name ends with two marks, of the goal's
frame and of its text, so that the plan of a goal is found by the name alone.
"""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ....errors import PlanError, UsageError
from .. import files as planfiles
from .. import playbooks, yamlfile
from ..playbooks import Playbook
from .candidates import NotKeptError
from .generalising import Template
from .places import Shape, mark_of, shape_of

MAX_BYTES = 200_000
_NAME = re.compile(r"(?:.*-)?([0-9a-f]{8})-([0-9a-f]{8})")
_KEPT_KEYS = ("places", "given", "tools", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A kept plan. `goal` is the one it was made for; `places` and `given` as in `Template`; `tools` their digests."""

    playbook: Playbook
    goal: str
    places: Mapping[str, str]
    given: Mapping[str, str]
    tools: Mapping[str, str]
    run: str = ""

    @property
    def name(self) -> str:
        return self.playbook.name


@dataclass(frozen=True, slots=True)
class Marks:
    """What a goal, with the names of its inputs, is found by: `frame` is the same for other values, `text` is not."""

    frame: str
    text: str

    @classmethod
    def of(cls, shape: Shape, given: Mapping[str, Any]) -> Marks:
        names = sorted(given)
        return cls(mark_of([shape.frame, names]), mark_of([shape.wording, names]))

    def fit(self, name: str) -> bool:
        """Whether a kept plan of this name may be one for the goal."""
        found = _NAME.fullmatch(name)
        return found is not None and (found[1] == self.frame or found[2] == self.text)


def name_of(goal: str, marks: Marks) -> str:
    """The name of the plan of a goal."""
    plain = unicodedata.normalize("NFKD", goal).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:24].strip("-")
    return f"{slug}-{marks.frame}-{marks.text}".lstrip("-")


def fitting(folder: Path, marks: Marks) -> list[str]:
    """The names of the kept plans that may be one for a goal; nothing is read."""
    return [name for name, _ in _listed(folder) if marks.fit(name)]


def names(folder: Path) -> list[str]:
    """The names of the kept plans, those unused for longest first; nothing is read."""
    found: list[tuple[float, str]] = []
    for name, entry in _listed(folder):
        with suppress(FileNotFoundError):  # another process removed it
            stat = entry.stat()
            found.append((max(stat.st_atime, stat.st_mtime), name))
    return [name for _, name in sorted(found)]


def _listed(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".yaml") and _NAME.fullmatch(entry.name[:-5]):
                yield entry.name[:-5], entry


def all_in(folder: Path) -> tuple[list[Kept], list[PlanError]]:
    """The kept plans, those used last first, and what is wrong with the files that can't be read."""
    found: list[Kept] = []
    problems: list[PlanError] = []
    for name in reversed(names(folder)):
        try:
            found.append(read(path_of(folder, name)))
        except PlanError as error:
            problems.append(error)
        except FileNotFoundError:  # another process removed it
            continue
    return found, problems


def find(folder: Path, name: str) -> Kept:
    """The kept plan of a name.

    Raises:
        UsageError: there is none; names the nearest.
        PlanError: as `read`.
    """
    from rapidfuzz import process

    known = names(folder)
    if name in known:
        return read(path_of(folder, name))
    near = process.extractOne(name, known, score_cutoff=50)
    hint = f"did you mean {near[0]!r}?" if near else "`planloom playbooks` lists them"
    raise UsageError(f"expected a kept plan, got {name!r}; {hint}")


def forget(folder: Path, name: str) -> None:
    """Removes a kept plan; it may be gone already."""
    if _NAME.fullmatch(name) and "/" not in name and "\\" not in name:
        path_of(folder, name).unlink(missing_ok=True)


def path_of(folder: Path, name: str) -> Path:
    """The file of a kept plan."""
    return folder / f"{name}.yaml"


def write(folder: Path, name: str, template: Template, *, goal: str, tools: Mapping[str, str], run: str) -> None:
    """Writes a plan that is kept.

    Raises:
        NotKeptError: it can't be written so that the same comes back.
        OSError: the folder can't be written.
    """
    plan = planfiles.dump(template.plan)
    data = {
        "playbook": 1,
        "name": name,
        "purpose": " ".join(goal.split()),
        "examples": [goal],
        "inputs": {name: _declared(one.type, one.find) for name, one in template.inputs.items()},
        "steps": plan["steps"],
        **({"answer": plan["answer"]} if "answer" in plan else {}),
        "kept": {"run": run, "places": dict(template.places), "given": dict(template.given), "tools": dict(tools)},
    }
    try:
        text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
        raw = text.encode("utf-8")
        back = read_text(text, path_of(folder, name))
    except (PlanError, yaml.YAMLError, UnicodeError, ValueError) as error:
        raise NotKeptError(f"it can't be written as a playbook: {error}") from error
    if len(raw) > MAX_BYTES:
        raise NotKeptError(f"it has more than {MAX_BYTES:,} bytes")
    if back.playbook.steps != template.plan.steps or back.playbook.answer != template.plan.answer or back.goal != goal:
        raise NotKeptError("it is not the same when read back")
    _replace(path_of(folder, name), raw)


def read(path: Path) -> Kept:
    """The kept plan in a file.

    Raises:
        PlanError: it is damaged, or not one of ours any more.
        FileNotFoundError: it is gone.
    """
    try:
        if path.stat().st_size > 2 * MAX_BYTES:
            raise yamlfile.fault(str(path), f"at most {2 * MAX_BYTES:,} bytes", "more")
        return read_text(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        raise yamlfile.fault(str(path), "text in UTF-8", f"other bytes at {error.start}") from error
    except OSError as error:
        raise yamlfile.fault(str(path), "a readable plan", error.strerror or str(error)) from error


def read_text(text: str, path: Path) -> Kept:
    """The kept plan in a file's text.

    Raises:
        PlanError: as `read`.
    """
    data, lines = yamlfile.read(text, str(path))
    playbook = playbooks.parse(data, path, lines)
    kept = data.get("kept")
    if not isinstance(kept, Mapping) or not playbook.examples:
        raise yamlfile.fault(str(path), "kept: and examples: as they were written", repr(kept)[:80])
    parts: dict[str, Any] = {key: kept.get(key) or ("" if key == "run" else {}) for key in _KEPT_KEYS}
    if not isinstance(parts["run"], str) or not all(_is_texts(parts[key]) for key in _KEPT_KEYS[:3]):
        raise yamlfile.fault(str(path), "texts by name below kept:", repr(dict(kept))[:80])
    made = Kept(playbook=playbook, goal=playbook.examples[0], **parts)
    if not {*made.places, *made.given} == set(playbook.inputs) or set(made.places) & set(made.given):
        raise yamlfile.fault(str(path), "kept: to say where each input comes from", ", ".join(playbook.inputs))
    known = {place.text for place in shape_of(made.goal).places}
    if not set(made.places.values()) <= known or len(set(made.places.values())) < len(made.places):
        raise yamlfile.fault(str(path), "places that stand in the example", repr(dict(made.places)))
    return made


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(v, str) for pair in value.items() for v in pair)


def _declared(kind: str, find: tuple[str, ...]) -> dict[str, Any]:
    return {"type": kind, **({"find": list(find)} if find else {})}


class _Dumper(yaml.SafeDumper):
    """Writes every value out: no anchors, and texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text and not re.search(r"[ \t]\n|^\s", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _replace(path: Path, raw: bytes) -> None:
    """Puts a file in place whole, so that other processes never see a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def unfinished(folder: Path, older_than: float) -> Iterator[Path]:
    """Files that a process left half written when it died; `older_than` is a Unix time."""
    with suppress(OSError):
        for path in folder.glob(".*.part"):
            if path.stat().st_mtime < older_than:
                yield path
