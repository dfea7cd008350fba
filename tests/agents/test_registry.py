"""The registry: nothing before it is needed, everything once, and names that lead somewhere."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from planloom.agents.registry import Registry
from planloom.agents.tool import tool
from planloom.errors import ConfigError, UsageError


def test_first_use_from_many_threads_loads_everything_once(tmp_path: Path):
    (tmp_path / "counted.py").write_text(
        "from planloom import tool\n"
        f"with open({str(tmp_path / 'loads')!r}, 'a') as file:\n    file.write('x')\n"
        "@tool(effect='pure')\ndef one() -> int:\n    '''One.'''\n    return 1\n"
    )
    registry = Registry([str(tmp_path / "counted.py")])
    barrier = threading.Barrier(16)
    found: list[list[str]] = []

    def use() -> None:
        barrier.wait()
        found.append(registry.names())

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16 and all(names == found[0] for names in found)
    assert "counted.one" in found[0] and "files.scan" in found[0]
    assert (tmp_path / "loads").read_text() == "x"


def test_looking_up_one_tool_loads_its_group_only():
    code = (
        "import sys; from planloom.agents.registry import Registry; Registry().find('text.keywords');"
        "print([m for m in sys.modules if m.startswith('planloom.agents.tools.') and m.count('.') == 3])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "planloom.agents.tools.text" in out and "tables" not in out and "charts" not in out


def test_second_tool_of_a_name_is_refused():
    @tool(effect="pure", name="x.one")
    def first() -> int:
        """One."""
        return 1

    @tool(effect="pure", name="x.one")
    def second() -> int:
        """Another."""
        return 2

    registry = Registry()
    registry.add(first)
    with pytest.raises(UsageError, match="another name"):
        registry.add(second)


@pytest.mark.parametrize(
    ("name", "told"), [("nowhere.py", "does not exist"), ("no_such_module_at_all", "no_such_module")]
)
def test_module_that_cannot_be_loaded_is_named(name, told):
    with pytest.raises(ConfigError, match=told):
        Registry([name]).names()


def test_a_tool_of_ones_own_takes_the_place_of_a_built_in_one_of_its_name() -> None:
    @tool(effect="pure", name="files.list")
    def mine() -> str:
        return "mine"

    @tool(effect="pure", name="text.summary")
    def late() -> str:
        return "late"

    registry = Registry()
    registry.add(mine)
    assert registry.find("files.read") is not None and registry.find("text.keywords") is not None
    registry.add(late)
    assert registry.find("files.list") is mine and registry.find("text.summary") is late
    assert registry.source("files.list") == registry.source("text.summary") == "code"
