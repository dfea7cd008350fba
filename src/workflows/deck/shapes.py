"""What the data server gives, for any MCP client. Shares are 0 to 1, money is in units of its currency."""

from __future__ import annotations

from typing import Any, Literal, get_args

from typing_extensions import TypedDict

Request = Literal[
    "monthly_sales",
    "sales_by_product",
    "orders_by_user_type",
    "average_order_value",
    "user_demographics",
    "orders_by_product",
    "order_value_by_product",
]
REQUESTS: tuple[str, ...] = get_args(Request)
SAMPLE = "sample data"  # the source of figures that were made up


class Series(TypedDict):
    """Values in the order of x; None is a gap."""

    name: str
    values: list[float | None]


class Points(TypedDict):
    """`x` are labels or months such as 2025-03."""

    x: list[str]
    series: list[Series]


class Chart(TypedDict):
    """Arguments for a tool that draws."""

    kind: str
    title: str
    data: Points
    x_label: str
    y_label: str
    value_format: str
    name: str


class Table(TypedDict):
    """Cells are texts, as they are shown."""

    columns: list[str]
    rows: list[list[str]]


class Fact(TypedDict):
    """A key figure, as it is shown."""

    label: str
    value: str


class Report(TypedDict):
    """The answer to one request. `finding` is a sentence, `facts` its key figures, `sql` what was run."""

    request: str
    label: str
    finding: str
    paragraph: str
    facts: list[Fact]
    chart: Chart
    table: Table
    sql: list[str]
    notes: list[str]
    source: str


class Brief(TypedDict):
    """What a deck is about, after it was checked. `period` is written as people read it."""

    merchant: str
    currency: str
    start: str
    end: str
    period: str
    before: str
    orders: int
    source: str
    notes: list[str]


class Merchant(TypedDict):
    """`first` and `last` are the days of its first and last paid order, empty: it has none."""

    name: str
    currency: str
    orders: int
    first: str
    last: str


class Merchants(TypedDict):
    """All merchants by name."""

    merchants: list[Merchant]
    source: str


Row = tuple[Any, ...]
