"""The limits of one model at one endpoint: configured, told by its responses, and lowered after a rejection.

Rule: pure bookkeeping, `now` is an argument. Told limits only ever lower the configured ones. What the
provider says is gone beyond our own count is believed. A rejection pauses until the time that was
asked for and halves the admitted share, which comes back step by step (AIMD, Chiu and Jain 1989).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .ratelimits import Headers, Told
from .windows import Entry, Window

MINUTE_S = 60.0
DAY_S = 86_400.0
MARGIN_S = 0.5  # a call reaches the provider later than it was let go; entries stay this much longer
MOMENT_S = 0.25  # how much later than another a call may arrive that was let go before it
COLD_CALLS = 8  # calls side by side until a first response has told the limits
LEAST_SHARE = 1 / 32
LEAST_CAP = 20.0  # requests per minute, halved where no limit is known at all
STEP_SHARE = 0.1
STEP_S = 5.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the configuration allows for one model; 0: no limit."""

    requests_per_minute: float = 0
    tokens_per_minute: float = 0
    requests_per_day: float = 0


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
    """One limited resource. `told` and `cap` are 0 when nothing was told or no rejection lowered it."""

    name: str
    limit: float
    window: Window
    told: float = 0.0
    cap: float = 0.0
    word: Word | None = None

    def ceilings(self, now: float) -> Iterator[float]:
        """The most that may be inside the window, by each limit there is, before the share of the AIMD."""
        if self.limit:
            yield self.limit
        if self.told:
            yield self.told - self.foreign(now)
        if self.cap:
            yield self.cap

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
        for ceiling in self.ceilings(now):
            over = used + amount - ceiling * share
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


@dataclass(slots=True)
class Hold:
    """What one call holds in the windows, from when it was let go."""

    at: float
    requests: Entry
    tokens: Entry
    day: Entry | None


@dataclass(slots=True)
class Quota:
    """Requests per minute, tokens per minute and requests per day of one model at one endpoint."""

    limits: Limits
    margin_s: float = MARGIN_S
    in_flight: int = 0
    heard: bool = False  # a response came: its headers, or their absence, are known
    paused_until: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    _share: float = 1.0
    _share_since: float = 0.0
    _halved_at: float = float("-inf")
    requests: Gauge = field(init=False)
    tokens: Gauge = field(init=False)
    day: Gauge = field(init=False)

    def __post_init__(self) -> None:
        limits, margin_s = self.limits, self.margin_s
        self.requests = Gauge("requests_per_minute", limits.requests_per_minute, Window(MINUTE_S, margin_s))
        self.tokens = Gauge("tokens_per_minute", limits.tokens_per_minute, Window(MINUTE_S, margin_s))
        self.day = Gauge("requests_per_day", limits.requests_per_day, Window(DAY_S, margin_s))

    def share(self, now: float) -> float:
        """The admitted share of the limits, 1 unless rejections lowered it."""
        return min(1.0, self._share + STEP_SHARE * self._steps(now))

    def opens_at(self, tokens: float, now: float, *, calls: int = 1) -> tuple[float, str]:
        """When calls of that many tokens in all may go together, as far as is known now, and what holds them.

        (now, "") when it may go. Infinity: when another call has ended. What calls give back may make it earlier.
        """
        if now < self.paused_until:
            return self.paused_until, "pause"
        if not self.heard and self.in_flight >= COLD_CALLS:
            return float("inf"), "first_response"
        share = self.share(now)
        if share >= 1:
            self.requests.cap = 0.0
        waits = [(gauge.opens_at(amount, share, now), gauge.name) for gauge, amount in self._asked(tokens, calls)]
        at, name = max(waits)
        if at <= now:
            return now, ""
        return (min(at, self._next_step(now)) if share < 1 else at), name

    def impossible(self, tokens: float) -> float | None:
        """The limit that a call of that many tokens is above for ever; None: there is none."""
        return self.tokens.most() if tokens > self.tokens.most() else None

    def take(self, tokens: float, now: float) -> Hold:
        """Counts a call that goes now."""
        self.in_flight += 1
        day = self.day.window.take(1, now) if self.limits.requests_per_day else None
        return Hold(now, self.requests.window.take(1, now), self.tokens.window.take(tokens, now), day)

    def settle(self, hold: Hold, tokens: float, now: float) -> None:
        """Ends a call with what it really used."""
        self.in_flight -= 1
        self.tokens.window.change(hold.tokens, tokens, now)

    def undo(self, hold: Hold, now: float) -> None:
        """Ends a call that was never sent: it counts nowhere."""
        self.settle(hold, 0, now)
        self.requests.window.change(hold.requests, 0, now)
        if hold.day is not None:
            self.day.window.change(hold.day, 0, now)

    def learn(self, told: Headers, hold: Hold, now: float) -> None:
        """Takes the word of the response to a call."""
        self.heard = True
        self.requests.learn(told.requests, hold.requests, now)
        self.tokens.learn(told.tokens, hold.tokens, now)

    def accepted(self) -> None:
        """A call was not rejected: the next pause without a wish of the provider is short again."""
        self.pause_s = FIRST_PAUSE_S

    def rejected(self, retry_after_s: float | None, since: float, now: float) -> None:
        """The provider said too many (429). Calls that were let go before the last halving don't halve again."""
        pause = self._own_pause(since) if retry_after_s is None else retry_after_s
        self.paused_until = max(self.paused_until, now + pause)
        share = self.share(now)
        if since > self._halved_at:
            share = max(LEAST_SHARE, share / 2)
            self._halved_at = now
            if self.requests.most() == self.tokens.most():  # nothing is limited: halve what was going on
                self.requests.cap = max(LEAST_CAP, self.requests.window.used(now))
        self._share, self._share_since = share, self.paused_until

    def _own_pause(self, since: float) -> float:
        pause = self.pause_s
        if since > self._halved_at:
            self.pause_s = min(LONGEST_PAUSE_S, self.pause_s * 2)
        return pause

    def _next_step(self, now: float) -> float:
        return self._share_since + (self._steps(now) + 1) * STEP_S

    def _steps(self, now: float) -> int:
        return max(0, int((now - self._share_since) / STEP_S + 1e-9))

    def _asked(self, tokens: float, calls: int) -> tuple[tuple[Gauge, float], ...]:
        return (self.requests, calls), (self.tokens, tokens), (self.day, calls)

    def __repr__(self) -> str:
        parts = [f"{g.name} {_shown(g)}" for g in (self.requests, self.tokens, self.day)]
        return f"Quota({', '.join(parts)}, in flight {self.in_flight}, paused until {self.paused_until:g})"


def _shown(gauge: Gauge) -> str:
    most = gauge.most()
    return f"{gauge.window._used:g}/{'any' if most == float('inf') else f'{most:g}'}"
