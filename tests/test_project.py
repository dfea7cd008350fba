"""The project's own promises: what is in the wheel, what the docs show, what may not stand in a commit."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def tracked() -> list[Path]:
    out = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in out.split("\0") if name and (ROOT / name).is_file()]


def test_every_package_is_listed_for_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {path.parent.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*.py")}
    packages = {".".join(["planloom", *folder.parts]) for folder in folders}
    assert packages | {"planloom.prompts", "planloom.prompts.playbooks"} == set(settings["packages"])


def test_constraints_are_exact_and_name_no_address():
    lines = (ROOT / "constraints.txt").read_text().split()
    assert lines and all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)


def test_readme_is_a_page_and_names_the_two_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("\n") <= 150
    assert "make run" in text and "make test" in text


def test_pictures_the_docs_show_are_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(r"!\[[^\]]*\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / name).is_file(), f"{page.name} shows {name}"


def test_long_files_and_functions_do_not_creep_in():
    import ast

    long = []
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 350:
            long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno > 60:
                long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not long


def test_example_runs_as_the_docs_say(tmp_path: Path):
    out = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "run_a_plan.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "[2, 4, 6], and the last once more: 12"


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def test_readme_plan_runs_as_it_stands(tmp_path: Path):
    import json

    plan = next(
        block for block in blocks((ROOT / "README.md").read_text(encoding="utf-8"), "yaml") if "steps:" in block
    )
    (tmp_path / "plan.yaml").write_text(plan)
    (tmp_path / "a.md").write_text("# Boats\n\nThe harbour has many boats. Boats leave the harbour at high tide.\n")
    (tmp_path / "b.md").write_text("# Bread\n\nThe baker bakes bread. Bread needs flour, water and time.\n")
    out = subprocess.run(
        [sys.executable, "-m", "planloom", "run", "--plan", "plan.yaml", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    result = json.loads(out.stdout)
    assert result["steps"]["words[1]"]["status"] == "ok"
    assert "bread" in result["answer"].lower() and "boats" in result["answer"].lower()


def test_readme_program_runs_as_it_stands(tmp_path: Path):
    program = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "python")[0]
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "notes.md").write_text("# Notes\n\nSome words to report on.\n")
    out = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    assert "report.html" in out.stdout


def test_contributing_steps_work_literally(tmp_path: Path):
    import json

    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tools, playbooks = text.split("## Add an agent")[0].split("## Add a playbook")
    (tmp_path / "my_tools.py").write_text(blocks(tools, "python")[0])
    playbook, folders = blocks(playbooks, "yaml")
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "shout.yaml").write_text(playbook)
    (tmp_path / "planloom.yaml").write_text(blocks(tools, "yaml")[0] + folders)
    assert max(len(block.splitlines()) for block in [*blocks(tools, "python"), *blocks(text, "yaml")]) < 20
    command = blocks(playbooks, "sh")[0].strip().removeprefix("planloom run ").replace('"', "'")
    assert command == "'Shout hello' --json"
    out = subprocess.run(
        [sys.executable, "-m", "planloom", "run", "Shout hello", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    assert json.loads(out.stdout)["answer"] == "HELLO!HELLO!"


def test_names_of_test_files_are_unique() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names)), sorted(name for name in set(names) if names.count(name) > 1)
