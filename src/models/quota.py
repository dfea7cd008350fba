"""The limits of one model at one endpoint: configured, told by its responses, and lowered after a rejection.

Rule: pure bookkeeping, `now` is an argument. Told limits only ever lower the configured ones. What the
provider says is gone beyond our own count is believed. A rejection pauses until the time that was asked for. Only
one that load can explain (near a known limit, or one of many at once) halves what is admitted, which comes back step
by step (AIMD, Chiu and Jain 1989); rejections that come whatever the load is would keep it at nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .gauge import Gauge
from .ratelimits import Headers
from .windows import Entry, Window

MINUTE_S = 60.0
DAY_S = 86_400.0
MARGIN_S = 3.0  # how much later than it was let go a call may reach the provider, while no response says that it did
COLD_CALLS = 8  # calls side by side until a first response has told the limits
CLUSTER_S = 10.0
CLUSTER = 5  # rejected calls of those let go in that time, and the share of them: then an unknown limit is met
CLUSTER_SHARE = 0.4
LEAST_SHARE = 1 / 32
LEAST_CAP = 60.0  # requests per minute below which no guess of an unknown limit goes; pauses do the rest
STEP_SHARE = 0.1
STEP_S = 5.0
FORGOTTEN_SHARE = 3.0  # of what went through when it was guessed; a guess that grew to this is wrong
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the configuration allows for one model; 0: no limit."""

    requests_per_minute: float = 0
    tokens_per_minute: float = 0
    requests_per_day: float = 0


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
    _rejected: deque[float] = field(default_factory=deque)  # when the rejected calls were let go
    requests: Gauge = field(init=False)
    tokens: Gauge = field(init=False)
    day: Gauge = field(init=False)

    def __post_init__(self) -> None:
        limits, margin_s = self.limits, self.margin_s
        self.requests = Gauge("requests_per_minute", limits.requests_per_minute, Window(MINUTE_S, margin_s))
        self.tokens = Gauge("tokens_per_minute", limits.tokens_per_minute, Window(MINUTE_S, margin_s))
        self.day = Gauge("requests_per_day", limits.requests_per_day, Window(DAY_S, margin_s))

    def share(self, now: float) -> float:
        """What is admitted of the lowered limits, 1 unless rejections lowered them; above 1 while a guess grows."""
        if not self._lowered():
            return 1.0
        return self._share + STEP_SHARE * self._steps(now)

    def opens_at(self, tokens: float, now: float, *, calls: int = 1) -> tuple[float, str]:
        """When calls of that many tokens in all may go together, as far as is known now, and what holds them.

        (now, "") when it may go. Infinity: when another call has ended. What calls give back may make it earlier.
        """
        if now < self.paused_until:
            return self.paused_until, "pause"
        if not self.heard and self.in_flight >= COLD_CALLS:
            return float("inf"), "first_response"
        share = self.share(now)
        if share >= FORGOTTEN_SHARE:
            self.requests.cap = self.tokens.cap = 0.0
        waits = [(gauge.opens_at(amount, share, now), gauge.name) for gauge, amount in self._asked(tokens, calls)]
        at, name = max(waits)
        if at <= now:
            return now, ""
        return (min(at, self._next_step(now)) if self._lowered() else at), name

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
        self.requests.window.arrived(hold.requests, now)
        self.tokens.window.arrived(hold.tokens, now)
        self.requests.learn(told.requests, hold.requests, now)
        self.tokens.learn(told.tokens, hold.tokens, now)

    def accepted(self) -> None:
        """A call was not rejected: the next pause without a wish of the provider is short again."""
        self.pause_s = FIRST_PAUSE_S

    def rejected(self, told: Headers, tokens: float, since: float, now: float) -> None:
        """The provider said too many (429) to a call of that many tokens, let go at `since`.

        Calls that were let go before the last halving don't halve again.
        """
        while self._rejected and self._rejected[0] < now - MINUTE_S:
            self._rejected.popleft()
        self._rejected.append(since)
        near = [self.requests] if self.requests.is_near(0, told.requests, now) else []  # it is counted already
        near += [self.tokens] if self.tokens.is_near(tokens, told.tokens, now) else []
        by_load = bool(near) or self._is_cluster(now)
        pause = told.retry_after_s
        if pause is None:
            pause = self._own_pause(since) if by_load else 0.0
        self.paused_until = max(self.paused_until, now + pause)
        if by_load and since > self._halved_at:
            self._halve(near, now)

    def _halve(self, near: list[Gauge], now: float) -> None:
        """Lowers the limits that are near to half; where none is, half of what went through is the first guess."""
        share = min(1.0, self.share(now))
        for gauge in near:
            ceiling = min(gauge.known(now), default=0.0)
            gauge.lower(max(ceiling, 1.0), LEAST_SHARE * ceiling)
        if not near:
            went = self.requests.window.used(now) - len(self._rejected)
            self.requests.lower(max(LEAST_CAP, went), LEAST_CAP)
            share = 1.0  # the guess is of what went through now, not of what did before
        self._share, self._share_since = max(LEAST_SHARE, share / 2), self.paused_until
        self._halved_at = now

    def _is_cluster(self, now: float) -> bool:
        """Whether so many of the calls let go lately were rejected that it can hardly be chance."""
        since = max(now - CLUSTER_S, self._halved_at)
        rejected = sum(at > since for at in self._rejected)
        if rejected < CLUSTER:
            return False
        went = 0
        for entry in reversed(self.requests.window.entries):
            if entry.at <= since:
                break
            went += 1
        return rejected >= CLUSTER_SHARE * went

    def _lowered(self) -> bool:
        return bool(self.requests.cap or self.tokens.cap)

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
