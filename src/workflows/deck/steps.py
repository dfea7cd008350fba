"""The deck's own tools: what to ask analysts, data files, the template, the slides."""

from __future__ import annotations

import json
from typing import Any

from typing_extensions import TypedDict

from ...agents.tool import ToolContext, tool
from ...errors import ToolError
from .shapes import Brief, Report

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


class Task(TypedDict):
    """A request for an analyst."""

    request: str
    task: str


class Tasks(TypedDict):
    """`analyses` is empty without a model; `words` says who writes the slides' texts."""

    analyses: list[Task]
    words: str


class Kept(TypedDict):
    """The data file of a request."""

    path: str
    request: str


class Template(TypedDict):
    """A deck without slides."""

    path: str


class Deck(TypedDict):
    """`missing` says what is not on the slides, `text` what the deck says in short, `words` who wrote its texts."""

    path: str
    slides: int
    charts: int
    missing: list[str]
    words: str
    text: str


@tool(effect="read", name="deck.tasks")
async def tasks(brief: Brief, requests: list[str], context: ToolContext, database: str = "") -> Tasks:
    """Says what analysts are asked about a merchant: nothing where there is no model, then templates write.

    `database` is what the run was told to use; the data server gets it from the settings.
    """
    if database and not context.config.deck.database.get_secret_value():
        raise ToolError("expected the database in the settings, as deck.database: the data server is started with it")
    if context.ask is None:
        return {"analyses": [], "words": "templates"}
    about = f"merchant {brief['merchant']!r}, start {brief['start']}, end {brief['end']}"
    made: list[Task] = [
        {"request": name, "task": f"Call merchant.report once with request {name!r}, {about}. Then write its slide."}
        for name in requests
    ]
    return {"analyses": made, "words": "model"}


@tool(effect="write", idempotent=True, name="deck.keep")
def keep(report: Report, context: ToolContext) -> Kept:
    """Keeps the answer to a request as a JSON file: table, chart data, texts, and the SQL that made them."""
    path = context.workspace.output(f"data/{report['chart']['name']}.json")
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    context.artifact(path, "application/json")
    return {"path": str(path), "request": report["request"]}


@tool(effect="write", process=True, idempotent=True, timeout_s=120, name="deck.template")
def template(context: ToolContext, path: str | None = None) -> Template:
    """Prepares the file that slides are added to: Planloom's own, or a PowerPoint file of yours without its slides."""
    from . import master

    source = context.workspace.readable(path) if path else None
    made = context.workspace.output("deck-template.pptx")
    try:
        master.prepare(source, made)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return {"path": str(made)}


@tool(effect="write", process=True, idempotent=True, timeout_s=300, name="deck.write")
def write(  # noqa: PLR0917  # called by name
    brief: Brief,
    requests: list[str],
    reports: list[Any],
    charts: list[Any],
    template: str,
    context: ToolContext,
    *,
    analyses: list[Any] | None = None,
    words: str = "templates",
) -> Deck:
    """Writes the deck: title, a slide for each request, summary, appendix with tables and what is missing.

    `reports` and `charts` are in the order of `requests`; None is the result of a step that failed. Texts of analysts
    are taken when each number in them is one of the report's.
    """
    from . import drawn, story

    told = story.told(
        brief=brief, requests=requests, reports=reports, charts=charts, analyses=analyses or [], words=words
    )
    path = context.workspace.output("merchant-deck.pptx")
    try:
        slides = drawn.draw(told, context.workspace.readable(template), context.workspace.readable, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    context.artifact(path, MEDIA_TYPE)
    return {
        "path": str(path),
        "slides": slides,
        "charts": sum(part.picture is not None for part in told.parts),
        "missing": list(told.missing),
        "words": told.words,
        "text": told.text,
    }


__all__ = ["tasks", "keep", "template", "write"]
