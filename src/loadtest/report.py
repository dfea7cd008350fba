"""A load as a report: plain data that is written and read. Rule: what one version wrote, later ones read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .bottleneck import bottleneck
from .figures import figures
from .load import Load
from .records import Record, Sample

FORMAT = "planloom.loadtest"
VERSION = 1
_MOST_SAMPLES = 2_000
# What everybody who reads a report relies on.
_PARTS = {
    "told": str, "ended": str, "made_at": str, "sent": int, "succeeded": int, "failed": dict, "load": dict,
    "machine": dict, "tokens": dict, "cost": dict, "quota": dict, "context": dict, "time": dict, "bottleneck": dict,
    "samples": list, "requests": list,
}  # fmt: skip

Report = dict[str, Any]


def made(
    load: Load, record: Record, *, machine: Mapping[str, Any], made_at: str, version: str, told: str, most_mb: float
) -> Report:
    """The report of a load. `told` is its first line: what answered the models' calls."""
    found = figures(load, record, int(machine.get("cores") or 1))
    cause = asdict(bottleneck(found, concurrency=load.concurrency, most_mb=most_mb))
    return {
        "format": FORMAT,
        "version": VERSION,
        "planloom": version,
        "made_at": made_at,
        "told": told,
        "ended": record.ended,
        "epitaph": record.epitaph,
        "load": asdict(load),
        "machine": dict(machine),
        **found,
        "bottleneck": cause,
        "samples": [asdict(sample) for sample in _thinned(record.samples)],
        "requests": [asdict(one) for one in sorted(record.served, key=lambda one: one.number)],
    }


def read(path: Path) -> Report:
    """The report in a file.

    Raises:
        UsageError: there is none that this version can read; says what is there.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"expected a report of `planloom loadtest`, got {str(path)!r}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: expected JSON of `planloom loadtest --json`, got something else: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        got = data.get("format", "no format") if isinstance(data, dict) else type(data).__name__
        raise UsageError(f"{path}: expected a report of `planloom loadtest` (format {FORMAT}), got {str(got)[:60]!r}")
    version = data.get("version")
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise UsageError(
            f"{path}: expected version 1 to {VERSION} of the format, got {version!r}; "
            f"it was written by planloom {data.get('planloom', '?')}"
        )
    missing = [name for name, kind in _PARTS.items() if not isinstance(data.get(name), kind)]
    if missing:
        raise UsageError(f"{path}: expected a whole report, got one without {', '.join(missing)}")
    return data


def check_place(path: Path) -> None:
    """Refuses a place that can't be written to, before a load and not behind it.

    Raises:
        UsageError: it is a folder, or its own folder can't be made or written to.
    """
    there = next(one for one in path.absolute().parents if one.exists())
    if path.is_dir() or not there.is_dir() or not os.access(there, os.W_OK):
        raise UsageError(f"expected a file that can be written, got {str(path)!r}; choose another one")


def write(report: Report, path: Path) -> None:
    """Writes the report; a file is whole or as it was.

    Raises:
        UsageError: it can't be written there.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UsageError(f"expected to write {str(path)!r}, got {error.strerror}; choose another file") from error


def _thinned(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Evenly fewer of them when a load took very long."""
    step = len(samples) // _MOST_SAMPLES + 1
    return samples[::step]
