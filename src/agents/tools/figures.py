"""Numbers as people read them, and the shapes that charts and report sections take.

Rule: tools that measure return these shapes ready-made, because no code runs between the steps of a plan.
"""

from __future__ import annotations

import re
from typing import Any, NotRequired

from typing_extensions import TypedDict

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Series(TypedDict):
    """One line or group of bars; as many values as the chart has labels."""

    name: str
    values: list[float | None]


class ChartData(TypedDict):
    """`x`: labels, numbers or ISO dates. Gaps in a series are None."""

    x: list[Any]
    series: list[Series]


class Chart(TypedDict):
    """What `charts.draw` needs; `name` becomes the file's name."""

    kind: str
    title: str
    data: ChartData
    x_label: str
    y_label: str
    value_format: str
    name: str


class Fact(TypedDict):
    """One labelled figure."""

    label: str
    value: str


class Table(TypedDict):
    """Rows have as many cells as there are columns."""

    columns: list[str]
    rows: list[list[str]]


class Section(TypedDict):
    """A part of a report; `text` is Markdown, `level` 2 or 3, `charts` names of drawn charts."""

    heading: str
    text: str
    facts: list[Fact]
    level: int
    table: NotRequired[Table]
    charts: NotRequired[list[str]]


def size(size_bytes: float) -> str:
    """Bytes in decimal units with three digits: 0 B, 999 B, 1.23 MB."""
    value = float(size_bytes)
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    if unit == "B":
        return f"{value:.0f} B"
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {unit}"


def number(value: float) -> str:
    """A count with thousands separated: 1,234."""
    return f"{value:,.0f}"


def counted(value: int, noun: str, plural: str = "") -> str:
    """`1 file`, `2 files`; `plural` for words that don't take an s."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def share(part: float, whole: float) -> str:
    """A part of a whole in percent, `<1 %` for small ones, `0 %` of nothing."""
    if not whole or not part:
        return "0 %"
    percent = 100 * part / whole
    return "<1 %" if percent < 1 else f"{percent:.0f} %" if percent < 99.5 or part == whole else ">99 %"


def section(
    heading: str,
    text: str,
    facts: list[Fact] | None = None,
    *,
    table: Table | None = None,
    charts: list[Chart] | None = None,
    level: int = 2,
) -> Section:
    """A section that shows `charts`, once they are drawn, and no empty table."""
    made: Section = {"heading": heading, "text": text, "facts": facts or [], "level": level}
    if table and table["rows"]:
        made["table"] = table
    if charts:
        made["charts"] = [chart["name"] for chart in charts]
    return made


def fact(label: str, value: str) -> Fact:
    return {"label": label, "value": value}


def chart(
    kind: str,
    title: str,
    labels: list[str],
    values: list[float] | list[int],
    *,
    value_format: str = "count",
    name: str = "chart",
    series: str = "",
    x_label: str = "",
    y_label: str = "",
) -> Chart:
    """A chart of one series, or of none when there is nothing to draw (see `drawable`)."""
    return {
        "kind": kind,
        "title": title,
        "data": {"x": labels, "series": [{"name": series or title, "values": [float(v) for v in values]}]},
        "x_label": x_label,
        "y_label": y_label,
        "value_format": value_format,
        "name": name,
    }


def drawable(made: Chart) -> list[Chart]:
    """The chart in a list, or no chart when all its values are 0: a plan draws one step for each of these."""
    return [made] if any(v for s in made["data"]["series"] for v in s["values"]) else []


def middle(values: list[int]) -> int:
    """The median, the lower one of two; 0 for none."""
    return sorted(values)[(len(values) - 1) // 2] if values else 0


def code(text: str) -> str:
    """`text` as Markdown code, whatever it contains."""
    fence = "`" if "`" not in text else "``"
    return f"{fence}{text}{fence}"


def labels(paths: list[str]) -> list[str]:
    """Names of files for the axis of a chart, 24 characters at most; equal names get the end of their folder's."""
    names = [path.rstrip("/").rpartition("/")[2] + ("/" if path.endswith("/") else "") for path in paths]
    made = []
    for path, name in zip(paths, names, strict=True):
        folder = path.removesuffix(name).rstrip("/").rpartition("/")[2]
        if names.count(name) == 1 or not folder:
            made.append(_cut(name, 24))
        else:
            made.append(f"{folder if len(folder) <= 9 else '…' + folder[-8:]}/{_cut(name, 14)}")
    return made


def _cut(text: str, length: int) -> str:
    """`text` without its middle when it is too long."""
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[-end:]}"


_SPECIAL = re.compile(r"([\\\\`*_\[\]<>#|~])")


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def joined(parts: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
