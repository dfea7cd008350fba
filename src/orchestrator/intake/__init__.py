"""What is found out about a message before it is planned: what it is, what is remembered, which tools fit.

Rule: the parts run at the same time, each within a time limit, and none that fails keeps a goal from being planned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ...agents.tool import Tool
from ...language import language
from .intent import Kind, greeting, kind

Message = Mapping[str, Any]
T = TypeVar("T")

DEADLINE_S = 2.0


class Fact(Protocol):
    """Something remembered."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...


Recall = Callable[[str], Awaitable[Sequence[Fact]]]
Choose = Callable[[str], Awaitable[Sequence[Tool]]]
Earlier = Callable[[], Awaitable[Sequence[Message]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where an intake looks: `recall` for facts, `choose` for tools, `earlier` for the session; None: nowhere."""

    recall: Recall | None = None
    choose: Choose | None = None
    earlier: Earlier | None = None
    deadline_s: float = DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What is known of a message. `language` empty: not sure. `tools` None: all. `recalled` are the ids of the facts.
    `failed` says what could not be found out, by part."""

    kind: Kind
    language: str = ""
    tools: tuple[Tool, ...] | None = None
    facts: tuple[str, ...] = ()
    recalled: tuple[str, ...] = ()
    earlier: tuple[Message, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


async def take(text: str, sources: Sources) -> Intake:
    """What can be found out about a message within the deadline."""
    failed: dict[str, str] = {}

    async def part(name: str, find: Awaitable[Sequence[T]]) -> tuple[T, ...] | None:
        try:
            async with asyncio.timeout(sources.deadline_s):
                return tuple(await find)
        except TimeoutError:
            failed[name] = f"no answer within {sources.deadline_s:g} s"
        except Exception as error:  # noqa: BLE001  # a border: facts and tools may come from anyone's code
            failed[name] = str(error) or type(error).__name__
        return None

    async with asyncio.TaskGroup() as group:
        facts = group.create_task(part("recall", sources.recall(text))) if sources.recall else None
        tools = group.create_task(part("tools", sources.choose(text))) if sources.choose else None
        wanted = kind(text) in ("follow_up", "session")
        before = group.create_task(part("earlier", sources.earlier())) if sources.earlier and wanted else None
        spoken = language(text)
    earlier = (before.result() if before else None) or ()
    known = (facts.result() if facts else None) or ()
    return Intake(
        kind="goal" if wanted and not earlier else kind(text),
        language=spoken,
        tools=tools.result() if tools else None,
        facts=tuple(fact.text for fact in known),
        recalled=tuple(fact.id for fact in known),
        earlier=earlier,
        failed=failed,
    )


__all__ = [
    "Choose", "Earlier", "Fact", "Intake", "Kind", "Recall", "Sources", "greeting", "kind", "language",
    "take",
]  # fmt: skip
