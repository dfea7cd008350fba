"""Typical requests to a model and tools: goals, the plans a planner writes for them, and the files they are about.

Each is there twice, with other values, so that a goal that differs in its file or number alone can be asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Typical:
    """A request. `goal` and `steps` hold `{name}` for each of the values; `steps` are what the planner writes."""

    name: str
    goal: str
    steps: tuple[dict[str, Any], ...]
    answer: str
    values: tuple[Values, Values]

    def text(self, which: int) -> str:
        """The goal with the first or the second values."""
        return _filled(self.goal, self.values[which])

    def plan(self, which: int) -> list[dict[str, Any]]:
        """The planner's lines for that goal."""
        return [_filled(step, self.values[which]) for step in (*self.steps, {"answer": self.answer})]


def _filled(data: Any, values: Values) -> Any:
    """Data with the values; a text that is one place only becomes the value itself."""
    if isinstance(data, dict):
        return {key: _filled(inner, values) for key, inner in data.items()}
    if isinstance(data, list):
        return [_filled(inner, values) for inner in data]
    if not isinstance(data, str):
        return data
    for name, value in values.items():
        if data == f"{{{name}}}":
            return value
        data = data.replace(f"{{{name}}}", str(value))
    return data


def _step(name: str, action: str, parameters: Values, **more: Any) -> dict[str, Any]:
    return {"id": name, "action": action, "parameters": parameters, **more}


def _column(column: str) -> tuple[dict[str, Any], dict[str, Any]]:
    read = _step("table", "tables.read", {"path": "{file}"}, expects=["result.rows > 0"])
    asked = {"table": "${table.table}", "columns": [column], "limit": "{n}"}
    return read, _step("rows", "tables.query", asked)


def _texts(pattern: str) -> tuple[dict[str, Any], dict[str, Any]]:
    found = _step("found", "files.list", {"path": "{folder}", "pattern": pattern, "limit": "{n}"})
    path = "{folder}/${item.path}"
    return found, _step("texts", "files.read", {"path": path}, for_each="${found.files}")


_COMMENTS = ({"file": "./comments.csv", "n": 8}, {"file": "./replies.csv", "n": 6})
_NOTES = ({"folder": "./notes", "n": 4}, {"folder": "./minutes", "n": 3})
_JUDGED = ["judge: it says what the text says and nothing else"]

REQUESTS = (
    Typical(
        "moods of comments",
        "Which mood do the first {n} comments in {file} have?",
        (
            *_column("comment"),
            _step(
                "moods",
                "model.classify",
                {"text": "${item[0]}", "labels": ["glad", "angry", "neutral"]},
                for_each="${rows.rows}",
            ),
        ),
        "${moods}",
        _COMMENTS,
    ),
    Typical(
        "summaries of notes",
        "Sum up each of the first {n} notes in {folder} in one sentence",
        (
            *_texts("*.md"),
            _step("sums", "model.summarise", {"text": "${item.text}"}, for_each="${texts}", expects=_JUDGED),
        ),
        "${sums}",
        _NOTES,
    ),
    Typical(
        "who wrote, about what",
        "Who wrote the first {n} comments in {file}, and what do they ask for?",
        (
            *_column("comment"),
            _step(
                "details",
                "model.extract",
                {"text": "${item[0]}", "fields": {"name": "who wrote it", "wish": "what is asked for"}},
                for_each="${rows.rows}",
            ),
            _step(
                "report",
                "model.write",
                {"instructions": "a list of wishes with names", "data": "${details}"},
                expects=["judge: it lists wishes"],
            ),
        ),
        "${report.text}",
        ({"file": "./comments.csv", "n": 6}, {"file": "./replies.csv", "n": 5}),
    ),
    Typical(
        "translated notes",
        "Translate the first {n} notes in {folder} into French",
        (
            *_texts("*.md"),
            _step(
                "french",
                "model.translate",
                {"text": "${item.text}", "language": "French"},
                for_each="${texts}",
                expects=["judge: it is French"],
            ),
        ),
        "${french}",
        _NOTES,
    ),
    Typical(
        "moods and topics",
        "Sort the first {n} comments in {file} by mood and by topic",
        (
            *_column("comment"),
            _step(
                "moods",
                "model.classify",
                {"text": "${item[0]}", "labels": ["glad", "angry", "neutral"]},
                for_each="${rows.rows}",
            ),
            _step(
                "topics",
                "model.classify",
                {"text": "${item[0]}", "labels": ["delivery", "price", "service"]},
                for_each="${rows.rows}",
            ),
        ),
        "${moods} ${topics}",
        ({"file": "./comments.csv", "n": 4}, {"file": "./replies.csv", "n": 3}),
    ),
    Typical(
        "key words and a look at each note",
        "What are the first {n} notes in {folder} about, and does each keep to one topic?",
        (
            *_texts("*.md"),
            _step(
                "words", "text.keywords", {"text": "${item.text}"}, for_each="${texts}", expects=["judge: one topic"]
            ),
            _step("sums", "model.summarise", {"text": "${item.text}"}, for_each="${texts}"),
        ),
        "${words} ${sums}",
        _NOTES,
    ),
)

_SAID = (
    "I am Ada and I love the quick delivery, please keep it up",
    "Bob here: the price is far too high, lower it",
    "This is Cleo. The service answered late and I am angry",
    "Dan writes: delivery came on Monday as it should",
    "I am Eve, I hate to wait, send it sooner",
    "Finn here, I love the new price, thank you",
    "Gus says the service is as ever",
    "I am Hana and I love how the service helped me",
    "Ivo writes: the parcel is lost, I am angry, find it",
)
_TOPICS = ("the harbour and its tides", "bread and how it is baked", "bees in the garden", "the old railway", "stars")


def write_files(folder: Path) -> None:
    """The files that the requests are about."""
    for name, said in (("comments.csv", _SAID), ("replies.csv", tuple(reversed(_SAID)))):
        rows = [f'{number},"{text}"' for number, text in enumerate(said)]
        (folder / name).write_text("\n".join(["number,comment", *rows]) + "\n", encoding="utf-8")
    for name, word in (("notes", "Notes"), ("minutes", "Minutes")):
        (folder / name).mkdir()
        for number, topic in enumerate(_TOPICS):
            text = f"# {word} {number}\n\n{word} on {topic}. There is much to say about {topic}. We talked for long.\n"
            (folder / name / f"{number}.md").write_text(text, encoding="utf-8")


def scenario() -> list[dict[str, Any]]:
    """What the simulated planner says: to each goal its plan."""
    return [
        {"when": {"contains": ["You are the planner", _as_told(one.text(which))]}, "reply": {"lines": one.plan(which)}}
        for one in REQUESTS
        for which in (0, 1)
    ]


def _as_told(goal: str) -> str:
    return json.dumps(goal, ensure_ascii=False)[1:-1]
