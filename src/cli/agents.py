"""`planloom agents`: who can work on a task by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from . import options

if TYPE_CHECKING:
    from ..agents.roster import Agent, Roster


@click.group("agents", invoke_without_command=True)
@click.option("--markdown", is_flag=True, help="Print the page of the documentation.")
@options.as_json
@options.shared
@click.pass_context
def command(ctx: click.Context, as_json: bool, markdown: bool, config_file: Path | None) -> None:
    """List the agents with their purpose, or show one: planloom agents show NAME.

    In plans an agent is the action agent:NAME with a task.
    """
    ctx.obj = config_file
    if ctx.invoked_subcommand is None:
        known = roster(config_file)
        if markdown:
            sys.stdout.write(page(known))
        else:
            _show_all(known, as_json=as_json)


@command.command("show")
@click.argument("name")
@options.as_json
@options.shared
@click.pass_obj
def show(group_config: Path | None, name: str, as_json: bool, config_file: Path | None) -> None:
    """Show one agent with its tools, limits and prompt."""
    from .output import print_json

    known = roster(config_file or group_config)
    found = known.find(name.removeprefix("agent:"))
    if found is None:
        raise UsageError(_unknown(known, name.removeprefix("agent:")))
    if as_json:
        print_json(described(found) | {"prompt": found.prompt})
    else:
        _print_one(found)


def roster(config_file: Path | None) -> Roster:
    """The agents of this process's settings."""
    from ..agents.roster import Roster

    settings = options.settings(config_file).config
    return Roster(map(Path, settings.agents.folders), prompts=settings.caches.prompt_cache_size)


def described(agent: Agent) -> dict[str, Any]:
    """An agent as plain data."""
    from dataclasses import asdict

    return {
        "name": agent.name,
        "action": agent.action,
        "purpose": agent.purpose,
        "tools": list(agent.tools),
        "effects": list(agent.effects),
        "effect": agent.effect,
        "model": agent.model,
        "limits": asdict(agent.limits),
        "returns": agent.returns,
        "source": agent.source,
    }


def page(known: Roster) -> str:
    """The agents as a page of Markdown."""
    return "\n".join(_page(known)) + "\n"


def _page(known: Roster) -> Iterator[str]:
    yield "# Agents"
    yield ""
    yield "Made by `planloom agents --markdown`. Each is a file in `prompts/agents/`; a step uses one by `agent:NAME`."
    for agent in known:
        limits = agent.limits
        yield from ("", f"## {agent.name}", "", f"{agent.purpose.rstrip('.')}.", "")
        yield f"- tools: {', '.join(f'`{name}`' for name in agent.tools) or 'none'}"
        yield f"- effects: {', '.join(agent.effects)}"
        yield f"- model: {agent.model}"
        yield f"- at most {limits.max_steps} steps, {limits.tokens:,} tokens, {limits.seconds:g} s"


def _show_all(known: Roster, *, as_json: bool) -> None:
    from .output import print_json, print_table

    found = list(known)
    if as_json:
        print_json([described(agent) for agent in found])
    else:
        print_table([(agent.name, agent.effect, agent.purpose) for agent in found], ("bold", "cyan", ""))
    for problem in known.problems.values():
        sys.stderr.write(f"Not usable: {problem}\n")


def _print_one(agent: Agent) -> None:
    from .output import print_heading, print_table, print_text

    limits = agent.limits
    print_heading(agent.name)
    print_text(f"{agent.effect} · {agent.source}", "dim")
    print_text(f"\n{agent.purpose}\n")
    rows = [
        ("  action", agent.action),
        ("  tools", ", ".join(agent.tools) or "none"),
        ("  effects", ", ".join(agent.effects)),
        ("  model", agent.model),
        ("  limits", f"{limits.max_steps} steps, {limits.tokens:,} tokens, {limits.seconds:g} s"),
    ]
    print_table(rows, ("bold", ""))
    print_heading("\nPrompt")
    print_text(agent.prompt)


def _unknown(known: Roster, name: str) -> str:
    from difflib import get_close_matches

    if name in known.problems:
        return known.problems[name]
    near = get_close_matches(name, known.names(), n=3, cutoff=0.4)
    hint = f"; nearest are {', '.join(near)}" if near else "; `planloom agents` lists them"
    return f"expected the name of an agent, got {name!r}{hint}"
