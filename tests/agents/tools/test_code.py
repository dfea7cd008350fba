"""Code as a tool: files of the workspace go in, files of the run come out, settings count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planloom.agents.sandbox.kinds import KINDS
from planloom.agents.sandbox.trial import fault
from planloom.agents.tool import ToolContext
from planloom.agents.tools import code
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import ToolError

pytestmark = pytest.mark.skipif(all(map(fault, KINDS)), reason="no way to build a sandbox here")


def context_of(folder: Path, **settings: Any) -> ToolContext:
    (folder / "work").mkdir(exist_ok=True)
    config = Config.model_validate({"tools": {"code": settings}})
    return ToolContext(workspace=Workspace(folder / "work", folder / "out"), config=config)


def test_files_go_in_and_come_out(tmp_path):
    made: list[tuple[str, str | None]] = []
    context = context_of(tmp_path)
    (tmp_path / "work" / "sales.csv").write_text("a,b\n1,2\n3,4\n")
    noted = ToolContext(workspace=context.workspace, artifact=lambda path, kind=None: made.append((path.name, kind)))
    source = """
import polars
table = polars.read_csv(files["sales.csv"])
table.write_json("out/sales.json")
print(table.height, "rows")
result = {"sum": table["a"].sum() * inputs["factor"]}
"""
    found = code.run(source, {"factor": 10}, ["sales.csv"], context=noted)
    assert (found["result"], found["stdout"], found["sandbox"] in KINDS) == ({"sum": 40}, "2 rows\n", True)
    assert [(one["name"], one["bytes"]) for one in found["files"]] == [("sales.json", 29)]
    assert Path(found["files"][0]["path"]).read_text() == '[{"a":1,"b":2},{"a":3,"b":4}]'
    assert made == [("sales.json", "application/json")]


def test_left_files_never_replace_others(tmp_path):
    context = context_of(tmp_path)
    source = "open('out/a.txt', 'w').write(inputs['text'])"
    first = code.run(source, {"text": "1"}, context=context)
    second = code.run(source, {"text": "2"}, context=context)
    texts = [Path(one["files"][0]["path"]).read_text() for one in (first, second)]
    assert texts == ["1", "2"]


def test_folder_or_missing_file_is_refused(tmp_path):
    context = context_of(tmp_path)
    with pytest.raises(ToolError, match="name the files in it"):
        code.run("1", files=["."], context=context)
    with pytest.raises(ToolError, match="expected an existing file"):
        code.run("1", files=["none.csv"], context=context)


def test_settings_bound_it(tmp_path):
    with pytest.raises(ToolError, match="did not end within 1 s"):
        code.run("import time; time.sleep(60)", context=context_of(tmp_path, timeout_s=1))
    with pytest.raises(ToolError, match="bytes of output"):
        code.run("print('x' * 5000)", context=context_of(tmp_path, output_bytes=2_000))
    with pytest.raises(ToolError, match="MemoryError"):
        code.run("bytes(200_000_000)", context=context_of(tmp_path, memory_bytes=134_217_728))


def test_way_that_is_not_here_refuses_to_run_anything(tmp_path):
    if not fault("bubblewrap"):
        pytest.skip("bubblewrap is here")
    with pytest.raises(ToolError, match="no code is run"):
        code.run("1", context=context_of(tmp_path, sandbox="bubblewrap"))
