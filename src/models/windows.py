"""Exact sliding windows: what was taken in the last minute or day, entry by entry.

Rule: plain data, `now` is an argument. No span of `length_s` seconds ever holds more than what was let through at once
by `used`: entries leave one by one, never by fixed or averaged buckets, which let up to twice the limit through.
An entry's amount may change while it is inside (an estimate becomes the real use): the difference is free at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Entry:
    """An amount taken at time `at`."""

    at: float
    amount: float
    gone: bool = False


@dataclass(slots=True)
class Window:
    """What was taken during the last `length_s` seconds.

    Every method first drops what is older, so times must not go back. O(1) amortised but for `frees_at`.
    """

    length_s: float
    entries: deque[Entry] = field(default_factory=deque)
    _used: float = 0.0
    _peaks: list[tuple[float, float]] = field(default_factory=list)  # falling amounts, rising times

    def used(self, now: float) -> float:
        """What is inside the window."""
        while self.entries and self.entries[0].at + self.length_s <= now:
            oldest = self.entries.popleft()
            oldest.gone = True
            self._used -= oldest.amount
        if not self.entries:
            self._used = 0.0  # no drift from adding and subtracting fractions
        return self._used

    def take(self, amount: float, now: float) -> Entry:
        """Counts an amount from now on."""
        level = self.used(now) + amount
        entry = Entry(now, amount)
        self.entries.append(entry)
        self._used = level
        self._note(level, now)
        return entry

    def change(self, entry: Entry, amount: float, now: float) -> None:
        """Gives an entry another amount; without effect when it has left the window."""
        self.used(now)
        if entry.gone:
            return
        self._used += amount - entry.amount
        entry.amount = amount
        self._note(self._used, now)

    def frees_at(self, amount: float, now: float) -> float:
        """When at least `amount` of what is inside will have left: `now` for 0 or less, infinity if it is more."""
        self.used(now)
        left = amount
        if left <= 0:
            return now
        for entry in self.entries:
            left -= entry.amount
            if left <= 1e-9:
                return entry.at + self.length_s
        return float("inf")

    def peak_since(self, at: float) -> float:
        """The most that was inside at once since a time within the last `length_s` seconds."""
        if not self._peaks:
            return 0.0
        return self._peaks[max(0, bisect_right(self._peaks, at, key=_time_of) - 1)][1]

    def _note(self, level: float, now: float) -> None:
        while self._peaks and self._peaks[-1][1] <= level:
            self._peaks.pop()
        self._peaks.append((now, level))
        if len(self._peaks) > 64 and self._peaks[1][0] <= now - self.length_s:
            del self._peaks[: bisect_right(self._peaks, now - self.length_s, key=_time_of) - 1]

    def __repr__(self) -> str:
        return f"Window({self._used:g} in {self.length_s:g} s, {len(self.entries)} entries)"


def _time_of(peak: tuple[float, float]) -> float:
    return peak[0]
