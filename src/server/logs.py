"""The server's log lines: one a fact, with the ids of session, run and step, and without secrets.

Rule: every value passes the redaction before it is written, whoever logs it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from ..agents.audit.redaction import Redaction
from ..events import Event, RunAccepted, RunFinished, StepFinished, StepRetrying

if TYPE_CHECKING:
    from ..config import Monitoring

_WIDE = 120
_TRACE_LINES = 60


class Log(Protocol):
    """Where facts go; `fields` are plain data."""

    def debug(self, event: str, **fields: Any) -> Any: ...
    def info(self, event: str, **fields: Any) -> Any: ...
    def warning(self, event: str, **fields: Any) -> Any: ...
    def error(self, event: str, **fields: Any) -> Any: ...


def log_of(settings: Monitoring, *, secrets: Iterable[str] = (), stream: TextIO | None = None) -> Log:
    """A log to `stream` (None: standard error) that never shows what looks like a secret, nor `secrets`."""
    import structlog

    redact = Redaction(secrets)

    def redacted(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        trace = str(fields.pop("exception", ""))
        clean: MutableMapping[str, Any] = redact(dict(fields))
        if trace:
            clean["exception"] = "\n".join(str(redact(line)) for line in trace.splitlines()[-_TRACE_LINES:])
        return clean

    out = stream if stream is not None else sys.stderr
    shown: Any
    if settings.log_format == "json":
        shown = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    else:
        shown = structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=24)
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            redacted,
            structlog.processors.TimeStamper(fmt="iso"),
            shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level.upper()]),
        cache_logger_on_first_use=False,
    )
    return log


class EventLog:
    """Writes what people look for in logs of a server: how runs began and ended, and which steps failed."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def take(self, event: Event) -> None:
        """Logs an event that is worth a line."""
        ids = {"session_id": event.session_id, "run_id": event.run_id}
        match event.payload:
            case RunAccepted() as said:
                self._log.info("run accepted", **ids, goal=said.goal[:_WIDE])
            case RunFinished() as said:
                tell = self._log.info if said.status == "done" else self._log.warning
                tell("run finished", **ids, status=said.status, seconds=round(said.seconds, 3), reason=said.reason)
            case StepFinished(status="failed") as said:
                self._log.warning("step failed", **ids, step=said.step, kind=_kind(said.error), error=said.error)
            case StepRetrying() as said:
                self._log.info("step retrying", **ids, step=said.step, attempt=said.attempt, error=said.error)
            case _:
                return


def _kind(error: str | None) -> str:
    """The type of an error as its text begins, such as TypeError; empty when it does not."""
    head = (error or "").partition(":")[0]
    return head if head.isidentifier() else ""


__all__ = ["Log", "EventLog", "log_of"]
