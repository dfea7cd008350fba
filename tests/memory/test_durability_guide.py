"""The guide to durability names tests that are there, and settings that exist."""

from __future__ import annotations

import re
from pathlib import Path

from planloom.config import Sessions

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "durability.md").read_text(encoding="utf-8")


def test_every_promise_names_tests_that_are_there():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", GUIDE)
    assert len(named) >= 15
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), test
    rows = [line for line in GUIDE.split("| promise |")[1].split("\n\n")[0].splitlines()[2:] if line]
    assert all("::test_" in row for row in rows) and rows


def test_every_setting_of_the_guide_exists():
    assert set(re.findall(r"`sessions\.(\w+)`", GUIDE)) <= set(Sessions.model_fields)
