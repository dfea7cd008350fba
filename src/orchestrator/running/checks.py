"""The deterministic checks of a result: its schema, the step's `expects`, its files.

Rule: no model here; criteria in words are left to the judge. The schema has been checked by the time
a result exists (`agents.call`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..planning.criteria import is_criterion
from ..planning.plan import Step
from .ticks import Verdict

_MAGIC = {".png": b"\x89PNG", ".pdf": b"%PDF", ".zip": b"PK", ".xlsx": b"PK", ".parquet": b"PAR1", ".gif": b"GIF8"}


def instant(step: Step, files: Sequence[Path]) -> Verdict | None:
    """The verdict when the schema alone decides; None when there is more to check."""
    return None if step.expects or files else Verdict("pass", "", ("schema",))


def verdict(step: Step, value: Any, files: Sequence[Path]) -> Verdict:
    """The verdict on a result: fail with the first reason found, else pass. Reads a few bytes of each file."""
    by = ["schema"]
    promises = [text for text in step.expects if not is_criterion(text)]
    if promises:
        by.append("expects")
        if reason := _broken_promise(promises, value):
            return Verdict("fail", reason, ("expects",))
    for path in files:
        if reason := file_fault(path):
            return Verdict("fail", reason, ("files",))
    return Verdict("pass", "", tuple([*by, "files"] if files else by))


def _broken_promise(promises: Sequence[str], value: Any) -> str | None:
    from ..planning.expects import ExpectsError, holds

    for text in promises:
        try:
            if not holds(text, value):
                return f"expected {text}, which is not so"
        except ExpectsError as error:
            return f"expected {text}, but {error}"
    return None


def file_fault(path: Path) -> str | None:
    """Why a file is no good: missing, empty, unreadable or not of the kind its ending says; None when it is good."""
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        return f"expected a readable file {str(path)!r}, got: {error}"
    if not head:
        return f"expected a file with content, got an empty {str(path)!r}"
    magic = _MAGIC.get(path.suffix.lower())
    if magic is not None and not head.startswith(magic):
        return f"expected {path.suffix[1:].upper()} data in {str(path)!r}, got something else"
    return None
