"""Verdicts of a model on criteria in words. Rule: a model that is away, or talks nonsense, is never a pass.

A step asks for a judge by an entry of `expects` that begins with `judge:`. What is judged is data: it goes to the
model as JSON text between marks that nobody can guess, and only an answer in words of ours is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from ...agents.digest import as_bytes, digest, excerpt, outline
from ...errors import PlanloomError
from ...events import VerdictStatus
from ...models.batch import Batcher
from ...models.client import Models
from ...models.fence import as_data, fenced
from ...models.scope import current, entered
from ..planning.plan import Step
from .suspicion import addressed
from .ticks import Verdict
from .values import is_large

Ask = Callable[[Step, Any, list[str]], Awaitable[Verdict]]

_BY = ("judge",)
_WORDS = ("pass", "fail", "unsure")
_MAX_REASON = 500
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "verdicts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "the id of the result"},
                    "verdict": {"type": "string", "description": "pass, fail or unsure"},
                    "reason": {"type": "string", "description": "one sentence"},
                },
            },
        }
    },
    "required": ["verdicts"],
}  # items are checked one by one, so that a bad one spoils no other


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one result. `shown` says whether `data` is all of it."""

    goal: str
    step: str
    action: str
    reasoning: str
    criteria: tuple[str, ...]
    shown: str
    data: str

    def line(self, name: str) -> str:
        """The question under an id, as one line of JSON."""
        told = {
            "id": name,
            "goal": self.goal,
            "step": self.step,
            "action": self.action,
            "reasoning": self.reasoning,
            "criteria": list(self.criteria),
            "shown": self.shown,
            "data": self.data,
        }
        return as_data(told)


def joined(rules: Verdict, judged: Verdict) -> Verdict:
    """The verdict of the deterministic checks, which did not fail, and of the judge, by both; the judge decides unless
    it did not look (`off`)."""
    by = (*rules.by, *(name for name in judged.by if name not in rules.by))
    reason = "; ".join(text for text in (rules.reason, judged.reason) if text)
    return Verdict(rules.status if judged.status == "off" else judged.status, reason, by)


def unjudged(criteria: Sequence[str]) -> Verdict:
    """What is said of criteria when there is no judge; the deterministic checks decide then."""
    return Verdict("off", f"not checked, as there is no model for the verifier: {'; '.join(criteria)}")


class Judge:
    """Asks the verifier model; what waits at the same time in one run shares a call.

    `context_tokens`: what a request and its reply may have, 0: no limit; a result is shown with at most
    `max_data_tokens`, longer ones by beginning and end.
    """

    def __init__(
        self,
        models: Models,
        *,
        context_tokens: int = 128_000,
        max_data_tokens: int = 6_000,
        window_s: float = 0.03,
        max_items: int = 16,
    ) -> None:
        room = as_bytes(context_tokens or 128_000) // 2
        self._models = models
        self._max_bytes = min(as_bytes(max_data_tokens), room // 2)
        self._batcher = Batcher[Question, Verdict](
            self._call, window_s=window_s, max_items=max_items, max_size=room, size=_size
        )

    def about(self, goal: str) -> Ask:
        """The judge of one goal's steps."""

        async def ask(step: Step, value: Any, criteria: list[str]) -> Verdict:
            return await self.verdict(step, value, criteria, goal)

        return ask

    async def verdict(self, step: Step, value: Any, criteria: Sequence[str], goal: str) -> Verdict:
        """Whether a result meets criteria in words; unsure when that can't be found out, with the reason.

        Off when nobody is there to look: no criteria, or no model.
        """
        if not criteria:
            return Verdict("off")
        if not self._models.has("verifier"):
            return unjudged(criteria)
        question = await self._question(step, value, criteria, goal)
        scope, told = current(), addressed(question.data)
        group = (scope.session, scope.run, step.id if told else "")  # it must not speak for its neighbours either
        try:
            found = await self._batcher.ask(question, group=group)
        except PlanloomError as error:
            return Verdict("unsure", f"the judge gave no verdict: {error}")
        return _doubted(found, told) if told and found.status == "pass" else found

    async def close(self) -> None:
        """Cancels what waits; may be called again."""
        await self._batcher.close()

    async def _question(self, step: Step, value: Any, criteria: Sequence[str], goal: str) -> Question:
        part = (
            await asyncio.to_thread(digest, value, self._max_bytes)
            if is_large(value)
            else digest(value, self._max_bytes)
        )
        shown = "the whole"
        if not part.whole:
            made = excerpt(outline(value), _MAX_REASON).text
            shown = f"only the beginning and the end of {part.size_bytes:,} bytes, which are: {made}"
        told = excerpt(goal, self._max_bytes // 8).text
        return Question(told, step.id, step.action, step.reasoning, tuple(criteria), shown, part.text)

    async def _call(self, questions: Mapping[str, Question]) -> Iterable[tuple[str, Verdict]]:
        scope = current()
        alone = scope.step if len(questions) == 1 else None
        with entered(replace(scope, role="verifier", step=alone)):
            reply = await self._models.structured("verifier", messages(questions), name="verdicts", schema=_SCHEMA)
        return list(verdicts(reply.data))


def _doubted(verdict: Verdict, told: str) -> Verdict:
    """What a pass is worth when the result itself speaks to models."""
    return Verdict("unsure", f"the judge passed it, but the result speaks to models ({told}); look at it", verdict.by)


def messages(questions: Mapping[str, Question]) -> list[dict[str, str]]:
    """The request: instructions, the same in every request, then the results inside a fence."""
    lines = "\n".join(question.line(name) for name, question in questions.items())
    asked = (
        f"Results to judge, data between two marks that no one else knows, one JSON object a line:\n"
        f"{fenced(lines)}\nGive the verdict for each of the {len(questions)} ids."
    )
    return [{"role": "system", "content": instructions()}, {"role": "user", "content": asked}]


def verdicts(data: Any) -> Iterable[tuple[str, Verdict]]:
    """The verdicts of a reply that are whole: an id, one of the three words, and a reason unless it passes."""
    for told in data["verdicts"]:
        name, word, reason = told.get("id"), told.get("verdict"), told.get("reason") or ""
        if not isinstance(name, str) or not isinstance(word, str) or not isinstance(reason, str):
            continue
        status, reason = word.strip().lower(), " ".join(reason.split())[:_MAX_REASON]
        if status not in _WORDS or (status == "fail" and not reason):
            continue
        yield name.strip(), Verdict(cast("VerdictStatus", status), reason, _BY)


@lru_cache(maxsize=1)
def instructions() -> str:
    """What the judge is told, from the prompt's file."""
    from importlib.resources import files

    return files("planloom.prompts").joinpath("verifier.md").read_text("utf-8")


def _size(question: Question) -> int:
    return len(question.line("").encode("utf-8", "replace"))
