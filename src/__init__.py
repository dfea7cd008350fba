"""Planloom turns a goal into a plan, a DAG of steps, and runs each step the moment its inputs are ready.

The public names are imported when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents.tool import ToolContext, tool
    from .config import Config
    from .errors import PlanloomError
    from .events import Event
    from .orchestrator.graph import build_graph
    from .orchestrator.planning.plan import Plan, Step
    from .orchestrator.runtime import Planloom, Result

__all__ = [
    "Planloom",
    "Result",
    "build_graph",
    "Config",
    "Plan",
    "Step",
    "Event",
    "tool",
    "ToolContext",
    "PlanloomError",
]

_HOMES = {
    "Planloom": ".orchestrator.runtime",
    "Result": ".orchestrator.runtime",
    "build_graph": ".orchestrator.graph",
    "Config": ".config",
    "Plan": ".orchestrator.planning.plan",
    "Step": ".orchestrator.planning.plan",
    "Event": ".events",
    "tool": ".agents.tool",
    "ToolContext": ".agents.tool",
    "PlanloomError": ".errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
