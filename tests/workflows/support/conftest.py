"""A desk in a folder of its own, without a model, and what it did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from planloom import Planloom
from planloom.config import Config
from planloom.workflows.support.ledger.place import ledger
from planloom.workflows.support.shop.sample import sample_database


class Desk:
    """Handles tickets with the playbooks; `actions` tells what was done, `shop` what the sample holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = {
            "workspace": str(folder),
            "state": str(folder / "state"),
            "out": str(folder / "out"),
        }
        self.answers: list[bool] = []
        self.asked: list[str] = []

    @property
    def config(self) -> Config:
        return Config.model_validate(self.settings)

    async def handle(self, text: str, customer: str = "", **more: Any) -> Any:
        """The result of one ticket's run; its `close` step as `.closed`."""
        async with Planloom(self.config) as loom:
            inputs = {"text": text, "customer": customer, **more}
            return await loom.run(playbook="support-ticket", inputs=inputs, approve=self._answer)

    async def inbox(self, path: Path | None = None, **inputs: Any) -> Any:
        async with Planloom(self.config) as loom:
            given = inputs | ({"file": str(path)} if path is not None else {})
            return await loom.run(playbook="support-desk", inputs=given, approve=self._answer)

    def actions(self, kind: str = "") -> list[dict[str, Any]]:
        return [one for one in ledger(self.config).actions() if kind in ("", one["action"])]

    def order(self, where: str) -> dict[str, Any]:
        """The first order of the sample for which a condition holds."""
        import contextlib
        import sqlite3

        path = sample_database(self.folder / "state" / "samples" / "support.sqlite")
        with contextlib.closing(sqlite3.connect(path)) as base:
            base.row_factory = sqlite3.Row
            row = base.execute(f"SELECT * FROM orders WHERE {where} ORDER BY id LIMIT 1").fetchone()  # noqa: S608
        return dict(row)

    async def _answer(self, asked: Any) -> bool | None:
        self.asked.append(asked.step)
        return self.answers.pop(0) if self.answers else None


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    yield Desk(tmp_path)
