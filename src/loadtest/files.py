"""The files of a report: JSON, Markdown and a page. Rule: each is whole and needs nothing beside it."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from . import report as reports
from .markdown import markdown
from .report import Report


def written(report: Report, folder: Path, json_file: Path | None = None) -> list[Path]:
    """Writes report.json, report.md and report.html into `folder`, and the JSON to `json_file` too; gives all.

    Raises:
        UsageError: one can't be written.
    """
    from .page import html

    made = [path for path in (folder / "report.json", json_file) if path is not None]
    for path in made:
        reports.write(report, path)
    for name, text in (("report.md", markdown(report)), ("report.html", html(report))):
        path = folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"expected to write {str(path)!r}, got {error.strerror}; choose another --out") from error
        made.append(path)
    return made
