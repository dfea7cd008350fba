"""`planloom cancel`: cancels a run or one of its steps, from any process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..config import Config


@click.command("cancel")
@click.argument("run_id", metavar="RUN")
@click.argument("step", required=False)
@click.option("--reason", default="", metavar="TEXT", help="Say why.")
@options.as_json
@options.shared
def command(run_id: str, step: str | None, reason: str, **flags: Any) -> None:
    """Cancel a run, or one step of it.

    \b
    planloom cancel RUN
    planloom cancel RUN STEP --reason "not needed"

    The cancel is kept at once: nothing of it runs later, in whichever process the run is taken up. What is finished is
    kept.
    """
    from .output import print_json

    config = options.settings(flags["config_file"]).config
    asyncio.run(_cancel(config, run_id, step, reason))
    if flags["as_json"]:
        print_json({"run_id": run_id, "step": step, "cancelled": True})
    else:
        click.echo(f"Cancelled {'step ' + step + ' of ' if step else ''}run {run_id}.")


async def _cancel(config: Config, run_id: str, step: str | None, reason: str) -> None:
    from ..orchestrator.runtime import Planloom

    async with Planloom(config) as loom:
        await loom.cancel(run_id, step, reason=reason)
