"""The data of a chart: checked, cut to what can be read, and said in a sentence.

Rule: None is a gap. Positions on a time axis are recognised by their form: 2024, 2024-05, 2024-05-01, with or without
a time.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ....errors import ToolError
from .style import Format, formatter, short

_ISO = re.compile(r"\d{4}-\d{2}(-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?)?")
_ADDABLE = ("count", "number", "bytes", "currency")


@dataclass(frozen=True, slots=True)
class Line:
    """One series."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """`labels` as given; `lines` are as long (a histogram's may be one shorter, its labels are the bins' edges)."""

    labels: tuple[Any, ...]
    lines: tuple[Line, ...]

    @property
    def is_empty(self) -> bool:
        return not any(value is not None for line in self.lines for value in line.values)

    @property
    def numbers(self) -> list[float]:
        """All values there are."""
        return [value for line in self.lines for value in line.values if value is not None]


def checked(kind: str, x: Sequence[Any], series: Sequence[Any]) -> Data:
    """The data of a chart of this kind.

    Raises:
        ToolError: lengths differ, or a value is no number; names the series.
    """
    lines = []
    for one in series:
        values = tuple(one["values"])
        allowed = (len(x), len(x) - 1) if kind == "histogram" else (len(x),)
        if len(values) not in allowed:
            raise ToolError(
                f"expected {len(x)} values in the series {one['name']!r}, one for each x, got {len(values)}"
            )
        lines.append(Line(str(one["name"]), tuple(_value(kind, one["name"], value) for value in values)))
    return Data(tuple(x), tuple(lines))


def _value(kind: str, name: str, value: Any) -> Any:
    if value is None:
        return None
    if kind == "box":
        if not isinstance(value, (list, tuple)) or len(value) != 5 or any(not _is_number(v) for v in value):
            raise ToolError(f"expected [min, q1, median, q3, max] in the series {name!r}, got {value!r}")
        return tuple(float(v) for v in value)
    if not _is_number(value):
        raise ToolError(f"expected numbers or None in the series {name!r}, got {value!r}")
    return float(value) if math.isfinite(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float))


def moments(labels: Sequence[Any]) -> list[dt.datetime] | None:
    """The labels as times, None unless all are ISO dates of the same length."""
    if len(labels) < 2 or not all(isinstance(label, str) and _ISO.fullmatch(label) for label in labels):
        return None
    try:
        return [dt.datetime.fromisoformat(label if len(label) > 7 else f"{label}-01") for label in labels]
    except ValueError:
        return None


def largest(data: Data, most: int, value_format: str, *, all_of_it: bool = False) -> tuple[Data, int]:
    """At most `most` labels: the largest by sum, the rest added up as "n others" where adding makes sense.

    Unless `all_of_it` is wanted, a rest that would dwarf the largest is left out. Returns the data, and how many
    labels were left out (0 when they were added up). The order stays.
    """
    if len(data.labels) <= most:
        return data, 0
    addable = value_format.partition(":")[0] in _ADDABLE and all(number >= 0 for number in data.numbers)
    totals = [sum(line.values[i] or 0 for line in data.lines) for i in range(len(data.labels))]
    by_size = sorted(range(len(totals)), key=lambda i: -abs(totals[i]))
    if addable and not all_of_it:
        addable = sum(totals[i] for i in by_size[most - 1 :]) <= 1.5 * max(totals)
    kept = sorted(by_size[: most - addable])
    rest = sorted(by_size[most - addable :])
    labels = [data.labels[i] for i in kept]
    lines = [[line.values[i] for i in kept] for line in data.lines]
    if not addable:
        made = tuple(Line(line.name, tuple(cut)) for line, cut in zip(data.lines, lines, strict=True))
        return Data(tuple(labels), made), len(rest)
    sums = [sum(line.values[i] or 0 for i in rest) for line in data.lines]
    made = tuple(Line(line.name, (*cut, total)) for line, cut, total in zip(data.lines, lines, sums, strict=True))
    return Data((*labels, f"{len(rest)} others"), made), 0


_NAMES = {
    "bar": "Bar chart",
    "barh": "Bar chart",
    "line": "Line chart",
    "area": "Area chart",
    "histogram": "Histogram",
    "donut": "Donut chart",
    "heatmap": "Heat map",
    "scatter": "Scatter plot",
    "box": "Box plot",
}


def alt_text(kind: str, title: str, data: Data, value_format: str) -> str:
    """The chart in a sentence, with its key figure."""
    shown = formatter(value_format)
    if kind == "box":
        figure = _of_boxes(data, shown)
    elif kind == "heatmap":
        size = f"{len(data.lines)} by {len(data.labels)} cells"
        figure = f"{size} from {shown(min(data.numbers))} to {shown(max(data.numbers))}"
    elif len(data.lines) > 1:
        names = ", ".join(short(line.name, 20) for line in data.lines[:5])
        figure = f"{len(data.lines)} series ({names}) with {len(data.labels)} points each"
    else:
        figure = _of_one_series(kind, data, shown)
    return f"{_NAMES[kind]} “{short(title, 80)}”: {figure}."


def _of_boxes(data: Data, shown: Format) -> str:
    pairs = [zip(line.values, data.labels, strict=True) for line in data.lines]
    medians = [(value[2], label) for values in pairs for value, label in values if value is not None]
    median, label = max(medians, key=lambda pair: pair[0])
    return f"{len(medians)} boxes; the highest median is that of {short(label)} ({shown(median)})"


def _of_one_series(kind: str, data: Data, shown: Format) -> str:
    values = data.lines[0].values
    known = [(value, i) for i, value in enumerate(values) if value is not None]
    top, at = max(known, key=lambda pair: pair[0])
    if kind == "histogram" and len(values) < len(data.labels):
        return f"most values ({shown(top)}) lie between {_label(data.labels[at])} and {_label(data.labels[at + 1])}"
    if kind in ("donut", "barh", "bar"):
        total = sum(value for value, _ in known)
        share = f", {100 * top / total:.0f}% of all" if kind == "donut" and total else ""
        number = "1 value" if len(known) == 1 else f"{len(known)} values"
        return f"{number}; the largest is {_label(data.labels[at])} with {shown(top)}{share}"
    low, low_at = min(known, key=lambda pair: pair[0])
    high = f"highest at {_label(data.labels[at])} ({shown(top)})"
    return f"{len(known)} points, {high}, lowest at {_label(data.labels[low_at])} ({shown(low)})"


def _label(label: Any) -> str:
    is_year = _is_number(label) and float(label).is_integer() and 1500 <= label <= 2200
    return f"{label:.0f}" if is_year else formatter("number")(label) if _is_number(label) else short(label)
