"""What happened so far, for benchmarks. Rule: counters of bounded size; `now` is an argument."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from .quota import MINUTE_S

_SLOT_S = 0.1
_NAMES = 200


@dataclass(slots=True)
class Minute:
    """What was admitted in the last 60 seconds, to a tenth of a second, and the most in any such minute."""

    requests: int = 0
    tokens: int = 0
    most_requests: int = 0
    most_tokens: int = 0
    _slots: deque[list[float]] = field(default_factory=deque)

    def add(self, tokens: int, now: float) -> None:
        """Counts a request."""
        self.expire(now)
        if not self._slots or now - self._slots[-1][0] >= _SLOT_S:
            self._slots.append([now, 0, 0])
        self._slots[-1][1] += 1
        self._slots[-1][2] += tokens
        self.requests += 1
        self.tokens += tokens
        self.most_requests = max(self.most_requests, self.requests)
        self.most_tokens = max(self.most_tokens, self.tokens)

    def expire(self, now: float) -> None:
        """Forgets what is a minute old."""
        while self._slots and self._slots[0][0] + MINUTE_S <= now:
            _, requests, tokens = self._slots.popleft()
            self.requests -= int(requests)
            self.tokens -= int(tokens)


@dataclass(slots=True)
class Stats:
    """Counts since `since`, the loop's time of the first request; None: none came.

    `gone` counts clients that left before their reply was complete.
    """

    since: float | None = None
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    gone: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    status: Counter[str] = field(default_factory=Counter)
    endpoints: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    brains: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    minute: Minute = field(default_factory=Minute)

    def begin(self, endpoint: str, now: float) -> None:
        """A request came."""
        self.since = now if self.since is None else self.since
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        count(self.endpoints, endpoint)

    def end(self, status: int, *, gone: bool) -> None:
        """Its reply is complete, or its client has left."""
        self.in_flight -= 1
        self.gone += gone
        count(self.status, str(status))

    def admitted(self, model: str, *, prompt: int, completion: int, cached: int, charged: int, now: float) -> None:
        """It was let in and will be answered; `charged` tokens count against the limit."""
        self.prompt_tokens += prompt
        self.completion_tokens += completion
        self.cached_tokens += cached
        count(self.models, model)
        self.minute.add(charged, now)

    def told(self, now: float) -> dict[str, Any]:
        """Everything, as `/simulate/stats` shows it."""
        self.minute.expire(now)
        return {
            "simulated": True,
            "elapsed_s": round(now - self.since, 6) if self.since is not None else 0.0,
            "requests": self.requests,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "gone": self.gone,
            "by_status": dict(self.status),
            "by_endpoint": dict(self.endpoints),
            "by_model": dict(self.models),
            "by_brain": dict(self.brains),
            "by_fault": dict(self.faults),
            "rejected": {"total": self.rejected.total(), **self.rejected},
            "tokens": {
                "prompt": self.prompt_tokens,
                "completion": self.completion_tokens,
                "total": self.prompt_tokens + self.completion_tokens,
                "cached": self.cached_tokens,
            },
            "window": {
                "requests": self.minute.requests,
                "tokens": self.minute.tokens,
                "most_requests": self.minute.most_requests,
                "most_tokens": self.minute.most_tokens,
            },
        }


def count(counter: Counter[str], name: str) -> None:
    """Counts a name; beyond 200 names the rest are `other`."""
    counter[name if name in counter or len(counter) < _NAMES else "other"] += 1
