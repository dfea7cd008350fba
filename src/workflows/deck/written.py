"""Numbers as they stand on slides. Rule: one way for each kind, so that text, table and chart agree."""

from __future__ import annotations

from collections.abc import Sequence

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}


def money(cents: float, currency: str) -> str:
    """An amount in three digits or so: $1.40M, $61.2k, $9,812."""
    sign, value = sign_of(currency), cents / 100
    minus, value = ("-" if value < 0 else ""), abs(value)
    if value >= 999_950:
        return f"{minus}{sign}{value / 1e6:,.2f}M"
    return f"{minus}{sign}{value / 1e3:.1f}k" if value >= 9_999.5 else f"{minus}{sign}{value:,.0f}"


def exact(cents: float, currency: str) -> str:
    """An amount to the cent: $1,396,260.12."""
    return f"{sign_of(currency)}{cents / 100:,.2f}"


def sign_of(currency: str) -> str:
    """What stands before an amount."""
    return _SIGNS.get(currency.upper(), f"{currency.upper()} ")


def percent(share: float) -> str:
    """0.1234 as 12.3%."""
    return f"{100 * share:.1f}%"


def change(now: float, then: float) -> float | None:
    """How much more, as a share; None where there is nothing to compare with."""
    return now / then - 1 if then > 0 else None


def rounded_shares(counts: Sequence[int]) -> list[float]:
    """Shares in percent with one decimal that add up to 100.0 (largest remainder); zeros for nothing."""
    total = sum(counts)
    if not total:
        return [0.0] * len(counts)
    tenths = [count * 1000 // total for count in counts]
    by_rest = sorted(range(len(counts)), key=lambda at: (-(counts[at] * 1000 % total), at))
    for at in by_rest[: 1000 - sum(tenths)]:
        tenths[at] += 1
    return [tenth / 10 for tenth in tenths]
