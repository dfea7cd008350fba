"""What clients are told of errors. Rule: what went wrong inside is logged, never told; what they can correct is."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Any

from ..errors import BusyError, InputError, JournalError, PlanError, PlanloomError, UsageError
from .desk import StoppingError
from .protocol import Fault
from .protocol.outgoing import Code

STATUS: dict[Code, int] = {
    "malformed": 400,
    "unauthorized": 401,
    "not_found": 404,
    "refused": 409,
    "input": 422,
    "plan": 422,
    "too_large": 413,
    "too_slow": 408,
    "rate": 429,
    "busy": 409,
    "stopping": 503,
    "internal": 500,
}
_FINDINGS = 20


def fault(
    error: Exception, *, frame_id: str | None = None, session_id: str = "", run_id: str = "", code: Code | None = None
) -> Fault:
    """The reply to an error; `code` where the error itself does not say it."""
    kind, told = code or _code(error), str(error)
    if kind == "internal":
        told = "expected to carry this out, got an error of the server's own; its log says more"
    return Fault(
        id=frame_id,
        code=kind,
        message=told,
        session_id=session_id,
        run_id=run_id,
        input=error.name if isinstance(error, InputError) else "",
        findings=_findings(error),
        retry_after_s=1.0 if kind in ("busy", "stopping") else 0.0,
    )


def _code(error: Exception) -> Code:
    match error:
        case PlanError():
            return "plan"
        case InputError():
            return "input"
        case UsageError():
            return "not_found" if str(error).startswith("expected the id of") else "refused"
        case BusyError():
            return "busy"
        case StoppingError():
            return "stopping"
        case JournalError():
            return "internal"
        case PlanloomError():
            return "refused"
        case _:
            return "internal"


def _findings(error: Exception) -> tuple[dict[str, Any], ...]:
    if not isinstance(error, PlanError):
        return ()
    found = error.findings[:_FINDINGS]
    return tuple(asdict(one) for one in found if is_dataclass(one) and not isinstance(one, type))
