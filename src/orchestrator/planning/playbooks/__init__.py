"""Playbooks: saved, parameterised plans, and the library that finds the one a goal asks for.

Rule: nothing is guessed. A goal that fits no playbook, or several, gets them offered. One that is broken is reported
in `problems` and does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from ....errors import PlanError, UsageError
from ..plan import INPUTS, Plan, ReferenceSyntaxError, Step, references
from .inputs import Input, fill, read_input
from .matching import Match, Vocabulary, matches, near_matches

MAX_BYTES = 2_000_000
# `kept` is what the plan cache knows of a plan; a copy in a folder of one's own may have it
_KEYS = ("playbook", "name", "purpose", "examples", "keywords", "inputs", "steps", "answer", "kept")
_BUILT_IN = "....prompts.playbooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A plan with typed inputs. `answer` None: the results themselves are the answer. `path` is the file it is from."""

    name: str
    purpose: str
    examples: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    inputs: Mapping[str, Input]
    steps: tuple[Step, ...]
    answer: str | None = None
    path: Path

    def plan(self, goal: str, given: Mapping[str, Any], today: date | None = None) -> Plan:
        """The plan for a goal: inputs from `given` over those in the goal's text over the defaults.

        `today` is what dates in words count from, None: the machine's date. The values of inputs are data; nothing in
        them is ever read as a reference.

        Raises:
            InputError: an input is missing (the text asks for it) or does not fit.
            UsageError: a given name is no input of this playbook.
        """
        day = today or datetime.now().astimezone().date()
        values = fill(self.inputs, goal, given, day)
        return Plan(goal=goal.strip() or self.purpose, steps=self.steps, answer=self.answer, inputs=values)


@dataclass(frozen=True, slots=True)
class Problem:
    """A playbook file or folder that can't be used; `error` names the file, the line and what is wrong."""

    path: Path
    error: UsageError

    def __str__(self) -> str:
        return str(self.error)


class Library:
    """The playbooks of some folders; of two with one name the first wins. Files are read on first use."""

    def __init__(self, folders: Sequence[Path] = (), *, built_in: bool = True) -> None:
        """`folders` come before the playbooks that ship with Planloom; `built_in` False leaves those out."""
        self._folders = [Path(folder) for folder in folders]
        self._built_in = built_in
        self._playbooks: dict[str, Playbook] | None = None
        self._words: dict[str, Vocabulary] = {}
        self._problems: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Files and folders that can't be used."""
        self._loaded()
        return tuple(self._problems)

    def names(self) -> list[str]:
        """The names, in the order of the folders, then alphabetically."""
        return list(self._loaded())

    def all(self) -> list[Playbook]:
        """The playbooks, in the order of `names`."""
        return list(self._loaded().values())

    def get(self, name: str) -> Playbook:
        """The playbook of that name.

        Raises:
            UsageError: there is none; names the nearest ones.
            PlanError: there is a file of that name, and it is broken.
        """
        found = self._loaded().get(name)
        if found is not None:
            return found
        broken = next((problem for problem in self._problems if problem.path.stem == name), None)
        if broken is not None:
            raise broken.error
        raise UsageError(f"expected a playbook, got {name!r}; {_nearest(name, self.names())}")

    def match(self, goal: str) -> list[Match]:
        """Every playbook with its likeness to a goal, 0 to 1, best first."""
        self._loaded()
        return matches(goal, self._words)

    def choose(self, goal: str, threshold: float) -> Playbook:
        """The one playbook that fits a goal clearly; `threshold` is the likeness it needs, 0 to 1.

        Raises:
            UsageError: none fits, or several fit nearly as well; the text offers what there is.
        """
        found = self.match(goal)
        near = near_matches(found, threshold)
        if len(near) == 1:
            return self._loaded()[near[0].playbook]
        raise UsageError(self._several(goal, near) if near else self._none(goal, found))

    def _several(self, goal: str, near: Sequence[Match]) -> str:
        offers = "\n".join(f"  --playbook {match.playbook}  {self.get(match.playbook).purpose}" for match in near)
        return f"expected a goal that fits one playbook, got {goal!r}, which fits {len(near)}; choose:\n{offers}"

    def _none(self, goal: str, found: Sequence[Match]) -> str:
        known = [self.get(match.playbook) for match in found]
        offers = "\n".join(f"  {p.name}: {p.purpose}" + (f' ("{p.examples[0]}")' * bool(p.examples)) for p in known)
        listed = f"There are:\n{offers}" if offers else "There are none: set `playbooks.folders` to a folder of yours."
        return (
            f"expected a goal that a playbook fits, got {goal!r}. {listed}\n"
            "Say it in the words of one of them, name one with --playbook NAME, or write your steps into a file and "
            "run it with --plan FILE."
        )

    def _loaded(self) -> dict[str, Playbook]:
        if self._playbooks is None:
            self._playbooks = {}
            for folder in self._folders:
                self._load_folder(folder)
            for folder in built_in_folders() if self._built_in else ():
                self._load_folder(folder)
            self._words = {p.name: Vocabulary.of(p.name, p.examples, p.keywords, _openings(p)) for p in self.all()}
        return self._playbooks

    def _load_folder(self, folder: Path) -> None:
        assert self._playbooks is not None
        if not folder.is_dir():
            fault = UsageError(f"expected a folder with playbooks, got {str(folder)!r}; correct `playbooks.folders`")
            self._problems.append(Problem(folder, fault))
            return
        here: dict[str, Playbook] = {}
        for path in sorted(p for p in folder.iterdir() if p.suffix in (".yaml", ".yml", ".json")):
            try:
                playbook = load(path)
                if playbook.name in here:
                    raise _fault(
                        path,
                        {},
                        ("name",),
                        "a name of its own",
                        f"{playbook.name!r}, as {here[playbook.name].path.name}",
                    )
                here[playbook.name] = playbook
            except PlanError as error:
                self._problems.append(Problem(path, error))
        for name, playbook in sorted(here.items()):
            self._playbooks.setdefault(name, playbook)


def _openings(playbook: Playbook) -> list[str]:
    """The wordings that texts follow."""
    return [wording for one in playbook.inputs.values() if one.type == "text" for wording in one.find]


def built_in_folders() -> list[Path]:
    """The folders of the playbooks that ship with Planloom: in a checkout `prompts/playbooks`."""
    package = import_module(_BUILT_IN, __package__)
    return [Path(folder) for folder in package.__path__ if Path(folder).is_dir()]


def load(path: Path) -> Playbook:
    """The playbook in a YAML or JSON file.

    Raises:
        PlanError: it can't be read, or is no playbook; `findings` has each fault, the text its file and line.
    """
    from ..yamlfile import fault, read

    try:
        if path.stat().st_size > MAX_BYTES:
            raise fault(str(path), f"a playbook of at most {MAX_BYTES:,} bytes", f"{path.stat().st_size:,}")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise fault(str(path), "text in UTF-8", f"other bytes at {error.start}") from error
    except OSError as error:
        raise fault(str(path), "a readable playbook", error.strerror or str(error)) from error
    data, lines = read(text, str(path))
    return parse(data, path, lines)


def parse(data: Any, path: Path, lines: Mapping[tuple[str | int, ...], int] | None = None) -> Playbook:
    """The playbook that plain data describes; `lines` from `yamlfile.read` put line numbers into the faults.

    Raises:
        PlanError: as `load`.
    """
    from .. import files

    lines = dict(lines or {})
    if not isinstance(data, Mapping):
        raise _fault(path, lines, (), "an object with playbook: 1, name, purpose and steps", type(data).__name__)
    _check_head(data, path, lines)
    inputs = _read_inputs(data.get("inputs") or {}, path, lines)
    plain = {key: data[key] for key in ("steps", "answer") if key in data}
    plan = files.parse({"goal": data["purpose"], **plain}, where=str(path), lines=lines)
    _check_references(plan, inputs, path, lines)
    return Playbook(
        name=data["name"],
        purpose=data["purpose"].strip(),
        examples=tuple(data.get("examples") or ()),
        keywords=tuple(data.get("keywords") or ()),
        inputs=inputs,
        steps=plan.steps,
        answer=plan.answer,
        path=path,
    )


def _check_head(data: Mapping[str, Any], path: Path, lines: dict[Any, int]) -> None:
    for key in data:
        if key not in _KEYS:
            raise _fault(path, lines, (key,), "a known key", repr(key), fix=_nearest(str(key), _KEYS))
    if data.get("playbook") != 1:
        raise _fault(path, lines, ("playbook",), "playbook: 1", repr(data.get("playbook")))
    for key in ("name", "purpose"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            raise _fault(path, lines, (key,), f"a text as {key}", repr(data.get(key)))
    if not data["name"].replace("-", "").replace("_", "").isalnum():
        raise _fault(path, lines, ("name",), "a name of letters, digits, '-' and '_'", repr(data["name"]))
    for key in ("examples", "keywords"):
        value = data.get(key) or []
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise _fault(path, lines, (key,), f"a list of texts as {key}", repr(value)[:80])


def _read_inputs(data: Any, path: Path, lines: dict[Any, int]) -> dict[str, Input]:
    if not isinstance(data, Mapping):
        raise _fault(path, lines, ("inputs",), "an object of inputs by name", repr(data)[:80])
    inputs = {}
    for name, declared in data.items():
        try:
            inputs[name] = read_input(name, declared)
        except UsageError as error:
            raise _fault(path, lines, ("inputs", name), "an input as declared in playbooks", str(error)) from error
    return inputs


def _check_references(plan: Plan, inputs: Mapping[str, Input], path: Path, lines: dict[Any, int]) -> None:
    for place, value in _places(plan):
        try:
            asked = [r.path[0] for r in references(value) if r.step == INPUTS and r.path]
        except ReferenceSyntaxError as error:
            expected, _, got = str(error).removeprefix("expected ").rpartition(", got ")
            raise _fault(path, lines, place, expected, got) from error
        for name in asked:
            if name not in inputs:
                raise _fault(
                    path, lines, place, "an input of this playbook", repr(name), fix=_nearest(str(name), inputs)
                )


def _places(plan: Plan) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    for number, step in enumerate(plan.steps):
        for key, value in step.parameters.items():
            yield ("steps", number, "parameters", key), value
        yield ("steps", number, "for_each"), step.for_each
    yield ("answer",), plan.answer


def _fault(
    path: Path, lines: Mapping[Any, int], place: tuple[str | int, ...], expected: str, got: str, *, fix: str = ""
) -> PlanError:
    from ..yamlfile import fault

    line = next((lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines), None)
    return fault(f"{path}:{line}" if line else str(path), expected, got, fix)


def _nearest(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    from rapidfuzz import process

    near = process.extractOne(word, list(known), score_cutoff=60)
    if near is not None:
        return f"did you mean {near[0]!r}?"
    return f"known are {', '.join(known)}" if known else "there are none"
