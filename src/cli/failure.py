"""Errors as a person reads them: one message on stderr, and the exit code. Rule: a traceback only with --debug."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from typing import Any

from ..errors import BudgetError, InputError, PlanloomError, UsageError
from ..printable import printable
from .options import DEBUG, JSON


def report(error: Exception, flags: Mapping[str, Any]) -> int:
    """Tells the error; gives the exit code: 1 failed, 2 bad usage, 3 an input is missing, 4 budget.

    With `--json` a JSON object with `status`, `error` and `findings` is printed on stdout too.
    """
    if flags.get(DEBUG):
        traceback.print_exception(error)
    sys.stderr.write(printable(message(error)) + "\n")
    if flags.get(JSON):
        findings = [str(finding) for finding in getattr(error, "findings", ())]
        from .output import print_json

        told = {"run_id": None, "status": "failed", "error": str(error), "findings": findings}
        print_json(told)
    return code(error)


def code(error: Exception) -> int:
    """The exit code of an error."""
    match error:
        case InputError():
            return 3
        case UsageError():
            return 2
        case BudgetError():
            return 4
        case _:
            return 1


def message(error: Exception) -> str:
    """What to print."""
    text = str(error)
    if isinstance(error, InputError) and error.name and "--set" not in text:
        text += f"; give it with --set {error.name}=VALUE"
    if isinstance(error, PlanloomError):
        return f"Error: {text}"
    return f"Unexpected error: {type(error).__name__}: {text}\nThis is a fault of Planloom; --debug shows where."
