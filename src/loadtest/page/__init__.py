"""The report as one page with plots. Rule: everything is inside the file; nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import markdown as told
from . import charts

_HERE = Path(__file__).parent


def html(report: Mapping[str, Any]) -> str:
    """The whole page; works offline, light and dark, on phones."""
    from jinja2 import Environment, FileSystemLoader, select_autoescape
    from plotly.offline import get_plotlyjs

    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=select_autoescape(default=True))
    drawn = charts.charts(report)
    search = report.get("search")
    return environment.get_template("page.html.j2").render(
        report=report,
        title=told.title(report),
        about=told.about(report),
        tiles=charts.tiles(report),
        charts=drawn,
        rows=told.rows(report),
        failures=told.failures(report),
        search=search,
        trials=told.search_rows(search) if search else [],
        data=json.dumps({one["id"]: one for one in drawn}).replace("<", "\\u003c"),
        library=get_plotlyjs(),
        style=(_HERE / "page.css").read_text("utf-8"),
        script=(_HERE / "page.js").read_text("utf-8"),
    )
