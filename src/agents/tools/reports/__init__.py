"""Reports: one tool that puts texts, facts, tables and charts into a page a person keeps."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool

if TYPE_CHECKING:
    from .content import Report

Format = Literal["html", "markdown", "pdf"]
_SUFFIXES: dict[Format, str] = {"html": "html", "markdown": "md", "pdf": "pdf"}
_MEDIA_TYPES: dict[Format, str] = {"html": "text/html", "markdown": "text/markdown", "pdf": "application/pdf"}


class Written(TypedDict):
    """`path` is the file of the first format. `missing` says what could not be put in."""

    path: str
    paths: dict[str, str]
    sections: int
    missing: list[str]


@tool(effect="write", process=True, idempotent=True, timeout_s=900)
def write(
    title: str,
    sections: list[Any],
    context: ToolContext,
    *,
    subtitle: str = "",
    charts: list[Any] | None = None,
    formats: list[Format] | None = None,
    name: str = "report",
) -> Written:
    """Writes a report as a self-contained HTML page, as Markdown or PDF.

    A section has heading, text (Markdown), facts [{label, value}], table {columns, rows}, charts and level (2 or 3),
    all optional. Its charts are results of charts.draw, or names of those in `charts`. Lists may be nested; None (a
    step that failed) is left out and said in "What is missing".
    """
    from .content import collected

    wanted: list[Format] = list(dict.fromkeys(formats or ["html"]))
    made = dt.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    report = collected(sections, charts or [], context.workspace.readable, title=title, subtitle=subtitle, made=made)
    if not report.parts:
        raise ToolError("expected at least one section with content, got none; the steps before have no results")
    paths: dict[str, str] = {}
    missing = list(report.missing)
    for number, form in enumerate(wanted):
        context.progress(number, len(wanted), form)
        path = context.workspace.output(f"{name}.{_SUFFIXES[form]}")
        missing += _write(report, form, path)
        context.artifact(path, _MEDIA_TYPES[form])
        paths[form] = str(path)
    return {"path": paths[wanted[0]], "paths": paths, "sections": len(report.parts), "missing": missing}


def _write(report: Report, form: Format, path: Path) -> list[str]:
    from . import page, pdf

    try:
        match form:
            case "html":
                path.write_text(page.html(report), encoding="utf-8")
            case "markdown":
                path.write_text(page.markdown_text(report, path.parent), encoding="utf-8")
            case "pdf":
                return pdf.write(report, path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return []
