"""The reports of load tests, for the dashboard. Rule: one that can't be read is named, the others are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..loadtest import comparing
from ..loadtest.markdown import about, rows, title
from ..loadtest.page.charts import charts, tiles
from ..loadtest.report import read

_MOST = 100
_TOLERANCE = 0.1

__all__ = ["Found", "about", "charts", "comparison", "found", "layout", "rows", "tiles", "title"]


@dataclass(slots=True)
class Found:
    """Reports by their file, the newest first, and what is wrong with those that can't be read."""

    good: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def title(self, name: str) -> str:
        """What a list shows of a report."""
        report = self.good.get(name)
        return name if report is None else f"{report['made_at'][:16].replace('T', ' ')} · {title(report)}"


def found(place: Path) -> Found:
    """The reports at a file, or in a folder and the folders of loads in it."""
    paths = [place] if place.is_file() else [*place.glob("*.json"), *place.glob("*/report.json")]
    made = Found()
    for path in sorted(paths, key=lambda one: -one.stat().st_mtime)[:_MOST]:
        try:
            made.good[str(path)] = read(path)
        except UsageError as error:
            if path.name == "report.json":  # other JSON in the folder is nobody's business
                made.broken[str(path)] = str(error)
    return made


def comparison(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """What got better or worse, as rows of a table."""
    told = comparing.lines(comparing.compared(before, after, _TOLERANCE))
    return [dict(zip(("figure", "before", "after", "change", "verdict"), line, strict=True)) for line in told]


def layout(chart: Mapping[str, Any]) -> dict[str, Any]:
    """A chart's layout as the dashboard has them."""
    given = {name: dict(value) if isinstance(value, dict) else value for name, value in chart["layout"].items()}
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return given | {"height": 290, "margin": {"l": 8, "r": 8, "t": 8, "b": 8}, "legend": legend}
