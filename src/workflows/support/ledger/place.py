"""Where the desk's ledger lies."""

from __future__ import annotations

from pathlib import Path

from ....config import Config
from .book import Ledger


def ledger(config: Config) -> Ledger:
    """The ledger in the state folder."""
    return Ledger(Path(config.state).expanduser().resolve() / "support" / "desk.sqlite")
