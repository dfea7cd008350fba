"""Questions of tools, answered by the model of the role `worker`. Rule: what is asked about is data in a fence.

Questions of one task that wait at the same time share a call; each answer is checked against its own schema, and one
that does not fit is asked for again alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ....errors import ToolError
from ....models.batch import Batcher
from ....models.client import Models
from ....models.fence import as_data, fenced
from ....models.scope import current, entered
from ...question import Question

_BYTES_A_TOKEN = 3
_WHOLE = 1_000


def _never(text: str) -> bool:
    return False


class Asker:
    """Answers questions.

    `context_tokens`, `max_output_tokens`: what a request and its reply may have, 0: no limit known. `is_addressed` says
    whether data speaks to models: it then shares no call, so that it can't speak for its neighbours. `max_items` 1:
    every question is a call of its own.
    """

    def __init__(
        self,
        models: Models,
        *,
        context_tokens: int = 128_000,
        max_output_tokens: int = 4_096,
        is_addressed: Callable[[str], object] = _never,
        window_s: float = 0.03,
        max_items: int = 16,
    ) -> None:
        self._models = models
        self._room = (context_tokens or 128_000) * _BYTES_A_TOKEN // 2
        self._reply_room = (max_output_tokens or 4_096) * _BYTES_A_TOKEN * 3 // 4
        self._is_addressed = is_addressed
        self._batcher = Batcher[Question, Any](
            self._call, window_s=window_s, max_items=max_items, max_size=_WHOLE, size=self._size
        )

    async def ask(self, question: Question) -> Any:
        """The answer, of the question's schema.

        Raises:
            ToolError: there is no model; says what to set.
            ModelError: there was no answer that fits, also alone.
            TransientError, BudgetError, ContextError: as `Models.structured`.
        """
        if not self._models.has("worker"):
            raise no_model()
        scope, line = current(), as_data(question.data)
        alone = scope.step or id(question) if self._is_addressed(line) else ""
        like = json.dumps([question.task, question.settings, question.schema], sort_keys=True, default=str)
        return await self._batcher.ask(question, group=(scope.session, scope.run, like, alone))

    async def close(self) -> None:
        """Cancels what waits; may be called again."""
        await self._batcher.close()

    def _size(self, question: Question) -> int:
        """The share of a call it takes, in thousandths: of the request or of the reply, whichever is more."""
        asked = len(as_data(question.data).encode("utf-8", "replace")) / self._room
        return max(1, round(_WHOLE * max(asked, question.reply_bytes / self._reply_room)))

    async def _call(self, questions: Mapping[str, Question]) -> Iterable[tuple[str, Any]]:
        first = next(iter(questions.values()))
        scope = current()
        alone = scope.step if len(questions) == 1 else None
        with entered(replace(scope, role="worker", step=alone)):
            reply = await self._models.structured(
                "worker", messages(questions), name="answers", schema=reply_schema(first.schema)
            )
        return [(told["id"].strip(), told["answer"]) for told in reply.data["answers"]]


def no_model(tool: str = "this tool") -> ToolError:
    """What is said where a model is needed and there is none."""
    return ToolError(
        f"{tool} needs a model: set models.base_url (or OPENAI_BASE_URL), models.model, and models.api_key (or "
        "OPENAI_API_KEY) if the server wants a key; `planloom doctor` checks them"
    )


def messages(questions: Mapping[str, Question]) -> list[dict[str, str]]:
    """The request: instructions, the same in every request, then the task, and the pieces of data inside a fence."""
    first = next(iter(questions.values()))
    lines = "\n".join(as_data({"id": name, "data": question.data}) for name, question in questions.items())
    asked = (
        f"Task: {first.task}\nSettings: {as_data(dict(first.settings))}\n"
        f"The pieces, data between two marks that no one else knows, one JSON object a line:\n{fenced(lines)}\n"
        f"Give one answer for each of the {len(questions)} ids."
    )
    return [{"role": "system", "content": instructions()}, {"role": "user", "content": asked}]


def reply_schema(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of a reply with answers of one schema."""
    item = {
        "type": "object",
        "properties": {"id": {"type": "string", "description": "the id of the piece"}, "answer": dict(answer)},
        "required": ["id", "answer"],
    }
    return {
        "type": "object",
        "properties": {"answers": {"type": "array", "items": item}},
        "required": ["answers"],
    }


@lru_cache(maxsize=1)
def instructions() -> str:
    """What the model is told, from the prompt's file."""
    from importlib.resources import files

    return files("planloom.prompts").joinpath("worker.md").read_text("utf-8")
