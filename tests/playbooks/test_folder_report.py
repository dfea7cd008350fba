"""The folder report, from the goal in words to the page."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from planloom import Config, Planloom
from planloom.config import Performance
from planloom.orchestrator.result import Result

README = """# Bees

Bees collect nectar from flowers and carry it to the hive. Honey is made from the nectar that bees collect in summer.
A hive can hold sixty thousand bees. Beekeepers harvest honey when the combs are closed with wax.
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        workspace=str(tmp_path),
        state=str(tmp_path / "state"),
        out=str(tmp_path / "out"),
        performance=Performance(max_parallel_steps=0),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "garden"
    made.mkdir()
    return made


def _fill(folder: Path) -> None:
    for name, content in {
        "README.md": README.encode(),
        "notes/summer.md": README.replace("Bees", "Summer").encode() * 3,
        "src/a.py": b"# TODO water the plants\nx = 1\n",
        "src/b.py": b"y = 2\n" * 50,
        "src/c <b>&amp;.py": b"y = 2\n" * 50,
        "data/a.csv": b"1,2\n" * 100,
        "pic.png": b"\x89PNG\x00" * 200,
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for number, path in enumerate(sorted(folder.rglob("*"))):
        os.utime(path, (1_700_000_000 + number * 10**6,) * 2)


def _commit(folder: Path) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "First"]):
        subprocess.run(["git", *who, *command], cwd=folder, check=True)


async def _run(config: Config, goal: str, **options: Any) -> Result:
    async with Planloom(config) as loom:
        return await loom.run(goal, **options)


def _page(result: Result, root: Path) -> str:
    found = next(a.path for a in result.artifacts if a.media_type == "text/html")
    return (root / found).read_text(encoding="utf-8")


def _headings(page: str) -> list[str]:
    return re.findall(r"<h[23]>([^<]+)</h", page)


async def test_folder_becomes_a_report(config: Config, folder: Path, tmp_path: Path) -> None:
    _fill(folder)
    result = await _run(config, f"Report on the folder {folder}")
    assert result.status == "done"
    assert {step.status for step in result.steps.values()} == {"ok"}
    assert "`garden` holds 7 files" in result.answer
    assert "1 file is a copy of another" in result.answer
    assert "1 to-do mark (1 TODO)" in result.answer
    page = _page(result, tmp_path)
    headings = _headings(page)
    assert headings[:5] == ["In short", "At a glance", "Kinds of files", "Where the space goes", "Sizes"]
    assert {"Growth", "Duplicates", "To-do marks", "README.md", "notes/summer.md", "Python"} <= set(headings)
    assert "History" not in headings
    assert "<b>&amp;.py" not in page
    assert "What is missing" not in page
    assert page.count("<img ") == len([a for a in result.artifacts if a.media_type == "image/png"]) > 7


async def test_repository_reports_its_history(config: Config, folder: Path, tmp_path: Path) -> None:
    _fill(folder)
    _commit(folder)
    result = await _run(config, f"Report on the folder {folder}")
    assert result.status == "done"
    assert "Git records 1 commit by 1 author" in result.answer
    page = _page(result, tmp_path)
    assert "History" in _headings(page)
    assert "ada@example.org" not in page


async def test_empty_folder_gives_a_short_report(config: Config, folder: Path, tmp_path: Path) -> None:
    result = await _run(config, f"Report on the folder {folder}")
    assert result.status == "done"
    assert result.answer.startswith("`garden` holds no files.\n\nThe report:")
    page = _page(result, tmp_path)
    assert _headings(page) == ["In short", "At a glance"]
    assert "What is missing" not in page


async def test_folder_of_binaries_gives_a_report_without_prose(config: Config, folder: Path, tmp_path: Path) -> None:
    for name in ("a.bin", "b.so", "c"):
        (folder / name).write_bytes(b"\x00\x01" * 100)
    result = await _run(config, f"Report on the folder {folder}")
    assert result.status == "done"
    headings = _headings(_page(result, tmp_path))
    assert "Prose" not in headings
    assert {"Compiled files", "Binary data", "Other binaries", "Duplicates"} <= set(headings)


async def test_folder_that_is_not_there_fails_and_says_so(config: Config, tmp_path: Path) -> None:
    result = await _run(config, "Report on a folder", playbook="folder-report", inputs={"path": str(tmp_path / "gone")})
    assert result.status == "failed"
    assert "gone" in str(result.steps["scan"].error)


async def test_chart_of_a_kind_starts_before_all_kinds_are_measured(config: Config, folder: Path) -> None:
    for number, ending in enumerate(("py", "md", "css", "js", "c", "go", "rs", "rb", "sh", "sql")):
        for i in range(3):
            text = "a line of text\n" * (20 if number else 400_000)
            (folder / f"f{i}.{ending}").write_text(text)
    seen: list[tuple[str, str]] = []

    def note(event: Any) -> None:
        seen.append((event.type, getattr(event.payload, "step", "")))

    result = await _run(config, f"Report on the folder {folder}", on_event=note)
    assert result.status == "done"
    first_chart = min(seen.index(("step.started", f"kind_charts[{i}]")) for i in range(10))
    last_kind = max(seen.index(("step.finished", f"kinds[{i}]")) for i in range(10))
    assert first_chart < last_kind
