"""Tools that ask a model about one piece of text: classify, extract, summarise, translate, write.

Rule: the text is data and the answer has a schema, whatever the text says. Many of them at a time share calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...question import Question
from ...tool import Tool, ToolContext, tool
from .asking import no_model

_TIMEOUT_S = 180.0
_LABELS = 100
_FIELDS = 50
_WORD_BYTES = 8

Words = Annotated[int, Field(ge=1, le=2_000)]
Text = Annotated[str, Field(min_length=1)]


class Label(TypedDict):
    """`reason`: why, in a few words."""

    label: str
    reason: str


class Extracted(TypedDict):
    """A value for each field asked for; None where the text does not say it."""

    values: dict[str, str | None]


class Written(TypedDict):
    """A text, and how many words it has."""

    text: str
    words: int


@tool(effect="read", timeout_s=_TIMEOUT_S)
async def classify(context: ToolContext, text: str, labels: list[str], hint: str = "") -> Label:
    """Chooses the one of several labels that fits a text best, with a model; `hint` says what the labels mean."""
    names = list(dict.fromkeys(label.strip() for label in labels if label.strip()))
    if not 2 <= len(names) <= _LABELS:
        raise ToolError(f"model.classify: expected 2 to {_LABELS} different labels, got {labels!r:.200}")
    schema = _object(label={"type": "string", "enum": names}, reason={"type": "string"})
    settings = {"labels": names, **({"hint": hint} if hint else {})}
    found = await _answer(context, Question(task="classify", data=text, settings=settings, schema=schema))
    return {"label": found["label"], "reason": found["reason"]}


@tool(effect="read", timeout_s=_TIMEOUT_S)
async def extract(context: ToolContext, text: str, fields: dict[str, str]) -> Extracted:
    """Reads values out of a text with a model: `fields` names each and says what it is; absent ones become None."""
    if not 1 <= len(fields) <= _FIELDS:
        raise ToolError(f"model.extract: expected 1 to {_FIELDS} fields with what they are, got {len(fields)}")
    schema = _object(**{name: {"type": ["string", "null"], "description": what} for name, what in fields.items()})
    question = Question(
        task="extract", data=text, settings={"fields": fields}, schema=schema, reply_bytes=60 + 60 * len(fields)
    )
    found = await _answer(context, question)
    return {"values": {name: found[name] for name in fields}}


@tool(effect="read", timeout_s=_TIMEOUT_S)
async def summarise(
    context: ToolContext, text: str, max_words: Words = 80, focus: str = "", language: str = ""
) -> Written:
    """Summarises a text with a model, in the text's language unless another is named."""
    settings = _without_empty({"max_words": max_words, "focus": focus, "language": language})
    return await _written(context, "summarise", text, settings, max_words * _WORD_BYTES)


@tool(effect="read", timeout_s=_TIMEOUT_S)
async def translate(context: ToolContext, text: str, language: Text) -> Written:
    """Translates a text into a language (named in words, as "French") with a model."""
    size = 100 + 2 * len(text.encode("utf-8", "replace"))
    return await _written(context, "translate", text, {"language": language}, size)


@tool(effect="read", timeout_s=_TIMEOUT_S)
async def write(context: ToolContext, instructions: Text, data: Any = None, max_words: Words = 200) -> Written:
    """Writes a text with a model by instructions, from `data` of any shape; only what the data holds is used."""
    settings = {"instructions": instructions, "max_words": max_words}
    return await _written(context, "write", data, settings, max_words * _WORD_BYTES)


async def _written(context: ToolContext, task: str, data: Any, settings: Mapping[str, Any], size: int) -> Written:
    schema = _object(text={"type": "string"})
    found = await _answer(context, Question(task=task, data=data, settings=settings, schema=schema, reply_bytes=size))
    text = str(found["text"]).strip()
    return {"text": text, "words": len(text.split())}


async def _answer(context: ToolContext, question: Question) -> Any:
    if context.ask is None:
        raise no_model(f"model.{question.task}")
    settings = dict(question.settings)
    if context.feedback:  # the verifier's reason goes with it when a step is redone
        settings["last_time"] = context.feedback
        question = Question(
            task=question.task,
            data=question.data,
            settings=settings,
            schema=question.schema,
            reply_bytes=question.reply_bytes,
        )
    return await context.ask(question)


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _without_empty(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value != ""}


# Short answers: a call for sixteen takes hardly longer than a call for one. Longer ones take their time, so those are
# merged only where places are scarce; otherwise they start side by side and share a call all the same.
_TEXT_GROWTH = 0.2


@classify.batch(limit=16)
async def _classify_all(calls: list[dict[str, Any]], context: ToolContext) -> Sequence[Any]:
    return await _all(classify, calls, context)


@extract.batch(limit=16)
async def _extract_all(calls: list[dict[str, Any]], context: ToolContext) -> Sequence[Any]:
    return await _all(extract, calls, context)


@summarise.batch(limit=16, growth=_TEXT_GROWTH)
async def _summarise_all(calls: list[dict[str, Any]], context: ToolContext) -> Sequence[Any]:
    return await _all(summarise, calls, context)


@translate.batch(limit=16, growth=_TEXT_GROWTH)
async def _translate_all(calls: list[dict[str, Any]], context: ToolContext) -> Sequence[Any]:
    return await _all(translate, calls, context)


@write.batch(limit=16, growth=_TEXT_GROWTH)
async def _write_all(calls: list[dict[str, Any]], context: ToolContext) -> Sequence[Any]:
    return await _all(write, calls, context)


async def _all(one: Tool, calls: Sequence[Mapping[str, Any]], context: ToolContext) -> Sequence[Any]:
    """The results, in order; an error in place of a result that failed."""
    found = await asyncio.gather(*(one.function(context, **call) for call in calls), return_exceptions=True)
    for result in found:
        if isinstance(result, asyncio.CancelledError):
            raise result
    return found
