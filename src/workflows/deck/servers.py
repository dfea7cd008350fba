"""How the two servers are started for a plan. Rule: limits and places come from the settings of the deck."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import SecretStr

from ...agents.mcp.plugged import PluggedServer
from ...config import Config, McpServer
from .merchant import VARIABLE

_HERE = Path(__file__).parent


def merchant(config: Config) -> PluggedServer:
    """The data server."""
    deck = config.deck
    sample = Path(config.state).expanduser().resolve() / "samples" / "merchants.sqlite"
    address = deck.database.get_secret_value()
    settings = McpServer(
        command=sys.executable,
        args=["-P", "-m", "planloom.workflows.deck.merchant", "--sample", str(sample)],
        env={VARIABLE: SecretStr(address)} if address else {},
        concurrency=deck.max_concurrent_requests if deck.concurrent_requests else 1,
        trust="trusted",
    )
    return PluggedServer(settings=settings, listing=_HERE / "merchant.json")


def plots(config: Config) -> PluggedServer:
    """The chart server."""
    deck = config.deck
    count = deck.max_concurrent_charts if deck.concurrent_charts else 1
    settings = McpServer(
        command=sys.executable,
        args=[
            *("-P", "-m", "planloom.workflows.deck.plots"),
            *("--workers", str(count), "--batch-size", str(deck.batch_size)),
        ],
        concurrency=count,
        trust="trusted",
    )
    return PluggedServer(settings=settings, listing=_HERE / "plots.json")
