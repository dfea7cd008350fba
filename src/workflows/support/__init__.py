"""Support desk: tickets are read, looked into, decided by a policy, answered, and acted on once.

Rule: models choose words and labels; what is paid, sent or promised follows from records and the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...agents.tool import Tool


def tools() -> list[Tool]:
    """The tools of the plug-in, `support.*`."""
    from . import steps

    return steps.TOOLS
