"""One limited resource of a model: what was taken, the limits that are known, and what responses say is gone.

Rule: pure bookkeeping, `now` is an argument. What the provider says is gone beyond our own count is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .ratelimits import Told
from .windows import Entry, Window

MOMENT_S = 0.25  # how much later than another a call may arrive that was let go before it
NEAR_SHARE = 0.8  # of a known limit, from which on a rejection is one by that limit


@dataclass(frozen=True, slots=True)
class Word:
    """What responses said was `gone` of a limit when the entry `last` was counted; believed `until` then.

    Calls may overtake each other on their way: of those let go within a moment, from `first_at` on, the word by which
    most is gone counts for all. `foreign` is what that was beyond our own count when it came.
    """

    first_at: float
    last: Entry
    gone: float
    until: float
    foreign: float


@dataclass(slots=True)
class Gauge:
    """One limited resource. `told` and `cap` are 0 when nothing was told or no rejection lowered it.

    A share of `cap`, which grows with time, may be inside the window, but never less than `least`.
    """

    name: str
    limit: float
    window: Window
    told: float = 0.0
    cap: float = 0.0
    least: float = 0.0
    word: Word | None = None

    def ceilings(self, share: float, now: float) -> Iterator[float]:
        """The most that may be inside the window, by each limit there is; `share` is that of the AIMD."""
        yield from self.known(now)
        if self.cap:
            yield max(self.least, self.cap * share)

    def known(self, now: float) -> Iterator[float]:
        """The configured limit and the told one, less what others use of it."""
        if self.limit:
            yield self.limit
        if self.told:
            yield self.told - self.foreign(now)

    def is_near(self, amount: float, told: Told, now: float) -> bool:
        """Whether a limit explains that an amount was rejected: it is nearly reached, or said to be."""
        if told.remaining is not None and told.remaining < max(1.0, amount):
            return True
        level = self.window.used(now) + amount
        return any(level >= NEAR_SHARE * ceiling for ceiling in self.known(now))

    def lower(self, cap: float, least: float) -> None:
        """From now on only a share of `cap` goes."""
        self.cap, self.least = cap, least

    def foreign(self, now: float) -> float:
        """What is gone beyond our own count: others used it, or what we gave back was not given back to us."""
        word = self.word
        if word is None or now >= word.until:
            return 0.0
        if now >= word.last.at + self.window.length_s:
            return word.foreign
        return max(0.0, word.gone - self.window.used_with(word.last, now))

    def most(self) -> float:
        """The largest single amount that can ever go through; infinity without a limit."""
        return min((limit for limit in (self.limit, self.told) if limit), default=float("inf"))

    def opens_at(self, amount: float, share: float, now: float) -> float:
        """When the window has room for an amount; `now` if it has. Infinity: not with this share or what is told."""
        used = self.window.used(now)
        at = now
        for ceiling in self.ceilings(share, now):
            over = used + amount - ceiling
            if over > 1e-9:
                at = max(at, self.window.frees_at(over, now))
        return min(at, self.word.until) if self.word is not None and now < self.word.until else at

    def learn(self, told: Told, entry: Entry, now: float) -> None:
        """Takes a response's word; `entry` is what its call holds here. The word of the call let go last stands."""
        if told.limit is not None:
            self.told = told.limit
        if told.remaining is None or not self.told:
            return
        gone, first_at, last, word = self.told - told.remaining, entry.at, entry, self.word
        if word is not None and now < word.until:
            if abs(entry.at - word.first_at) <= MOMENT_S:
                gone, first_at = max(gone, word.gone), word.first_at
                last = max(entry, word.last, key=_number_of)
            elif entry.number < word.last.number:
                return
        until = now + (self.window.length_s if told.reset_s is None else told.reset_s)
        self.word = Word(first_at, last, gone, until, max(0.0, gone - self.window.used_with(last, now)))


def _number_of(entry: Entry) -> int:
    return entry.number
