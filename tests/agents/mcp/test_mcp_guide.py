"""What the guide shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from planloom.agents.mcp.launch import resolved
from planloom.agents.mcp.presets import PRESETS
from planloom.config import Config, McpServer

GUIDE = (Path(__file__).parents[3] / "docs" / "mcp.md").read_text(encoding="utf-8")


def test_settings_of_the_guide_are_settings():
    (block,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    servers = Config.model_validate(yaml.safe_load(block)).mcp.servers
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
