"""`planloom run`: plans a goal, runs the plan in view of the person, and prints the answer."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError
from . import options

if TYPE_CHECKING:
    from rich.console import Console

    from ..config import Config
    from ..orchestrator.result import Result
    from .follow import Order
    from .screen import Screen


@click.command("run")
@options.goal
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Put the files here.")
@click.option(
    "--events",
    "events_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every event to this file as it happens, one JSON object a line.",
)
@options.as_json
@click.option("--quiet", "-q", is_flag=True, help="Print the answer and the files, not the steps.")
@click.option("--yes", "-y", is_flag=True, help="Grant every approval.")
@click.option("--schedule", type=click.Choice(["dataflow", "generations", "sequential"]), help="When steps start.")
@click.option("--max-parallel", type=click.IntRange(min=0), metavar="N", help="Steps side by side; 0: no limit.")
@click.option("--verify", type=click.Choice(["off", "background", "blocking"]), help="When results are checked.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="End the run then; 0: no limit.")
@options.shared
def command(
    words: tuple[str, ...],
    playbook: str | None,
    plan_file: str | None,
    assignments: tuple[str, ...],
    config_file: Path | None,
    **flags: Any,
) -> None:
    """Run a goal, a playbook or a plan file.

    \b
    planloom run "Report on the folder ."
    planloom run --playbook NAME --set folder=. --out report
    planloom run --plan steps.yaml --json --yes

    Each step starts the moment its inputs are ready. Ctrl-C once cancels and keeps what is finished, twice ends at
    once.

    \b
    Exit codes: 0 done, 1 failed, 2 bad usage, 3 needs approval or input,
    4 budget used up, 130 cancelled.
    """
    from .follow import Order

    plan = options.plan_of(plan_file, words, playbook)
    given = options.inputs(assignments)
    order = Order(
        goal=" ".join(words),
        inputs=options.like(given, plan.inputs) if plan else given,
        playbook=playbook,
        plan=plan,
        out=flags["out"],
    )
    loaded = options.settings(
        config_file,
        performance__schedule=flags["schedule"],
        performance__max_parallel_steps=flags["max_parallel"],
        verification__verify=flags["verify"],
        limits__wall_s=flags["timeout"],
    )
    sys.exit(_Session(loaded.config, flags).run(order))


class _Session:
    """One command: its settings, its streams, and how it asks."""

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

        asks = sys.stdin.isatty() and sys.stderr.isatty()
        tried: set[str] = set()
        while True:
            try:
                return asyncio.run(self._follow(order, asks=asks))
            except InputError as error:
                if not asks or not error.name or error.name in tried:
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
            click.echo(report.to_answer(screen.view.asked, sys.argv[1:]), err=True)
        return report.EXIT[result.status]
