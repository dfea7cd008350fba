"""For whom a model is called: session, run, step, role, budgets, and who hears of it.

Rule: handed down in a context variable, so that every library that calls a model through our client is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from ..events import Payload
from .budget import Budget

FALLS_BACK = frozenset({"verifier", "writer"})  # rules verify and templates write: no reason to wait for a dead server


def _unheard(payload: Payload) -> None:
    """Events nobody collects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Who calls; `step` None: the run as a whole. `deadline_s`: the longest wait for limits, None: no limit."""

    session: str = ""
    run: str = ""
    step: str | None = None
    role: str = "worker"
    budgets: tuple[Budget, ...] = ()
    report: Callable[[Payload], None] = field(default=_unheard)
    deadline_s: float | None = None

    @property
    def may_wait(self) -> bool:
        """Whether a call may wait until a server that fails is tried again: nothing else can do its work."""
        return self.role not in FALLS_BACK


_current: ContextVar[Scope] = ContextVar("planloom_scope", default=Scope())  # noqa: B039  # frozen


def current() -> Scope:
    """The scope of the running task."""
    return _current.get()


@contextmanager
def entered(scope: Scope) -> Iterator[None]:
    """Calls inside count for `scope`."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)
