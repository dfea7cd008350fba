"""`planloom audit`: what was called, asked and decided, and whether that record is whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from . import options

_RUN = click.option("--run", "run_id", metavar="RUN", help="Only entries of this run.")


@click.group("audit")
def command() -> None:
    """Show, check or export the audit log: tool calls, approvals, decisions."""


@command.command("show")
@_RUN
@click.option("--last", default=50, show_default=True, metavar="N", help="The newest N entries. 0: all.")
@options.as_json
@options.shared
def show(run_id: str | None, last: int, as_json: bool, config_file: Path | None) -> None:
    """Show the newest entries."""
    from .output import print_json, print_table

    found = list(_entries(config_file, run_id))
    found = found[-last:] if last else found
    if as_json:
        print_json(found)
        return
    if not found:
        sys.stderr.write("Nothing is in the audit log.\n")
    print_table([_row(entry) for entry in found], ("dim", "cyan", "bold", ""))


@command.command("verify")
@options.as_json
@options.shared
def verify(as_json: bool, config_file: Path | None) -> None:
    """Check that no line was changed, left out, moved or cut off; exit code 1 if one was."""
    from ..agents.audit import verify as verified
    from .output import print_json, print_text

    folder = _folder(config_file)
    report = verified(folder)
    found = report.finding
    if as_json:
        told = (
            {"fault": found.fault, "place": found.place, "number": found.number, "told": found.told} if found else None
        )
        about = {"lines": report.lines, "emptied": report.emptied, "folder": str(folder)}
        print_json({"whole": found is None, **about, "finding": told})
    elif found is None:
        without = f"; what {report.emptied} of them told was taken out" if report.emptied else ""
        print_text(f"Whole: {report.lines} lines in {folder}{without}.")
    else:
        print_text(
            f"{found.fault.capitalize()} at {found.place}: {found.told}. {report.lines} lines before it are whole."
        )
    if found is not None:
        raise click.exceptions.Exit(1)


@command.command("export")
@_RUN
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="Write there instead of stdout.")
@options.shared
def export(run_id: str | None, output: Path | None, config_file: Path | None) -> None:
    """Write the entries as JSON Lines, as they stand."""
    text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in _entries(config_file, run_id))
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output: expected a file that can be written, got: {error}") from error


def _folder(config_file: Path | None) -> Path:
    return Path(options.settings(config_file).config.state).expanduser().resolve() / "audit"


def _entries(config_file: Path | None, run_id: str | None) -> Iterator[dict[str, Any]]:
    from ..agents.audit import entries

    return (entry for entry in entries(_folder(config_file)) if run_id in (None, entry.get("run")))


def _row(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """When, what, on which step, and the rest in words."""
    kind = str(entry.get("kind", ""))
    told = {
        "begun": "begins",
        "call": str(entry.get("status", "")),
        "approval": "granted" if entry.get("granted") else "refused",
        "decision": str(entry.get("verdict", "")),
    }.get(kind, "")
    about = entry.get("error") or entry.get("reason") or entry.get("question") or entry.get("told")
    about = about or _short(entry.get("arguments"))
    name = f"{entry.get('tool', '')} {told}".strip() if entry.get("tool") else told
    return str(entry.get("at", ""))[:19].replace("T", " "), kind, str(entry.get("step", "")), f"{name}  {about}".strip()


def _short(arguments: Any) -> str:
    if not isinstance(arguments, Mapping):
        return ""
    text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return text if len(text) <= 120 else text[:117] + "..."
