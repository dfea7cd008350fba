"""Who may call a model now: the queue before one quota, fair between sessions. Rule: pure, `now` is an argument.

Sessions share by tokens, after start-time fair queueing (Goyal, Vin, Cheng 1996): each session carries what it was
given, the least goes first, and real use corrects the count. Like deficit round robin it gives equal sessions equal
tokens, whatever the sizes of their calls, but has no quantum to tune. A new session begins level with the one that is
furthest behind; one that pauses keeps its count for a minute. Within a session: first in, first out. While the call
whose turn it is waits for room, others overtake it only into room it can't use: a large one is never put off by them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from .quota import Hold, Quota

REMEMBERED_S = 60.0
LOOKED_AT = 8  # sessions that may fill a gap


@dataclass(slots=True)
class Line:
    """The waiting calls of one session; `tag` counts the tokens given to it, `active_at` is when it last had one go."""

    tag: float
    active_at: float
    waiting: deque[Request] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Request:
    """One call that wants to go; `hold` is what it holds once it may, `is_impossible` that it never may."""

    session: str
    tokens: float
    line: Line
    hold: Hold | None = None
    is_impossible: bool = False


@dataclass(slots=True)
class Book:
    """Waiting calls of all sessions before one quota."""

    quota: Quota
    lines: dict[str, Line] = field(default_factory=dict)
    _swept_at: float = 0.0

    def ask(self, session: str, tokens: float, now: float) -> Request:
        """Puts a call at the end of its session's line; `grant` tells when it may go."""
        self._sweep(now)
        line = self.lines.get(session)
        if line is None:
            line = self.lines[session] = Line(self._least(), now)
        request = Request(session, max(1.0, tokens), line)
        line.waiting.append(request)
        return request

    def grant(self, now: float) -> list[Request]:
        """The calls that may go now or never, in order; they have left the queue and are counted."""
        decided = []
        while (request := self._next(now)) is not None:
            request.is_impossible = self.quota.impossible(request.tokens) is not None
            if not request.is_impossible:
                self._let_go(request, now)
            request.line.waiting.popleft()
            decided.append(request)
        return decided

    def opens_at(self, now: float) -> tuple[float, str]:
        """When the next call may go at the earliest, and what holds it; infinity when none waits."""
        turns = self._turns()
        return self.quota.opens_at(turns[0].tokens, now) if turns else (float("inf"), "")

    def withdraw(self, request: Request) -> None:
        """Takes a waiting call out, without a trace."""
        request.line.waiting.remove(request)

    def settle(self, request: Request, tokens: float, now: float) -> None:
        """Ends a call that went: the real use replaces the estimate."""
        assert request.hold is not None, "expected a call that was let go"
        self.quota.settle(request.hold, tokens, now)
        request.line.tag += tokens - request.tokens

    def undo(self, request: Request, now: float) -> None:
        """Takes back a call that was let go but never sent."""
        assert request.hold is not None, "expected a call that was let go"
        self.quota.undo(request.hold, now)
        request.line.tag -= request.tokens

    def _turns(self) -> list[Request]:
        """The first waiting call of each session, in the order of their turns."""
        return [line.waiting[0] for line in sorted(self.lines.values(), key=_tag_of) if line.waiting]

    def _next(self, now: float) -> Request | None:
        """The call that may go now, or never; None: all must wait."""
        turns = self._turns()
        if not turns:
            return None
        first, quota = turns[0], self.quota
        at, _ = quota.opens_at(first.tokens, now)
        if at <= now or quota.impossible(first.tokens) is not None:
            return first
        if at == float("inf"):
            return None
        return next((other for other in turns[1:LOOKED_AT] if self._may_overtake(other, first, at, now)), None)

    def _may_overtake(self, other: Request, first: Request, at: float, now: float) -> bool:
        """Whether a call fits now and beside the one whose turn it is, at the time that one is sure of its room."""
        quota = self.quota
        if quota.opens_at(other.tokens, now)[0] > now:
            return False
        return quota.opens_at(first.tokens + other.tokens, now, calls=2)[0] <= at

    def _least(self) -> float:
        waiting = [line.tag for line in self.lines.values() if line.waiting]
        return min(waiting or [line.tag for line in self.lines.values()], default=0.0)

    def _let_go(self, request: Request, now: float) -> None:
        request.hold = self.quota.take(request.tokens, now)
        request.line.active_at = now
        request.line.tag += request.tokens

    def _sweep(self, now: float) -> None:
        """Forgets the sessions that paused for long."""
        if now - self._swept_at >= REMEMBERED_S:
            self._swept_at = now
            self.lines = {
                name: line for name, line in self.lines.items() if line.waiting or now - line.active_at < REMEMBERED_S
            }

    def __repr__(self) -> str:
        waiting = {name: len(line.waiting) for name, line in self.lines.items() if line.waiting}
        return f"Book({self.quota!r}, waiting {waiting})"


def _tag_of(line: Line) -> float:
    return line.tag
