"""Exact sliding windows: what was taken in the last minute or day, entry by entry.

Rule: plain data, `now` is an argument. No span of `length_s` seconds ever holds more than what was let through at once
by `used`: entries leave one by one, never by fixed or averaged buckets, which let up to twice the limit through.
An entry's amount may change while it is inside (an estimate becomes the real use): the difference is free at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Entry:
    """An amount taken at time `at`, inside until `until`; `number` counts the entries of a window."""

    at: float
    amount: float
    until: float
    number: int = 0
    gone: bool = False


@dataclass(slots=True)
class Window:
    """What was taken during the last `length_s` seconds.

    What counts is when an amount arrives where it is counted: until `arrived` says that it did, up to `margin_s` later.
    Every method first drops what is older, so times must not go back. O(1) amortised but for `frees_at`, `used_with`.
    """

    length_s: float
    margin_s: float = 0.0
    entries: deque[Entry] = field(default_factory=deque)
    _used: float = 0.0
    _number: int = 0
    _left: deque[Entry] = field(default_factory=deque)  # what left less than another length ago

    def used(self, now: float) -> float:
        """What is inside the window."""
        while self.entries and self.entries[0].until <= now:
            oldest = self.entries.popleft()
            oldest.gone = True
            self._used -= oldest.amount
            self._left.append(oldest)
        while self._left and self._left[0].at + 2 * (self.length_s + self.margin_s) <= now:
            self._left.popleft()
        if not self.entries:
            self._used = 0.0  # no drift from adding and subtracting fractions
        return self._used

    def take(self, amount: float, now: float) -> Entry:
        """Counts an amount from now on."""
        self.used(now)
        self._number += 1
        entry = Entry(now, amount, now + self.margin_s + self.length_s, self._number)
        self.entries.append(entry)
        self._used += amount
        return entry

    def change(self, entry: Entry, amount: float, now: float) -> None:
        """Gives an entry another amount; frees nothing when it has left the window."""
        self.used(now)
        self._used += 0.0 if entry.gone else amount - entry.amount
        entry.amount = amount

    def arrived(self, entry: Entry, now: float) -> None:
        """Notes that an amount has been counted by now, as an answer to it proves."""
        entry.until = min(entry.until, now + self.length_s)

    def frees_at(self, amount: float, now: float) -> float:
        """When at least `amount` of what is inside will have left: `now` for 0 or less, infinity if it is more."""
        self.used(now)
        left, at = amount, now
        if left <= 0:
            return now
        for entry in self.entries:
            left -= entry.amount
            at = max(at, entry.until)
            if left <= 1e-9:
                return at
        return float("inf")

    def used_with(self, last: Entry, now: float) -> float:
        """What was inside when an entry was taken, itself and those before it, with the amounts as they are known now.

        The margin is left out. Right for entries of less than `length_s` ago, else too little. O(entries since then).
        """
        level = self.used(now)
        for entry in reversed(self.entries):
            if entry.number <= last.number:
                break
            level -= entry.amount
        for entry in self.entries:
            if entry.at + self.length_s > last.at:
                break
            level -= entry.amount
        for entry in reversed(self._left):
            if entry.at + self.length_s <= last.at:
                break
            level += entry.amount if entry.number <= last.number else 0.0
        return level

    def __repr__(self) -> str:
        return f"Window({self._used:g} in {self.length_s:g} + {self.margin_s:g} s, {len(self.entries)} entries)"
