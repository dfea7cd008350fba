"""planloom index, search, ask and memory, as people and programs call them."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.cli.conftest import Place
from tests.documents import files
from tests.orchestrator.scripted import asked, serving

from planloom.cli.app import root
from planloom.memory.journal.lock import Lock


@pytest.fixture
def documents(place: Place) -> Place:
    files.everything(place.folder / "files")
    (place.folder / "files" / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(100))
    return place


def data(place: Place, *arguments: str, code: int = 0, **environment: str) -> Any:
    """What a command in a process of its own prints."""
    done = place.run(*arguments, "--json", **environment)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


class Here:
    """The same commands in this process, which is quicker; paths count from `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "here.yaml"
        self.settings.write_text(f"planloom: 1\nstate: {folder / 'state'}\n")

    def run(self, *arguments: str, stdin: str | None = None, **environment: str) -> Result:
        given = [*arguments, "--config", str(self.settings)]
        return CliRunner().invoke(root, given, input=stdin, env=environment)

    def data(self, *arguments: str, code: int = 0, **environment: str) -> Any:
        done = self.run(*arguments, "--json", **environment)
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_two_commands_lead_from_a_folder_to_a_cited_answer(documents: Place) -> None:
    report = data(documents, "index", "files")
    assert {"files", "chunks", "embedded", "cached", "failed", "seconds"} <= report.keys()
    assert (report["files"], report["embedded"]) == (9, 16)
    (failed,) = report["failed"]
    assert failed["path"].endswith("broken.pdf")
    assert "damaged" in failed["reason"]
    found = data(documents, "search", "captain of the ferry", "--limit", "2")
    first = found["results"][0]
    assert (Path(first["path"]).name, first["place"]) == ("costs.xlsx", "sheet People, row 2")
    assert 0 < first["score"] <= 1
    assert "Ines Duarte" in first["text"]
    answer = data(documents, "ask", "What does a mooring cost in winter?")
    assert answer["written_by"] == "passages"
    assert "9 euros in winter" in answer["answer"]
    assert answer["citations"][0]["place"] == "lines 4-10 (Harbour rules)"
    assert any("no model" in note for note in answer["notes"])
    plain = documents.run("ask", "What does a mooring cost in winter?")
    assert "files/rules.md, lines 4-10 (Harbour rules)" in plain.stdout
    assert "9 euros in winter" in plain.stdout


def test_a_model_writes_the_answer_and_only_citations_that_exist_stay(here: Here) -> None:
    here.data("index", str(files.everything(here.folder / "files")))

    def script(body: dict[str, Any]) -> str:
        lines = [json.loads(line) for line in asked(body).splitlines() if line.startswith("{")]
        number = next(line["passage"] for line in lines if "winter" in line["text"])
        return f"It costs 9 euros [{number}], see also [97] and [a link](http://x)."

    with serving(script) as server:
        answer = here.data(
            "ask", "What does a mooring cost in winter?",
            OPENAI_BASE_URL=server.url, PLANLOOM_MODELS__MODEL="m",
        )  # fmt: skip
    assert answer["written_by"] == "model"
    assert "[97]" not in answer["answer"]
    (cited,) = answer["citations"]
    assert answer["answer"].startswith(f"It costs 9 euros [{cited['number']}]")
    assert cited["path"].endswith("rules.md")


def test_a_dead_model_leaves_the_passages(here: Here) -> None:
    here.data("index", str(files.everything(here.folder / "files")))
    answer = here.data(
        "ask", "mooring winter",
        OPENAI_BASE_URL="http://127.0.0.1:9/v1", PLANLOOM_MODELS__MODEL="m", PLANLOOM_MODELS__MAX_ATTEMPTS="1",
    )  # fmt: skip
    assert answer["written_by"] == "passages"
    assert any("could not answer" in note for note in answer["notes"])


def test_status_and_forget(here: Here) -> None:
    folder = files.everything(here.folder / "files")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n" + bytes(100))
    here.data("index", str(folder))
    status = here.data("index", "status")
    assert (status["files"], status["chunks"], status["pending"]) == (9, 16, 0)
    assert status["embedding"].startswith("lexical:")
    told = here.run("index", "status").stdout
    assert "9 (" in told
    assert "broken.pdf: it is damaged" in told
    assert here.data("index", "forget", str(folder / "lease.docx")) == {"forgotten": 1}
    assert here.data("index", "forget", str(folder / "lease.docx"), code=1) == {"forgotten": 0}
    assert here.data("index", "status")["files"] == 8


def test_bad_use_says_what_to_do(here: Here) -> None:
    for arguments in (["search", "x"], ["ask", "x"], ["index"], ["index", "status"]):
        done = here.run(*arguments)
        assert done.exit_code == 2
        assert "planloom index FOLDER" in done.stderr
    done = here.run("index", "nowhere")
    assert done.exit_code == 2
    assert "nowhere" in done.stderr


def test_watching_ends_with_ctrl_c_and_reports_line_by_line(documents: Place) -> None:
    process = documents.start("index", "files", "--watch", "--json")
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["files"] == 9
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_conditions_choose_the_files_and_a_wrong_one_is_bad_usage(here: Here) -> None:
    files.everything(here.folder / "files")
    here.data("index", str(here.folder / "files"))
    for command in ("search", "ask"):
        found = here.data(command, "the lease of the shop", "--where", "kind=slides", "--where", "modified>=2020")
        hits = found["results" if command == "search" else "citations"]
        assert hits and {Path(hit["path"]).name for hit in hits} == {"talk.pptx"}
        wrong = here.run(command, "lease", "--where", "knd=pdf")
        assert wrong.exit_code == 2 and "did you mean 'kind'" in wrong.stderr


def test_facts_are_kept_found_exported_and_forgotten(here: Here) -> None:
    (added,) = here.data("memory", "add", "Prefers charts in dark blue", "--category", "taste", "--source", "mail")
    assert added["merged"] is False
    assert here.data("memory", "add", "prefers chart in dark blue", "--category", "taste")[0]["merged"] is True
    lines = here.folder / "facts.jsonl"
    lines.write_text('{"text": "Has two dogs", "confidence": 0.5}\n{"text": "Lives in Porto"}\n')
    assert len(here.data("memory", "add", "--file", str(lines))) == 2
    assert here.data("memory", "search", "colour of charts")[0]["category"] == "taste"
    assert "50% sure" in here.run("memory", "list").stdout
    assert here.data("memory", "list", "--user", "somebody else") == []
    told = [json.loads(line) for line in here.run("memory", "export").stdout.splitlines()]
    assert {line["text"] for line in told} == {"prefers chart in dark blue", "Has two dogs", "Lives in Porto"}
    nothing_else = {"sessions": [], "busy": {}, "problems": []}
    assert here.data("memory", "forget", "--query", "dogs") == {"forgotten": 1, **nothing_else}
    assert here.data("memory", "forget", added["id"]) == {"forgotten": 1, **nothing_else}
    assert here.data("memory", "forget", "unknown", code=1) == {"forgotten": 0, **nothing_else}
    assert here.run("memory", "forget", "--all", stdin="n\n").exit_code == 1
    assert [one["text"] for one in here.data("memory", "list")] == ["Lives in Porto"]
    assert here.run("memory", "add").exit_code == 2
    lines.write_text("nonsense\n")
    assert "line 1" in here.run("memory", "add", "--file", str(lines)).stderr


def test_what_sessions_told_of_a_forgotten_fact_goes_and_a_busy_one_is_named(here: Here) -> None:
    (added,) = here.data("memory", "add", "Prefers charts in dark blue")
    for name in ("quiet", "busy"):
        (here.folder / f"{name}.json").write_text(
            json.dumps({"messages": [{"role": "user", "content": "I said: prefers charts in dark blue."}]})
        )
        here.run("sessions", "import", str(here.folder / f"{name}.json"), "--as", name)
    lock = Lock(here.folder / "state" / "sessions" / "busy", purpose="a long run", now=0.0)
    told = here.run("memory", "forget", added["id"]).stdout
    assert "1 forgotten." in told and "gone from 1 session" in told
    assert "'busy' is being written" in told and "a long run" in told
    lock.release()
    assert "gone from 1 session" in here.run("memory", "forget", added["id"]).stdout
    assert here.run("memory", "forget", added["id"]).stdout == "Nothing forgotten.\n"
    for name in ("quiet", "busy"):
        assert "I said: [forgotten]." in here.run("sessions", "show", name).stdout


def test_what_a_document_says_never_reaches_the_terminal_as_commands(here: Here) -> None:
    (here.folder / "evil.txt").write_text("harbour \x1b[31m\x1b]0;title\x07 fees\u202e end")
    here.data("index", str(here.folder / "evil.txt"))
    shown = here.run("search", "harbour").stdout + here.run("ask", "harbour").stdout
    assert "harbour" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
