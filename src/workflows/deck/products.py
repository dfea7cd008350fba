"""Requests about product types: their sales over time, their orders, their average orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .asking import A_YEAR_BEFORE, PRODUCT, REST, Asked, chart, fact, largest, over_time, report, table
from .period import month_name
from .shapes import Report, Table
from .written import change, counted, exact, label, listed, money, percent, rounded_shares, shift, short, signed

_MOST_BARS, _MOST_ROWS = 8, 20
_TITLE_CHARS, _SENTENCE_CHARS = 36, 30


def sales_by_product(asked: Asked) -> Report:
    """Monthly sales by product type, over time."""
    months, code = asked.period.months, asked.shop.currency
    layers = _layers(asked)
    then = {name: cents for name, cents, _ in asked.before(PRODUCT)}
    sums = {name: sum(values) for name, values in layers.items()}
    total, first = sum(sums.values()), _leading(sums)
    share = sums[first] / total if total else 0.0
    told = [
        f"{_brief(name)} brought {money(cents, code)} ({percent(cents / total)})"
        for name, cents in sums.items()
        if total
    ]
    return report(
        asked,
        "sales_by_product",
        "Sales by product",
        finding=f"{_title(first)} brings {percent(share)} of sales"
        + shift(share, then.get(first, 0), sum(then.values())),
        paragraph=[f"Of {money(total, code)} in sales, {listed(told)}." * bool(told), _fastest(sums, then)],
        facts=[fact(label(name), money(cents, code)) for name, cents in list(sums.items())[:3]],
        chart=over_time(
            "sales_by_product",
            "area",
            "Sales by month and product",
            months,
            {name: [value / 100 for value in values] for name, values in layers.items()},
            value_format=f"currency:{code}",
        ),
        table=_layers_table(months, layers, code),
    )


def _layers(asked: Asked) -> dict[str, list[int]]:
    """Cents of each month by product, the largest product first; small ones together."""
    months = asked.period.months
    rows = asked.by(f"{asked.orders.month}, {PRODUCT}", asked.values)
    sizes: dict[str, int] = {}
    for _, name, cents, _ in rows:
        sizes[name] = sizes.get(name, 0) + cents
    shown = largest(sizes)
    layers = {name: [0] * len(months) for name in dict.fromkeys(shown.values())}
    for month, name, cents, _ in rows:
        layers[shown[name]][months.index(month)] += cents
    return layers


def _layers_table(months: Sequence[str], layers: Mapping[str, Sequence[int]], code: str) -> Table:
    columns = [*layers.values(), [sum(cents) for cents in zip(*layers.values(), strict=True)]]
    rows = [[month_name(month), *(exact(column[at], code) for column in columns)] for at, month in enumerate(months)]
    last = ["Total", *(exact(sum(column), code) for column in columns)]
    return table(["Month", *map(label, layers), "Total"], [*rows, last])


def _fastest(now: Mapping[str, int], then: Mapping[str, int]) -> str:
    known = [(share, name) for name, value in now.items() if (share := change(value, then.get(name))) is not None]
    if len(known) < 2:
        return ""
    (low, last), (high, first) = min(known), max(known)
    return f"{label(_brief(first))} moved {signed(high)} against the year before, {_brief(last)} {signed(low)}."


def orders_by_product(asked: Asked) -> Report:
    """Orders by product type, in number and share."""
    found = {name: count for name, _, count in asked.by(PRODUCT, asked.values)}
    then = {name: count for name, _, count in asked.before(PRODUCT)}
    counts: dict[str, int] = {}
    for name, shown in largest(found).items():
        counts[shown] = counts.get(shown, 0) + found[name]
    shares = dict(zip(counts, rounded_shares(list(counts.values())), strict=True))
    total, earlier, first = sum(counts.values()), sum(then.values()), _leading(counts)
    told = [f"{count:,} {_was(count)} {_brief(name)} ({shares[name]:.1f}%)" for name, count in counts.items()]
    return report(
        asked,
        "orders_by_product",
        "Orders by product",
        finding=f"{_title(first)} is chosen for {shares[first]:.1f}% of orders"
        + shift(counts[first] / total, then.get(first, 0), earlier),
        paragraph=[
            f"Of {counted(total, 'order')}, {listed(told)}.",
            f"A year before, it was {percent(then[first] / earlier)} for {_brief(first)}." if then.get(first) else "",
        ],
        facts=[fact(label(name), f"{share:.1f}%") for name, share in list(shares.items())[:3]],
        chart=chart(
            "orders_by_product",
            "donut",
            "Orders by product",
            [label(name) for name in counts],
            {"orders": list(counts.values())},
            value_format="count",
        ),
        table=table(
            ["Product", "Orders", "Share"],
            [[label(name), f"{count:,}", f"{shares[name]:.1f}%"] for name, count in counts.items()]
            + [["All", f"{total:,}", f"{sum(shares.values()):.1f}%"]],
        ),
    )


def order_value_by_product(asked: Asked) -> Report:
    """Average order value by product type."""
    code = asked.shop.currency
    now = {name: (cents, count) for name, cents, count in asked.by(PRODUCT, asked.values)}
    then = {name: cents / count for name, cents, count in asked.before(PRODUCT)}
    means = {name: cents / count for name, (cents, count) in now.items()}
    names = sorted(means, key=lambda name: (-means[name], name))[:_MOST_ROWS]
    bars, first, last = names[:_MOST_BARS], names[0], names[-1]
    series = {asked.in_charts: [round(means[name] / 100, 2) for name in bars]}
    if then:
        series[A_YEAR_BEFORE] = [round(then[name] / 100, 2) if name in then else None for name in bars]
    return report(
        asked,
        "order_value_by_product",
        "Average order value by product",
        finding=f"{_title(first)} has the largest orders: {exact(means[first], code)} on average",
        paragraph=[
            f"That is {percent(means[first] / means[last] - 1)} more than {_brief(last)} ({exact(means[last], code)})."
            if len(names) > 1 and means[last]
            else f"All orders were {_brief(first)}." * (len(names) == 1),
            _moves(names, means, then),
        ],
        facts=[fact(label(name), exact(means[name], code)) for name in names[:3]],
        chart=chart(
            "order_value_by_product",
            "barh",
            "Average order by product" + f", the {len(bars)} largest" * (len(means) > len(bars)),
            [label(name) for name in bars],
            series,
            value_format=f"currency:{code}",
        ),
        table=_means_table(names, now, then, code),
    )


def _means_table(
    names: Sequence[str], now: Mapping[str, tuple[int, int]], then: Mapping[str, float], code: str
) -> Table:
    means = {name: cents / count for name, (cents, count) in now.items()}
    if not then:
        rows = [[label(name), exact(means[name], code), f"{now[name][1]:,}"] for name in names]
        return table(["Product", "Average order", "Orders"], rows)
    rows = [
        [
            label(name),
            exact(means[name], code),
            exact(then.get(name), code),
            signed(change(means[name], then.get(name))),
            f"{now[name][1]:,}",
        ]
        for name in names
    ]
    return table(["Product", "Average order", "A year before", "Change", "Orders"], rows)


def _moves(names: Sequence[str], now: Mapping[str, float], then: Mapping[str, float]) -> str:
    known = [(name, change(now[name], then.get(name))) for name in names[:4]]
    parts = [f"{_brief(name)} {signed(share)}" for name, share in known if share is not None]
    return f"Against the year before: {listed(parts)}." if parts else ""


def _leading(sizes: Mapping[str, int]) -> str:
    """The largest that has a name of its own."""
    return next((name for name in sizes if name != REST), REST)


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _title(name: str) -> str:
    return label(short(name, _TITLE_CHARS))


def _brief(name: str) -> str:
    return short(name, _SENTENCE_CHARS)
