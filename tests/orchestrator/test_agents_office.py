"""Agents for files, documents, data and pictures reach goals through the whole engine, and plans use their tools."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from PIL import Image
from pptx import Presentation
from pypdf import PdfReader, PdfWriter
from tests.orchestrator.agentscript import Body, calls, in_turn, loom, plan, results, says, settings
from tests.orchestrator.scripted import serving

from planloom.orchestrator.planning.plan import Plan, Step

Reply = Callable[[Body], Any]


def prepare(work: Path) -> None:
    """What an office has."""
    (work / "sales.csv").write_text("port,ships,paid\nOslo,12,100.5\nRome,7,80\nOslo,3,20\n")
    (work / "notes.md").write_text("# Harbour\n\nThe crane is repaired on 4 May. Ask Anna for the key.\n")
    with sqlite3.connect(work / "harbour.db") as made:
        made.execute("CREATE TABLE ship (name TEXT, port TEXT, length REAL)")
        made.executemany(
            "INSERT INTO ship VALUES (?, ?, ?)", [("A", "Oslo", 90), ("B", "Rome", 120), ("C", "Oslo", 60)]
        )
    made.close()
    Image.linear_gradient("L").resize((800, 600)).save(work / "crane.png")
    for name, pages in (("one.pdf", 2), ("two.pdf", 3)):
        writer = PdfWriter()
        for _ in range(pages):
            writer.add_blank_page(200, 200)
        writer.write(work / name)
    with zipfile.ZipFile(work / "mail.zip", "w") as packed:
        packed.writestr("letters/first.txt", "Dear harbour")
    with zipfile.ZipFile(work / "evil.zip", "w") as packed:
        packed.writestr("../../evil.txt", "x")


def last(body: Body) -> dict[str, Any]:
    """What the last tool call gave, as the model sees it."""

    text = results(body)[-1]
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text, text.index("{"))[0]["result"]
    return found


def then(name: str, **arguments: Any) -> Reply:
    """A call whose callable arguments take what the last call gave."""
    return lambda body: calls((name, {k: v(last(body)) if callable(v) else v for k, v in arguments.items()}))


def told(make: Callable[[dict[str, Any]], str]) -> Reply:
    return lambda body: says(make(last(body)))


SUM = [{"column": "ships", "function": "sum"}]
SELECT = "SELECT port, count(*) AS ships FROM ship WHERE length > :least GROUP BY port ORDER BY port"
BARS = {"x": ["Oslo", "Rome"], "series": [{"name": "ships", "values": [2, 1]}]}
GOALS: dict[str, tuple[list[Any], str]] = {
    "files": (
        [
            calls(("files_list", {"path": ".", "pattern": "*.md"})),
            calls(("files_read", {"path": "notes.md"})),
            told(lambda r: "4 May" if "4 May" in r["text"] else "?"),
        ],
        "4 May",
    ),
    "documents": (
        [
            calls(("documents_search", {"question": "when is the crane repaired"})),
            told(lambda r: f"{r['results'][0]['text'][:60]} ({Path(r['results'][0]['path']).name})"),
        ],
        "(notes.md)",
    ),
    "tables": (
        [
            calls(("tables_read", {"path": "sales.csv"})),
            then(
                "tables_query",
                table=lambda r: r["table"],
                aggregates=SUM,
                by=["port"],
            ),
            told(lambda r: str(sorted(r["rows"]))),
        ],
        "[['Oslo', 15], ['Rome', 7]]",
    ),
    "sql": (
        [
            calls(("sql_schema", {"database": "harbour.db"})),
            calls(("sql_query", {"database": "harbour.db", "sql": SELECT, "parameters": {"least": 50}})),
            told(lambda r: str(r["rows"])),
        ],
        "[['Oslo', 2], ['Rome', 1]]",
    ),
    "charts": (
        [
            calls(("sql_series", {"database": "harbour.db", "sql": SELECT, "parameters": {"least": 0}})),
            then("charts_draw", kind="bar", title="Ships", data=lambda r: r),
            told(lambda r: r["path"]),
        ],
        ".png",
    ),
    "reports": (
        [
            calls(("charts_draw", {"kind": "bar", "title": "Ships", "data": BARS})),
            then(
                "reports_write",
                title="Harbour",
                sections=lambda r: [{"heading": "S", "charts": [r]}],
            ),
            told(lambda r: r["path"]),
        ],
        "report.html",
    ),
    "slides": (
        [
            calls(("charts_draw", {"kind": "bar", "title": "Ships", "data": BARS})),
            then("slides_write", title="Harbour", slides=lambda r: [{"title": "Two", "text": "- A", "picture": r}]),
            told(lambda r: r["path"]),
        ],
        "slides.pptx",
    ),
    "spreadsheets": (
        [
            calls(("sql_extract", {"database": "harbour.db", "sql": "SELECT * FROM ship"})),
            then("spreadsheets_write", sheets=lambda r: [{"name": "Ships", "table": r["table"]}]),
            told(lambda r: r["path"]),
        ],
        "workbook.xlsx",
    ),
    "pdf": (
        [
            calls(("pdf_merge", {"paths": ["one.pdf", "two.pdf"]})),
            then("pdf_extract", path=lambda r: r["path"], pages="2-3"),
            told(lambda r: r["path"]),
        ],
        "merged-pages.pdf",
    ),
    "images": (
        [
            calls(("images_info", {"path": "crane.png"})),
            calls(("images_resize", {"path": "crane.png", "width": 200, "form": "jpeg"})),
            told(lambda r: r["path"]),
        ],
        "crane-small.jpg",
    ),
    "archives": (
        [
            calls(("archives_list", {"path": "mail.zip"})),
            calls(("archives_extract", {"path": "mail.zip"})),
            told(lambda r: r["files"][0]),
        ],
        "first.txt",
    ),
}


def opens(path: Path) -> bool:
    """Whether the library that knows a kind of file opens it and finds what was asked for."""
    match path.suffix:
        case ".png" | ".jpg":
            with Image.open(path) as image:
                return image.width in (200, 1282) or image.width > 1000
        case ".pptx":
            return len(Presentation(str(path)).slides) == 2
        case ".xlsx":
            return openpyxl.load_workbook(path)["Ships"]["A4"].value == "C"
        case ".pdf":
            return len(PdfReader(path).pages) == 2
        case ".html":
            return "data:image/png" in path.read_text()
        case _:
            return path.read_text() == "Dear harbour"


@pytest.mark.parametrize("name", GOALS)
async def test_agent_reaches_its_goal(tmp_path: Path, name: str) -> None:
    replies, ending = GOALS[name]
    with serving(in_turn(*replies)) as server:
        config = settings(tmp_path, server.url, embeddings={"provider": "lexical"})
        prepare(tmp_path / "work")
        async with loom(config) as planloom:
            if name == "documents":
                step = Step(id="i", action="documents.index", parameters={"paths": ["notes.md"]})
                assert (await planloom.run(plan=Plan(goal="", steps=(step,), answer="x"))).status == "done"
            result = await planloom.run(plan=plan("Do it.", name), approve=_yes)
        system = str(server.requests[0]["messages"][0]["content"])
    assert result.status == "done", result.to_dict()
    assert result.answer.endswith(ending)
    assert all(used["status"] == "ok" for used in result.steps["ask"].value["used"])
    assert f"You are {name}." in system and "{{" not in system
    if "/" in result.answer:
        assert opens(Path(result.answer))
        assert Path(result.answer).name in {Path(artifact.path).name for artifact in result.artifacts}


async def _yes(asked: Any) -> bool:
    return True


async def _no(asked: Any) -> bool:
    return False


ATTACKS = [
    ("sql", "sql_query", {"database": "harbour.db", "sql": "WITH x AS (DELETE FROM ship RETURNING *) SELECT * FROM x"}),
    ("sql", "sql_query", {"database": "harbour.db", "sql": "SELECT 1; DROP TABLE ship"}),
    ("sql", "sql_execute", {"database": "harbour.db", "sql": "DELETE FROM ship", "all_rows": True}),
    ("archives", "archives_extract", {"path": "evil.zip"}),
    ("archives", "archives_unpack", {"path": "mail.zip", "into": "../.."}),
    ("files", "files_write", {"path": "../evil.txt", "text": "x"}),
]


@pytest.mark.parametrize(("agent", "name", "arguments"), ATTACKS)
async def test_agent_that_was_talked_into_harm_does_none(
    tmp_path: Path, agent: str, name: str, arguments: dict[str, Any]
) -> None:
    with serving(in_turn(calls((name, arguments)), says("It did not work."))) as server:
        config = settings(tmp_path, server.url)
        prepare(tmp_path / "work")
        before = {path.name: path.read_bytes() for path in (tmp_path / "work").iterdir()}
        async with loom(config) as planloom:
            result = await planloom.run(plan=plan("Do it.", agent), approve=_no)
    assert [used["status"] for used in result.steps["ask"].value["used"]] in (["failed"], ["refused"])
    assert {path.name: path.read_bytes() for path in (tmp_path / "work").iterdir()} == before
    assert not list(tmp_path.rglob("evil.txt"))


PLAN = """
goal: The harbour in figures
steps:
  - id: ports
    action: sql.series
    parameters: {database: harbour.db, sql: "SELECT port, count(*) AS ships FROM ship GROUP BY port"}
  - id: rows
    action: sql.extract
    parameters: {database: harbour.db, sql: "SELECT name, port, length FROM ship WHERE length > :least",
                 parameters: {least: 50}}
  - id: chart
    action: charts.draw
    parameters: {kind: bar, title: Ships by port, data: "${ports}"}
  - id: small
    action: images.resize
    parameters: {path: "${chart.path}", width: 600}
  - id: deck
    action: slides.write
    parameters: {title: Harbour, slides: [{title: Oslo leads, text: "- two ships", picture: "${chart}"}]}
  - id: book
    action: spreadsheets.write
    parameters: {sheets: [{name: Ships, table: "${rows.table}", totals: [length]}]}
  - id: report
    action: reports.write
    parameters: {title: Harbour, formats: [pdf], sections: [{heading: Ships, text: Two., charts: ["${chart}"]}]}
  - id: whole
    action: pdf.merge
    parameters: {paths: ["${report.path}", one.pdf]}
  - id: all
    action: archives.create
    parameters: {paths: ["${deck.path}", "${book.path}", "${whole.path}", "${small.path}"], name: harbour}
answer: "${all.count} files in ${all.path}"
"""


def test_plan_from_database_to_archive_needs_no_model(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "plan.yaml").write_text(PLAN)
    done = subprocess.run(
        [sys.executable, "-m", "planloom", "run", "--plan", "plan.yaml", "--json", "--out", "made"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)["answer"]
    assert answer.startswith("4 files in ")
    with zipfile.ZipFile(answer.removeprefix("4 files in ")) as packed:
        assert sorted(Path(name).suffix for name in packed.namelist()) == [".pdf", ".png", ".pptx", ".xlsx"]
        assert packed.testzip() is None


def test_change_of_a_database_waits_for_a_person(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "plan.yaml").write_text(
        "goal: Tidy\nsteps:\n  - id: gone\n    action: sql.execute\n    parameters: {database: harbour.db, "
        'sql: "DELETE FROM ship WHERE port = :port", parameters: {port: Rome}}\nanswer: "${gone.rows} deleted"\n'
    )

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "planloom", "run", "--plan", "plan.yaml", "--json", *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    def count() -> int:
        with sqlite3.connect(tmp_path / "harbour.db") as made:
            found: int = made.execute("SELECT count(*) FROM ship").fetchone()[0]
        made.close()
        return found

    assert run().returncode == 3 and count() == 3
    done = run("--yes")
    assert json.loads(done.stdout)["answer"] == "1 deleted" and count() == 2
