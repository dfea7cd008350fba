"""`planloom run`: plans a goal, runs the plan in view of the person, and prints the answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    pass


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
    from .attend import Attended
    from .database import with_database
    from .follow import NewRun

    plan = options.plan_of(plan_file, words, playbook)
    loaded = options.settings(
        config_file,
        performance__schedule=flags["schedule"],
        performance__max_parallel_steps=flags["max_parallel"],
        verification__verify=flags["verify"],
        limits__wall_s=flags["timeout"],
    )
    config, given = with_database(loaded.config, options.inputs(assignments))
    order = NewRun(
        goal=" ".join(words),
        inputs=options.like(given, plan.inputs) if plan else given,
        playbook=playbook,
        plan=plan,
        out=flags["out"],
    )
    sys.exit(Attended(config, flags).run(order))
