"""The protocol as JSON schema, made of the types themselves, so that it can't say anything else than they do."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from ...events import PAYLOADS
from .incoming import FRAMES
from .outgoing import REPLIES

_HEAD: dict[str, Any] = {
    "seq": {"type": "integer", "minimum": 1, "description": "Number of the event in its session; rises."},
    "at": {"type": "number", "description": "Unix seconds."},
    "session_id": {"type": "string"},
    "run_id": {"type": "string", "description": "Empty: no run's."},
}


@cache
def schema() -> dict[str, Any]:
    """`frames` that clients send, `replies` and `events` they get, as JSON schemas by `type`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "planloom chat protocol",
        "version": 1,
        "socket": "/ws/chat",
        "frames": FRAMES.json_schema(ref_template="#/frames/$defs/{model}"),
        "replies": {reply.type: _described(reply, {}) for reply in REPLIES},
        "events": {name: _described(payload, _HEAD) for name, payload in sorted(PAYLOADS.items())},
    }


def _described(cls: Any, head: dict[str, Any]) -> dict[str, Any]:
    """The schema of a dataclass as it is sent: with its `type`, and `head` before its fields."""
    told = TypeAdapter(cls).json_schema(mode="serialization")
    told["properties"] = {**head, "type": {"const": cls.type}, **told.get("properties", {})}
    told["required"] = [*head, "type", *(name for name in told.get("required", ()))]
    told["description"] = " ".join((cls.__doc__ or "").split())
    return told
