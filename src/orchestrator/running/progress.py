"""Progress of running steps. Rule: from any thread, and at most five events a second and step."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from ...agents.tool import Report
from ...clock import Clock
from ...events import Payload, StepProgress

_INTERVAL_S = 0.2


class Progress:
    """Turns `context.progress(...)` calls into events on the event loop."""

    def __init__(self, show: Callable[[Payload], None], clock: Clock) -> None:
        self._show = show
        self._clock = clock
        self._last: dict[str, float] = {}

    def of(self, step: str) -> Report:
        """What a step's tool is handed."""
        loop = asyncio.get_running_loop()
        home = threading.get_ident()

        def report(done: float, total: float | None = None, note: str = "") -> None:
            now = self._clock.now()
            complete = total is not None and done >= total
            if now - self._last.get(step, -_INTERVAL_S) < _INTERVAL_S and not complete:
                return
            self._last[step] = now
            payload = StepProgress(step, float(done), None if total is None else float(total), str(note)[:200])
            if threading.get_ident() == home:
                self._show(payload)
            else:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody looks any more
                    loop.call_soon_threadsafe(self._show, payload)

        return report
