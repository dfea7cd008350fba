"""What every request works with: the database, a merchant, a period; and the report it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from .orders import USABLE, Orders, Shop
from .period import Period, month_name
from .shapes import Chart, Fact, Report, Row, Table
from .written import short

MOST_GROUPS = 6
MOST_BARS = 24  # months; more are drawn as lines
REST = "all others"
A_YEAR_BEFORE = "a year before"
_NAME_CHARS, _LEGEND_CHARS = 24, 16
_MANY = 3  # names in a legend, from which on they have to be short


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request: whose orders, of which days."""

    orders: Orders
    shop: Shop
    period: Period
    notes: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of statements about the period."""
        return self._of(self.period)

    @property
    def values_before(self) -> dict[str, Any]:
        """The same, a year before."""
        return self._of(self.period.before)

    @cached_property
    def first_month(self) -> str:
        """The month of the merchant's first order, such as 2024-03; empty: there is none."""
        found = self.orders.rows(
            f"SELECT MIN({self.orders.month}) FROM orders o WHERE o.merchant_id = :merchant AND {USABLE}",  # noqa: S608
            merchant=self.shop.id,
        )
        return str(found[0][0] or "")

    @property
    def is_compared(self) -> bool:
        """Whether the merchant was there all of the year before, so that sums may be compared."""
        return "" < self.first_month <= self.period.before.months[0]

    @property
    def in_charts(self) -> str:
        """What the period is called in a legend."""
        return self.period.words if len(self.period.words) <= _NAME_CHARS else "this period"

    def usable(self) -> str:
        """The condition for orders of the merchant in the period."""
        return f"o.merchant_id = :merchant AND {USABLE} AND {self.orders.within()}"

    def totals(self, values: Mapping[str, Any]) -> tuple[int, int]:
        """Cents and number of orders of a period."""
        found = self.orders.rows(
            f"SELECT COALESCE(SUM(o.amount_cents), 0), COUNT(*) FROM orders o WHERE {self.usable()}",  # noqa: S608
            **values,
        )
        return int(found[0][0]), int(found[0][1])

    def by(self, key: str, values: Mapping[str, Any]) -> list[Row]:
        """Key, cents and number of orders, grouped by an expression over `orders o`."""
        made = self.orders.rows(
            f"SELECT {key}, SUM(o.amount_cents), COUNT(*) FROM orders o "  # noqa: S608
            f"WHERE {self.usable()} GROUP BY {key} ORDER BY {key}",
            **values,
        )
        return [(*keys, int(cents), int(count)) for *keys, cents, count in made]

    def before(self, key: str) -> list[Row]:
        """The same a year before; nothing where that can't be compared with."""
        return self.by(key, self.values_before) if self.is_compared else []

    def _of(self, period: Period) -> dict[str, Any]:
        return {"merchant": self.shop.id, "start": str(period.start), "until": str(period.until)}


def named(column: str) -> str:
    """A column of names in the database's words; empty ones are `unknown`."""
    return f"COALESCE(NULLIF(TRIM({column}), ''), 'unknown')"


PRODUCT = named("o.product")


def largest(sizes: Mapping[str, int], most: int = MOST_GROUPS) -> dict[str, str]:
    """For each name the one it is shown under: at most so many, the rest as `all others`; largest first."""
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    kept = order if len(order) <= most else order[: most - 1]
    return {name: name if name in kept else REST for name in order}


def chart(
    name: str,
    kind: str,
    title: str,
    x: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    value_format: str,
) -> Chart:
    """A chart's arguments; long names are shortened. `name` becomes that of its file."""
    names = _told_apart(list(series), _NAME_CHARS if len(series) < _MANY else _LEGEND_CHARS)
    lines: Any = [{"name": line, "values": list(values)} for line, values in zip(names, series.values(), strict=True)]
    return {
        "kind": kind,
        "title": title,
        "data": {"x": _told_apart(x, _LEGEND_CHARS if kind == "donut" else _NAME_CHARS), "series": lines},
        "x_label": "",
        "y_label": "",
        "value_format": value_format,
        "name": name.replace("_", "-"),
    }


def over_time(
    name: str,
    kind: Literal["bar", "area", "line"],
    title: str,
    months: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    value_format: str,
) -> Chart:
    """A chart of months: bars that lie when there is one month, lines instead of bars when there are many."""
    is_scale = len(months) > (1 if kind == "area" else MOST_BARS)
    x = list(months) if is_scale else [_short_month(month) for month in months]
    shown: str = "barh" if len(months) == 1 else "line" if kind == "bar" and len(months) > MOST_BARS else kind
    return chart(name, shown, title, x, series, value_format=value_format)


def _told_apart(names: Sequence[str], most: int) -> list[str]:
    """Names short enough for a legend; two that would be the same are numbered."""
    made: list[str] = []
    for name in names:
        brief = short(name, most)
        again = sum(known == brief or known.startswith(f"{brief} (") for known in made)
        made.append(f"{brief} ({again + 1})" if again else brief)
    return made


def _short_month(month: str) -> str:
    """2025-03 as Mar 25."""
    name = month_name(month)
    return f"{name[:3]} {name[-2:]}"


def fact(name: str, value: str) -> Fact:
    return {"label": name, "value": value}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    return {"columns": list(columns), "rows": [list(row) for row in rows]}


def report(
    asked: Asked,
    request: str,
    title: str,
    *,
    finding: str,
    paragraph: Sequence[str],
    facts: Sequence[Fact],
    chart: Chart,
    table: Table,
) -> Report:
    """The answer to a request. `paragraph` are sentences; empty ones are left out."""
    return {
        "request": request,
        "label": title,
        "finding": finding,
        "paragraph": " ".join(sentence for sentence in paragraph if sentence),
        "facts": list(facts),
        "chart": chart,
        "table": table,
        "sql": list(asked.orders.asked),
        "notes": list(asked.notes),
        "source": f"{asked.orders.source}, {asked.shop.shown}, paid orders, {asked.period.words}",
    }
