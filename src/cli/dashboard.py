"""`planloom dashboard`: what a server does, what its runs did, and what loads measured, in a browser."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from . import options

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("dashboard")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8501, show_default=True, metavar="N", help="0: a free one."
)
@click.option("--url", metavar="URL", help="The server to look at. Default: the one of the settings, on this machine.")
@click.option("--state", type=_FOLDER, metavar="DIR", help="Folder with the journals of runs. Default: `state`.")
@click.option(
    "--reports",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Load reports: a folder or one file. Default: `out`.",
)
@options.shared
def command(port: int, url: str | None, state: Path | None, reports: Path | None, config_file: Path | None) -> None:
    """Show requests, success, response times, cost, quota, memory: of a server now, and of recorded runs and loads.

    Only this machine can open it, it sends nothing to anyone, and it changes nothing. A server that wants a token gets
    that of PLANLOOM_SERVER__TOKEN. Needs planloom[dashboard].

    \b
    planloom dashboard
    planloom dashboard --port 8600 --url http://127.0.0.1:8400 --state ~/data/.planloom
    planloom dashboard --reports planloom-out
    """
    from ..dashboard.serving import serve
    from ..dashboard.source import Source

    config = options.settings(config_file).config
    source = Source(
        url=url or f"http://127.0.0.1:{config.server.port}",
        state=str((state or Path(config.state)).expanduser().resolve()),
        reports=str((reports or Path(config.out)).expanduser().resolve()),
        requests_per_minute=config.limits.requests_per_minute,
        tokens_per_minute=config.limits.tokens_per_minute,
    )

    def announce(found: str) -> None:
        sys.stdout.write(f"The dashboard is ready at {found}; Ctrl-C ends it.\n")
        sys.stdout.flush()

    serve(source, port, announce)
