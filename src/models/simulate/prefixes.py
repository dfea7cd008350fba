"""The prompt cache: which beginning of a prompt an earlier request has already read.

Rule (OpenAI's published behaviour): from 1,024 tokens on, in steps of 128, for exactly equal beginnings, forgotten
after five idle minutes. A beginning is known from the moment its request gave its first token, never before, so
requests sent all at once share nothing and those sent after the first token share all.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b

from .counting import BYTES_A_TOKEN

LEAST_TOKENS = 1024
STEP_TOKENS = 128
IDLE_S = 300.0
_REMEMBERED = 65_536


def digests(prompt: bytes, scope: str) -> list[bytes]:
    """A digest for each cacheable beginning, shortest first; `scope` (key and model) keeps caches apart."""
    step = STEP_TOKENS * BYTES_A_TOKEN
    first = LEAST_TOKENS * BYTES_A_TOKEN
    running = blake2b(scope.encode() + b"\0" + prompt[:first], digest_size=12)
    found = []
    for end in range(first, len(prompt) + 1, step):
        found.append(running.digest())
        running.update(prompt[end : end + step])
    return found


@dataclass(slots=True)
class Prefixes:
    """The 65,536 beginnings used last, each with the time of its last use."""

    _seen: OrderedDict[bytes, float] = field(default_factory=OrderedDict)

    def cached_tokens(self, found: list[bytes], now: float) -> int:
        """How many tokens of a prompt are known; counts as a use."""
        known = 0
        for digest in found:
            at = self._seen.get(digest)
            if at is None or now - at > IDLE_S:
                break
            self._use(digest, now)
            known += 1
        return LEAST_TOKENS + (known - 1) * STEP_TOKENS if known else 0

    def learn(self, found: list[bytes], now: float) -> None:
        """The prompt's beginnings are known from now on."""
        for digest in found:
            self._use(digest, now)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    def _use(self, digest: bytes, now: float) -> None:
        self._seen[digest] = now
        self._seen.move_to_end(digest)
