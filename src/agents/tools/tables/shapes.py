"""The shapes of what the table tools return; they are the output schemas that plans are checked against."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from ..figures import Chart
from .frame import Kind


class Column(TypedDict):
    name: str
    type: str
    kind: Kind


class Fact(TypedDict):
    label: str
    value: str


class Cells(TypedDict):
    columns: list[str]
    rows: list[list[Any]]


class Section(TypedDict):
    """A part of a report; `charts` are names of charts."""

    heading: str
    level: int
    text: str
    facts: list[Fact]
    table: Cells | None
    charts: list[str]


class ReadTable(TypedDict):
    """`table` is the path for the other tools, `size` its rows and columns in words.

    `selected`: the columns worth a step each (300 at most).
    """

    table: str
    source: str
    rows: int
    size: str
    columns: list[Column]
    selected: list[Column]
    notes: list[str]


class NewTable(TypedDict):
    table: str
    rows: int
    columns: list[str]


class Rows(TypedDict):
    """`rows` in the order of `columns`; `total` counts all that matched."""

    columns: list[str]
    rows: list[list[Any]]
    total: int


class TopValue(TypedDict):
    value: Any
    count: int


class Outliers(TypedDict):
    method: str
    count: int
    share: float
    low: float | None
    high: float | None
    examples: list[float]


class ColumnProfile(TypedDict):
    """`stats` depends on the kind: min, median, mean, std, quantiles for numbers, min, max, days for dates."""

    name: str
    kind: Kind
    type: str
    rows: int
    missing: int
    missing_share: float
    distinct: int
    stats: dict[str, Any]
    top: list[TopValue]
    outliers: Outliers | None
    chart: Chart
    section: Section


class Overview(TypedDict):
    """`repeated_rows` is None when there are too many rows to count them."""

    rows: int
    columns: int
    missing_cells: int
    repeated_rows: int | None
    types: dict[str, int]
    chart: Chart
    sections: list[Section]


class Pair(TypedDict):
    first: str
    second: str
    pearson: float
    spearman: float | None
    rows: int


class Correlations(TypedDict):
    columns: list[str]
    pairs: list[Pair]
    rows: int
    sampled: bool
    chart: Chart
    sections: list[Section]


class Trend(TypedDict):
    column: str
    period: str
    aggregate: str
    direction: str
    slope: float | None
    r_squared: float | None
    text: str
    chart: Chart


class Trends(TypedDict):
    """`date` is empty when the table has no usable date column."""

    date: str
    trends: list[Trend]
    charts: list[Chart]
    sections: list[Section]


class Findings(TypedDict):
    """`text`: the headlines as a Markdown list. `summary` goes to the top of a report, `sections` below it.

    `columns` are the sections of the profiles, None for those that are missing.
    """

    headlines: list[str]
    text: str
    chart: Chart
    summary: list[Section]
    sections: list[Section]
    columns: list[Section | None]
