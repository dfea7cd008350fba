"""`planloom runs`: which runs there were, and where the time of one went."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from . import options

if TYPE_CHECKING:
    from ..orchestrator.analysis import Analysis
    from .runfiles import Brief, RunFiles

_WIDE = 100
_IN_ASCII = str.maketrans({"·": "|", "…": "~"})  # of the same width
STATUSES = ("done", "failed", "cancelled", "budget", "needs_approval", "running", "cut")


@click.group("runs", invoke_without_command=True)
@click.option("--status", type=click.Choice(STATUSES), help="Only runs that stand like this; cut: its process died.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="The newest N; 0: all."
)
@options.as_json
@options.shared
@click.pass_context
def command(ctx: click.Context, status: str | None, limit: int, as_json: bool, config_file: Path | None) -> None:
    """List the runs, newest first, or explain one: planloom runs show RUN.

    \b
    planloom runs --status failed
    planloom runs show                      # the newest
    planloom runs show RUN --picture run.html
    """
    ctx.obj = config_file
    if ctx.invoked_subcommand is None:
        _list(_files(config_file), status, limit, as_json=as_json)


@command.command("show")
@click.argument("run", required=False)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw the run into this file; .svg, .png or .html.",
)
@click.option("--totals", "in_short", is_flag=True, help="A few lines for a log, each with the run's id.")
@click.option("--all", "shows_all", is_flag=True, help="A row for each step, however many there are.")
@options.as_json
@options.shared
@click.pass_obj
def show(group_config: Path | None, /, run: str | None, config_file: Path | None, **flags: Any) -> None:
    """Explain a run: what each second went to, the Gantt picture, the critical path, what was slow and what failed.

    RUN is the id that `planloom runs` lists, or its beginning; without it the newest run is shown.
    """
    from rich.text import Text

    from .output import print_json

    analysis, state = _explained(_files(config_file or group_config), run)
    picture: Path | None = flags["picture"]
    if picture is not None:
        from ..orchestrator.analysis.picture import draw

        draw(analysis, picture, state=state)
        click.echo(f"Picture: {picture}", err=True)
    if flags["as_json"]:
        print_json({**analysis.to_dict(), "state": state})
    elif flags["in_short"]:
        from ..orchestrator.analysis.totals import totals

        _write(Text(line) for line in totals(analysis))
    elif picture is None:
        _print(analysis, state, shows_all=flags["shows_all"])


def _files(config_file: Path | None) -> RunFiles:
    from .runfiles import RunFiles

    return RunFiles(Path(options.settings(config_file).config.state).expanduser().resolve())


def _explained(files: RunFiles, run: str | None) -> tuple[Analysis, str]:
    from ..orchestrator.analysis import analyze

    found = files.find(run)
    if found is None:
        raise UsageError(_unknown(files, run))
    is_running = found.state == "running"
    analysis = analyze(files.events(found), now=time.time() if is_running else None)
    return analysis, found.state


def _unknown(files: RunFiles, run: str | None) -> str:
    """What to say of a run that is not there."""
    from difflib import get_close_matches

    known = files.names()
    if not known:
        return f"expected a run, got none: nothing has run yet below {str(files.sessions)!r}"
    starting = [name for name in known if run is not None and name.startswith(run)]
    if len(starting) > 1:
        more = f" and {len(starting) - 5} more" if len(starting) > 5 else ""
        return f"expected one run, got {run!r}, with which several begin: {', '.join(starting[:5])}{more}"
    near = get_close_matches(run or "", known, n=3, cutoff=0.5)
    hint = f"nearest are {', '.join(near)}" if near else f"the newest is {known[0]}; `planloom runs` lists them"
    return f"expected the id of a run, got {run!r}; {hint}"


def _list(files: RunFiles, status: str | None, limit: int, *, as_json: bool) -> None:
    from .output import print_json, print_text

    found = files.newest(limit, status=status)
    if as_json:
        print_json([brief.to_dict() for brief in found])
    elif not found:
        print_text("No run stands like this." if status else 'Nothing has run yet; try: planloom run "GOAL"')
    else:
        _print_list(found)
    for damage in files.damaged:
        click.echo(f"Not read: {damage}", err=True)


def _print_list(found: list[Brief]) -> None:
    from rich.text import Text

    from .runpage import STATUS
    from .view import as_seconds
    from .wording import cut

    rows = [
        (
            brief.run_id,
            _when(brief.began_at) if _width() >= _WIDE else "",  # the id says it too
            f"{brief.ok}/{brief.steps} ok" + (f", {brief.failed} failed" if brief.failed else ""),
            as_seconds(brief.seconds),
            f"${brief.cost_usd:.4f}" if brief.cost_usd else "",
        )
        for brief in found
    ]
    word = max(len(brief.state) for brief in found)
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for brief, (run, when, steps, seconds, usd) in zip(found, rows, strict=True):
        shape, _, style = STATUS[brief.state]
        line = Text(f"{run:<{wide[0]}}  ", "bold").append(f"{when:<{wide[1]}}  " if wide[1] else "", "not bold dim")
        line.append(
            f"{shape if _takes_unicode() else ' '} {brief.state.replace('_', ' '):<{word}}", f"not bold {style}"
        )
        line.append(f"  {seconds:>{wide[3]}}  {steps:<{wide[2]}}  ", "not bold")
        line.append(f"{usd:>{wide[4]}}  " if wide[4] else "", "not bold")
        lines.append(line.append(cut(brief.goal or "no goal in words", max(12, _width() - line.cell_len)), "not bold"))
    _write(lines)


def _when(at: float) -> str:
    """A moment as short as it can be told: today's by the hour, this year's without the year."""
    then, today = time.localtime(at), time.localtime()
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%d %b %H:%M" if then[0] == today[0] else "%Y-%m-%d", then)


def _print(analysis: Analysis, state: str, *, shows_all: bool) -> None:
    from .gantt import Canvas
    from .runpage import page

    rows = 0 if shows_all else 40
    _write(page(analysis, Canvas(_width(), rows, _takes_unicode()), state=state))


def _width() -> int:
    from shutil import get_terminal_size

    return max(60, get_terminal_size((100, 24)).columns)


def _takes_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().startswith("utf")


def _write(lines: Any) -> None:
    """Lines as they are: in colour on a terminal, as text elsewhere."""
    from .output import terminal

    console, is_plain = terminal(), not _takes_unicode()
    for line in lines:
        if is_plain:
            line.plain = line.plain.translate(_IN_ASCII)
        if console is None:
            sys.stdout.write(line.plain.rstrip() + "\n")
        else:
            console.print(line, highlight=False, soft_wrap=True)
