"""The answer in a model's words, from what the steps gave. Rule: the template answers whenever the model can't.

Results go to the model as data between marks that nobody can guess, shortened so that the whole request fits; what
failed and what was not verified is said by us when the model does not say it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from ...agents.digest import as_bytes
from ...errors import ContextError, PlanloomError
from ...language import NAMES, language
from ...models.client import Models
from ...models.fence import fenced
from ...models.scope import current, entered
from ..planning.plan import Plan
from ..result import Artifact, StepResult
from . import answer
from .briefing import Lookup, Material, briefing
from .page import Page

_MIN_BYTES = 1_000
_LISTED = 12


@dataclass(frozen=True, slots=True)
class Written:
    """The answer, who wrote it, and what is wrong with it: why it was not the model, or in which language it is."""

    text: str
    by: Literal["model", "template"]
    note: str = ""


class Writer:
    """Writes answers with the writer's model.

    `context_tokens`: what a request and its reply may have, 0: no limit. `max_data_tokens`: what results may take of
    it. `max_chars`: characters of the longest answer. `timeout_s`: seconds for the whole answer.
    """

    def __init__(
        self,
        models: Models,
        *,
        context_tokens: int = 128_000,
        max_output_tokens: int = 4_096,
        max_data_tokens: int = 24_000,
        max_chars: int = 40_000,
        timeout_s: float = 180.0,
    ) -> None:
        room = (context_tokens or 128_000) - (max_output_tokens or 4_096) - 1_500
        self._models = models
        self._max_bytes = max(_MIN_BYTES, as_bytes(min(room, max_data_tokens)))
        self._max_chars = max_chars
        self._timeout_s = timeout_s

    async def write(
        self,
        plan: Plan,
        steps: Mapping[str, StepResult],
        files: Sequence[Artifact],
        lookup: Lookup,
        on_piece: Callable[[str], None],
    ) -> Written:
        """The answer to the plan's goal. Every piece goes to `on_piece`; when the model breaks off, so does the
        template's text, behind a sentence that says it."""
        draft = self._models.conceal(await asyncio.to_thread(answer.write, plan, steps, lookup))
        page = Page(steps, plan.goal, files, on_piece)
        if not self._models.has("writer"):
            return Written(page.add(draft), "template", "there is no model for the writer")
        try:
            told = draft if plan.answer is not None else ""
            await self._stream(Material(plan, steps, files, lookup, told), page)
        except (PlanloomError, TimeoutError) as error:
            return _fallen(draft, page, str(error) or f"no whole answer in {self._timeout_s:g} s")
        if not page.text.strip():
            return _fallen(draft, page, "the model's answer was empty")
        note = other_language(plan.goal, page.text)
        page.add(unsaid(steps, page.invented()))
        return Written(page.text, "model", note)

    async def _stream(self, material: Material, page: Page) -> None:
        """Asks with less and less data while the request is too large."""
        size = self._max_bytes
        while True:
            page.data = await asyncio.to_thread(briefing, material, size)
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._answer(messages(material.plan.goal, page.data), page)
                return
            except ContextError:
                size //= 4
                if size < _MIN_BYTES:
                    raise

    async def _answer(self, request: Sequence[Mapping[str, str]], page: Page) -> None:
        length = 0
        with entered(replace(current(), role="writer", step=None)):
            async with aclosing(self._models.stream("writer", request)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    length += len(piece)
                    page.feed(piece)
                    if len(page.text) > self._max_chars or length > 8 * self._max_chars:
                        raise EndlessError(f"the model's answer did not end within {self._max_chars:,} characters")
        page.end()


def other_language(goal: str, text: str) -> str:
    """What is said of an answer in another language than its goal; empty when it is in the same or that is not sure."""
    wanted, got = NAMES.get(language(goal)), NAMES.get(language(text))
    return f"it is in {got}, and the goal in {wanted}" if wanted and got and wanted != got else ""


class EndlessError(PlanloomError):
    """A reply is longer than any answer should be."""


def messages(goal: str, brief: str) -> list[dict[str, str]]:
    """The request: instructions, the same in every request, then the goal and the data inside a fence."""
    spoken = NAMES.get(language(goal))
    asked = (
        f"Goal: {goal}\n"
        + (f"Write in {spoken}.\n" if spoken else "")
        + f"\nData between two marks that no one else knows, one JSON object a line:\n"
        f"{fenced(brief)}\nWrite the answer to the goal."
    )
    return [{"role": "system", "content": instructions()}, {"role": "user", "content": asked}]


def unsaid(steps: Mapping[str, StepResult], invented: Sequence[str] = ()) -> str:
    """What is said below every answer, whatever a model says in it: steps that failed, results that are not verified,
    and the files it names that nobody made."""
    failed = [f"- {n}: {s.error or s.status}" for n, s in steps.items() if s.status in _BAD]
    open_ = [name for name in steps if steps[name].status == "ok" and steps[name].verified != "pass"]
    lines = ["Not done:\n" + "\n".join(failed[:_LISTED]) + _more(len(failed))] if failed else []
    if invented:
        lines.append(f"Named above, but made by no step: {', '.join(f'`{name}`' for name in invented[:_LISTED])}.")
    if open_ and len(open_) == sum(s.status == "ok" for s in steps.values()):
        lines.append("Not verified: none of the results was.")
    elif open_:
        lines.append(f"Not verified: {', '.join(open_[:_LISTED])}{_more(len(open_)).replace(chr(10), ' ')}.")
    return "\n\n".join(lines)


_BAD = ("failed", "in_doubt")


def _more(count: int) -> str:
    return f"\nand {count - _LISTED} more" if count > _LISTED else ""


def _fallen(draft: str, page: Page, reason: str) -> Written:
    """The template's answer; behind what was shown of the model's, with the reason."""
    if page.text:
        page.add(f"(That answer broke off: {reason}. From here the results as they are.)")
    return Written(page.add(draft), "template", reason)


@lru_cache(maxsize=1)
def instructions() -> str:
    """What the writer is told, from the prompt's file."""
    from importlib.resources import files

    return files("planloom.prompts").joinpath("writer.md").read_text("utf-8")
