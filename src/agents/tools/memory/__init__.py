"""Tools over what is known about the user."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import SearchIndexError, ToolError, UsageError
from ....memory.facts import Facts, NewFact
from ...knowledge import Knowledge
from ...tool import ToolContext, tool

_TIMEOUT_S = 60.0

Count = Annotated[int, Field(ge=1, le=50)]
Text = Annotated[str, Field(min_length=1, max_length=4000)]


class Known(TypedDict):
    """A fact; `confidence` and `score` 0 to 1."""

    id: str
    text: str
    category: str
    confidence: float
    score: float


class Remembered(TypedDict):
    """A fact that is known now; `merged`: it was known already, and its words are the newer ones now."""

    id: str
    text: str
    merged: bool


@tool(effect="read", timeout_s=_TIMEOUT_S)
async def recall(context: ToolContext, query: Text, limit: Count = 5, category: str = "") -> list[Known]:
    """Gives the facts known about the user that have to do with a text, most first."""
    facts, user = await _facts(context)
    found = await facts.recall(user, query, count=limit, category=category or None)
    return [
        Known(id=one.id, text=one.text, category=one.category, confidence=one.confidence, score=one.score)
        for one in found
    ]


@tool(effect="write", timeout_s=_TIMEOUT_S)
async def remember(
    context: ToolContext,
    facts: Annotated[list[Text], Field(min_length=1, max_length=200)],
    category: str = "general",
    confidence: Annotated[float, Field(gt=0, le=1)] = 1.0,
) -> list[Remembered]:
    """Remembers facts about the user, each a sentence; what is known already is not added twice."""
    known, user = await _facts(context)
    source = f"run {context.run_id}" if context.run_id else ""
    new = [NewFact(text=text, category=category, source=source, confidence=confidence) for text in facts]
    try:
        added = await known.add(user, new)
    except (UsageError, SearchIndexError) as error:
        raise ToolError(f"memory.remember: {error}") from error
    return [Remembered(id=one.fact.id, text=one.fact.text, merged=one.merged) for one in added]


@tool(effect="write", timeout_s=_TIMEOUT_S, destructive=True)
async def forget(context: ToolContext, ids: Annotated[list[str], Field(min_length=1)]) -> int:
    """Forgets facts about the user for good, by their ids, here and in earlier runs; gives how many there were."""
    knowledge = _knowledge(context)
    try:
        return (await knowledge.forget(knowledge.user, ids)).facts
    except SearchIndexError as error:
        raise ToolError(f"memory.forget: {error}") from error


async def _facts(context: ToolContext) -> tuple[Facts, str]:
    knowledge = _knowledge(context)
    return await knowledge.facts(), knowledge.user


def _knowledge(context: ToolContext) -> Knowledge:
    if context.knowledge is None:
        raise ToolError("expected to run inside a goal, where the memory is open")
    return context.knowledge
