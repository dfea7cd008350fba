"""`planloom index`: reads documents into the index, shows how it stands, forgets them again."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..documents.index.indexing import Progress
    from ..documents.index.records import Report, Status

_CANCELLED = 130
_LISTED = 20


class _Paths(click.Group):
    """A group whose own arguments are paths; `status` and `forget` are commands (./status is a path)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not any(arg in self.commands for arg in args) and not {"-h", "--help"} & set(args):
            args = ["add", *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[PATH]... [--watch] [--json] | status | forget PATH...")


@click.group("index", cls=_Paths)
def command() -> None:
    """Read files and folders into the index.

    \b
    planloom index ~/Documents             again: only what has changed
    planloom index                         all folders that were given before
    planloom index ~/Documents --watch     and then whenever something changes
    planloom index status
    planloom index forget ~/Documents/old

    PDF, Word, PowerPoint, Excel, HTML, Markdown, CSV, mail (.eml), EPUB, text and source code. A file that can't be
    read is named and does not stop the others. Ctrl-C stops early and keeps what is done.
    """


@command.command("add", hidden=True)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--watch", is_flag=True, help="Go on, and index what changes, until Ctrl-C.")
@options.as_json
@options.shared
def add(paths: tuple[str, ...], watch: bool, as_json: bool, config_file: Path | None) -> None:
    """Read files and folders into the index."""
    sys.exit(asyncio.run(_add(paths, watch=watch, as_json=as_json, config_file=config_file)))


@command.command("status")
@options.as_json
@options.shared
def status(as_json: bool, config_file: Path | None) -> None:
    """Show what is in the index."""
    from dataclasses import asdict

    from .output import print_json

    found = asyncio.run(_status(config_file))
    if as_json:
        print_json(asdict(found))
    else:
        _show_status(found)


@command.command("forget")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@options.as_json
@options.shared
def forget(paths: tuple[str, ...], as_json: bool, config_file: Path | None) -> None:
    """Remove files, or all files of folders, from the index."""
    from .output import print_json, print_text

    count = asyncio.run(_forget(paths, config_file))
    if as_json:
        print_json({"forgotten": count})
    else:
        print_text(f"{_count(count, 'file')} forgotten." if count else "Nothing of that is in the index.")
    sys.exit(0 if count else 1)


async def _add(paths: tuple[str, ...], *, watch: bool, as_json: bool, config_file: Path | None) -> int:
    from .knowledge import opened_library

    stop = asyncio.Event()
    async with opened_library(config_file) as (library, _):
        with _stopped_by_ctrl_c(stop):
            if watch:
                async for report in library.watch(paths, stop=stop):
                    _show(report, as_json=as_json, is_one_line=True)
                return 0
            with _bar(is_shown=not as_json) as on_progress:
                report = await library.index(paths, on_progress=on_progress, stop=stop)
    _show(report, as_json=as_json)
    if report.stopped:
        return _CANCELLED
    return 1 if report.failed and not report.files else 0


async def _status(config_file: Path | None) -> Status:
    from ..errors import UsageError
    from .knowledge import opened_library

    async with opened_library(config_file) as (library, _):
        if not library.is_there:
            raise UsageError("expected an index, got none; make one with: planloom index FOLDER")
        return await library.status()


async def _forget(paths: tuple[str, ...], config_file: Path | None) -> int:
    from .knowledge import opened_library

    async with opened_library(config_file) as (library, _):
        return await library.forget(paths) if library.is_there else 0


@contextmanager
def _stopped_by_ctrl_c(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C sets `stop`; the second one ends at once."""
    loop = asyncio.get_running_loop()

    def once() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        sys.stderr.write("\nStopping; what is done is kept. Ctrl-C again ends at once.\n")

    loop.add_signal_handler(signal.SIGINT, once)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def _bar(*, is_shown: bool) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on a terminal's stderr, nothing elsewhere."""
    if not is_shown or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from .knowledge import shown

    columns = (TextColumn("{task.description:<10}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, TextColumn("[dim]{task.fields[path]}", markup=True), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("scanning", total=None, path="")

        def update(progress: object) -> None:
            path = shown(getattr(progress, "path", "")).replace("[", "(")
            stage, done, total = (getattr(progress, name) for name in ("stage", "done", "total"))
            bar.update(task, description=stage, completed=done, total=total or None, path=path[-50:])

        yield update


def _show(report: Report, *, as_json: bool, is_one_line: bool = False) -> None:
    from .output import print_json, print_text

    if as_json and is_one_line:
        import json

        sys.stdout.write(json.dumps(report.to_dict()) + "\n")
        sys.stdout.flush()
        return
    if as_json:
        print_json(report.to_dict())
        return
    from ..printable import printable
    from .knowledge import show_failed

    print_text(_summary(report))
    for note in report.notes:
        print_text(f"Note: {printable(note)}", "yellow")
    if report.pending:
        print_text(f"{_count(report.pending, 'passage')} without vectors yet; run planloom index again.", "yellow")
    if report.failed:
        show_failed(report.failed, most=_LISTED)
    sys.stdout.flush()


def _summary(report: Report) -> str:
    parts = [
        f"{number} {what}"
        for number, what in (
            (report.added, "new"),
            (report.changed, "changed"),
            (report.removed, "removed"),
            (report.unchanged, "unchanged"),
            (report.skipped, "of other kinds left out"),
        )
        if number
    ]
    begin = "Stopped early: " if report.stopped else ""
    told = f" ({', '.join(parts)})" if parts else ""
    return (
        f"{begin}{_count(report.files, 'file')}, {_count(report.chunks, 'passage')} in the index{told}; "
        f"{report.seconds:.1f} s."
    )


def _show_status(found: Status) -> None:
    from .knowledge import show_failed, shown
    from .output import print_table

    kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
    vectors = found.vectors or {}
    how = (
        "searched exactly"
        if vectors.get("kind", "flat") == "flat"
        else f"{vectors['kind']}, recall {vectors['recall']:.2f}"
    )
    rows = [
        ("folders", "\n".join(shown(root) for root in found.roots) or "none"),
        ("files", f"{found.files} ({kinds})" if kinds else "0"),
        ("passages", str(found.chunks)),
        ("vectors", f"{_embedding(found.embedding)}; {how}" + (f"; {found.pending} missing" if found.pending else "")),
        ("on disk", f"{found.size_bytes / 1e6:.1f} MB in {found.folder}"),
    ]
    print_table(rows, ("bold", ""))
    if found.failed:
        show_failed(found.failed, most=len(found.failed))


def _embedding(key: str) -> str:
    """An embedding as people read it."""
    name = key.partition("?")[0]
    return "of the words themselves, without a model" if name.startswith("lexical:") else f"by {name}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
