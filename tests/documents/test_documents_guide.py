"""What docs/documents.md shows is true."""

from __future__ import annotations

import re
from pathlib import Path

from planloom.cli.app import root
from planloom.settings import load

GUIDE = (Path(__file__).parents[2] / "docs" / "documents.md").read_text(encoding="utf-8")


def test_the_settings_load(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "planloom.yaml").write_text(block)
    config = load(tmp_path / "planloom.yaml", environ={}).config
    assert config.models.embeddings.model == "nomic-embed-text"
    assert config.embeddings.text_prefix == "search_document: "


def test_the_commands_exist() -> None:
    context = root.make_context("planloom", [], resilient_parsing=True)
    for name in re.findall(r"`?planloom (\w+)", GUIDE):
        assert root.get_command(context, name) is not None, name
