"""`planloom mcp`: the MCP servers of the settings, and Planloom as one."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import PlanloomError, UsageError
from . import options

if TYPE_CHECKING:
    from ..agents.mcp.server import Server
    from ..agents.mcp.servers import Servers
    from ..agents.workspace import Workspace
    from ..config import Config


@click.group("mcp")
@options.shared
@click.pass_context
def command(ctx: click.Context, config_file: Path | None) -> None:
    """List, check and call the MCP servers of the settings, or be one.

    \b
    planloom mcp list --presets
    planloom mcp check
    planloom mcp call docs read_text_file --args '{"path": "notes.md"}'
    planloom mcp serve

    Servers stand in the settings under mcp.servers; docs/mcp.md tells more.
    """
    ctx.obj = config_file


@command.command("list")
@click.argument("server", required=False)
@click.option("--presets", is_flag=True, help="List the well-known servers that one line of settings switches on.")
@click.option("--refresh", is_flag=True, help="Ask the server again what it offers.")
@options.as_json
@options.shared
@click.pass_obj
def list_(  # noqa: PLR0917 - click hands them over by name
    group_config: Path | None,
    server: str | None,
    presets: bool,
    refresh: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """List the servers, or the tools of one. Only a server that is named is started, and only if need be."""
    if presets:
        _show_presets(as_json=as_json)
    elif server is None:
        _show_servers(_config(config_file or group_config), as_json=as_json)
    else:
        _with_servers(config_file or group_config, lambda s: _show_tools(s, server, refresh=refresh, as_json=as_json))


@command.command("check")
@click.argument("server", required=False)
@options.as_json
@options.shared
@click.pass_obj
def check(group_config: Path | None, server: str | None, as_json: bool, config_file: Path | None) -> None:
    """Start or reach each server, or one, and say how it went. Exit code 1 if one does not work."""
    found = _with_servers(config_file or group_config, lambda servers: _checked(servers, server))
    from .output import print_json, print_table

    if as_json:
        print_json(found)
    else:
        rows = [(row["name"], "ok" if row["ok"] else "PROBLEM", row["told"]) for row in found]
        print_table(rows or [("", "", "no server in the settings; see docs/mcp.md")], ("bold", "cyan", ""))
    raise SystemExit(0 if all(row["ok"] for row in found) else 1)


@command.command("call")
@click.argument("server")
@click.argument("tool")
@click.option("--args", "arguments", default="{}", metavar="JSON", help="The arguments, as a JSON object.")
@options.as_json
@options.shared
@click.pass_obj
def call(  # noqa: PLR0917 - click hands them over by name
    group_config: Path | None, server: str, tool: str, arguments: str, as_json: bool, config_file: Path | None
) -> None:
    """Call one tool of a server. Nothing asks: to call it from here is the approval."""
    values = _arguments(arguments)
    config = _config(config_file or group_config)
    began = time.perf_counter()
    result = _with_servers(config_file or group_config, lambda servers: _called(servers, config, server, tool, values))
    from .output import print_json

    seconds = round(time.perf_counter() - began, 3)
    print_json({"server": server, "tool": tool, "seconds": seconds, "result": result} if as_json else result)


@command.command("approve")
@click.argument("server")
@options.shared
@click.pass_obj
def approve(group_config: Path | None, server: str, config_file: Path | None) -> None:
    """Approve the tools of a server as they are now, after it has changed them."""
    changes = _with_servers(config_file or group_config, lambda servers: _approved(servers, server))
    for change in changes:
        click.echo(str(change))
    click.echo(f"{server}: {len(changes)} change{'s' * (len(changes) != 1)} approved")


@command.command("serve")
@click.option(
    "--http", metavar="PORT", type=click.IntRange(0, 65535), help="Serve streamable HTTP on loopback instead."
)
@options.shared
@click.pass_obj
def serve(group_config: Path | None, http: int | None, config_file: Path | None) -> None:
    """Be an MCP server: editors and assistants can plan and run goals.

    Without --http it speaks on stdin and stdout. With it, a token is printed that every request has to carry as
    `Authorization: Bearer TOKEN`; PLANLOOM_MCP_TOKEN sets one.
    """
    from .mcpserve import serve as run

    run(_config(config_file or group_config), port=http)


# ---- the servers of the settings


def _config(config_file: Path | None) -> Config:
    return options.settings(config_file).config


def _with_servers(config_file: Path | None, work: Callable[[Servers], Awaitable[Any]]) -> Any:
    """What `work` makes of the servers; they are ended afterwards, and their notices told on stderr."""
    from ..agents.equipment import shelf_of
    from ..agents.mcp.servers import Servers

    config = _config(config_file)

    async def worked() -> Any:
        servers = Servers(config.mcp, environ=os.environ, shelf=shelf_of(config))
        try:
            return await work(servers)
        finally:
            await servers.close()
            for text in servers.take_notices():
                click.echo(f"Note: {text}", err=True)

    return asyncio.run(worked())


def _arguments(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--args: expected a JSON object, got {text!r}: {error}") from error
    if not isinstance(values, dict):
        raise UsageError(f'--args: expected a JSON object such as {{"path": "a.txt"}}, got {text!r}')
    return values


async def _called(servers: Servers, config: Config, server: str, tool: str, arguments: dict[str, Any]) -> Any:
    from ..agents.call import Caller
    from ..agents.tool import ToolContext

    known = servers.server(server)
    await servers.learn(server)
    found = servers.find(f"{server}.{tool}")
    if found is None:
        from difflib import get_close_matches

        names = [name.partition(".")[2] for name in known.tools()]
        near = get_close_matches(tool, names, n=3, cutoff=0.4) or names[:10]
        raise UsageError(f"expected a tool of {server}, got {tool!r}; it has {', '.join(near) or 'none'}")
    context = ToolContext(workspace=_workspace(config), config=config, progress=_progress)
    return await Caller(lambda: None).call(found, arguments, context)  # type: ignore[arg-type,return-value]


def _workspace(config: Config) -> Workspace:
    from ..agents.workspace import Workspace

    return Workspace(Path(config.workspace).expanduser(), Path(config.out).expanduser() / "mcp")


def _progress(done: float, total: float | None = None, note: str = "") -> None:
    shown = f"{done:g} of {total:g}" if total else f"{done:g}"
    click.echo(f"{shown} {note}".rstrip(), err=True)


async def _checked(servers: Servers, only: str | None) -> list[dict[str, Any]]:
    chosen = [servers.server(only)] if only is not None else list(servers)
    return list(await asyncio.gather(*(_look(servers, server) for server in chosen)))


async def _look(servers: Servers, server: Server) -> dict[str, Any]:
    began = time.perf_counter()
    row: dict[str, Any] = {"name": server.name, "ok": False, "told": "", "tools": 0, "seconds": 0.0, "ping_ms": None}
    try:
        await servers.learn(server.name)
        row["seconds"] = round(time.perf_counter() - began, 3)
        began = time.perf_counter()
        await server.ping()
    except PlanloomError as error:
        return row | {"told": str(error)}
    ping_ms = round((time.perf_counter() - began) * 1000, 1)
    listing = server.listing
    assert listing is not None
    told = f"{listing.server} {listing.version}, {len(listing.offers)} tools, "
    told += f"ready in {row['seconds']} s, ping {ping_ms} ms"
    waiting = [] if server.settings.trust == "trusted" else server.changes()
    if waiting:
        told += f"; {len(waiting)} wait for approval: planloom mcp approve {server.name}"
    return row | {"ok": True, "told": told, "tools": len(listing.offers), "ping_ms": ping_ms}


async def _approved(servers: Servers, name: str) -> list[Any]:
    server = servers.server(name)
    await servers.learn(name)
    changes = server.changes()
    server.approve()
    return changes


# ---- what is shown


def _show_presets(*, as_json: bool) -> None:
    from ..agents.mcp.presets import PRESETS
    from .output import print_json, print_table, print_text

    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "purpose": p.purpose,
                    "command": list(p.command),
                    "args": p.args,
                    "url": p.url,
                    "env": list(p.env),
                }
                for name, p in PRESETS.items()
            ]
        )
        return
    rows = [
        (name, f"{' '.join(p.command)} {p.args}".strip() if p.command else p.url, p.purpose)
        for name, p in PRESETS.items()
    ]
    print_table(rows, ("bold", "cyan", ""))
    print_text("\nTo switch one on:  mcp: {servers: {docs: {preset: filesystem, args: [./docs]}}}", "dim")


def _show_servers(config: Config, *, as_json: bool) -> None:
    """The servers without starting any."""
    from ..agents.equipment import shelf_of
    from ..agents.mcp.launch import how
    from ..agents.mcp.servers import Servers
    from .output import print_json, print_table

    servers = Servers(config.mcp, environ=os.environ, shelf=shelf_of(config))
    known = {server.name: server.listing for server in servers}
    rows: list[dict[str, Any]] = []
    for name, settings in config.mcp.servers.items():
        listing = known.get(name)
        tools = len(listing.offers) if listing is not None else None
        rows.append(
            {"name": name, "how": how(settings), "trust": settings.trust, "enabled": settings.enabled, "tools": tools}
        )
    if as_json:
        print_json(rows)
        return
    told = [
        (
            r["name"],
            r["trust"],
            "switched off" if not r["enabled"] else "not asked yet" if r["tools"] is None else f"{r['tools']} tools",
            r["how"],
        )
        for r in rows
    ]
    none = [("No MCP server in the settings.", "", "", "`planloom mcp list --presets` shows well-known ones")]
    print_table(told or none, ("bold", "", "cyan", ""))


async def _show_tools(servers: Servers, name: str, *, refresh: bool, as_json: bool) -> None:
    from ..agents.tool import short
    from .output import print_heading, print_json, print_table, print_text
    from .tools import described

    server = servers.server(name)
    if server.listing is None or refresh:
        await servers.learn(name)
    listing = server.listing
    assert listing is not None
    tools = list(server.tools().values())
    changes = server.changes()
    if as_json:
        print_json(
            {
                "name": name,
                "server": listing.server,
                "version": listing.version,
                "tools": [described(tool, f"mcp {name}") for tool in tools],
                "changes": [str(change) for change in changes],
                "notes": list(listing.notes),
            }
        )
        return
    print_heading(f"{name}: {listing.server} {listing.version}")
    rows = [(f"  {t.name}", f"{t.effect}, asks" if t.destructive else t.effect, short(t.description)) for t in tools]
    print_table(rows, ("bold", "cyan", ""))
    for note in listing.notes:
        print_text(f"  note: {note}", "dim")
    if changes:
        print_heading("\nNot as approved")
        for change in changes:
            print_text(f"  {change}")
        print_text(f"  planloom mcp approve {name} takes them as they are", "dim")
