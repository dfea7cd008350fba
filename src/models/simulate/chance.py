"""Seeded chance. Rule: what happens to a request follows from the seed, its content and how often it came before.

So a load repeats exactly whatever order its requests arrive in, and a retry is a new throw.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b

_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Draw:
    """One request's chance. `digest` names it: 16 hex digits; streams of different purpose are independent."""

    digest: str

    def stream(self, purpose: str) -> random.Random:
        """Random numbers for one purpose; asking for another one never changes them."""
        return random.Random(f"{self.digest}/{purpose}")  # noqa: S311 - repeatable on purpose


@dataclass(slots=True)
class Chance:
    """Hands out draws; remembers how often it saw the last 100,000 different contents."""

    seed: int
    _seen: OrderedDict[bytes, int] = field(default_factory=OrderedDict)

    def draw(self, content: bytes) -> Draw:
        """The next draw for this content."""
        name = blake2b(content, digest_size=16).digest()
        times = self._seen.pop(name, 0) + 1
        self._seen[name] = times
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        told = blake2b(f"{self.seed}/{times}/".encode() + name, digest_size=8)
        return Draw(told.hexdigest())
