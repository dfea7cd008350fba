"""What clients ask for. Rule: a scenario is a function that gives frames; it needs nothing of this package.

`goals(count, seed, folder)` gives `count` frames of a `message`: objects with `message`, `playbook`, `inputs`, `plan`
as the protocol has them. It may write what they need into `folder`, the workspace of the server; None: the server is
somebody else's. Packages bring theirs by entry points `planloom.scenarios`; a person by a file, a frame in each line.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from ..errors import UsageError

GROUP = "planloom.scenarios"
Frame = Mapping[str, Any]
Goals = Callable[[int, int, Path | None], Iterable[Frame]]
_PARTS = ("message", "playbook", "inputs", "plan")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What clients ask for; `told` is a line for people."""

    name: str
    told: str
    goals: Goals


def sums(count: int, seed: int, folder: Path | None) -> Iterable[Frame]:
    """Three sums side by side and a fourth of them, without a model: what the server itself costs."""
    chance = random.Random(seed)  # noqa: S311 - only has to repeat
    for _ in range(count):
        steps = [
            {
                "id": f"s{n}",
                "action": "maths.calculate",
                "parameters": {"expression": f"{chance.randint(1, 999)} + {n}"},
            }
            for n in range(3)
        ]
        whole = {"expression": "${s0.value} + ${s1.value} + ${s2.value}"}
        steps.append({"id": "whole", "action": "maths.calculate", "parameters": whole})
        yield {"plan": {"goal": "Add up", "steps": steps, "answer": "${whole.value}"}}


def report(count: int, seed: int, folder: Path | None) -> Iterable[Frame]:
    """Reports on a folder of notes and tables: files, charts, a page."""
    chance = random.Random(seed)  # noqa: S311 - only has to repeat
    words = ("harbour", "boats", "bread", "tide", "baker", "flour", "market", "river", "bridge", "lamp", "apples")
    if folder is not None:
        for n in range(6):
            text = " ".join(chance.choices(words, k=400))
            (folder / f"note{n}.md").write_text(f"# Note {n}\n\n{text}\n", encoding="utf-8")
        rows = "\n".join(f"2025-{m:02}-01,{chance.choice(words)},{chance.randint(10, 900)}" for m in range(1, 13))
        (folder / "sales.csv").write_text(f"date,item,amount\n{rows}\n", encoding="utf-8")
    for _ in range(count):
        yield {"message": "Report on the folder ."}


def texts(count: int, seed: int, folder: Path | None) -> Iterable[Frame]:
    """Letters that a model classifies, summarises and answers: three calls a goal, two of them side by side."""
    chance = random.Random(seed)  # noqa: S311 - only has to repeat
    things = ("lamp", "chair", "kettle", "desk", "radio")
    for number in range(count):
        letter = f"Letter {number}: my {chance.choice(things)} came {chance.randint(1, 20)} days late. What now?"
        labels = ["delivery", "billing", "praise"]
        steps = [
            {"id": "kind", "action": "model.classify", "parameters": {"text": letter, "labels": labels}},
            {"id": "short", "action": "model.summarise", "parameters": {"text": letter}},
            {
                "id": "reply",
                "action": "model.write",
                "parameters": {"instructions": "Answer politely.", "data": ["${kind.label}", "${short.text}"]},
            },
        ]
        yield {"plan": {"goal": "Answer a letter", "steps": steps, "answer": "${reply.text}"}}


BUILT_IN = {goals.__name__: goals for goals in (sums, report, texts)}


def names() -> dict[str, str]:
    """Every scenario with its line; one that can't be loaded says why."""
    told = {name: _first_line(goals) for name, goals in BUILT_IN.items()}
    for point in _points():
        try:
            told[point.name] = _first_line(point.load())
        except Exception as error:  # noqa: BLE001 - the border to other people's code
            told[point.name] = f"can't be loaded: {type(error).__name__}: {error}"
    return dict(sorted(told.items()))


def find(name: str) -> Scenario:
    """The scenario of this name, or of a file of frames.

    Raises:
        UsageError: there is none, or it can't be loaded.
    """
    if name in BUILT_IN:
        return Scenario(name, _first_line(BUILT_IN[name]), BUILT_IN[name])
    for point in _points():
        if point.name == name:
            return _loaded(point)
    if Path(name).suffix in (".jsonl", ".json") or Path(name).is_file():
        return from_file(Path(name))
    known = [*BUILT_IN, *(point.name for point in _points())]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}, or a file of frames"
    raise UsageError(f"--scenario: expected a scenario, got {name!r}; {hint}")


def from_file(path: Path) -> Scenario:
    """The frames of a file, one JSON object a line, again and again.

    Raises:
        UsageError: it can't be read, or a line is no frame; names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--scenario: expected a file of JSON lines, got {str(path)!r}: {error}") from error
    frames = [_frame(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not frames:
        raise UsageError(f"--scenario: expected at least one line in {str(path)!r}, got none")
    return Scenario(path.stem, f"the {len(frames)} goals of {path.name}", lambda n, *_: islice(cycle(frames), n))


def checked(frames: Iterable[Frame], count: int) -> list[Frame]:
    """Exactly so many frames, with nothing in them but what a `message` may say.

    Raises:
        UsageError: there are fewer, or one is none.
    """
    found = [_parts(frame, "scenario") for frame in islice(frames, count)]
    if len(found) < count:
        raise UsageError(f"--scenario: expected {count} goals, got {len(found)}")
    return found


def _frame(line: str, where: str) -> Frame:
    try:
        data = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{where}: expected a JSON object, got {line[:60]!r}: {error}") from error
    if isinstance(data, str):
        data = {"message": data}
    return _parts(data, where)


def _parts(data: Any, where: str) -> Frame:
    if not isinstance(data, Mapping) or not any(data.get(part) for part in ("message", "playbook", "plan")):
        raise UsageError(f'{where}: expected an object like {{"message": "GOAL"}}, got {str(data)[:60]!r}')
    return {part: data[part] for part in _PARTS if data.get(part)}


def _loaded(point: Any) -> Scenario:
    try:
        goals = point.load()
    except Exception as error:  # the border to other people's code
        raise UsageError(f"--scenario {point.name}: {type(error).__name__}: {error}") from error
    return Scenario(point.name, _first_line(goals), goals)


def _first_line(goals: Goals) -> str:
    return ((goals.__doc__ or "").strip().splitlines() or ["no description"])[0]


def _points() -> list[Any]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group=GROUP), key=lambda point: point.name)
