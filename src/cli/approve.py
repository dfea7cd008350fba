"""`planloom approve`: answers what a run asks, from any process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..config import Config

_YES = {"yes": True, "y": True, "no": False, "n": False}


@click.command("approve")
@click.argument("run_id", metavar="RUN")
@click.argument("step", required=False)
@click.argument("answer", required=False, metavar="yes|no", type=click.Choice(list(_YES), case_sensitive=False))
@click.option(
    "--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Change a parameter of the step, or an input."
)
@click.option("--note", default="", metavar="TEXT", help="Say why.")
@options.as_json
@options.shared
def command(
    run_id: str, step: str | None, answer: str | None, assignments: tuple[str, ...], note: str, **flags: Any
) -> None:
    """Answer an open approval of a run; without STEP, list what is open.

    \b
    planloom approve RUN
    planloom approve RUN STEP yes
    planloom approve RUN STEP no --note "not today"
    planloom approve RUN plan yes

    The answer is kept at once. A run that is under way hears it; one that waits goes on with `planloom resume RUN`.
    """
    config = options.settings(flags["config_file"]).config
    if step is None:
        _list(config, run_id, as_json=flags["as_json"])
        return
    if answer is None:
        raise click.UsageError(f"expected yes or no, got nothing; try: planloom approve {run_id} {step} yes")
    granted = _YES[answer.lower()]
    changes = options.inputs(assignments)
    asyncio.run(_answer(config, run_id, step, granted=granted, note=note, changes=changes))
    _say(run_id, step, granted=granted, as_json=flags["as_json"])


async def _answer(config: Config, run_id: str, step: str, **answer: Any) -> None:
    from ..orchestrator.runtime import Planloom

    async with Planloom(config) as loom:
        await loom.approve(run_id, step, **answer)


def _say(run_id: str, step: str, *, granted: bool, as_json: bool) -> None:
    from .output import print_json

    if as_json:
        print_json({"run_id": run_id, "step": step, "granted": granted})
    else:
        click.echo(f"{step}: {'granted' if granted else 'refused'}. To go on: planloom resume {run_id}")


def _list(config: Config, run_id: str, *, as_json: bool) -> None:
    from ..orchestrator.runtime import Planloom
    from .output import print_json
    from .report import to_answer

    asked = Planloom(config).open_approvals(run_id)
    if as_json:
        print_json({"run_id": run_id, "open": [{"step": name, **q.to_dict()} for name, q in asked.items()]})
    else:
        click.echo(to_answer(asked, run_id) if asked else "Nothing is open.")
