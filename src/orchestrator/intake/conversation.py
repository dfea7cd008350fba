"""A session as models see it: earlier goals and answers, then the present goal, within a number of tokens.

Rule: pure. Nothing is cut silently: tool outputs become digests that name where the whole is, turns become one line,
and what goes is counted by a mark. The present goal and the last turn stay whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...memory.sessions.state import State
from ...models.guard import Guard
from ...models.pruning import by_hash

Message = Mapping[str, Any]


def visible(messages: Sequence[Message], results: Mapping[str, str], limit_tokens: int) -> list[Message]:
    """The messages as a model sees them, at most `limit_tokens` of them (0: all).

    `results` are handles by the text of a tool's output; an output without one is named by its hash. Order is kept,
    and what fits already is left as it is.

    Raises:
        ContextError: system messages, the last message of the user and the last turn alone are larger.
    """
    fitted = Guard().fit(
        "", messages, limit=limit_tokens, reserve_output=0, keep=lambda text: results.get(text) or by_hash(text)
    )
    return list(fitted.messages)


def said(state: State, before: str) -> list[Message]:
    """What was said in a session: messages of no run, and goals and answers of the runs that ended, but `before`."""
    answers = {m.run_id: m.text for m in state.messages if m.role == "assistant" and m.run_id}
    told: list[Message] = []
    for message in state.messages:
        run = state.runs.get(message.run_id)
        if run is None:
            told.append({"role": message.role, "content": message.text})
        elif message.role == "user" and run.id != before and run.ended is not None:
            ended = f"({run.status}{': ' + run.reason if run.reason else ''})"
            answer = answers.get(run.id, "").strip() or ended
            told += [{"role": "user", "content": message.text}, {"role": "assistant", "content": answer}]
    return told


def listed(messages: Sequence[Message]) -> str:
    """The session as Markdown, for people and for a writer."""
    lines = []
    number = 0
    for message in messages:
        text = str(message.get("content", "")).strip()
        if message.get("role") == "user":
            number += 1
            lines.append(f"{number}. **{_first_line(text)}**")
        else:
            lines.append("   " + text.replace("\n", "\n   "))
    return "\n".join(lines)


def _first_line(text: str) -> str:
    line, _, rest = text.partition("\n")
    return f"{line} ..." if rest else line
