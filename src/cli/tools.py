"""`planloom tools`: what steps can do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from . import options

if TYPE_CHECKING:
    from ..agents.registry import Registry
    from ..agents.tool import Tool


@click.group("tools", invoke_without_command=True)
@options.as_json
@options.shared
@click.pass_context
def command(ctx: click.Context, as_json: bool, config_file: Path | None) -> None:
    """List the tools with their effect, or show one: planloom tools show NAME.

    Effects: pure (same input, same output), read (looks at the world), write (changes it).
    """
    ctx.obj = config_file
    if ctx.invoked_subcommand is None:
        known = registry(config_file)
        show_all(known, as_json=as_json)
        for text in known.take_notices():
            click.echo(f"Note: {text}", err=True)


@command.command("show")
@click.argument("name")
@options.as_json
@options.shared
@click.pass_obj
def show(group_config: Path | None, name: str, as_json: bool, config_file: Path | None) -> None:
    """Show one tool with its arguments and its result."""
    from .output import print_json

    known = registry(config_file or group_config)
    found = known.find(name)
    if found is None:
        from difflib import get_close_matches

        near = get_close_matches(name, known.names(), n=3, cutoff=0.4)
        hint = f"; nearest are {', '.join(near)}" if near else "; `planloom tools` lists them"
        raise UsageError(f"expected the name of a tool, got {name!r}{hint}")
    if as_json:
        print_json(described(found, known.source(name)))
    else:
        _print_one(found, known.source(name))


def registry(config_file: Path | None) -> Registry:
    """The tools of this process's settings."""
    import os

    from ..agents.equipment import equipped

    return equipped(options.settings(config_file).config, os.environ)


def show_all(known: Registry, *, as_json: bool) -> None:
    """Prints the list."""
    from ..agents.tool import short
    from .output import print_json, print_table

    if as_json:
        print_json([described(item, known.source(item.name)) for item in known])
        return
    print_table([(item.name, _effect(item), short(item.description)) for item in known], ("bold", "cyan", ""))


def described(item: Tool, source: str) -> dict[str, Any]:
    """A tool as plain data, with its JSON schemas."""
    return {
        "name": item.name,
        "description": item.description,
        "effect": item.effect,
        "destructive": item.destructive,
        "source": source,
        "input_schema": item.input_schema,
        "output_schema": item.output_schema,
    }


def _effect(item: Tool) -> str:
    return f"{item.effect}, asks" if item.destructive else item.effect


def _print_one(item: Tool, source: str) -> None:
    from .output import print_heading, print_table, print_text

    print_heading(item.name)
    asks = ", each call needs approval" if item.destructive else ""
    print_text(f"{item.effect}{asks} · {source}", "dim")
    print_text(f"\n{item.description}\n")
    print_heading("Arguments")
    print_table([("  " + name, kind, text) for name, kind, text in arguments(item.input_schema)], ("bold", "cyan", ""))
    print_heading("\nResult")
    print_table([("  " + name, kind, text) for name, kind, text in result(item.output_schema)], ("bold", "cyan", ""))


def arguments(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, type, and what it is, of every property of an object's schema."""
    required = schema.get("required", [])
    rows = []
    for name, inner in schema.get("properties", {}).items():
        default = (
            f"default {inner['default']!r}" if "default" in inner else ("" if name in required else "may be absent")
        )
        rows.append((name, kind_of(inner, schema), ". ".join(filter(None, [inner.get("description", ""), default]))))
    return rows or [("none", "", "")]


def result(schema: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The fields of a result; one row for a result that is not an object."""
    inner = _followed(schema, schema)
    if "properties" in inner:
        fields = {**inner, "$defs": schema.get("$defs", {})}
        return [(name, kind, text) for name, kind, text in arguments(fields)]
    return [(kind_of(schema, schema), "", inner.get("description", ""))]


def kind_of(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """A schema's type in a word or two: `string`, `array of number`, `one of a, b`, `string or null`."""
    schema = _followed(schema, root)
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return repr(schema["const"])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(kind_of(choice, root) for choice in choices))
    if schema.get("type") == "array" and schema.get("items"):
        return f"array of {kind_of(schema['items'], root)}"
    return str(schema.get("title") if schema.get("properties") else schema.get("type", "anything"))


def _followed(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    return root.get("$defs", {}).get(reference.rpartition("/")[2], {}) if reference else schema
