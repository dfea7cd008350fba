"""YAML with the line each value stands on. Rule: plain data only, no key twice."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError

Path = tuple[str | int, ...]


def read(text: str, where: str) -> tuple[Any, dict[Path, int]]:
    """The data, and for the path of each value its line, counted from 1.

    Raises:
        UsageError: it is not YAML, or a key stands twice; names the line.
    """
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Path, int] = {}
        if node is not None:
            _walk(node, (), lines, where)
        return yaml.safe_load(text), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None else ""
        told = getattr(error, "problem", None) or "unreadable text"
        raise UsageError(f"{where}{line}: expected YAML, got {told}") from error
    except (RecursionError, ValueError) as error:
        raise UsageError(f"{where}: expected plain YAML, got {error}") from error


def _walk(node: Any, path: Path, lines: dict[Path, int], where: str) -> None:
    lines[path] = node.start_mark.line + 1
    if node.id == "mapping":
        for key, value in node.value:
            inner = (*path, str(key.value))
            if inner in lines:
                line = key.start_mark.line + 1
                raise UsageError(f"{where} line {line}: expected each key once, got {key.value!r} a second time")
            _walk(value, inner, lines, where)
            lines[inner] = key.start_mark.line + 1
    elif node.id == "sequence":
        for number, value in enumerate(node.value):
            _walk(value, (*path, number), lines, where)


def written(path: Path) -> str:
    """A path as people write it: `rules[0].when.nth`."""
    told = ""
    for part in path:
        told += f"[{part}]" if isinstance(part, int) else f".{part}" if told else part
    return told or "the top"
