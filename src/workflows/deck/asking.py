"""What every request works with: the database, a merchant, a period; and the report it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .orders import USABLE, Orders, Shop
from .period import Period
from .shapes import Chart, Fact, Report, Row, Table
from .written import change, percent

MOST_GROUPS = 6
REST = "all others"


@dataclass(frozen=True, slots=True, kw_only=True)
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

    def by(self, key: str, values: Mapping[str, Any], more: str = "") -> list[Row]:
        """Key, cents and number of orders, grouped by an expression over `orders o`."""
        made = self.orders.rows(
            f"SELECT {key}, SUM(o.amount_cents), COUNT(*) FROM orders o {more} "  # noqa: S608
            f"WHERE {self.usable()} GROUP BY {key} ORDER BY {key}",
            **values,
        )
        return [(*keys, int(cents), int(count)) for *keys, cents, count in made]

    def _of(self, period: Period) -> dict[str, Any]:
        return {"merchant": self.shop.id, "start": str(period.start), "until": str(period.until)}


def product_of(alias: str = "o") -> str:
    """The product of an order, never empty."""
    return named(f"{alias}.product")


def named(column: str) -> str:
    """A column of names in the database's words; empty ones are `unknown`."""
    return f"COALESCE(NULLIF(TRIM({column}), ''), 'unknown')"


def largest(sizes: Mapping[str, int]) -> dict[str, str]:
    """For each name the one it is shown under: at most six, the rest as `all others`; largest first."""
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    kept = order if len(order) <= MOST_GROUPS else order[: MOST_GROUPS - 1]
    return {name: name if name in kept else REST for name in order}


def label(name: str) -> str:
    """A name of the data as it begins a sentence."""
    return name[:1].upper() + name[1:]


def chart(
    name: str,
    kind: str,
    title: str,
    x: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    value_format: str,
) -> Chart:
    """A chart's arguments. `name` becomes that of its file."""
    lines: Any = [{"name": line, "values": list(values)} for line, values in series.items()]
    return {
        "kind": kind,
        "title": title,
        "data": {"x": list(x), "series": lines},
        "x_label": "",
        "y_label": "",
        "value_format": value_format,
        "name": name.replace("_", "-"),
    }


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


def grew(what: str, now: float, then: float, shown: str) -> str:
    """`Sales grew 12.3% to $1.20M`; without a year to compare with, `Sales reached $1.20M`."""
    share = change(now, then)
    if share is None:
        return f"{what} reached {shown}"
    if abs(share) < 0.0005:
        return f"{what} stayed at {shown}"
    return f"{what} {'grew' if share > 0 else 'fell'} {percent(abs(share))} to {shown}"


def signed(share: float | None) -> str:
    """A change as tables show it: +12.3%; a dash where there is nothing to compare with."""
    return "\u2013" if share is None else f"{100 * share:+.1f}%".replace("-", "\u2212")


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
