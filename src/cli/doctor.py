"""`planloom doctor`: is everything there, and which settings are in force. Rule: it looks, it changes nothing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..errors import ConfigError, ToolError
from . import options

if TYPE_CHECKING:
    from ..config import Config
    from ..settings import Loaded

_SECRET = re.compile(r"(api_?key|token|secret|password|credentials?)$", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY_IN_URL = re.compile(r"(://[^\s?]*\?)\S+")
_PACKAGES = ("langgraph", "langchain-core", "pydantic", "networkx", "matplotlib", "polars", "msgpack", "openai", "mcp")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `state`: ok, note (works without it) or problem."""

    name: str
    state: Literal["ok", "note", "problem"]
    told: str


@click.command("doctor")
@options.as_json
@click.option("--template", is_flag=True, help="Print a config.yaml with every key, its meaning and its default.")
@click.option("--offline", is_flag=True, help="Call no model.")
@options.shared
def command(as_json: bool, template: bool, offline: bool, config_file: Path | None) -> None:
    """Check the installation and the models, and show the settings in force and where each came from.

    Each model is called once for each thing it is needed for, where models are set. Exit code 1 when something is
    broken.
    """
    from .output import print_json

    if template:
        from .template import text

        sys.stdout.write(text())
        return
    loaded, found = _loaded(config_file)
    found += list(checks(loaded.config, offline=offline))
    if as_json:
        file = str(loaded.file) if loaded.file else None
        values = {key: {"value": value, "origin": origin} for key, value, origin in shown(loaded)}
        print_json({"checks": [asdict(check) for check in found], "file": file, "settings": values})
    else:
        _print(found, loaded)
    sys.exit(1 if any(check.state == "problem" for check in found) else 0)


def _loaded(config_file: Path | None) -> tuple[Loaded, list[Check]]:
    """The settings, or the defaults and a problem when they can't be read."""
    from ..settings import load

    try:
        loaded = options.settings(config_file)
    except ConfigError as error:
        return load(environ={}, folder=Path(os.devnull)), [Check("settings", "problem", str(error))]
    return loaded, [Check("settings", "ok", str(loaded.file) if loaded.file else "no file: defaults")]


def checks(config: Config, *, offline: bool = False) -> Iterator[Check]:
    """Everything that is looked at, in the order in which it is shown; `offline`: no model is called."""
    yield from _versions()
    for name in ("workspace", "state", "out"):
        yield folder(name, Path(getattr(config, name)).expanduser())
    yield _git()
    yield _sandbox(config)
    yield from _tools(config)
    yield from _playbooks(config)
    yield from [Check("models", "note", "not called (--offline)")] if offline else _models(config)


def _versions() -> Iterator[Check]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in ("planloom", *_PACKAGES):
        try:
            yield Check(name, "ok", version(name))
        except PackageNotFoundError:
            yield Check(name, "problem", f"not installed; install planloom again, or: pip install {name}")


def folder(name: str, path: Path) -> Check:
    """Whether a folder, or the one it would be made in, can be written."""
    absolute = path.absolute()
    existing = next(parent for parent in (absolute, *absolute.parents) if parent.exists())
    if not existing.is_dir():
        return Check(name, "problem", f"expected a folder, got {str(existing)!r}, which is a file; change `{name}`")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check(name, "problem", f"{absolute} can't be written; change `{name}` or its permissions")
    return Check(name, "ok", f"{absolute}, writable" if existing == absolute else f"{absolute}, made when needed")


def _git() -> Check:
    import shutil
    import subprocess

    path = shutil.which("git")
    if path is None:
        return Check("git", "note", "not found: the tools named git. do not work")
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check("git", "note", f"{path} does not start: {error}")
    return Check("git", "ok", answer.stdout.strip().removeprefix("git version ") or path)


def _sandbox(config: Config) -> Check:
    from ..agents.sandbox import Sandbox

    try:
        kind = Sandbox(kind=config.tools.code.sandbox).kind
    except ToolError as error:
        return Check("sandbox", "note", f"code.run does not work: {error}")
    return Check("sandbox", "ok", f"{kind}, which withstood the attacks tried just now")


def _tools(config: Config) -> Iterator[Check]:
    from ..agents.registry import BUILT_IN, load_module, tools_of

    for name in (*(f"planloom.agents.tools.{group}" for group in BUILT_IN), *config.tools.modules):
        shown_name = f"tools {name.rpartition('.')[2] if name.startswith('planloom.') else name}"
        try:
            found = tools_of(load_module(name))
        except ConfigError as error:
            cause = error.__cause__ if name.startswith("planloom.") else None
            yield Check(shown_name, "problem", f"{type(cause).__name__}: {cause}" if cause else str(error))
            continue
        names = ", ".join(tool.name for tool in found)
        yield Check(shown_name, "ok" if found else "note", names or "no function marked @tool in it")


def _playbooks(config: Config) -> Iterator[Check]:
    from ..orchestrator.planning.playbooks import Library

    library = Library([Path(name).expanduser() for name in config.playbooks.folders])
    yield Check("playbooks", "ok" if library.names() else "note", ", ".join(library.names()) or "none")
    for problem in library.problems:
        yield Check("playbook", "problem", str(problem))


def _models(config: Config) -> Iterator[Check]:
    import asyncio

    from ..models.checkup import look

    for found in asyncio.run(look(config.models)):
        name = found.name if found.name == "models" else f"model {found.name}"
        yield Check(name, found.state, found.told)


def shown(loaded: Loaded) -> list[tuple[str, Any, str]]:
    """Every setting with its value and origin; secrets are hidden."""
    from ..settings import value_at

    return [(key, hidden(key, value_at(loaded.config, key)), origin) for key, origin in loaded.origins.items()]


def hidden(key: str, value: Any) -> Any:
    """The value, or `(set, not shown)` for a secret; names and passwords inside addresses are taken out."""
    if (secret := getattr(value, "get_secret_value", None)) is not None:
        return "(set, not shown)" if secret() else ""
    if callable(getattr(value, "model_dump", None)):  # an entry such as mcp.servers.NAME: only what was set
        value = {name: getattr(value, name) for name in sorted(value.model_fields_set)}
    if isinstance(value, dict):
        return {name: hidden(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hidden(key, inner) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    return "(set, not shown)" if _SECRET.search(key) else _without_secrets(value)


def _without_secrets(text: str) -> str:
    """Addresses without user, password and query."""
    return _QUERY_IN_URL.sub(r"\1...", _USER_IN_URL.sub("", text))


def _print(found: list[Check], loaded: Loaded) -> None:
    from .output import print_heading, print_table

    marks = {"ok": "ok", "note": "note", "problem": "PROBLEM"}
    print_heading("Checks")
    print_table([(f"  {c.name}", marks[c.state], c.told) for c in found], ("", "cyan", ""))
    print_heading("\nSettings")
    rows = [(f"  {key}", _text(value), origin) for key, value, origin in shown(loaded)]
    print_table(rows, ("", "cyan", "dim"))
    problems = sum(check.state == "problem" for check in found)
    print_heading(f"\n{problems} problem{'s' * (problems != 1)} found" if problems else "\nEverything is in place")


def _text(value: Any) -> str:
    import json

    return (value or "(empty)") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
