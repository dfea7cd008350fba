"""`planloom bench` runs what stands in the folder benchmarks, and passes its exit code on."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from planloom.cli import bench
from planloom.errors import UsageError


def test_benchmarks_are_listed_with_what_they_measure():
    done = CliRunner().invoke(bench.command, [])
    assert done.exit_code == 0
    lines = {line.split()[0]: line for line in done.output.splitlines()}
    assert {"deck", "finance", "schedule"} <= set(lines) and "harness" not in lines
    assert "merchant deck" in lines["deck"]


def test_options_and_exit_code_are_those_of_the_benchmark(capfd: pytest.CaptureFixture[str]):
    assert CliRunner().invoke(bench.command, ["deck", "--help"]).exit_code == 0
    assert "--json" in capfd.readouterr().out
    assert CliRunner().invoke(bench.command, ["deck", "--nonsense"]).exit_code == 2


def test_an_unknown_name_is_answered_with_the_nearest():
    done = CliRunner().invoke(bench.command, ["decks"])
    assert isinstance(done.exception, UsageError) and "nearest are deck" in str(done.exception)


def test_a_folder_without_benchmarks_has_none(tmp_path: Path):
    (tmp_path / "shared.py").write_text("x = 1\n")
    assert bench.benchmarks(tmp_path) == {}
