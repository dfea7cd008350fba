"""What a tool may ask a model. Rule: data only; who answers, and together with what, is not the tool's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something to be done with one piece of data.

    `task` is one of the tasks that the prompt of the role `worker` explains, `settings` what it needs to know beside
    the data. `schema` is the JSON schema of the answer. `reply_bytes`: how long the answer is likely to be.
    """

    task: str
    data: Any
    schema: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    reply_bytes: int = 200


Ask = Callable[[Question], Awaitable[Any]]
