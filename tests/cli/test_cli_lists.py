"""`plan`, `playbooks`, `tools`, `doctor`, and how fast and lean the command line starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from planloom.cli import app, doctor, tools
from planloom.config import Config

HEAVY = (
    "langgraph",
    "langchain_core",
    "matplotlib",
    "faiss",
    "openai",
    "polars",
    "networkx",
    "numpy",
    "sklearn",
    "httpx",
)

BOOK = """\
playbook: 1
name: greet
purpose: Greets someone.
examples: [Greet Ada]
inputs:
  who: {type: text, description: Whom to greet., find: ["greet {value}"]}
  often: {type: number, default: 2}
steps:
  - {id: a, action: demo.say, parameters: {text: "${inputs.who}"}}
answer: Hello ${a}
"""


@pytest.fixture
def books(place: Any) -> Any:
    (place.folder / "books").mkdir()
    (place.folder / "books/greet.yaml").write_text(BOOK)
    (place.folder / "planloom.yaml").write_text("tools: {modules: [demo_tools.py]}\nplaybooks: {folders: [books]}\n")
    return place


def loaded_by(place: Any, *arguments: str) -> list[str]:
    """The heavy packages in memory after a command."""
    code = (
        "import sys, io\n"
        "from planloom.cli.app import root\n"
        f"root.main({list(arguments)!r}, prog_name='planloom', standalone_mode=False)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place.folder,
        env=place.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stderr.splitlines()[-1].replace("'", '"'))
    return found


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["run", "--help"], ["plan", "--help"], ["tools"], ["playbooks"], ["doctor", "--help"]],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(books: Any, arguments: list[str]) -> None:
    assert loaded_by(books, *arguments) == []


def test_help_does_not_load_the_commands(place: Any) -> None:
    code = (
        "import sys\nfrom planloom.cli.app import root\nroot.main(['--help'], standalone_mode=False)\n"
        "print(sorted(name for name in sys.modules if name.startswith('planloom')), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "['planloom', 'planloom.cli', 'planloom.cli.app']"


@pytest.mark.parametrize("name", sorted(app._COMMANDS))
def test_what_help_says_of_a_command_is_there(name: str) -> None:
    import click

    command = app.root.get_command(click.Context(app.root), name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_help_lists_every_command_and_the_exit_codes(place: Any) -> None:
    text = place.run("--help").stdout
    for word in (*app._COMMANDS, "130 cancelled", "--version"):
        assert word in text


def test_version_is_the_installed_one(place: Any) -> None:
    from importlib.metadata import version

    assert place.run("--version").stdout == f"planloom {version('planloom')}\n"


# ---- plan


def test_plan_shows_waves_and_runs_nothing(place: Any, step: Any) -> None:
    plan = place.plan(step("w", "demo.save", name="n.md", text="x"), step("a", "demo.say", text="${w.path}"))
    done = place.run("plan", "--plan", plan)
    assert done.returncode == 0, done.stderr
    assert "wave 2" in done.stdout
    assert "needs approval" in done.stdout
    assert not (place.folder / "planloom-out").exists()


def test_plan_in_json_and_mermaid(place: Any, step: Any) -> None:
    plan = place.plan(step("a", "demo.say"), step("b", "demo.say", text="${a}"))
    told = json.loads(place.run("plan", "--plan", plan, "--json").stdout)
    assert told["waves"] == [["a"], ["b"]]
    assert told["critical_path"] == ["a", "b"]
    assert place.run("plan", "--plan", plan, "--mermaid").stdout.startswith("flowchart")


def test_a_plan_that_cannot_run_is_refused_with_findings(place: Any, step: Any) -> None:
    done = place.run(
        "plan", "--plan", place.plan(step("a", "demo.say", after=("b",)), step("b", "demo.say", after=("a",)))
    )
    assert done.returncode == 2
    assert "cycle" in done.stderr


def test_a_goal_is_planned_by_its_playbook(books: Any) -> None:
    told = json.loads(books.run("plan", "Greet", "Ada", "--json").stdout)
    assert told["goal"] == "Greet Ada"
    assert [one["id"] for one in told["steps"]] == ["a"]


@pytest.mark.parametrize(("name", "start"), [("plan.svg", b"<?xml"), ("plan.png", b"\x89PNG")])
def test_a_plan_is_drawn_into_a_file(place: Any, step: Any, name: str, start: bytes) -> None:
    plan = place.plan(step("a", "demo.say"), step("b", "demo.say", text="${a}"))
    done = place.run("plan", "--plan", plan, "--picture", name)
    assert done.returncode == 0, done.stderr
    assert (place.folder / name).read_bytes().startswith(start)
    assert place.run("plan", "--plan", plan, "--picture", "plan.gif").returncode == 2


# ---- playbooks


def test_playbooks_are_listed_and_shown(books: Any) -> None:
    assert any(line.split() == ["greet", "Greets", "someone."] for line in books.run("playbooks").stdout.splitlines())
    shown = books.run("playbooks", "show", "greet").stdout
    for text in ("who", "Whom to greet.", "Default: 2", "demo.say", 'planloom run "Greet Ada"', "greet.yaml"):
        assert text in shown


def test_playbooks_in_json(books: Any) -> None:
    told = {one["name"]: one for one in json.loads(books.run("playbooks", "--json").stdout)}
    assert told["greet"]["inputs"]["often"]["default"] == 2
    assert json.loads(books.run("playbooks", "show", "greet", "--json").stdout) == told["greet"]


def test_a_broken_playbook_is_told_and_stops_nothing(books: Any) -> None:
    (books.folder / "books/bad.yaml").write_text("playbook: 1\nname: bad\n")
    done = books.run("playbooks")
    assert done.returncode == 0
    assert "greet" in done.stdout
    assert "Not usable: " in done.stderr
    assert "bad.yaml" in done.stderr


def test_an_unknown_playbook_names_the_nearest(books: Any) -> None:
    done = books.run("playbooks", "show", "gret")
    assert done.returncode == 2
    assert "greet" in done.stderr


# ---- tools


def test_tools_are_listed_with_effect_and_first_sentence(place: Any) -> None:
    lines = [line.split(None, 3) for line in place.run("tools").stdout.splitlines()]
    assert ["demo.fail", "read", "Fails."] in lines
    assert any(line[:3] == ["demo.save", "write,", "asks"] for line in lines)


def test_tools_in_json_have_their_schemas(place: Any) -> None:
    told = {one["name"]: one for one in json.loads(place.run("tools", "--json").stdout)}
    say = told["demo.say"]
    assert say["effect"] == "read"
    assert say["source"] == "demo_tools.py"
    assert say["input_schema"]["properties"]["text"]["type"] == "string"
    assert say["output_schema"] == {"type": "string"}
    assert told["files.read"]["source"] == "built-in"


def test_one_tool_is_shown_with_arguments_and_result(place: Any) -> None:
    shown = place.run("tools", "show", "demo.save").stdout
    for text in ("each call needs approval", "Writes a file.", "name", "string", "demo_tools.py"):
        assert text in shown
    done = place.run("tools", "show", "demo.sav")
    assert done.returncode == 2
    assert "demo.save" in done.stderr


@pytest.mark.parametrize(
    ("schema", "word"),
    [
        ({"type": "string"}, "string"),
        ({"enum": ["a", "b"]}, "one of a, b"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": "array", "items": {"$ref": "#/$defs/Row"}}, "array of Row"),
        ({"const": 3}, "3"),
        ({}, "anything"),
    ],
)
def test_schemas_read_as_words(schema: dict[str, Any], word: str) -> None:
    root = {"$defs": {"Row": {"title": "Row", "properties": {"a": {"type": "number"}}}}}
    assert tools.kind_of(schema, root) == word


# ---- doctor


def test_doctor_shows_values_with_their_origin(place: Any) -> None:
    done = place.run("doctor", "--json", PLANLOOM_EXECUTION__SEED="7")
    told = json.loads(done.stdout)
    assert told["settings"]["execution.seed"] == {"value": 7, "origin": "PLANLOOM_EXECUTION__SEED"}
    assert told["settings"]["tools.modules"] == {"value": ["demo_tools.py"], "origin": "planloom.yaml:2"}
    assert told["settings"]["limits.usd"]["origin"] == "default"
    checks = {one["name"]: one for one in told["checks"]}
    assert {"python", "planloom", "langgraph", "workspace", "state", "out", "git", "playbooks"} <= set(checks)
    assert "demo.say" in checks["tools demo_tools.py"]["told"]
    plain = place.run("doctor", PLANLOOM_EXECUTION__SEED="7").stdout
    assert any(line.split() == ["execution.seed", "7", "PLANLOOM_EXECUTION__SEED"] for line in plain.splitlines())


def test_doctor_reports_what_cannot_be_loaded_and_why(place: Any) -> None:
    (place.folder / "broken.py").write_text("import no_such_module_anywhere\n")
    done = place.run("doctor", "--json", PLANLOOM_TOOLS__MODULES="broken.py", PLANLOOM_PLAYBOOKS__FOLDERS="nowhere")
    assert done.returncode == 1
    problems = [one["told"] for one in json.loads(done.stdout)["checks"] if one["state"] == "problem"]
    assert any("no_such_module_anywhere" in told for told in problems)
    assert any("nowhere" in told for told in problems)


def test_doctor_tells_of_a_broken_settings_file_and_goes_on(place: Any) -> None:
    (place.folder / "planloom.yaml").write_text("performance:\n  schedul: x\n")
    done = place.run("doctor", "--json")
    assert done.returncode == 1
    first = json.loads(done.stdout)["checks"][0]
    assert first["state"] == "problem"
    assert "planloom.yaml:2" in first["told"]


def test_doctor_prints_the_template(place: Any) -> None:
    from planloom.cli.template import text

    assert place.run("doctor", "--template").stdout == text()


def test_a_file_where_a_folder_should_be_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert doctor.folder("state", tmp_path / "file" / "inner").state == "problem"
    assert doctor.folder("state", tmp_path / "new").state == "ok"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("models.api_key", "sk-abcdef", "(set, not shown)"),
        ("server.token", "abc", "(set, not shown)"),
        ("models.api_key", SecretStr("sk-abcdef"), "(set, not shown)"),
        ("models.api_key", SecretStr(""), ""),
        ("server.token", "", ""),
        ("limits.tokens", 5, 5),
        ("models.base_url", "https://me:pass@host/v1", "https://host/v1"),
        ("models.base_url", "https://host/v1?key=abc", "https://host/v1?..."),
        ("models.headers", {"x-api_key": "abc", "x": "y"}, {"x-api_key": "(set, not shown)", "x": "y"}),
        ("tools.sources", ["https://me@host"], ["https://host"]),
    ],
)
def test_doctor_prints_no_secret(key: str, value: object, shown: object) -> None:
    assert doctor.hidden(key, value) == shown


def test_no_default_looks_like_a_secret() -> None:
    from planloom.settings import Loaded, fields

    loaded = Loaded(Config(), dict.fromkeys(fields(), "default"), None)
    assert "(set, not shown)" not in [value for _, value, _ in doctor.shown(loaded)]
