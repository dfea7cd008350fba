"""Requests about months: sales, average order values, orders of new and returning customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .asking import A_YEAR_BEFORE, Asked, fact, over_time, report, table
from .orders import USABLE
from .period import month_name
from .shapes import Report, Table
from .written import change, counted, exact, grew, money, percent, shift, signed

_AGAINST = ", against the year before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """Cents and orders of each month of a period, and of the same months a year before."""

    names: tuple[str, ...]
    cents: list[int]
    counts: list[int]
    old_cents: list[int]
    old_counts: list[int]
    unknown: int
    """How many of the months a year before lie before the first order."""

    @property
    def has_before(self) -> bool:
        return any(self.old_counts)

    @property
    def known_before(self) -> list[int | None]:
        """Cents of the months a year before; None before the first order."""
        return [*([None] * self.unknown), *self.old_cents[self.unknown :]]

    @property
    def means(self) -> list[float | None]:
        """Cents an order; None in months without orders."""
        return _means(self.cents, self.counts)

    @property
    def old_means(self) -> list[float | None]:
        return _means(self.old_cents, self.old_counts)


def _means(cents: Sequence[int], counts: Sequence[int]) -> list[float | None]:
    return [value / count if count else None for value, count in zip(cents, counts, strict=True)]


def _months(asked: Asked) -> Months:
    names = asked.period.months
    now = {month: rest for month, *rest in asked.by(asked.orders.month, asked.values)}
    then = {month: rest for month, *rest in asked.by(asked.orders.month, asked.values_before)}
    old_names = asked.period.before.months[: len(names)]
    return Months(
        names=names,
        cents=[now.get(month, (0, 0))[0] for month in names],
        counts=[now.get(month, (0, 0))[1] for month in names],
        old_cents=[then.get(month, (0, 0))[0] for month in old_names],
        old_counts=[then.get(month, (0, 0))[1] for month in old_names],
        unknown=sum(month < asked.first_month for month in old_names),
    )


def monthly_sales(asked: Asked) -> Report:
    """Monthly sales, year over year."""
    months, code = _months(asked), asked.shop.currency
    total, earlier = sum(months.cents), sum(months.old_cents) * asked.is_compared
    best = months.names[months.cents.index(max(months.cents))]
    finding = grew("Sales", total, earlier, money(total, code))
    facts = [fact("Sales", money(total, code))]
    series = {asked.in_charts: [_units(value) for value in months.cents]}
    if months.has_before:
        series[A_YEAR_BEFORE] = [_units(value) for value in months.known_before]
    return report(
        asked,
        "monthly_sales",
        "Monthly sales",
        finding=f"{finding}; {month_name(best)} was strongest" if len(months.names) > 1 else finding,
        paragraph=_sales_told(asked, months, total, earlier),
        facts=[*facts, fact("Against the year before", signed(change(total, earlier)))] if earlier else facts,
        chart=over_time(
            "monthly_sales",
            "bar",
            "Sales by month" + _AGAINST * months.has_before,
            months.names,
            series,
            value_format=f"currency:{code}",
        ),
        table=_sales_table(months, code, total, earlier),
    )


def _sales_told(asked: Asked, months: Months, total: int, earlier: int) -> list[str]:
    code, cents = asked.shop.currency, months.cents
    best, worst = cents.index(max(cents)), cents.index(min(cents))
    before = f", after {money(earlier, code)} in the same months a year before" if earlier else ""
    return [
        f"{asked.shop.shown} sold {money(total, code)} in {asked.period.words}{before}.",
        f"The best month was {month_name(months.names[best])} with {money(cents[best], code)}, the weakest "
        f"{month_name(months.names[worst])} with {money(cents[worst], code)}." * (len(cents) > 1),
        _outliers(months),
    ]


def _outliers(months: Months) -> str:
    """The months that moved most against the year before, where there are some to choose from."""
    pairs = zip(months.names, months.cents, months.old_cents, strict=True)
    known = [(share, month) for month, now, then in pairs if (share := change(now, then)) is not None]
    if len(known) < 3:
        return ""
    (low, fell), (high, rose) = min(known), max(known)
    made = [f"{month_name(rose)} gained most on its year before ({signed(high)})"] if high > 0 else []
    made += [f"{month_name(fell)} {'lost most' if low < 0 else 'gained least'} ({signed(low)})"]
    return f"{'; '.join(made)}."


def _sales_table(months: Months, code: str, total: int, earlier: int) -> Table:
    if not months.has_before:
        rows = [
            [month_name(month), exact(value, code)] for month, value in zip(months.names, months.cents, strict=True)
        ]
        return table(["Month", "Sales"], [*rows, ["Total", exact(total, code)]])
    rows = [
        [month_name(month), exact(value, code), exact(old, code), signed(change(value, old))]
        for month, value, old in zip(months.names, months.cents, months.known_before, strict=True)
    ]
    last = ["Total", exact(total, code), exact(sum(months.old_cents), code), signed(change(total, earlier))]
    return table(["Month", "Sales", "A year before", "Change"], [*rows, last])


def average_order_value(asked: Asked) -> Report:
    """Average order value by month, year over year."""
    months, code = _months(asked), asked.shop.currency
    cents, count = sum(months.cents), sum(months.counts)
    mean = cents / count
    old = sum(months.old_cents) / sum(months.old_counts) if asked.is_compared and months.has_before else 0.0
    series = {asked.in_charts: [_units(value) for value in months.means]}
    if months.has_before:
        series[A_YEAR_BEFORE] = [_units(value) for value in months.old_means]
    known = [(value, month) for value, month in zip(months.means, months.names, strict=True) if value is not None]
    (low, lowest), (high, highest) = min(known), max(known)
    return report(
        asked,
        "average_order_value",
        "Average order value",
        finding=grew("The average order", mean, old, exact(mean, code)),
        paragraph=[
            f"{counted(count, 'order')} brought {money(cents, code)}, {exact(mean, code)} each"
            + (f", after {exact(old, code)} a year before." if old else "."),
            f"Orders were largest in {month_name(highest)} ({exact(high, code)}) and smallest in "
            f"{month_name(lowest)} ({exact(low, code)})." * (len(known) > 1),
        ],
        facts=[fact("Average order", exact(mean, code)), fact("Orders", f"{count:,}")],
        chart=over_time(
            "average_order_value",
            "line",
            "Average order by month" + _AGAINST * months.has_before,
            months.names,
            series,
            value_format=f"currency:{code}",
        ),
        table=_means_table(months, code),
    )


def _units(cents: float | None) -> float | None:
    return None if cents is None else round(cents / 100, 2)


def _means_table(months: Months, code: str) -> Table:
    if not months.has_before:
        pairs = zip(months.names, months.means, strict=True)
        return table(["Month", "Average order"], [[month_name(month), exact(value, code)] for month, value in pairs])
    return table(
        ["Month", "Average order", "A year before", "Change"],
        [
            [month_name(month), exact(value, code), exact(past, code), signed(change(value, past))]
            for month, value, past in zip(months.names, months.means, months.old_means, strict=True)
        ],
    )


def orders_by_user_type(asked: Asked) -> Report:
    """Monthly orders of new and returning customers; new is a customer's first order with the merchant."""
    names = asked.period.months
    new, returning = _by_type(asked, asked.values, names)
    old_new, old_returning = _by_type(asked, asked.values_before, asked.period.before.months)
    fresh, again = sum(new), sum(returning)
    total, before = fresh + again, (sum(old_new) + sum(old_returning)) * asked.is_compared
    best = new.index(max(new))
    return report(
        asked,
        "orders_by_user_type",
        "Orders of new and returning customers",
        finding=f"Returning customers place {percent(again / total)} of orders"
        + shift(again / total, sum(old_returning), before),
        paragraph=[
            f"{grew('Orders', total, before, f'{total:,}')}.",
            f"{again:,} came from returning customers, {fresh:,} {'was a first order' * (fresh == 1)}"
            f"{'were first orders' * (fresh != 1)}.",
            f"Most new customers came in {month_name(names[best])} ({new[best]:,})." * (len(names) > 1 and fresh > 0),
        ],
        facts=[fact("Orders", f"{total:,}"), fact("New customers", f"{fresh:,}")],
        chart=over_time(
            "orders_by_user_type",
            "bar",
            "Orders by month",
            names,
            {"returning": returning, "new": new},
            value_format="count",
        ),
        table=table(
            ["Month", "New", "Returning", "Orders", "Returning, share"],
            [_typed(month_name(month), new[at], returning[at]) for at, month in enumerate(names)]
            + [_typed("Total", fresh, again)],
        ),
    )


def _typed(name: str, new: int, returning: int) -> list[str]:
    total = new + returning
    return [name, f"{new:,}", f"{returning:,}", f"{total:,}", percent(returning / total) if total else "\u2013"]


def _by_type(asked: Asked, values: Mapping[str, object], months: Sequence[str]) -> tuple[list[int], list[int]]:
    """First orders and later ones of each month."""
    rows = asked.orders.rows(
        "SELECT month, SUM(CASE WHEN nth = 1 THEN 1 ELSE 0 END), COUNT(*) FROM ("  # noqa: S608
        f"SELECT {asked.orders.month} AS month, o.created_at AS at, "
        "ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o.created_at, o.id) AS nth "
        f"FROM orders o WHERE o.merchant_id = :merchant AND {USABLE}) numbered "
        f"WHERE {asked.orders.within(column='at')} GROUP BY month ORDER BY month",
        **values,
    )
    found = {month: (int(new), int(count) - int(new)) for month, new, count in rows}
    return [found.get(month, (0, 0))[0] for month in months], [found.get(month, (0, 0))[1] for month in months]
