"""The root command. Rule: a sub-command's module is imported when that command is used, so that --help stays fast."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import Any

import click

_CANCELLED = 130
# command -> (module, what --help says)
_COMMANDS = {
    "run": ("run", "Run a goal, a playbook or a plan file."),
    "plan": ("plan", "Show the plan of a goal without running it."),
    "resume": ("resume", "Go on with a run that was interrupted, waits or failed."),
    "approve": ("approve", "Answer what a run asks."),
    "cancel": ("cancel", "Cancel a run or one of its steps."),
    "playbooks": ("playbooks", "List the playbooks, or show one."),
    "tools": ("tools", "List the tools, or show one."),
    "agents": ("agents", "List the agents, or show one."),
    "mcp": ("mcp", "List, check and call MCP servers, or be one."),
    "sessions": ("sessions", "List, show, move, check and repair sessions."),
    "runs": ("runs", "List the runs; show what the time of one went to."),
    "index": ("index", "Read files and folders into the index, so that they can be searched."),
    "search": ("search", "Find passages in the indexed documents."),
    "ask": ("ask", "Answer a question from the indexed documents, with citations."),
    "memory": ("memory", "Facts about you: add, list, search, forget, export."),
    "audit": ("audit", "Show, check or export the record of tool calls and approvals."),
    "serve": ("serve", "Serve the chat: a page, a socket, HTTP, and a model for OpenAI clients."),
    "chat": ("chat", "Talk to a server in the terminal."),
    "simulate": ("simulate", "Serve a simulated model endpoint, for tests and load."),
    "loadtest": ("loadtest", "Load a server as its clients do; compare two loads."),
    "dashboard": ("dashboard", "Show runs, cost, quota and memory in a browser."),
    "bench": ("bench", "Run a benchmark of the source checkout."),
    "doctor": ("doctor", "Check the installation; show the settings in force."),
}


class _Root(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f".{_COMMANDS[cmd_name][0]}", __package__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f'to run a goal: planloom run "{" ".join(args)}"'
            raise click.UsageError(f"expected a command, got {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; this is the border where errors become a message and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, SystemExit, BrokenPipeError):
            raise
        except (KeyboardInterrupt, click.Abort):
            click.echo("Cancelled.", err=True)
            ctx.exit(_CANCELLED)
        except Exception as error:  # noqa: BLE001 - the border of every command
            from .failure import report

            ctx.exit(report(error, ctx.meta))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"planloom {version('planloom')}")
        ctx.exit()


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Print the version."
)
def root() -> None:
    """Planloom turns a goal into a plan and runs each step the moment its inputs are ready.

    \b
    planloom run "Report on the folder ."
    planloom plan "Report on the folder ." --picture plan.svg
    planloom run --plan steps.yaml --set name=value --json

    \b
    Exit codes: 0 done, 1 failed, 2 bad usage, 3 needs approval or input,
    4 budget used up, 130 cancelled.
    """


def main() -> None:
    """Runs the command line of this process and exits with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character the terminal can't show must not end a run
    sys.exit(root.main(prog_name="planloom", standalone_mode=True))
