"""`planloom resume`: goes on with a run of an earlier process, in view of the person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from . import options


@click.command("resume")
@click.argument("run_id", metavar="RUN")
@click.option("--from", "from_step", metavar="STEP", help="Do this step, and what depends on it, again.")
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
@options.shared
def command(run_id: str, from_step: str | None, config_file: Path | None, **flags: Any) -> None:
    """Go on with a run that was interrupted, waits for approval, or failed.

    \b
    planloom resume RUN
    planloom resume RUN --from STEP

    What is finished is not done again. After a crash the run goes on where it was; after a failure what failed is
    tried again; a run that is done only shows its result. Steps that write and may have been under way when the process
    ended are asked about.
    """
    from .attend import Attended
    from .follow import EarlierRun

    loaded = options.settings(config_file)
    sys.exit(Attended(loaded.config, flags).run(EarlierRun(run_id=run_id, from_step=from_step)))
