"""The list of tools comes from disk when nothing changed, and is made anew only where something did."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planloom.agents.catalog import Shelf
from planloom.agents.registry import BUILT_IN, Registry
from planloom.errors import ToolError

TOOLS = '''
from planloom.agents.tool import ToolContext, tool


@tool(effect="read", timeout_s=7, destructive=True)
def shout(text: str, context: ToolContext, times: int = 1) -> dict[str, str]:
    """Shouts a text."""
    return {"text": text.upper() * times}
'''
LISTER = """
import json, sys
from pathlib import Path
from planloom.agents.catalog import Shelf
from planloom.agents.registry import Registry

registry = Registry([sys.argv[2]], shelf=Shelf(Path(sys.argv[1])))
tools = [(t.name, t.description, t.effect, t.input_schema, t.output_schema) for t in registry]
loaded = [name for name in sys.modules if name.startswith("planloom.agents.tools.") or name == "own_tools"]
print(json.dumps([tools, loaded, registry.names()]))
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    file = tmp_path / "own_tools.py"
    file.write_text(TOOLS, encoding="utf-8")
    return file


def listed(folder: Path, module: Path) -> list[list[object]]:
    out = subprocess.run(
        [sys.executable, "-c", LISTER, str(folder), str(module)], capture_output=True, text=True, check=True
    )
    found: list[list[object]] = json.loads(out.stdout)
    return found


def test_second_list_is_the_same_and_imports_no_tool(tmp_path: Path, module: Path):
    first, loaded, names = listed(tmp_path / "shelf", module)
    assert {f"planloom.agents.tools.{group}" for group in BUILT_IN} <= set(loaded) and "own_tools.shout" in names
    again, loaded_again, names_again = listed(tmp_path / "shelf", module)
    assert (again, names_again) == (first, names)
    assert not {f"planloom.agents.tools.{group}" for group in BUILT_IN} & set(loaded_again)
    assert "own_tools" not in loaded_again


def test_only_what_changed_is_read_anew(tmp_path: Path, module: Path):
    listed(tmp_path / "shelf", module)
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "shelf").iterdir()}
    module.write_text(TOOLS.replace("Shouts a text.", "Shouts it out."), encoding="utf-8")
    tools, loaded, _ = listed(tmp_path / "shelf", module)
    assert ["own_tools.shout", "Shouts it out."] in [entry[:2] for entry in tools]  # type: ignore[index]
    assert loaded == ["own_tools"] or not {f"planloom.agents.tools.{group}" for group in BUILT_IN} & set(loaded)
    changed = [file.name for file, before in kept.items() if file.stat().st_mtime_ns != before]
    assert len(changed) == 1 and changed[0] not in {Shelf(tmp_path)._path(f"tools {group}").name for group in BUILT_IN}


def test_found_tool_is_whole_and_equal_to_its_description(tmp_path: Path, module: Path):
    shelf = Shelf(tmp_path / "shelf")
    before = {tool.name: tool for tool in Registry([str(module)], shelf=shelf)}
    registry = Registry([str(module)], shelf=shelf)
    described = {tool.name: tool for tool in registry}
    assert list(described) == list(before)
    for name in ("own_tools.shout", "files.read", "tables.group"):
        whole = registry.find(name)
        assert whole is not None
        told = described[name]
        assert (told.input_schema, told.output_schema, told.effect) == (
            whole.input_schema,
            whole.output_schema,
            whole.effect,
        )
        assert (told.timeout_s, told.destructive, told.process) == (whole.timeout_s, whole.destructive, whole.process)
    assert described["tables.group"].validated({"table": "a.csv", "by": ["x"]})["by"] == ["x"]
    with pytest.raises(ToolError, match="'table' is a required property"):
        described["tables.group"].validated({})
    assert registry.source("own_tools.shout") == str(module) and registry.source("files.read") == "built-in"


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"version":1}', b"\xff\xfe"])
def test_damaged_shelf_costs_time_only(tmp_path: Path, module: Path, rubbish: bytes):
    shelf = Shelf(tmp_path / "shelf")
    names = [tool.name for tool in Registry([str(module)], shelf=shelf)]
    for file in (tmp_path / "shelf").iterdir():
        file.write_bytes(rubbish)
    assert [tool.name for tool in Registry([str(module)], shelf=shelf)] == names


def test_folder_that_can_not_be_written_is_no_reason_to_fail(tmp_path: Path, module: Path):
    (tmp_path / "file").write_text("in the way")
    registry = Registry([str(module)], shelf=Shelf(tmp_path / "file" / "shelf"))
    assert "own_tools.shout" in [tool.name for tool in registry]


def test_entry_of_the_right_key_and_wrong_shape_is_ignored(tmp_path: Path, module: Path):
    shelf = Shelf(tmp_path / "shelf")
    names = [tool.name for tool in Registry([str(module)], shelf=shelf)]
    for file in (tmp_path / "shelf").iterdir():
        entry = json.loads(file.read_text())
        file.write_text(json.dumps(entry | {"data": [{"name": "x"}]}))
    assert [tool.name for tool in Registry([str(module)], shelf=shelf)] == names
