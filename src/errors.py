"""Every error Planloom raises on purpose, one class for each reaction of the caller.

::

    PlanloomError
    ├── UsageError            the caller gave something unusable: tell the person, exit 2
    │   ├── ConfigError       a key of the configuration
    │   ├── PlanError         a plan with lint findings (`.findings`)
    │   └── InputError        a playbook input that is missing or does not fit (`.name`)
    ├── ToolError             a tool says no, for good: the step fails, no retry
    │   ├── AccessError       outside what policy allows
    │   └── ResultError       the result itself is unusable (NaN, not JSON, too large)
    ├── TransientError        may pass: the step is retried (`.retry_after_s`, `.overloaded`, `.outcome_unknown`)
    ├── WaitingError          a call waits for people's answers: it is started again when they are there (`.asked`)
    ├── ContextError          a request is larger than a model or its limits ever take: send less (`.tokens`, `.limit`)
    ├── ModelError            a model's endpoint refuses or answers nonsense: do without it (`.kind`)
    ├── BudgetError           a budget is used up (`.budget`)
    ├── SearchIndexError      an index is damaged, foreign, busy or can't be written: build it anew (`.kind`)
    └── JournalError          the journal can't be written or read: the run stops, nothing acknowledged is lost
        └── BusyError         another process writes the session: wait, or take another (`.holder`)

Texts say what was expected, what was got and what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PlanloomError(Exception):
    """Root of all errors raised on purpose."""


class UsageError(PlanloomError):
    """The caller gave something unusable; the text says what to change."""


class ConfigError(UsageError):
    """A configuration key is unknown or its value does not fit."""


class PlanError(UsageError):
    """A plan can't run; `findings` are the lint findings (`planning.lint.Finding`), errors first."""

    def __init__(self, message: str, findings: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class InputError(UsageError):
    """A playbook input is missing or does not fit; `name` is the input."""

    def __init__(self, message: str, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class ToolError(PlanloomError):
    """A tool refuses for good; repeating the call with the same arguments would not help."""


class AccessError(ToolError):
    """A path, host or effect is outside what policy allows."""


class ResultError(ToolError):
    """A tool returned something that can't be a result: NaN, an object that is not JSON, too many bytes."""


class TransientError(PlanloomError):
    """The call may succeed when repeated.

    `retry_after_s`: what the other side asked for, None if it did not say.
    `overloaded`: the other side has too much to do (429, 503, refused connections); concurrency is lowered.
    `outcome_unknown`: the call was sent and may have taken effect; a write is then never repeated blindly.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        overloaded: bool = False,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.overloaded = overloaded
        self.outcome_unknown = outcome_unknown


class WaitingError(PlanloomError):
    """A call can't go on before people have answered; what it did so far is kept. `asked` are the open approvals."""

    def __init__(self, message: str, *, asked: Sequence[str]) -> None:
        super().__init__(message)
        self.asked = tuple(asked)


class ContextError(PlanloomError):
    """A request is larger than the model's context or its limits ever take; it was not sent. Both in tokens."""

    def __init__(self, message: str, *, tokens: int, limit: int) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.limit = limit


class ModelError(PlanloomError):
    """A model can't be used; `kind` says why: none, key, url, model, schema, reply, unreachable, open (breaker)."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class BudgetError(PlanloomError):
    """A budget is used up; `budget` names it: usd, tokens, model_calls or wall_s."""

    def __init__(self, message: str, *, budget: str) -> None:
        super().__init__(message)
        self.budget = budget


class SearchIndexError(PlanloomError):
    """An index can't be used; `kind` says why: damaged, foreign (other embedding), busy, disk."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class JournalError(PlanloomError):
    """The journal can't be written or read; the text names the file and what to run."""


class BusyError(JournalError):
    """Another process writes the session; `holder` says who: pid, host, since, purpose. None: it did not say."""

    def __init__(self, message: str, *, holder: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.holder = holder
