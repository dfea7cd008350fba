"""`planloom plan`: what a goal would do, without doing it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..config import Config
    from ..orchestrator.planning.explain import Explanation
    from ..orchestrator.planning.plan import Plan


@click.command("plan")
@options.goal
@options.as_json
@click.option("--mermaid", is_flag=True, help="Print a Mermaid flowchart.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw the plan into this file; .png or .svg.",
)
@options.shared
def command(
    words: tuple[str, ...],
    playbook: str | None,
    plan_file: str | None,
    assignments: tuple[str, ...],
    config_file: Path | None,
    **flags: Any,
) -> None:
    """Show the plan of a goal without running it: waves, critical path, estimates, what needs approval.

    Estimates are medians of earlier runs. A plan that can't run ends with exit code 2 and what is wrong with it.
    """
    from .database import with_database
    from .output import print_json

    config, given = with_database(options.settings(config_file).config, options.inputs(assignments))
    plan = options.plan_of(plan_file, words, playbook)
    given = options.like(given, plan.inputs) if plan else given
    explanation = asyncio.run(_explained(config, " ".join(words), given, playbook, plan))
    if flags["picture"] is not None:
        _draw(explanation, flags["picture"])
    if flags["as_json"]:
        print_json(explanation.to_dict())
    elif flags["mermaid"]:
        from ..orchestrator.planning.explain import mermaid as flowchart

        sys.stdout.write(flowchart(explanation).rstrip("\n") + "\n")
    else:
        _print_tree(explanation)


async def _explained(
    config: Config, goal: str, inputs: dict[str, Any], playbook: str | None, plan: Plan | None
) -> Explanation:
    from ..orchestrator.planning.explain import explain
    from ..orchestrator.runtime import Planloom

    async with Planloom(config) as loom:
        whole = await loom.plan(goal, inputs=inputs, playbook=playbook, plan=plan)
        return explain(whole, loom.registry.find, loom.history.estimate)


def _print_tree(explanation: Explanation) -> None:
    from ..orchestrator.planning.explain import tree
    from .output import terminal

    console = terminal()
    if console is None:
        sys.stdout.write(str(tree(explanation)).rstrip("\n") + "\n")
    else:
        takes_unicode = console.encoding.lower().startswith("utf")
        console.print(tree(explanation, width=console.width, unicode=takes_unicode))


def _draw(explanation: Explanation, picture: Path) -> None:
    from ..orchestrator.planning.explain.pictures import draw

    draw(explanation, picture)
    click.echo(f"Picture: {picture}", err=True)
