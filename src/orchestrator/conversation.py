"""A session as models see it: earlier goals and answers, then the present goal, within a number of tokens.

Rule: pure. Nothing is cut silently: tool outputs become digests that name where the whole is, turns become one line,
and what goes is counted by a mark. The present goal and the last turn stay whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..events import Event, RunAccepted, RunFinished, RunStarted
from ..models.guard import Guard
from ..models.pruning import by_hash

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


def said(events: Iterable[Event], before: str) -> list[Message]:
    """The goals and answers of a session's runs that ended, in the order they began, up to the run `before`."""
    goals: dict[str, str] = {}
    answers: dict[str, str] = {}
    for event in events:
        if event.run_id == before:
            continue
        match event.payload:
            case RunAccepted(goal=goal) | RunStarted(goal=goal) if goal:
                goals[event.run_id] = goal
            case RunFinished(status=status, reason=reason, answer=answer):
                told = answer.strip() or f"({status}{': ' + reason if reason else ''})"
                answers[event.run_id] = told
            case _:
                continue
    return [
        message
        for run, goal in goals.items()
        if run in answers
        for message in ({"role": "user", "content": goal}, {"role": "assistant", "content": answers[run]})
    ]


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
