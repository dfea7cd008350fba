"""Calls whose prompts begin alike: the first goes alone, the others follow at its first token, into a warm cache.

Servers keep what they have read of a prompt from about 1,024 tokens on, but only once they have read it: calls sent
all at once share nothing. Rule: nobody waits for long; a leader that fails hands over, and where a server says that
nothing was in its cache, nobody waits any more.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from .ledger import Key
from .usage import Usage

LEVELS = (4_500, 9_000, 18_000, 36_000)  # characters; the shortest is some 1,024 tokens of English
WAIT_S = 2.0  # a server has read a long prompt by then
IDLE_S = 300.0  # what servers say that they forget after
MISSES = 3  # calls in a row that should have found something and did not
_REMEMBERED = 4_096


def digests(key: Key, role: str, body: Mapping[str, Any]) -> tuple[bytes, ...]:
    """A digest for each level of the beginning of a chat request, shortest first; none for a short one."""
    if not isinstance(body.get("messages"), list):
        return ()
    text = _beginning(body)
    running, found, start = blake2b("\0".join((*key, role)).encode(), digest_size=12), [], 0
    for end in LEVELS:
        if len(text) < end:
            break
        running.update(text[start:end].encode("utf-8", "surrogatepass"))
        found.append(running.digest())
        start = end
    return tuple(found)


def _beginning(body: Mapping[str, Any]) -> str:
    """What a server reads first, as far as it counts: tools and schema, then the messages in order."""
    pieces, length = [], 0
    for part in _parts(body):
        pieces.append(json.dumps(part, ensure_ascii=False))
        length += len(pieces[-1])
        if length >= LEVELS[-1]:
            break
    return "\n".join(pieces)


def _parts(body: Mapping[str, Any]) -> Iterator[Any]:
    yield body.get("tools")
    yield body.get("response_format")
    yield from body["messages"]


class Lead:
    """A call's part in it: `names` are the beginnings it brings into the cache, `is_warm` that it should find some."""

    def __init__(self, owner: Prefixes, key: Key, names: Sequence[bytes], *, is_warm: bool) -> None:
        self._owner = owner
        self._key = key
        self.names = names
        self.is_warm = is_warm
        self.done = asyncio.Event()

    def warmed(self) -> None:
        """The first token came: others may follow. May be called again, as may `ended`."""
        if not self.done.is_set():
            self._owner._warmed(self)
            self.done.set()

    def ended(self, usage: Usage | None = None) -> None:
        """The call is over; if it gave nothing, another one leads."""
        if not self.done.is_set():
            self._owner._left(self)
            self.done.set()
        if usage is not None and self.is_warm:
            self._owner._heard(self._key, usage)


class Prefixes:
    """The beginnings that servers know by now, and the calls that bring others there. One event loop."""

    def __init__(self, *, wait_s: float = WAIT_S) -> None:
        self._wait_s = wait_s
        self._warm: OrderedDict[bytes, float] = OrderedDict()
        self._leading: dict[bytes, Lead] = {}
        self._misses: Counter[Key] = Counter()

    async def enter(self, key: Key, role: str, body: Mapping[str, Any], on_wait: Callable[[], None]) -> Lead:
        """Waits while another call brings this one's beginning into the cache. End it with `Lead.ended`."""
        names = digests(key, role, body)
        if names and self._misses[key] < MISSES:
            await self._follow(names, on_wait)
        now = _now()
        known = [name for name in names if self._is_warm(name, now)]
        for name in known:
            self._touch(name, now)
        lead = Lead(self, key, [name for name in names if name not in known], is_warm=bool(known))
        for name in lead.names:
            self._leading.setdefault(name, lead)
        return lead

    async def _follow(self, names: Sequence[bytes], on_wait: Callable[[], None]) -> None:
        until, told = _now() + self._wait_s, False
        while (leader := self._leader(names)) is not None and _now() < until:
            if not told:
                told = True
                on_wait()
            try:
                async with asyncio.timeout_at(until):
                    await leader.done.wait()
            except TimeoutError:
                return

    def _leader(self, names: Sequence[bytes]) -> Lead | None:
        now = _now()
        return next((self._leading[n] for n in names if n in self._leading and not self._is_warm(n, now)), None)

    def _is_warm(self, name: bytes, now: float) -> bool:
        return now - self._warm.get(name, float("-inf")) <= IDLE_S

    def _touch(self, name: bytes, now: float) -> None:
        self._warm[name] = now
        self._warm.move_to_end(name)
        if len(self._warm) > _REMEMBERED:
            self._warm.popitem(last=False)

    def _warmed(self, lead: Lead) -> None:
        now = _now()
        for name in lead.names:
            self._touch(name, now)
        self._left(lead)

    def _left(self, lead: Lead) -> None:
        for name in lead.names:
            if self._leading.get(name) is lead:
                del self._leading[name]

    def _heard(self, key: Key, usage: Usage) -> None:
        """A server that says "0 cached" again and again keeps nothing; one that does not say is believed to."""
        if usage.cached:
            self._misses[key] = 0
        elif usage.says_cached:
            self._misses[key] += 1

    def __repr__(self) -> str:
        return f"Prefixes({len(self._warm)} known, {len(self._leading)} led, misses {dict(self._misses)})"


def _now() -> float:
    return asyncio.get_running_loop().time()
