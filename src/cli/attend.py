"""Carries out an order in view of the person: on their screen, with their answers, to the exit code."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from ..config import Config
    from ..orchestrator.result import Result
    from .follow import Order
    from .screen import Screen


class Attended:
    """One run in view of a person: its settings, its streams, and how it asks."""

    def __init__(self, config: Config, flags: dict[str, Any]) -> None:
        self._config = config
        self._flags = flags
        self._console = self._terminal(sys.stderr if flags["as_json"] else sys.stdout)

    def _terminal(self, stream: Any) -> Console | None:
        """The terminal behind a stream, None when it is a file or a pipe, or can't be drawn on."""
        if not stream.isatty():
            return None
        from rich.console import Console

        console = Console(file=stream)
        return None if console.is_dumb_terminal else console

    def _screen(self) -> Screen:
        from ..clock import SystemClock
        from .screen import Plain, Silent, Tree

        if self._flags["quiet"]:
            return Silent()
        if self._console is not None:
            return Tree(self._console, SystemClock())
        return Silent() if self._flags["as_json"] else Plain(sys.stdout)

    def run(self, order: Order) -> int:
        """Runs until it has an end, asking for inputs that are missing; gives the exit code."""
        from dataclasses import replace

        from .follow import NewRun

        asks = sys.stdin.isatty() and sys.stderr.isatty()
        tried: set[str] = set()
        while True:
            try:
                return asyncio.run(self._follow(order, asks=asks))
            except InputError as error:
                if not asks or not error.name or error.name in tried or not isinstance(order, NewRun):
                    raise
                tried.add(error.name)
                click.echo(str(error), err=True)
                answer = click.prompt(error.name, err=True)
                order = replace(order, inputs={**order.inputs, error.name: answer})
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None

    async def _follow(self, order: Order, *, asks: bool) -> int:
        from ..orchestrator.runtime import Planloom
        from .follow import follow, recorder
        from .people import approver
        from .screen import Tree

        with recorder(self._flags["events_file"]) as record:
            async with Planloom(self._config) as loom:
                screen = self._screen()
                approve = approver(screen, grants_all=self._flags["yes"], asks=asks and isinstance(screen, Tree))
                result = await follow(loom, order, screen, approve, record)
        return self._report(result, screen)

    def _report(self, result: Result, screen: Screen) -> int:
        from . import report
        from .output import print_json

        workspace = Path(self._config.workspace).expanduser()
        if self._flags["as_json"]:
            print_json(result.to_dict())
        elif self._console is not None:
            report.show(result, self._console, workspace=workspace, quiet=self._flags["quiet"])
        else:
            report.write(result, sys.stdout, workspace=workspace, quiet=self._flags["quiet"])
        if result.status == "needs_approval":
            sys.stdout.flush()
            click.echo(report.to_answer(screen.view.asked, result.run_id), err=True)
        return report.EXIT[result.status]
