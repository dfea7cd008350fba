"""Requests a minute, tokens a minute, requests a day: exact sliding windows for each API key and model.

Rule: in no interval of 60 seconds (24 hours for days), however it lies, is more admitted than the limit. That is
stricter than the token bucket that OpenAI describes, so a client that is never refused here is never refused there.
Plain bookkeeping; `now` is an argument.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MINUTE_S = 60.0
DAY_S = 86_400.0
_KEYS = 1024


@dataclass(slots=True)
class Window:
    """What was admitted in the last `span_s` seconds. `limit` 0: no limit, but still counted for a minute's totals."""

    limit: int
    span_s: float
    used: int = 0
    _entries: deque[tuple[float, int]] = field(default_factory=deque)

    def expire(self, now: float) -> None:
        """Forgets what is `span_s` old or older."""
        while self._entries and self._entries[0][0] + self.span_s <= now:
            self.used -= self._entries.popleft()[1]

    def wait_s(self, amount: int, now: float) -> float:
        """Seconds until `amount` fits: 0 now, infinity never."""
        self.expire(now)
        if not self.limit or self.used + amount <= self.limit:
            return 0.0
        if amount > self.limit:
            return math.inf
        free = self.limit - self.used
        for at, entry in self._entries:
            free += entry
            if free >= amount:
                return at + self.span_s - now
        return math.inf

    def add(self, amount: int, now: float) -> None:
        """Counts what was admitted."""
        if self.limit and amount:
            self._entries.append((now, amount))
            self.used += amount

    def remaining(self, now: float) -> int:
        """What still fits now."""
        self.expire(now)
        return max(0, self.limit - self.used)

    def reset_s(self, now: float) -> float:
        """Seconds until everything counted is forgotten."""
        self.expire(now)
        return self._entries[-1][0] + self.span_s - now if self._entries else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is not admitted: `unit` is RPM, TPM or RPD. `wait_s` infinite: it never fits."""

    unit: str
    limit: int
    used: int
    requested: int
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for each API key and model; 0: none."""

    rpm: int = 0
    tpm: int = 0
    rpd: int = 0


class Quota:
    """The windows of every key; the 1,024 used last are remembered. `count_rejected`: refused requests count too."""

    def __init__(self, limits: Limits, *, count_rejected: bool = False) -> None:
        self._limits = limits
        self._count_rejected = count_rejected
        self._keys: OrderedDict[tuple[str, str], dict[str, Window]] = OrderedDict()

    def admit(self, key: tuple[str, str], tokens: int, now: float) -> Refusal | None:
        """Counts the request and gives None, or says which limit it breaks."""
        windows = self._windows(key)
        refused = self._refusal(windows, tokens, now)
        if refused is None or self._count_rejected:
            windows["RPM"].add(1, now)
            windows["RPD"].add(1, now)
        if refused is None:
            windows["TPM"].add(tokens, now)
        return refused

    def headers(self, key: tuple[str, str], now: float) -> Mapping[str, str]:
        """The `x-ratelimit-*` headers; requests are told of the minute, of the day where only that is limited."""
        windows = self._windows(key)
        requests = windows["RPM"] if self._limits.rpm or not self._limits.rpd else windows["RPD"]
        told: dict[str, str] = {}
        for name, window in (("requests", requests), ("tokens", windows["TPM"])):
            if window.limit:
                told[f"x-ratelimit-limit-{name}"] = str(window.limit)
                told[f"x-ratelimit-remaining-{name}"] = str(window.remaining(now))
                told[f"x-ratelimit-reset-{name}"] = as_duration(window.reset_s(now))
        return told

    def _refusal(self, windows: Mapping[str, Window], tokens: int, now: float) -> Refusal | None:
        waits = [
            (window.wait_s(amount, now), unit, window, amount)
            for unit, window in windows.items()
            for amount in [tokens if unit == "TPM" else 1]
        ]
        wait_s, unit, window, amount = max(waits, key=lambda wait: wait[0])
        if wait_s <= 0:
            return None
        return Refusal(unit=unit, limit=window.limit, used=window.used, requested=amount, wait_s=wait_s)

    def _windows(self, key: tuple[str, str]) -> dict[str, Window]:
        if key not in self._keys:
            limits = self._limits
            self._keys[key] = {
                "RPM": Window(limits.rpm, MINUTE_S),
                "TPM": Window(limits.tpm, MINUTE_S),
                "RPD": Window(limits.rpd, DAY_S),
            }
        self._keys.move_to_end(key)
        if len(self._keys) > _KEYS:
            self._keys.popitem(last=False)
        return self._keys[key]


def as_duration(seconds: float) -> str:
    """Seconds as these headers write them, rounded up to milliseconds: `0s`, `120ms`, `8.64s`, `6m0s`, `1h0m0s`."""
    millis = math.ceil(round(seconds * 1000, 6))
    if millis <= 0:
        return "0s"
    if millis < 1000:
        return f"{millis}ms"
    minutes, rest = divmod(millis, 60_000)
    hours, minutes = divmod(minutes, 60)
    told = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{told}"
    return f"{minutes}m{told}" if minutes else told
