"""`planloom playbooks`: the saved plans, and those kept from verified runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from ..orchestrator.planning.plan import Step
    from ..orchestrator.planning.playbooks import Library, Playbook
    from ..orchestrator.planning.playbooks.inputs import Input


@click.group("playbooks", invoke_without_command=True)
@options.as_json
@options.shared
@click.pass_context
def command(ctx: click.Context, as_json: bool, config_file: Path | None) -> None:
    """List the playbooks and the kept plans, show one, or forget a kept plan."""
    ctx.obj = config_file
    if ctx.invoked_subcommand is None:
        show_all(library(config_file), kept_folder(config_file), as_json=as_json)


@command.command("show")
@click.argument("name")
@options.as_json
@options.shared
@click.pass_obj
def show(group_config: Path | None, name: str, as_json: bool, config_file: Path | None) -> None:
    """Show one playbook with its inputs and steps."""
    from ..orchestrator.planning import cached
    from .output import print_json

    folder = kept_folder(config_file or group_config)
    is_kept = name in cached.names(folder)
    found = cached.find(folder, name).playbook if is_kept else library(config_file or group_config).get(name)
    if as_json:
        print_json(described(found))
    else:
        _print_one(found)


@command.command("forget")
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "every", is_flag=True, help="All kept plans.")
@options.shared
@click.pass_obj
def forget(group_config: Path | None, names: tuple[str, ...], every: bool, config_file: Path | None) -> None:
    """Forget kept plans; goals like theirs are planned anew."""
    from ..orchestrator.planning import cached
    from .output import print_text

    if bool(names) == every:
        raise click.UsageError("expected the names of kept plans, or --all; `planloom playbooks` lists them")
    folder = kept_folder(config_file or group_config)
    chosen = cached.names(folder) if every else [cached.find(folder, name).name for name in names]
    for name in chosen:
        cached.forget(folder, name)
    print_text(f"forgot {len(chosen)} kept plan{'s' * (len(chosen) != 1)}")


def kept_folder(config_file: Path | None) -> Path:
    """Where plans of verified runs are kept."""
    return Path(options.settings(config_file).config.state).expanduser() / "plans"


def library(config_file: Path | None) -> Library:
    """The playbooks of this process's settings."""
    from ..orchestrator.planning.playbooks import Library

    folders = options.settings(config_file).config.playbooks.folders
    return Library([Path(folder).expanduser() for folder in folders])


def show_all(known: Library, folder: Path, *, as_json: bool) -> None:
    """Prints the list, the plans kept in a folder, and on stderr the files that can't be used."""
    from ..orchestrator.planning import cached
    from .output import print_heading, print_json, print_table

    kept, problems = cached.all_in(folder)
    if as_json:
        own = [described(playbook) for playbook in known.all()]
        print_json(own + [described(one.playbook) | {"kept": True} for one in kept])
    else:
        print_table([(p.name, _with_example(p)) for p in known.all()], ("bold", ""))
        if kept:
            print_heading("\nKept plans, of verified runs; the last used first")
            print_table([(f"  {one.name}", one.playbook.purpose) for one in kept], ("cyan", ""))
    for problem in (*known.problems, *problems):
        sys.stderr.write(f"Not usable: {problem}\n")


def _with_example(playbook: Playbook) -> str:
    first = playbook.purpose.split("\n", 1)[0]
    return first + (f'\nplanloom run "{playbook.examples[0]}"' if playbook.examples and sys.stdout.isatty() else "")


def described(playbook: Playbook) -> dict[str, Any]:
    """A playbook as plain data."""
    from dataclasses import asdict

    return {
        "name": playbook.name,
        "purpose": playbook.purpose,
        "examples": list(playbook.examples),
        "keywords": list(playbook.keywords),
        "inputs": {name: asdict(one) for name, one in playbook.inputs.items()},
        "steps": [{"id": step.id, "action": step.action} for step in playbook.steps],
        "path": str(playbook.path),
    }


def _print_one(playbook: Playbook) -> None:
    from .output import print_heading, print_table, print_text

    print_heading(playbook.name)
    print_text(playbook.purpose + "\n")
    if playbook.inputs:
        print_heading("Inputs")
        print_table([(f"  {name}", *_input_row(one)) for name, one in playbook.inputs.items()], ("bold", "cyan", ""))
    print_heading("\nSteps")
    print_table([(f"  {step.id}", step.action, _after(step)) for step in playbook.steps], ("bold", "cyan", "dim"))
    if playbook.examples:
        print_heading("\nExamples")
        for example in playbook.examples:
            print_text(f'  planloom run "{example}"')
    print_text(f"\n{playbook.path}", "dim")


def _input_row(one: Input) -> tuple[str, str]:
    told = one.question + "."
    if one.default is not None:
        return one.type.replace("_", " "), f"{told} Default: {one.default}"
    return one.type.replace("_", " "), told if one.required else f"{told} May be absent."


def _after(step: Step) -> str:
    from ..orchestrator.planning.plan import edges

    names = edges(step)
    return f"after {', '.join(names)}" if names else ""
