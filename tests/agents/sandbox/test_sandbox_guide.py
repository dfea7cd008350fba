"""The guide to the sandbox tells the truth: its program runs, its tests are there, its settings are taken."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from planloom.agents.sandbox.kinds import KINDS
from planloom.agents.sandbox.trial import fault
from planloom.config import Config

ROOT = Path(__file__).parent.parent.parent.parent
GUIDE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.skipif(all(map(fault, KINDS)), reason="no way to build a sandbox here")
def test_program_of_the_guide_runs(tmp_path):
    program = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[0]
    out = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert out.stdout.split()[0] == "3.0" and out.stdout.split()[1] in KINDS


def test_tests_the_guide_names_are_there():
    named = set(re.findall(r"`(test_\w+)`", GUIDE))
    there = set(re.findall(r"def (test_\w+)", (Path(__file__).parent / "test_attacks.py").read_text(encoding="utf-8")))
    assert len(named) > 8 and named <= there


def test_settings_the_guide_shows_are_taken():
    shown = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)[0])
    assert Config.model_validate(shown).tools.process.allow[0] == "make test"
