"""Limits that several runs share: calls of one tool, of one server. Rule: plain bookkeeping, no waiting in here.

A free place goes to the run that has waited longest, so no session starves another.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping


class Limits:
    """Places by limit name; a name that is not known has no limit."""

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = {name: size for name, size in (sizes or {}).items() if size > 0}
        self.taken: Counter[str] = Counter()
        self.queues: dict[str, deque[Share]] = {}

    def declare(self, name: str, size: int) -> str | None:
        """The limit that a name has: of the settings, else the `size` it brings itself; None: it has no limit."""
        if size > 0:
            self.sizes.setdefault(name, size)
        return name if name in self.sizes else None

    def share(self, notify: Callable[[str], None]) -> Share:
        """A run's view; `notify(limit)` is called when a place was reserved for it."""
        return Share(self, notify)

    def release(self, limit: str) -> None:
        """A call ended: its place goes to whoever waits longest."""
        self.taken[limit] -= 1
        self._hand_on(limit)

    def _hand_on(self, limit: str) -> None:
        queue = self.queues.get(limit)
        while queue and self.taken[limit] < self.sizes.get(limit, 0):
            share = queue.popleft()
            self.taken[limit] += 1
            share.reserved[limit] += 1
            share.notify(limit)

    def __repr__(self) -> str:
        waiting = {name: len(queue) for name, queue in self.queues.items() if queue}
        return f"Limits(sizes={self.sizes}, taken={dict(+self.taken)}, waiting={waiting})"


class Share:
    """What one run holds of the shared limits (`state.Capacity`)."""

    def __init__(self, limits: Limits, notify: Callable[[str], None]) -> None:
        self._limits = limits
        self.notify = notify
        self.reserved: Counter[str] = Counter()

    def take(self, limit: str) -> bool:
        """Takes the place reserved for this run, or a free one that nobody waits for."""
        limits = self._limits
        if self.reserved[limit]:
            self.reserved[limit] -= 1
            return True
        if limits.queues.get(limit) or limits.taken[limit] >= limits.sizes.get(limit, 1 << 62):
            return False
        limits.taken[limit] += 1
        return True

    def wait(self, limit: str) -> None:
        """Queues this run, once."""
        queue = self._limits.queues.setdefault(limit, deque())
        if self not in queue:
            queue.append(self)

    def decline(self, limit: str) -> None:
        """Hands a reserved place on."""
        if self.reserved[limit]:
            self.reserved[limit] -= 1
            self._limits.release(limit)

    def leave(self) -> None:
        """The run is over: reserved places go to others, and it waits no more."""
        for queue in self._limits.queues.values():
            if self in queue:
                queue.remove(self)
        for limit in list(self.reserved):
            while self.reserved[limit]:
                self.decline(limit)
