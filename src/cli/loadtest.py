"""`planloom loadtest`: how much a server carries, and what got better or worse since."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options
from .chat import TOKEN_VARIABLE

if TYPE_CHECKING:
    from ..loadtest.campaign import Wanted
    from ..loadtest.load import Load
    from ..loadtest.report import Report
    from ..settings import Loaded

_CANCELLED = 130
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("loadtest", invoke_without_command=True)
@click.option(
    "--scenario", default="support", show_default=True, metavar="NAME", help="What clients ask for; or a file."
)
@click.option("--requests", type=int, default=100, show_default=True, metavar="N", help="Goals in all.")
@click.option("--concurrency", type=int, default=20, show_default=True, metavar="C", help="Goals at once.")
@click.option("--batch-size", type=int, default=0, metavar="N", help="Goals together, then a pause. 0: no batches.")
@click.option("--pause", "pause_s", type=float, default=0.0, metavar="S", help="Seconds between batches.")
@click.option("--turns", type=int, default=1, show_default=True, metavar="N", help="Goals of one session.")
@click.option("--timeout", "timeout_s", type=float, default=300.0, show_default=True, metavar="S", help="For one goal.")
@click.option(
    "--provider",
    type=click.Choice(["simulate", "real", "none"]),
    default="simulate",
    show_default=True,
    help="What answers the models' calls. real: that of the settings; costs money.",
)
@click.option("--rpm", type=click.IntRange(0), default=10_000, show_default=True, metavar="N", help="Simulated quota.")
@click.option("--tpm", type=click.IntRange(0), default=2_000_000, show_default=True, metavar="N", help="Of tokens.")
@click.option(
    "--latency", default="lognormal:1.0:0.3", show_default=True, metavar="SPREAD", help="Of a simulated call."
)
@click.option("--fault", "faults", multiple=True, metavar="KIND=RATE", help="Of the simulated provider; repeatable.")
@click.option("--price", nargs=2, type=float, default=(0.40, 1.60), show_default=True, metavar="IN OUT",
              help="Dollars for a million tokens, where the settings have no price.")  # fmt: skip
@click.option("--url", default="", metavar="URL", help="A server that runs already. Default: one of its own.")
@click.option(
    "--approvals", type=click.Choice(["grant", "refuse"]), help="What clients answer. Default: grant; --url: refuse."
)
@click.option("--seed", type=int, default=1, show_default=True, metavar="N", help="The same seed asks for the same.")
@click.option("--most-mb", type=float, default=500.0, show_default=True, metavar="MB", help="Memory it may take.")
@click.option(
    "--search", "is_search", is_flag=True, help="Find the best concurrency, up to --concurrency, and batch size."
)
@click.option("--p95", "most_p95_s", type=float, default=0.0, metavar="S", help="With --search: the p95 it may have.")
@click.option("--workspace", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Folder of the server, kept afterwards. Default: a temporary one.")  # fmt: skip
@click.option("--json", "json_file", type=_FILE, metavar="OUT", help="Write the report here, as JSON.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Folder for report.json, report.md and report.html. Default: below `out`.")  # fmt: skip
@options.shared
@click.pass_context
def command(ctx: click.Context, /, config_file: Path | None, **given: Any) -> None:
    """Load a server as its clients do: response times, failures, cost, memory, and what holds it.

    Starts a server of its own, with an empty workspace, and the simulated provider beside it; nothing is called that
    costs money unless --provider real says so. `planloom loadtest scenarios` lists what can be asked for.

    \b
    planloom loadtest --scenario support --requests 500 --concurrency 50
    planloom loadtest --scenario sums --search --concurrency 64
    planloom loadtest --scenario goals.jsonl --url http://127.0.0.1:8400
    planloom loadtest compare before.json after.json

    Exit codes: 0 at least 95 % succeeded, 1 fewer or the server ended, 2 bad usage, 130 interrupted (what was measured
    is written).
    """
    if ctx.invoked_subcommand is not None:
        return
    from ..loadtest.campaign import Wanted, exit_code
    from ..loadtest.report import check_place

    folder = given.pop("workspace")
    files, json_file = given.pop("out"), given.pop("json_file")
    limits = {name: given.pop(name) for name in ("is_search", "most_p95_s", "most_mb")}
    loaded = options.settings(config_file)
    files = files or _new_folder(loaded.config.out)
    for path in (json_file, files / "report.json"):
        if path is not None:
            check_place(path)
    wanted = Wanted(load=_load(given), **limits)
    report = asyncio.run(_carried_out(wanted, loaded, folder))
    _tell(report, files, json_file)
    ctx.exit(exit_code(report))


@command.command("scenarios")
def scenarios() -> None:
    """List what clients can ask for."""
    from ..loadtest.scenarios import names
    from .output import print_table

    print_table(names().items(), ["bold", ""])


@command.command("compare")
@click.argument("before", type=_FILE)
@click.argument("after", type=_FILE)
@click.option("--tolerance", type=click.FloatRange(min=0), default=0.1, show_default=True, metavar="SHARE",
              help="A figure may get worse by this share.")  # fmt: skip
def compare(before: Path, after: Path, tolerance: float) -> None:
    """Say what got better or worse between two reports; exit code 1 when anything got worse."""
    from ..loadtest import comparing
    from ..loadtest.report import read
    from .output import print_text

    first, second = read(before), read(after)
    for told in comparing.differences(first, second):
        print_text(f"Not alike: {told}", "yellow")
    rows = comparing.compared(first, second, tolerance)
    _print_rows(comparing.lines(rows))
    sys.exit(1 if comparing.is_worse(rows) else 0)


def _load(given: dict[str, Any]) -> Load:
    from ..loadtest.load import Load, Quota

    quota = Quota(requests_per_minute=given.pop("rpm"), tokens_per_minute=given.pop("tpm"))
    return Load(quota=quota, usd=given.pop("price"), **given)


async def _carried_out(wanted: Wanted, loaded: Loaded, folder: Path | None) -> Report:
    """The load in a folder of its own; SIGINT and SIGTERM end it early, a second one at once."""
    from ..loadtest.campaign import carried_out
    from ..loadtest.measuring import Place
    from .loading import Shown

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C is a KeyboardInterrupt there
            loop.add_signal_handler(number, told)
    with tempfile.TemporaryDirectory(prefix="planloom-load-", ignore_cleanup_errors=True) as made, Shown() as shown:
        place = Place(
            folder=folder or Path(made),
            environ=os.environ,
            config_file=loaded.file,
            token=os.environ.get(TOKEN_VARIABLE, ""),
            models=loaded.config.models,
        )
        return await carried_out(wanted, place, stop, shown.take)


def _new_folder(out: str) -> Path:
    stamp = dt.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path(out).expanduser() / f"load-{stamp}"


def _tell(report: Report, folder: Path, json_file: Path | None) -> None:
    """Writes the report, and prints what it says."""
    from ..loadtest.files import written
    from ..loadtest.markdown import failures, rows, search_rows
    from ..printable import printable
    from .output import print_heading, print_table, print_text

    files = written(report, folder, json_file)
    print_text(report["told"], "yellow")
    if report["ended"]:
        sent = f"{report['sent']} of {report['load']['requests']} goals were sent"
        print_text(f"\n{report['ended']}: {sent}. {report['epitaph']}", "red")
    sys.stdout.write("\n")
    print_table(rows(report), ["bold", ""])
    for kind, count, example in failures(report):
        print_text(printable(f"{count} failed, {kind}" + (f": {example}" if example else "")), "red")
    if report.get("search"):
        print_heading("\nSearch")
        print_table(search_rows(report["search"]), ["", "", "", "", "", ""])
        print_text(report["search"]["told"], "bold")
    print_text(f"\n{report['bottleneck']['told']}", "bold")
    print_text("\n" + "\n".join(f"  {path}" for path in files), "dim")


def _print_rows(lines: list[tuple[str, str, str, str, str]]) -> None:
    from .output import print_table

    print_table([("", "before", "after", "change", ""), *lines], ["bold", "", "", "", ""])
