"""The registry that some settings ask for, with everything it draws from. Rule: nothing is started or imported here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..config import Config
from .catalog import Shelf
from .mcp.plugged import PluggedServers
from .plugins import PlugIns
from .registry import Registry, Source


def equipped(config: Config, environ: Mapping[str, str]) -> Registry:
    """A registry of the built-in tools, the modules and the servers of the settings; `close` it at the end.

    `environ` is where `${ENV:NAME}` in the settings of servers looks.

    Raises:
        ConfigError: the settings of a server can't work.
    """
    shelf = shelf_of(config)
    sources: list[Source] = [PlugIns()]
    if config.mcp.servers:
        from .mcp.servers import Servers

        sources.append(Servers(config.mcp, environ=environ, shelf=shelf))
    sources.append(PluggedServers(config, environ=environ, shelf=shelf))
    return Registry(config.tools.modules, sources=sources, shelf=shelf)


def shelf_of(config: Config) -> Shelf:
    """Where what is known of tools is kept between processes; one that keeps nothing if that is switched off."""
    folder = Path(config.state).expanduser().resolve() / "catalog"
    return Shelf(folder if config.caches.tool_catalog_cache else None)
