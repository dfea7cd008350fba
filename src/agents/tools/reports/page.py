"""Writes a report as one HTML page that needs nothing else, and as Markdown.

Rule: every text is escaped by the template; only Markdown that was rendered with HTML switched off goes in as it is.
"""

from __future__ import annotations

import base64
import os
import re
import struct
from importlib.resources import files
from pathlib import Path

from .content import Grid, Part, Picture, Report, markdown, outline


def html(report: Report) -> str:
    """The page: pictures inside as data, no scripts, nothing loaded from outside."""
    from jinja2 import Environment
    from markupsafe import Markup

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files(__package__).joinpath("templates", "report.html.j2").read_text(encoding="utf-8")
    )
    renderer = markdown()
    return template.render(
        report=report,
        contents=list(outline(report.parts)),
        render=lambda text: Markup(renderer.render(text)),  # noqa: S704  # HTML in the text is switched off
        data_uri=data_uri,
        size=lambda path: Markup(_size_attributes(path)),  # noqa: S704  # two numbers
    )


def data_uri(path: Path) -> str:
    """A picture as text for an img element."""
    kind = "image/svg+xml" if path.suffix == ".svg" else "image/png"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _size_attributes(path: Path) -> str:
    """Width and height, so that nothing moves while the page is shown; empty for other pictures than PNG."""
    head = path.read_bytes()[:24]
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        return ""
    width, height = struct.unpack(">II", head[16:24])
    return f' width="{width}" height="{height}"'


def markdown_text(report: Report, folder: Path) -> str:
    """The report as Markdown; pictures are linked relative to `folder`."""
    blocks = [f"# {_inline(report.title)}"]
    if report.subtitle:
        blocks.append(_inline(report.subtitle))
    for part in report.parts:
        blocks += _part_blocks(part, folder)
    if report.missing:
        blocks += ["## What is missing", "\n".join(f"- {_inline(text)}" for text in report.missing)]
    blocks.append(f"Made with Planloom, {report.made}.")
    return "\n\n".join(blocks) + "\n"


def _part_blocks(part: Part, folder: Path) -> list[str]:
    blocks = [f"{'#' * part.level} {_inline(part.heading)}"] if part.heading else []
    if part.text:
        blocks.append(part.text.strip())
    if part.facts:
        blocks.append("\n".join(f"- {_inline(label)}: **{_inline(value)}**" for label, value in part.facts))
    blocks += [_linked(picture, folder) for picture in part.pictures]
    if part.grid:
        blocks.append(_grid(part.grid))
        if part.grid.left_out:
            blocks.append(f"The first {len(part.grid.rows)} of {len(part.grid.rows) + part.grid.left_out:,} rows.")
    return blocks


def _linked(picture: Picture, folder: Path) -> str:
    target = Path(os.path.relpath(picture.path, folder)).as_posix()
    return f"![{_inline(picture.alt)}](<{target}>)"


def _grid(grid: Grid) -> str:
    def row(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(_inline(cell) for cell in cells) + " |"

    rule = "|" + "|".join(" ---: " if numeric else " --- " for numeric in grid.numeric) + "|"
    return "\n".join([row(grid.columns), rule, *[row(cells) for cells in grid.rows]])


def _inline(text: str) -> str:
    """Text inside a line of Markdown, without any mark-up of its own."""
    return re.sub(r"([\\`*_\[\]<>#|~!])", r"\\\1", text)
