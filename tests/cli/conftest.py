"""A folder with settings and a module of small tools, and the command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

TOOLS = '''
import asyncio

from planloom.agents.tool import ToolContext, tool


@tool(effect="read", name="demo.say")
def say(text: str = "") -> str:
    """Says the text again. And nothing else."""
    return text


@tool(effect="read", name="demo.fail")
def fail(text: str = "") -> str:
    """Fails."""
    raise ValueError(f"broken: {text}")


@tool(effect="read", name="demo.hang")
async def hang(text: str = "") -> str:
    """Waits for ever."""
    await asyncio.Event().wait()
    return text


@tool(effect="read", name="demo.cling")
async def cling(text: str = "") -> str:
    """Waits for ever, and again when cancelled."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


@tool(effect="write", name="demo.save", destructive=True)
def save(context: ToolContext, name: str, text: str) -> dict[str, str]:
    """Writes a file."""
    path = context.workspace.output(name)
    path.write_text(text)
    context.artifact(path)
    return {"path": str(path)}
'''


@dataclass(frozen=True)
class Place:
    """A folder to run the command line in."""

    folder: Path

    def plan(self, *steps: Mapping[str, Any], name: str = "plan.yaml", **more: Any) -> str:
        """Writes a plan file; gives its name."""
        data = {"goal": "try it", "steps": list(steps), **more}
        (self.folder / name).write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return name

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PLANLOOM")}
        return kept | {"COLUMNS": "100", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "planloom", *arguments]

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment | environment,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def start(self, *arguments: str, **streams: Any) -> subprocess.Popen[str]:
        """Starts a command in a session of its own; its stdout is a pipe of lines."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            **streams,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "demo_tools.py").write_text(TOOLS, encoding="utf-8")
    (tmp_path / "planloom.yaml").write_text("tools:\n  modules: [demo_tools.py]\n", encoding="utf-8")
    return Place(tmp_path)


@pytest.fixture
def step() -> Callable[..., dict[str, Any]]:
    """Makes a step as a plan file has it."""

    def made(name: str, action: str, /, *, after: Sequence[str] = (), **parameters: Any) -> dict[str, Any]:
        return {"id": name, "action": action, "parameters": parameters, "dependencies": list(after)}

    return made
