"""Financial dashboard: a ledger becomes four metrics, their causes, texts, and one page that works offline.

Rule: money is whole cents from the first cell to the last sum; floats are for statistics and drawing alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...agents.tool import Tool


def tools() -> list[Tool]:
    """The tools of the plug-in, `finance.*`."""
    from .steps import advice, causes, dashboard, measure, read, stories

    return [read, measure, causes, stories, advice, dashboard]
