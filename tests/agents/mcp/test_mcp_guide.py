"""What the guide shows works as it stands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from planloom.agents.mcp.launch import resolved
from planloom.agents.mcp.presets import PRESETS
from planloom.config import Config, McpServer

GUIDE = (Path(__file__).parents[3] / "docs" / "mcp.md").read_text(encoding="utf-8")


CONTRIBUTING = (
    (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Add an MCP server")[1]
)


def blocks(kind: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize(("text", "place"), [(GUIDE, 1), (CONTRIBUTING, 0)], ids=["guide", "contributing"])
def test_server_of_the_guide_works_as_it_stands(tmp_path: Path, text: str, place: int):
    (tmp_path / "counter.py").write_text(blocks("python", text)[0], encoding="utf-8")
    (tmp_path / "planloom.yaml").write_text(blocks("yaml", text)[place], encoding="utf-8")
    command = shlex.split(next(line for line in blocks("sh", text) if "count_words" in line))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLANLOOM")}
    out = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tmp_path,
        env=kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    assert json.loads(out.stdout) == {"result": 3}


def test_settings_of_the_guide_are_settings():
    servers = Config.model_validate(yaml.safe_load(blocks("yaml")[0])).mcp.servers
    environ = {"SHOP_KEY": "k", "WIKI_TOKEN": "t"}
    launches = {name: resolved(name, server, environ) for name, server in servers.items()}
    assert launches["docs"].command[-1] == "./docs" and launches["docs"].command[0] == "npx"
    assert launches["shop"].env["SHOP_KEY"] == "k"
    assert launches["wiki"].headers == {"Authorization": "Bearer t"}


def test_every_key_of_a_server_is_in_the_guide_and_the_other_way_round():
    rows = re.findall(r"^\| (`[^|]*`) \|", GUIDE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(McpServer.model_fields) == named


def test_presets_can_be_resolved():
    for name, preset in PRESETS.items():
        launch = resolved("one", McpServer(preset=name, args=["x"]), dict.fromkeys(preset.env, "value-of-it"))
        assert bool(launch.command) != bool(launch.url)
        assert launch.command == () or launch.command[-1] == "x"
