"""What clients ask the workflows for in a load test; they come in by the entry points `planloom.scenarios`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def support(count: int, seed: int, folder: Path | None) -> Iterator[Mapping[str, Any]]:
    """Tickets of the support desk about its sample shop: damage, delivery, billing, refunds, abuse, attacks."""
    from .support.samples.generator import samples
    from .support.samples.making import subjects
    from .support.shop.sample import sample_database

    with tempfile.TemporaryDirectory() as made:
        known = subjects(sample_database(Path(made) / "support.sqlite"), seed)  # the same as the server's own
    for one in samples(known, count, seed):
        inputs = {name: value for name, value in one.ticket().items() if name != "received"}
        yield {"message": f"Handle the ticket {one.id}", "playbook": "support-ticket", "inputs": inputs}
