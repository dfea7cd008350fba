"""Tools of Python modules as data, and back. Rule: what is described here is shown and checked, never run from here."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..schematool import SchemaTool
from ..tool import Tool

_AGENTS = Path(__file__).parent.parent
# what every tool's schemas are made with
_MAKERS = ("tool.py", "schematool.py", "results.py", "catalog/described.py")
_TRAITS = ("timeout_s", "concurrency", "process", "destructive", "outward", "idempotent", "cost_usd")


def data_of(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    """Plain data of tools, for `tools_from`."""
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "effect": tool.effect,
            "input": tool.input_schema,
            "output": tool.output_schema,
            "traits": {name: getattr(tool, name) for name in _TRAITS},
        }
        for tool in tools
    ]


def tools_from(data: Any, load: Callable[[str], Tool | None]) -> list[Tool]:
    """The tools that `data_of` told of. One that is called is loaded by its name first.

    Raises:
        KeyError, TypeError, AttributeError: it is something else.
    """
    return [_tool(entry, load) for entry in data]


def _tool(entry: Mapping[str, Any], load: Callable[[str], Tool | None]) -> Tool:
    name = str(entry["name"])

    def call(**arguments: Any) -> Any:
        tool = load(name)
        if tool is None:
            raise LookupError(name)
        return tool(**arguments)

    return SchemaTool(
        name=name,
        description=str(entry["description"]),
        function=call,
        effect=entry["effect"],
        given_input=entry["input"],
        given_output=entry["output"],
        **entry["traits"],
    )


def group_key(group: str) -> str:
    """A hash of all that a built-in group's tools are made from."""
    folder = _AGENTS / "tools"
    own = sorted((folder / group).rglob("*.py")) if (folder / group).is_dir() else [folder / f"{group}.py"]
    return _hash([*own, *sorted(folder.glob("*.py"))])


def module_key(name: str) -> str | None:
    """A hash of a module of the settings, a file or a dotted name; None when it can't be found without importing."""
    if name.endswith(".py"):
        file = Path(name).expanduser()
    else:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        if spec is None or spec.origin is None:
            return None
        file = Path(spec.origin)
    if not file.is_file():
        return None
    return _hash(sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file])


def _hash(files: Iterable[Path]) -> str:
    import xxhash

    digest = xxhash.xxh3_128(_made_with())
    for file in files:
        digest.update(f"\0{file.name}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _made_with() -> bytes:
    """What decides how a schema comes out, beside the tool's own module."""
    from importlib.metadata import version

    digest = hashlib.sha256(f"{platform.python_version()} {version('pydantic')} {version('planloom')}".encode())
    for name in _MAKERS:
        digest.update((_AGENTS / name).read_bytes())
    return digest.digest()
