"""Real server processes, and the check that none of them is left."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.agents.mcp.party import Gather, Party

from planloom.agents.catalog import Shelf
from planloom.agents.mcp.servers import Servers
from planloom.config import Mcp


@pytest.fixture
async def gather(tmp_path: Path) -> AsyncIterator[Gather]:
    """Makes servers from settings; afterwards all are closed and nothing of them may be left."""
    parties: list[Party] = []

    def made(
        servers: Mapping[str, Any], *, environ: Mapping[str, str] | None = None, keep: bool = False, **more: Any
    ) -> Party:
        settings = Mcp.model_validate({"servers": servers, **more})
        shelf = Shelf(tmp_path / "catalog" if keep else None)
        party = Party(tmp_path, Servers(settings, environ=environ or dict(os.environ), shelf=shelf))
        parties.append(party)
        return party

    yield made
    for party in parties:
        running = party.processes()
        await party.servers.close()
        assert not [process for process in running if process.is_running()]
