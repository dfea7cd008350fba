"""What docs/models.md and the README tell people to set is what the settings take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from planloom.models.client import endpoint_of
from planloom.settings import load

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/models.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
VARIABLES = re.findall(r"\| `(OPENAI_[^`]+)` \|", GUIDE) + re.findall(r"^export (OPENAI_[^#]+)#", README, re.MULTILINE)
FILES = re.findall(r"\| `(models: [^`]+)` \|", GUIDE)
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)


def test_both_ways_are_shown_for_each_server() -> None:
    assert (len(VARIABLES), len(FILES), len(BLOCKS)) == (11, 7, 3)


@pytest.mark.parametrize("line", VARIABLES)
def test_variables_of_each_server_give_a_model(line: str, tmp_path: Path) -> None:
    environ = dict(word.split("=", 1) for word in shlex.split(line))
    assert endpoint_of(load(environ=environ, folder=tmp_path).config.models, "planner") is not None


@pytest.mark.parametrize("line", FILES)
def test_lines_of_each_server_give_a_model(line: str, tmp_path: Path) -> None:
    (tmp_path / "planloom.yaml").write_text(line + "\n")
    assert endpoint_of(load(environ={}, folder=tmp_path).config.models, "writer") is not None


@pytest.mark.parametrize("block", BLOCKS)
def test_other_settings_in_the_guide_are_taken(block: str, tmp_path: Path) -> None:
    from planloom.models.cost import Prices
    from planloom.models.ledger import configured

    (tmp_path / "planloom.yaml").write_text(block)
    config = load(environ={}, folder=tmp_path).config
    Prices.read(config.models.prices)
    configured(config.limits)
