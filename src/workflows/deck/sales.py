"""Requests about money: monthly sales, sales by product, average order values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .asking import Asked, chart, fact, grew, label, largest, listed, product_of, report, signed, table
from .period import month_name
from .shapes import Report
from .written import change, exact, money, percent


def monthly_sales(asked: Asked) -> Report:
    """Monthly sales, year over year."""
    months, before = asked.period.months, asked.period.before.months
    money_of, _ = _by_month(asked, asked.values)
    then_of, _ = _by_month(asked, asked.values_before)
    now = [money_of.get(month, 0) for month in months]
    then = [then_of.get(month, 0) for month in before[: len(months)]]
    code, total, earlier = asked.shop.currency, sum(now), sum(then)
    best, worst = now.index(max(now)), now.index(min(now))
    finding = grew("Sales", total, earlier, money(total, code))
    if len(months) > 1:
        finding += f"; {month_name(months[best])} was strongest"
    words = asked.period.words
    sentences = [
        f"{asked.shop.shown} sold {money(total, code)} in {words}"
        + (f", after {money(earlier, code)} in the same months a year before." if earlier else "."),
        f"The best month was {month_name(months[best])} with {money(now[best], code)}, the weakest "
        f"{month_name(months[worst])} with {money(now[worst], code)}." * (len(months) > 1),
        *_outliers(months, now, then),
    ]
    rows = [
        [month_name(month), exact(value, code), exact(old, code), signed(change(value, old))]
        for month, value, old in zip(months, now, then, strict=True)
    ]
    rows.append(["Total", exact(total, code), exact(earlier, code), signed(change(total, earlier))])
    return report(
        asked,
        "monthly_sales",
        "Monthly sales",
        finding=finding,
        paragraph=sentences,
        facts=[fact("Sales", money(total, code)), fact("Against the year before", signed(change(total, earlier)))],
        chart=chart(
            "monthly_sales",
            "bar",
            "Sales by month, against the year before",
            [short_month(month) for month in months],
            {
                words: [value / 100 for value in now],
                **({"a year before": [value / 100 for value in then]} if earlier else {}),
            },
            value_format=f"currency:{code}",
        ),
        table=table(["Month", "Sales", "A year before", "Change"], rows),
    )


def _outliers(months: Sequence[str], now: Sequence[int], then: Sequence[int]) -> list[str]:
    """The months that moved most against the year before, where some went up and some down, or one fell."""
    moved = [(change(a, b), month) for month, a, b in zip(months, now, then, strict=True) if b]
    known = [(share, month) for share, month in moved if share is not None]
    if len(known) < 3:
        return []
    (low, fell), (high, rose) = min(known), max(known)
    made = [f"{month_name(rose)} gained most on its year before ({signed(high)})"] if high > 0 else []
    made += [f"{month_name(fell)} {'lost most' if low < 0 else 'gained least'} ({signed(low)})"]
    return [f"{'; '.join(made)}."]


def _by_month(asked: Asked, values: Mapping[str, object]) -> tuple[dict[str, int], dict[str, int]]:
    """Cents and orders by month."""
    rows = asked.by(asked.orders.month, values)
    return {month: cents for month, cents, _ in rows}, {month: count for month, _, count in rows}


def short_month(month: str) -> str:
    """2025-03 as Mar 25."""
    name = month_name(month)
    return f"{name[:3]} {name[-2:]}"


def sales_by_product(asked: Asked) -> Report:
    """Monthly sales by product type, over time."""
    months, code, product = asked.period.months, asked.shop.currency, product_of()
    rows = asked.by(f"{asked.orders.month}, {product}", asked.values)
    then = {name: cents for name, cents, _ in asked.by(product, asked.values_before)}
    sizes: dict[str, int] = {}
    for _, name, cents, _ in rows:
        sizes[name] = sizes.get(name, 0) + cents
    shown = largest(sizes)
    layers = {name: [0] * len(months) for name in dict.fromkeys(shown.values())}
    for month, name, cents, _ in rows:
        layers[shown[name]][months.index(month)] += cents
    sums = {name: sum(values) for name, values in layers.items()}
    total, earlier = sum(sums.values()), sum(then.values())
    first = next(iter(sums))
    share = sums[first] / total
    finding = f"{label(first)} brings {percent(share)} of sales" + shift(share, then.get(first, 0), earlier)
    return report(
        asked,
        "sales_by_product",
        "Sales by product",
        finding=finding,
        paragraph=[
            f"Of {money(total, code)} in sales, "
            + listed(
                [f"{name} brought {money(cents, code)} ({percent(cents / total)})" for name, cents in sums.items()]
            )
            + ".",
            _fastest(sums, then),
        ],
        facts=[fact(label(name), money(cents, code)) for name, cents in list(sums.items())[:3]],
        chart=chart(
            "sales_by_product",
            "area",
            "Sales by month and product",
            months,
            {name: [value / 100 for value in values] for name, values in layers.items()},
            value_format=f"currency:{code}",
        ),
        table=table(
            ["Month", *map(label, layers), "Total"],
            [
                [
                    month_name(month),
                    *(exact(layer[at], code) for layer in layers.values()),
                    exact(_sum(layers, at), code),
                ]
                for at, month in enumerate(months)
            ]
            + [["Total", *(exact(cents, code) for cents in sums.values()), exact(total, code)]],
        ),
    )


def _sum(layers: Mapping[str, Sequence[int]], at: int) -> int:
    return sum(layer[at] for layer in layers.values())


def shift(share: float, then: int, earlier: int) -> str:
    """How a share moved: `, 3.1 points less than a year before`."""
    if not earlier or not then:
        return ""
    points = 100 * (share - then / earlier)
    if abs(points) < 0.05:
        return ", as a year before"
    return f", {abs(points):.1f} points {'more' if points > 0 else 'less'} than a year before"


def _fastest(now: Mapping[str, int], then: Mapping[str, int]) -> str:
    known = [(share, name) for name, value in now.items() if (share := change(value, then.get(name, 0))) is not None]
    if len(known) < 2:
        return ""
    (low, last), (high, first) = min(known), max(known)
    return f"{label(first)} moved {signed(high)} against the year before, {last} {signed(low)}."


def average_order_value(asked: Asked) -> Report:
    """Average order value by month, year over year."""
    months, before, code = asked.period.months, asked.period.before.months, asked.shop.currency
    now, then = _averages(asked, asked.values, months), _averages(asked, asked.values_before, before[: len(months)])
    (cents, count), (old_cents, old_count) = asked.totals(asked.values), asked.totals(asked.values_before)
    mean, old = cents / count, old_cents / old_count if old_count else 0.0
    known = [(value, month) for value, month in zip(now, months, strict=True) if value is not None]
    (low, lowest), (high, highest) = min(known), max(known)
    return report(
        asked,
        "average_order_value",
        "Average order value",
        finding=grew("The average order", mean, old, exact(mean, code)),
        paragraph=[
            f"{count:,} orders brought {money(cents, code)}, {exact(mean, code)} each"
            + (f", after {exact(old, code)} a year before." if old else "."),
            f"Orders were largest in {month_name(highest)} ({exact(high, code)}) and smallest in "
            f"{month_name(lowest)} ({exact(low, code)})." * (len(known) > 1),
        ],
        facts=[fact("Average order", exact(mean, code)), fact("Orders", f"{count:,}")],
        chart=chart(
            "average_order_value",
            "line",
            "Average order by month, against the year before",
            [short_month(month) for month in months],
            {
                asked.period.words: [_units(value) for value in now],
                **({"a year before": [_units(value) for value in then]} if old else {}),
            },
            value_format=f"currency:{code}",
        ),
        table=table(
            ["Month", "Average order", "A year before", "Change"],
            [
                [month_name(month), _or_dash(value, code), _or_dash(past, code), signed(_moved(value, past))]
                for month, value, past in zip(months, now, then, strict=True)
            ],
        ),
    )


def _averages(asked: Asked, values: Mapping[str, object], months: Sequence[str]) -> list[float | None]:
    """Cents an order in each month; None without orders."""
    cents, count = _by_month(asked, values)
    return [cents[month] / count[month] if count.get(month) else None for month in months]


def _units(cents: float | None) -> float | None:
    return None if cents is None else round(cents / 100, 2)


def _or_dash(cents: float | None, code: str) -> str:
    return "\u2013" if cents is None else exact(cents, code)


def _moved(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else change(now, then)


def order_value_by_product(asked: Asked) -> Report:
    """Average order value by product type."""
    code, product = asked.shop.currency, product_of()
    now = {name: (cents, count) for name, cents, count in asked.by(product, asked.values)}
    then = {name: (cents, count) for name, cents, count in asked.by(product, asked.values_before)}
    means = {name: cents / count for name, (cents, count) in now.items()}
    names = sorted(means, key=lambda name: (-means[name], name))[:20]
    old = {name: cents / count for name, (cents, count) in then.items()}
    first, last = names[0], names[-1]
    return report(
        asked,
        "order_value_by_product",
        "Average order value by product",
        finding=f"{label(first)} has the largest orders: {exact(means[first], code)} on average",
        paragraph=[
            f"That is {percent(means[first] / means[last] - 1)} more than {last} ({exact(means[last], code)})."
            if len(names) > 1 and means[last]
            else f"All orders were {first}.",
            _moves(names, means, old),
        ],
        facts=[fact(label(name), exact(means[name], code)) for name in names[:3]],
        chart=chart(
            "order_value_by_product",
            "barh",
            "Average order by product",
            [label(name) for name in names],
            {
                asked.period.words: [_units(means[name]) for name in names],
                **({"a year before": [_units(old.get(name)) for name in names]} if old else {}),
            },
            value_format=f"currency:{code}",
        ),
        table=table(
            ["Product", "Average order", "A year before", "Change", "Orders"],
            [
                [
                    label(name),
                    exact(means[name], code),
                    _or_dash(old.get(name), code),
                    signed(_moved(means[name], old.get(name))),
                    f"{now[name][1]:,}",
                ]
                for name in names
            ],
        ),
    )


def _moves(names: Sequence[str], now: Mapping[str, float], then: Mapping[str, float]) -> str:
    parts = [
        f"{name} {signed(share)}" for name in names[:4] if (share := _moved(now[name], then.get(name))) is not None
    ]
    return f"Against the year before: {listed(parts)}." if parts else ""
