"""Circuit breakers, one for each endpoint: after several failures in a row nobody calls for a while, then one tries.

Rule: pure, `now` is an argument. Failures are lost connections, time-outs and 5xx; a 4xx is an answer: a success here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from ..errors import ModelError

State = Literal["closed", "open", "half_open"]
LONGEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to call; `is_probe`: the one call that tries an open endpoint. `round` counts openings."""

    round: int
    is_probe: bool


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Opens after `failures` in a row within `window_s` seconds, for `open_s` seconds.

    Each probe that fails doubles that, up to 120. A probe that is not ended within `open_s` makes way for another.
    """

    failures: int = 5
    window_s: float = 60.0
    open_s: float = 15.0
    state: State = "closed"
    openings: int = 0
    _failed_at: deque[float] = field(default_factory=deque)
    _until: float = 0.0
    _length_s: float = 0.0
    _round: int = 0

    def enter(self, now: float) -> Pass | None:
        """Leave to call, to be handed to `leave`; None: not now, see `opens_at`."""
        if self.state == "closed":
            return Pass(self._round, False)
        if now < self._until:
            return None
        self.state, self._until = "half_open", now + self.open_s
        self._round += 1
        return Pass(self._round, True)

    def leave(self, leave: Pass, ok: bool | None, now: float) -> None:
        """Ends a call; `ok` None: it was cancelled and says nothing. Calls of before an opening say nothing either."""
        if leave.round != self._round:
            return
        if ok is None:
            self._until = now if leave.is_probe else self._until
        elif ok:
            self.state = "closed"
            self._length_s = 0.0
            self._failed_at.clear()
        elif leave.is_probe:
            self._open(min(LONGEST_S, self._length_s * 2), now)
        else:
            self._fail(now)

    def opens_at(self, now: float) -> float:
        """When a call may be tried; `now` if it may."""
        return now if self.state == "closed" else max(now, self._until)

    def _fail(self, now: float) -> None:
        self._failed_at.append(now)
        while self._failed_at[0] <= now - self.window_s:
            self._failed_at.popleft()
        if len(self._failed_at) >= self.failures:
            self._open(self.open_s, now)

    def _open(self, length_s: float, now: float) -> None:
        self.state, self._length_s, self._until = "open", length_s, now + length_s
        self._round += 1
        self.openings += 1
        self._failed_at.clear()

    def __repr__(self) -> str:
        since = f", tried again at {self._until:g}" if self.state != "closed" else f", {len(self._failed_at)} failures"
        return f"Breaker({self.state}{since})"


@dataclass(slots=True)
class Breakers:
    """The breaker of each endpoint, made when first asked for."""

    open_s: float = 15.0
    _by_endpoint: dict[str, Breaker] = field(default_factory=dict)

    def of(self, endpoint: str) -> Breaker:
        """The breaker of an endpoint."""
        return self._by_endpoint.setdefault(endpoint, Breaker(open_s=self.open_s))

    def refusal(self, endpoint: str, now: float) -> ModelError:
        """What is said to who can't wait until an endpoint is tried again."""
        return ModelError(
            f"expected {endpoint!r} to answer, got failures only; it is tried again in "
            f"{self.of(endpoint).opens_at(now) - now:.0f} s, check that the server runs and models.base_url is right",
            kind="open",
        )
