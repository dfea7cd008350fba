"""Merchant deck: seven requests over an orders database, a chart each, and one PowerPoint deck.

Rule: data and charts come from two MCP servers that work for any client; here are the tools beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...agents.tool import Tool


def tools() -> list[Tool]:
    """The tools of the plug-in, `deck.*`."""
    from . import steps

    return [steps.tasks, steps.keep, steps.template, steps.write]
