"""How far a load is, in a terminal or in lines. Rule: it shows, it measures nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Self

from .output import terminal

if TYPE_CHECKING:
    from ..loadtest.driving import Drive
    from ..loadtest.load import Load

_LINE_S = 5.0


class Shown:
    """A bar on a terminal; elsewhere a line on stderr now and then."""

    def __init__(self) -> None:
        self._console = terminal()
        self._live: Any = None
        self._told_at = float("-inf")

    def __enter__(self) -> Self:
        if self._console is not None:
            from rich.live import Live

            self._live = Live("Starting …", console=self._console, transient=True, auto_refresh=False)
            self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def take(self, load: Load, drive: Drive) -> None:
        """Shows how far this load is."""
        text = line(load, drive)
        if self._console is None:
            if drive.elapsed_s - self._told_at >= _LINE_S or drive.elapsed_s < self._told_at:
                self._told_at = drive.elapsed_s
                sys.stderr.write(text + "\n")
            return
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=load.requests, completed=len(drive.record.served), width=24), text)
        self._live.update(grid, refresh=True)


def line(load: Load, drive: Drive) -> str:
    """Where it is: answered, under way, failed, a second, memory."""
    served, samples = drive.record.served, drive.record.samples
    failed = sum(not one.is_ok for one in served)
    rate = len(served) / drive.elapsed_s if drive.elapsed_s > 0 else 0.0
    memory = f" · {samples[-1].rss_mb:.0f} MB" if samples else ""
    wrong = f" · {failed} failed" if failed else ""
    return (
        f"{len(served)}/{load.requests} · {drive.under_way} of {load.concurrency} at once{wrong} · {rate:.1f}/s{memory}"
    )
