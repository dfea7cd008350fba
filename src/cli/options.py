"""The options that several commands share, and what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import UsageError

if TYPE_CHECKING:
    from ..orchestrator.planning.plan import Plan
    from ..settings import Loaded

F = TypeVar("F", bound=Callable[..., Any])
DEBUG = "planloom.debug"
JSON = "planloom.json"


def _note(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Keeps a flag where the border that reports errors finds it."""

    def note(ctx: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        ctx.meta[name] = value
        return value

    return note


def shared(function: F) -> F:
    """`--config` and `--debug`, which every command takes."""
    debug = click.option(
        "--debug", is_flag=True, expose_value=False, callback=_note(DEBUG), help="Show the traceback of an error."
    )
    config = click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Read settings from this YAML file (default: ./planloom.yaml).",
    )
    return config(debug(function))


def as_json(function: F) -> F:
    """`--json`: one JSON object on stdout and nothing else."""
    return click.option(
        "--json", "as_json", is_flag=True, callback=_note(JSON), help="Print one JSON object, for machines."
    )(function)


def where(function: F) -> F:
    """`--where`: conditions on the files that are searched."""
    return click.option(
        "--where",
        multiple=True,
        metavar="CONDITION",
        help="Only in files that fit: kind=pdf, ext=docx, folder=offers, name~draft, title~lease, author~smith, "
        'language=de, "modified>=2025-01", "size<5mb"; several: all of them.',
    )(function)


def goal(function: F) -> F:
    """GOAL, `--plan`, `--playbook` and `--set`: what is to be done."""
    options = [
        click.argument("words", metavar="[GOAL]", nargs=-1),
        click.option("--playbook", metavar="NAME", help="Plan with this playbook, whatever the goal says."),
        click.option(
            "--plan", "plan_file", metavar="FILE", help="Run the plan in this JSON or YAML file; - reads stdin."
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="NAME=VALUE",
            help="Give a named input; repeatable. NAME:=JSON gives a number, list or object.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def settings(config_file: Path | None, **overrides: Any) -> Loaded:
    """The settings in force for this process.

    Raises:
        ConfigError: as `settings.load`.
    """
    from ..settings import load

    given = {key.replace("__", "."): value for key, value in overrides.items()}
    return load(config_file, environ=os.environ, overrides=given)


def inputs(assignments: tuple[str, ...]) -> dict[str, Any]:
    """The named inputs of `--set NAME=VALUE` (text) and `--set NAME:=JSON` (anything).

    Raises:
        UsageError: an assignment has no name, no `=`, or no valid JSON after `:=`.
    """
    found: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":").strip()
        if not equals or not name:
            raise UsageError(f"--set: expected NAME=VALUE, got {assignment!r}")
        found[name] = _from_json(name, value) if is_json else value
    return found


def _from_json(name: str, text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"--set {name}:=: expected JSON, got {text!r}: {error}") from error


def like(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Texts as the kind of value that a plan's own inputs have: `5` for an input that is 3 in the plan is a number.

    Raises:
        UsageError: the text is not such a value.
    """
    return {
        name: _like(name, value, known[name]) if isinstance(value, str) and name in known else value
        for name, value in given.items()
    }


def _like(name: str, text: str, example: Any) -> Any:
    if example is None or isinstance(example, str):
        return text
    value = _from_json(name, text)
    numbers = (int, float)
    is_number = isinstance(example, numbers) and not isinstance(example, bool)
    fits = isinstance(value, numbers) and not isinstance(value, bool) if is_number else type(value) is type(example)
    if not fits:
        raise UsageError(f"--set {name}: expected a value like {example!r}, got {text!r}")
    return value


def plan_of(plan_file: str | None, words: tuple[str, ...], playbook: str | None) -> Plan | None:
    """The plan of `--plan`, None without it.

    Raises:
        UsageError: nothing to do was given, or `--plan` together with `--playbook`; the file has no plan.
    """
    if plan_file is None:
        if not words and playbook is None:
            raise UsageError(
                'expected a goal in words, --playbook or --plan; try: planloom run "Report on the folder ."'
            )
        return None
    if playbook is not None:
        raise UsageError("expected --plan or --playbook, got both; a plan file is run as it is")
    from ..orchestrator.planning import files

    if plan_file != "-":
        return files.load(Path(plan_file))
    from ..orchestrator.planning.yamlfile import read

    data, lines = read(sys.stdin.read(), "stdin")
    return files.parse(data, where="stdin", lines=lines)
