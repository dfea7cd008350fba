"""What chat programs ask a model on the side: a title for a conversation, tags, what could be asked next.

Rule: a chore is about a conversation and never a goal: it begins no run and calls no tool. Programs such as Open WebUI
send it as a single message that holds the conversation in `<chat_history>` and names the JSON they read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import PlanloomError
from ...models.scope import Scope, entered
from .wire import ChatBody

if TYPE_CHECKING:
    from ...models.client import Models

_BEGINS, _ENDS = "<chat_history>", "</chat_history>"
_WANTED = re.compile(r"\{\s*\"(\w{1,40})\"\s*:\s*([\[\"])")
_FIRST_SAID = re.compile(r"^USER:\s*(\S.*)$", re.MULTILINE)
_TITLE_WORDS, _TITLE_CHARS = 6, 60
_LONGEST_S = 20.0
_MOST_TOKENS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """What was asked (`prompt`), about what (`history`). `field`: the JSON field that is read, empty: plain text."""

    prompt: str
    history: str
    field: str
    is_list: bool

    def without_model(self) -> str:
        """The reply where nothing can be thought up: the first words as the title, and no suggestions."""
        value: Any = [] if self.is_list else ""
        if self.field in ("title", ""):
            value = _title(self.history)
        return json.dumps({self.field: value}, ensure_ascii=False) if self.field else str(value)


def chore_of(body: ChatBody) -> Chore | None:
    """The chore that a request is; None: it is a goal."""
    asked, begins, rest = body.goal.partition(_BEGINS)
    history, ends, after = rest.rpartition(_ENDS)
    if not begins or not ends or body.earlier:
        return None
    wanted = _WANTED.search(asked + after)
    name, opening = (wanted[1], wanted[2]) if wanted else ("", "")
    return Chore(prompt=body.goal, history=history, field=name, is_list=opening == "[")


async def done(chore: Chore, models: Models | None, session: str) -> str:
    """The reply: the writer's model says it where there is one that can, else rules do."""
    if models is None or not models.has("writer"):
        return chore.without_model()
    try:
        with entered(Scope(session=session, role="writer", deadline_s=_LONGEST_S)):
            reply = await models.complete(
                "writer", [{"role": "user", "content": chore.prompt}], max_tokens=_MOST_TOKENS
            )
    except PlanloomError:
        return chore.without_model()
    return models.conceal(reply.text).strip() or chore.without_model()


def _title(history: str) -> str:
    said = _FIRST_SAID.search(history)
    words = said[1].split() if said else ["Conversation"]
    title = " ".join(words[:_TITLE_WORDS])[:_TITLE_CHARS].rstrip()
    return f"{title} …" if len(words) > _TITLE_WORDS else title
