"""Where a run is shown while it goes on: a live tree, plain lines, or nowhere.

Rule: a screen takes events and draws; it decides nothing. Drawing happens on the event loop, never in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, Protocol

from ..clock import Clock
from ..events import Event
from .view import View

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

FRAME_S = 0.1


class Screen(Protocol):
    """Shows a run."""

    view: View

    def take(self, event: Event) -> None:
        """Shows what the event changed."""
        ...

    def say(self, text: str) -> None:
        """A line of its own, beside the steps."""
        ...

    def end(self) -> None:
        """The last picture stays; the terminal is as it was. May be called again."""
        ...


class Silent:
    """Shows nothing, but knows how the run stands."""

    def __init__(self) -> None:
        self.view = View()

    def take(self, event: Event) -> None:
        self.view.apply(event)

    def say(self, text: str) -> None:
        """Nobody looks."""

    def end(self) -> None:
        """Nothing was drawn."""


class Plain:
    """One line for each thing that happens."""

    def __init__(self, out: IO[str]) -> None:
        self.view = View()
        self._out = out

    def take(self, event: Event) -> None:
        from .lines import lines

        self.view.apply(event)
        for line in lines(event, self.view):
            self.say(line)

    def say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()

    def end(self) -> None:
        """Lines need no end."""


class Tree:
    """The live tree. `tick` redraws it; the last picture stays when it ends."""

    def __init__(self, console: Console, clock: Clock) -> None:
        from rich.live import Live

        self.view = View()
        self.console = console
        self._clock = clock
        self._said: list[str] = []
        self._live: Live | None = Live(
            _Picture(self._lines), console=console, auto_refresh=False, transient=True, vertical_overflow="crop"
        )
        self._live.start()

    def take(self, event: Event) -> None:
        self.view.apply(event)

    def say(self, text: str) -> None:
        self._said = [text] if text else []
        self.tick()

    def tick(self) -> None:
        """Draws the next frame."""
        if self._live is not None:
            self._live.refresh()

    def end(self) -> None:
        if self._live is None:
            return
        live, self._live = self._live, None
        live.stop()
        lines = self._lines(self.console.width, max(60, self.console.height), is_live=False)
        if not self.view.steps:
            lines = []  # nothing was to be done: the answer or the error says it all
        for line in lines:
            self.console.print(line, highlight=False, crop=True, no_wrap=True)
        for notice in self.view.notices:
            self.console.print(f"• {notice}" if _takes_unicode(self.console) else f"* {notice}", style="dim")

    def _lines(self, width: int, height: int, *, is_live: bool = True) -> list[Any]:
        from rich.text import Text

        from .draw import Sheet, draw

        extra = [Text(line, "bold yellow") for line in self._said] if is_live else []
        sheet = Sheet(self._clock.wall(), width, height - len(extra), _takes_unicode(self.console), is_live)
        return [*draw(self.view, sheet), *extra]


class _Picture:
    """Draws anew, to fit, whenever rich asks."""

    def __init__(self, lines: Callable[[int, int], list[Any]]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: Any) -> Any:
        from rich.text import Text

        lines: list[RenderableType] = self._lines(options.max_width, max(3, console.height - 2))
        yield Text("\n", no_wrap=True).join([line for line in lines if isinstance(line, Text)])


def _takes_unicode(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")


@asynccontextmanager
async def frames(screen: Screen) -> AsyncIterator[None]:
    """Redraws a live tree ten times a second inside the block; leaves the last picture."""
    task = asyncio.create_task(_redraw(screen)) if isinstance(screen, Tree) else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        screen.end()


async def _redraw(tree: Tree) -> None:
    while True:
        tree.tick()
        await asyncio.sleep(FRAME_S)
