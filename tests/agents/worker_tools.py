"""Tools that the tests of worker processes run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from planloom.agents.tool import ToolContext, tool
from planloom.errors import AccessError, BudgetError, ToolError, TransientError


@tool(effect="pure", process=True)
def add(first: int, second: int = 1) -> dict[str, int]:
    """Adds."""
    return {"sum": first + second, "pid": os.getpid()}


@add.batch(limit=10)
def _add_many(calls: list[dict[str, int]]) -> list[Any]:
    return [ToolError("no sum above 100") if c["first"] > 100 else {"sum": c["first"] + 1} for c in calls]


@tool(effect="pure", process=True)
def fail(kind: str) -> None:
    """Raises."""
    match kind:
        case "transient":
            raise TransientError("later", retry_after_s=3.5, overloaded=True)
        case "budget":
            raise BudgetError("empty", budget="usd")
        case "access":
            raise AccessError("not there")
        case "exit":
            sys.exit(4)
    raise KeyError("lost")


@tool(effect="pure", process=True)
def die(how: str) -> None:
    """Ends its process."""
    if how == "exit":
        sys.stderr.write("the last words")
        sys.stderr.flush()
        os._exit(7)
    os.kill(os.getpid(), 11)


@tool(effect="pure", process=True)
def noisy() -> str:
    """Prints where a protocol could be disturbed."""
    print("hello" * 1000)  # noqa: T201
    os.write(1, b"\x00\x00\x00\x05raw")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    return sys.stdin.read() + "done"


@tool(effect="read", process=True)
def report(context: ToolContext) -> dict[str, Any]:
    """Reports progress and an artifact, and returns what it knows of its context."""
    context.progress(1, 3, "first")
    for _ in range(1000):
        context.progress(2, 3, "middle")
    path = context.workspace.output("made.txt")
    path.write_text("made", encoding="utf-8")
    context.artifact(path, "text/plain")
    context.progress(3, 3, "last")
    known = {name: getattr(context, name) for name in ("run_id", "step_id", "attempt", "feedback", "idempotency_key")}
    return known | {"root": str(context.workspace.root), "wall_s": context.config.limits.wall_s}


@tool(effect="read", process=True)
def hang(context: ToolContext) -> None:
    """Starts a child, reports both process ids, and never ends."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    context.progress(0, None, f"{os.getpid()} {child.pid}")
    time.sleep(600)


@tool(effect="read", process=True)
def meet(folder: str, me: str, other: str) -> str:
    """Ends only when the other one is running too."""
    Path(folder, me).touch()
    waiting = threading.Event()
    while not Path(folder, other).exists():
        waiting.wait(0.01)
    return me


@tool(effect="pure", process=True)
def large(size: int) -> str:
    """Returns that many letters."""
    return "x" * size


@tool(effect="pure", process=True)
def hoard(size: int) -> int:
    """Allocates that many bytes."""
    return len(bytearray(size))


@tool(effect="pure", process=True)
def not_data() -> Any:
    """Returns what is not data."""
    return object()
