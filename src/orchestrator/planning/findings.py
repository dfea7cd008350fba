"""What is wrong with a plan, one finding at a time. Rule: each says where, expected, got, and how to fix it.

=================  ========  ==========================================================================
code               severity  meaning
=================  ========  ==========================================================================
bad-file           error     the file is no YAML or JSON, or not of a plan's shape
bad-id             error     an id is not a name
duplicate-id       error     two steps have one id
unknown-action     error     there is no such action
bad-parameters     error     arguments that break the tool's JSON schema
unknown-step       error     a dependency or reference names no step
unknown-field      error     a reference to a field the producer's output does not have
unknown-input      error     a reference to an input the goal does not have
bad-reference      error     the text between `${` and `}` is no reference
bad-for-each       error     for_each is no list, or `item` is used outside of it
bad-expects        error     a postcondition is no expression over the result
self-dependency    error     a step waits for itself
cycle              error     steps wait for each other in a circle
too-many-steps     error     more steps than the limit
unused-edge        note      a declared dependency whose result is not used (it still orders the steps)
unused-result      note      nobody uses the result, and the answer does not need it
=================  ========  ==========================================================================
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

CODES = (
    "bad-file",
    "bad-id",
    "duplicate-id",
    "unknown-action",
    "bad-parameters",
    "unknown-step",
    "unknown-field",
    "unknown-input",
    "bad-reference",
    "bad-for-each",
    "bad-expects",
    "self-dependency",
    "cycle",
    "too-many-steps",
    "unused-edge",
    "unused-result",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong (`error`) or odd (`note`). `step` None: the plan as a whole."""

    code: str
    step: str | None
    expected: str
    got: str
    fix: str = ""
    severity: Literal["error", "note"] = "error"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def __str__(self) -> str:
        place = f"step {self.step!r}" if self.step is not None else "plan"
        fix = f"; {self.fix}" if self.fix else ""
        return f"{place}: {self.code}: expected {self.expected}, got {self.got}{fix}"
