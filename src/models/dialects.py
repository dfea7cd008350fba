"""Words that some servers don't know: a request they refuse for one of them is sent again without it.

Rule: only what a refusal names is changed, and it is remembered for that model at that server.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from .endpoints import Endpoint

Change = Literal["max_completion_tokens", "no temperature", "no stream_options"]
_STATUSES = (400, 422)


class Dialects:
    """What is known of each model at each server, by address and name."""

    def __init__(self) -> None:
        self._changes: dict[tuple[str, str], set[Change]] = defaultdict(set)

    async def send(self, endpoint: Endpoint, request: dict[str, Any], create: Callable[..., Awaitable[Any]]) -> Any:
        """What `create` gives for the request, in the words the server knows.

        Raises:
            openai.OpenAIError: as `create`.
        """
        import openai

        known = self._changes[endpoint.base_url, endpoint.model]
        while True:
            try:
                return await create(**changed(request, known))
            except openai.APIStatusError as error:
                change = wanted(error.status_code, str(error), changed(request, known))
                if change is None or change in known:
                    raise
                known.add(change)


def wanted(status: int, refusal: str, request: dict[str, Any]) -> Change | None:
    """The change that a refusal asks for, None: it is about something else."""
    if status not in _STATUSES:
        return None
    if "max_tokens" in request and "max_completion_tokens" in refusal:
        return "max_completion_tokens"
    if "temperature" in request and "temperature" in refusal:
        return "no temperature"
    if "stream_options" in request and "stream_options" in refusal:
        return "no stream_options"
    return None


def changed(request: dict[str, Any], changes: set[Change]) -> dict[str, Any]:
    """The request in other words."""
    made = dict(request)
    for change in changes:
        match change:
            case "max_completion_tokens" if "max_tokens" in made:
                made["max_completion_tokens"] = made.pop("max_tokens")
            case "no temperature":
                made.pop("temperature", None)
            case "no stream_options":
                made.pop("stream_options", None)
    return made
