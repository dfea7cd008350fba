"""Requests about orders and who places them: new and returning customers, demographics, products."""

from __future__ import annotations

from collections.abc import Mapping

from .asking import REST, Asked, chart, fact, grew, label, largest, listed, named, product_of, report, table
from .orders import USABLE
from .period import month_name
from .sales import shift, short_month
from .shapes import Report, Row
from .written import percent, rounded_shares


def orders_by_user_type(asked: Asked) -> Report:
    """Monthly orders of new and returning customers; new is a customer's first order with the merchant."""
    months = asked.period.months
    new, returning = _by_type(asked, asked.values)
    old_new, old_returning = _by_type(asked, asked.values_before)
    fresh, again = sum(new.values()), sum(returning.values())
    before = sum(old_new.values()) + sum(old_returning.values())
    share = again / (fresh + again)
    counts = [new.get(month, 0) for month in months]
    best = counts.index(max(counts))
    return report(
        asked,
        "orders_by_user_type",
        "Orders of new and returning customers",
        finding=f"Returning customers place {percent(share)} of orders"
        + shift(share, sum(old_returning.values()), before),
        paragraph=[
            f"{grew('Orders', fresh + again, before, f'{fresh + again:,}')}.",
            f"{again:,} came from returning customers, {fresh:,} were first orders.",
            f"Most new customers came in {month_name(months[best])} ({counts[best]:,})."
            * (len(months) > 1 and fresh > 0),
        ],
        facts=[fact("Orders", f"{fresh + again:,}"), fact("New customers", f"{fresh:,}")],
        chart=chart(
            "orders_by_user_type",
            "bar",
            "Orders by month",
            [short_month(month) for month in months],
            {"returning": [returning.get(month, 0) for month in months], "new": counts},
            value_format="count",
        ),
        table=table(
            ["Month", "New", "Returning", "Orders", "Returning, share"],
            [_typed(month_name(month), new.get(month, 0), returning.get(month, 0)) for month in months]
            + [_typed("Total", fresh, again)],
        ),
    )


def _typed(name: str, new: int, returning: int) -> list[str]:
    total = new + returning
    return [name, f"{new:,}", f"{returning:,}", f"{total:,}", percent(returning / total) if total else "\u2013"]


def _by_type(asked: Asked, values: Mapping[str, object]) -> tuple[dict[str, int], dict[str, int]]:
    """First orders and later ones by month."""
    rows = asked.orders.rows(
        "SELECT month, SUM(CASE WHEN nth = 1 THEN 1 ELSE 0 END), COUNT(*) FROM ("  # noqa: S608
        f"SELECT {asked.orders.month} AS month, o.created_at AS at, "
        "ROW_NUMBER() OVER (PARTITION BY o.customer_id ORDER BY o.created_at, o.id) AS nth "
        f"FROM orders o WHERE o.merchant_id = :merchant AND {USABLE}) numbered "
        f"WHERE {asked.orders.within(column='at')} GROUP BY month ORDER BY month",
        **values,
    )
    first = {month: int(new) for month, new, _ in rows}
    return first, {month: int(count) - int(new) for month, new, count in rows}


def user_demographics(asked: Asked) -> Report:
    """Who the customers of the period are, in percentages that add up to 100.0."""
    ages, genders, cells = _people(asked)
    counts = [cells.get((age, gender), 0) for age in ages for gender in genders]
    shares = rounded_shares(counts)
    grid = {age: shares[at * len(genders) : (at + 1) * len(genders)] for at, age in enumerate(ages)}
    total = sum(counts)
    regions = {name: int(count) for name, count in _customers(asked, named("c.region"))}
    region = max(sorted(regions), key=lambda name: regions[name])
    top = max(range(len(counts)), key=lambda at: counts[at])
    age, gender = ages[top // len(genders)], genders[top % len(genders)]
    by_age = {name: sum(row) for name, row in grid.items()}
    by_gender = {name: sum(row[at] for row in grid.values()) for at, name in enumerate(genders)}
    oldest_first = sorted(by_age, key=lambda name: (-by_age[name], name))
    return report(
        asked,
        "user_demographics",
        "Who the customers are",
        finding=f"{_group(age, gender)} are the largest group: {shares[top]:.1f}% of customers",
        paragraph=[
            f"{total:,} customers ordered in {asked.period.words}: "
            + listed([f"{share:.1f}% {name}" for name, share in sorted(by_gender.items(), key=lambda one: -one[1])])
            + ".",
            f"The largest age groups are {listed([f'{name} ({by_age[name]:.1f}%)' for name in oldest_first[:2]])}."
            * (len(by_age) > 1),
            f"Most live in {region} ({percent(regions[region] / total)})." * (len(regions) > 1),
        ],
        facts=[fact("Customers", f"{total:,}"), fact(f"{label(gender)}, {age}", f"{shares[top]:.1f}%")],
        chart=chart(
            "user_demographics",
            "bar",
            "Share of customers by age and gender",
            ages,
            {name: [round(grid[age][at] / 100, 4) for age in ages] for at, name in enumerate(genders)},
            value_format="percent",
        ),
        table=table(
            ["Age", *map(label, genders), "All"],
            [[age, *(f"{share:.1f}%" for share in row), f"{by_age[age]:.1f}%"] for age, row in grid.items()]
            + [["All", *(f"{share:.1f}%" for share in by_gender.values()), f"{sum(shares):.1f}%"]],
        ),
    )


def _people(asked: Asked) -> tuple[list[str], list[str], dict[tuple[str, str], int]]:
    """Age bands in their order, genders with the largest first, and customers of each pair."""
    rows = [(str(a), str(g), int(n)) for a, g, n in _customers(asked, f"{named('c.age_band')}, {named('c.gender')}")]
    by_gender: dict[str, int] = {}
    for _, gender, count in rows:
        by_gender[gender] = by_gender.get(gender, 0) + count
    shown = largest(by_gender)
    cells: dict[tuple[str, str], int] = {}
    for age, gender, count in rows:
        cells[age, shown[gender]] = cells.get((age, shown[gender]), 0) + count
    ages = sorted({age for age, _, _ in rows}, key=lambda age: (age == "unknown", age))
    return ages, list(dict.fromkeys(shown.values())), cells


def _customers(asked: Asked, key: str) -> list[Row]:
    return asked.orders.rows(
        f"SELECT {key}, COUNT(DISTINCT o.customer_id) FROM orders o "  # noqa: S608
        f"LEFT JOIN customers c ON c.id = o.customer_id WHERE {asked.usable()} GROUP BY {key} ORDER BY {key}",
        **asked.values,
    )


def _group(age: str, gender: str) -> str:
    people = {"female": "Women", "male": "Men"}.get(gender.lower(), f"Customers of gender {gender}")
    return f"{people} aged {age}" if age != "unknown" else f"{people} of unknown age"


def orders_by_product(asked: Asked) -> Report:
    """Orders by product type, in number and share."""
    product = product_of()
    found = {name: count for name, _, count in asked.by(product, asked.values)}
    then = {name: count for name, _, count in asked.by(product, asked.values_before)}
    shown = largest(found)
    counts: dict[str, int] = {}
    for name in shown:
        counts[shown[name]] = counts.get(shown[name], 0) + found[name]
    shares = dict(zip(counts, rounded_shares(list(counts.values())), strict=True))
    total, first = sum(counts.values()), next(iter(counts))
    return report(
        asked,
        "orders_by_product",
        "Orders by product",
        finding=f"{label(first)} is chosen for {shares[first]:.1f}% of orders"
        + (shift(counts[first] / total, then.get(first, 0), sum(then.values())) if first != REST else ""),
        paragraph=[
            f"Of {total:,} orders, "
            + listed([f"{count:,} were {name} ({shares[name]:.1f}%)" for name, count in counts.items()])
            + ".",
            f"A year before, it was {percent(then[first] / sum(then.values()))} for {first}."
            if then.get(first)
            else "",
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
