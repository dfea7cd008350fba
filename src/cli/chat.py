"""`planloom chat`: the socket in the terminal."""

from __future__ import annotations

import asyncio
import os

import click

from . import options

TOKEN_VARIABLE = "PLANLOOM_SERVER__TOKEN"  # noqa: S105 - its name


@click.command("chat")
@click.argument("words", metavar="[GOAL]", nargs=-1)
@click.option("--url", default="http://127.0.0.1:8400", show_default=True, metavar="URL", help="Where the server is.")
@click.option("--session", metavar="ID", help="Go on with this session.")
@options.shared
def command(words: tuple[str, ...], url: str, session: str | None, config_file: object) -> None:
    """Talk to a server; with GOAL say one thing and leave when it is answered.

    A token is taken from PLANLOOM_SERVER__TOKEN. Inside, /sessions lists, /open ID goes on with one, /new begins one,
    /quit leaves. Questions are answered with y or n.

    \b
    planloom serve &
    planloom chat
    planloom chat "Report on the folder ."
    """
    from .chatting import Chat

    token = os.environ.get(TOKEN_VARIABLE, "")
    goal = " ".join(words) or None
    click.get_current_context().exit(asyncio.run(Chat(url, token, session).talk(goal)))
