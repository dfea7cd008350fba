"""The seven requests by name, and what a deck is about. Rule: a request that can't be answered says why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...errors import ToolError
from . import monthly, people, products
from .asking import Asked
from .orders import Orders, opened
from .period import Period, month_name, period
from .shapes import Brief, Merchants, Report

ANSWERS: Mapping[str, Callable[[Asked], Report]] = MappingProxyType(
    {
        "monthly_sales": monthly.monthly_sales,
        "sales_by_product": products.sales_by_product,
        "orders_by_user_type": monthly.orders_by_user_type,
        "average_order_value": monthly.average_order_value,
        "user_demographics": people.user_demographics,
        "orders_by_product": products.orders_by_product,
        "order_value_by_product": products.order_value_by_product,
    }
)


def merchants(address: str) -> Merchants:
    """All merchants of a database."""
    with opened(address) as orders:
        return {"merchants": orders.merchants(), "source": orders.source}


def brief(address: str, merchant: str, start: str, end: str, today: dt.date) -> Brief:
    """What a deck about a merchant and a period is about.

    Raises:
        ToolError: the merchant is not known, or the period can't be used or has no orders.
    """
    asked_for = period(start, end, today)
    with opened(address) as orders:
        asked = _asked(orders, merchant, asked_for)
        _, count = asked.totals(asked.values)
        if not count:
            raise ToolError(_no_orders(asked))
        return {
            "merchant": asked.shop.name,
            "currency": asked.shop.currency,
            "start": start,
            "end": end,
            "period": asked_for.words,
            "before": asked_for.before.words,
            "orders": count,
            "source": orders.source,
            "notes": [*asked.notes, *_notes(asked, today)],
        }


def report(address: str, merchant: str, start: str, end: str, *, request: str, today: dt.date) -> Report:
    """The answer to one request.

    Raises:
        ToolError: as `brief`.
    """
    if request not in ANSWERS:
        raise ToolError(f"expected one of {', '.join(ANSWERS)}, got {request[:60]!r}")
    with opened(address) as orders:
        asked = _asked(orders, merchant, period(start, end, today))
        if not asked.totals(asked.values)[1]:
            raise ToolError(_no_orders(asked))
        orders.asked.clear()
        return ANSWERS[request](asked)


def _asked(orders: Orders, merchant: str, asked_for: Period) -> Asked:
    return Asked(orders=orders, shop=orders.shop(merchant), period=asked_for)


def _notes(asked: Asked, today: dt.date) -> list[str]:
    """What a reader of the deck has to know of the data."""
    made = []
    odd = asked.orders.rows(
        "SELECT COUNT(*) FROM orders o WHERE o.merchant_id = :merchant AND o.status = 'paid' "  # noqa: S608
        f"AND (o.amount_cents IS NULL OR o.amount_cents < 0) AND {asked.orders.within()}",
        **asked.values,
    )[0][0]
    if odd:
        made.append(f"{odd:,} paid {'order has' if odd == 1 else 'orders have'} no usable amount and are left out.")
    months = {month for month, _, _ in asked.by(asked.orders.month, asked.values)}
    if empty := [month for month in asked.period.months if month not in months]:
        made.append(f"No paid orders in {', '.join(empty[:12])}{' and more' if len(empty) > 12 else ''}.")
    if not asked.totals(asked.values_before)[1]:
        made.append(f"No paid orders in {asked.period.before.words}, so there is nothing to compare with.")
    elif not asked.is_compared:
        first = month_name(asked.first_month)
        made.append(f"The first paid orders are of {first}, so totals are not compared with the year before.")
    if asked.period.end > today:
        made.append(f"The period ends after today ({today}); later days have no orders yet.")
    return made


def _no_orders(asked: Asked) -> str:
    known = next(one for one in asked.orders.merchants() if one["name"] == asked.shop.name)
    there = f"there are some from {known['first']} to {known['last']}" if known["orders"] else "it has none at all"
    return f"expected paid orders of {asked.shop.name[:60]!r} in {asked.period.words}, got none; {there}"
