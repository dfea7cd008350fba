"""`planloom serve`: the chat server and its page."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..config import Config
    from ..settings import Loaded


@click.command("serve")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port; 0: a free one. Default: server.port.")
@click.option("--host", metavar="ADDRESS", help="Address to listen at; beyond loopback a token is needed.")
@click.option(
    "--workspace",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder that runs read and write; journals go below it too, unless `state` is set.",
)
@options.shared
def command(port: int | None, host: str | None, workspace: Path | None, config_file: Path | None) -> None:
    """Serve the chat: a page for browsers, a socket and HTTP for programs, and a model for OpenAI clients.

    Prints one line when it can be used. Runs that were under way when it ended go on when it starts again.

    \b
    planloom serve
    planloom serve --port 8400 --workspace ~/data
    """
    from ..server.serving import Running, serve_until_told

    config = settings(config_file, workspace)

    def announce(found: Running) -> None:
        click.echo(line(found.url, found.token, is_open=not found.server.access.needs_token))

    asyncio.run(serve_until_told(config, host=host, port=port, announce=announce))


def settings(config_file: Path | None, workspace: Path | None) -> Config:
    """The settings in force; with a workspace, journals and files go below it where nothing else is said.

    Raises:
        ConfigError: as `settings.load`.
    """
    if workspace is None:
        return options.settings(config_file).config
    folder = workspace.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    loaded = options.settings(config_file, workspace=str(folder))
    below = {name: str(folder / getattr(loaded.config, name)) for name in ("state", "out") if _is_default(loaded, name)}
    return loaded.config.model_copy(update=below)


def _is_default(loaded: Loaded, key: str) -> bool:
    return loaded.origins.get(key, "default") == "default"


def line(url: str, token: str, *, is_open: bool) -> str:
    """What is printed when it can be used."""
    if token:
        return f"Planloom is ready at {url} with the token {token}"
    if is_open:
        return f"Planloom is ready at {url} (no token: everybody on this machine may use it)"
    return f"Planloom is ready at {url}"
