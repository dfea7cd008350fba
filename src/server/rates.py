"""How often a client may ask. Rule: pure; the time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` a second, `burst` at once. `rate` 0: no limit. `level` is what is there at `at`."""

    rate: float
    burst: float
    level: float
    at: float

    @classmethod
    def full(cls, rate: float, burst: float, now: float) -> Bucket:
        """A bucket that nobody has taken from."""
        return cls(rate, max(1.0, burst), max(1.0, burst), now)

    def take(self, now: float) -> float:
        """0.0 when one was taken, else the seconds until there is one."""
        if self.rate <= 0:
            return 0.0
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1.0:
            self.level -= 1.0
            return 0.0
        return (1.0 - self.level) / self.rate


class Buckets:
    """A bucket for each client; of clients beyond `most` the one that was quiet for longest is forgotten."""

    def __init__(self, per_minute: float, *, burst_s: float = 10.0, most: int = 10_000) -> None:
        """`burst_s` seconds' worth may come at once."""
        self._rate = per_minute / 60.0
        self._burst = self._rate * burst_s
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, client: str, now: float) -> float:
        """As `Bucket.take`, for this client."""
        if self._rate <= 0:
            return 0.0
        bucket = self._buckets.get(client)
        if bucket is None:
            bucket = self._buckets[client] = Bucket.full(self._rate, self._burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(client)
        return bucket.take(now)
