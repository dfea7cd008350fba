"""What a reply says it used, whole or streamed. Rule: what a server does not say is None, never 0."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TAIL_BYTES = 65_536
_BLANKS = (b"\n\n", b"\r\r", b"\r\n\r\n")
_DONE = re.compile(rb"[\r\n]data: ?\[DONE\]\s*\Z")  # no JSON text holds a line end, so no reply can say this


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call; `cached` of the prompt's came from the server's prefix cache, if it `says_cached`."""

    prompt: int
    completion: int
    cached: int = 0
    says_cached: bool = False


def usage_of(reply: Any) -> Usage | None:
    """The usage in a reply's JSON, None when there is none or it is no usage."""
    found = reply.get("usage") if isinstance(reply, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    prompt, completion = found.get("prompt_tokens"), found.get("completion_tokens", 0)
    if not isinstance(prompt, int) or not isinstance(completion, int) or min(prompt, completion) < 0:
        return None
    details = found.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    if not isinstance(cached, int) or cached < 0:
        return Usage(prompt=prompt, completion=completion)
    return Usage(prompt=prompt, completion=completion, cached=cached, says_cached=True)


class Tail:
    """Watches the bytes of a streamed reply go by; the usage is in one of its last events."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.total_bytes = 0
        self.event_bytes = 0  # since the last event ended, by a blank line

    def add(self, piece: bytes) -> None:
        """One piece of the stream; only the last 64 KiB are kept."""
        self.total_bytes += len(piece)
        window = bytes(self._bytes[-3:]) + piece
        end = max(window.rfind(blank) for blank in _BLANKS)
        self.event_bytes = self.event_bytes + len(piece) if end < 0 else len(window) - end
        self._bytes += piece
        if len(self._bytes) > 2 * _TAIL_BYTES:
            del self._bytes[:-_TAIL_BYTES]

    def is_done(self) -> bool:
        """Whether the stream said that it is over; clients may leave then, before the connection's end."""
        return _DONE.search(self._bytes[-64:]) is not None

    def usage(self) -> Usage | None:
        """The usage, if the stream told it."""
        for line in reversed(bytes(self._bytes).split(b"\n")):
            if line.startswith(b"data:") and b'"usage"' in line:
                try:
                    found = usage_of(json.loads(line[5:]))
                except ValueError:
                    continue
                if found is not None:
                    return found
        return None
