"""Time as a value that is passed in. The composition root makes the real clock; tests make a manual one."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings: `now` for durations, `wall` for what people read."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean something."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class ManualClock:
    """A clock that moves when told to."""

    def __init__(self, start_s: float = 0.0, *, wall_s: float = 1_700_000_000.0) -> None:
        self._now = start_s
        self._offset = wall_s - start_s

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._now + self._offset

    def advance(self, seconds: float) -> None:
        """Moves time forward; negative seconds are refused.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"time moves forward only: expected seconds >= 0, got {seconds!r}")
        self._now += seconds
