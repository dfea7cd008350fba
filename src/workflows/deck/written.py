"""Numbers as they stand on slides, and the phrases around them. Rule: one way for each kind, so that all agree."""

from __future__ import annotations

from collections.abc import Sequence

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
NOTHING = "\u2013"
MOST_NAME = 80


def money(cents: float, currency: str) -> str:
    """An amount in three digits or so: $1.25B, $1.40M, $61.2k, $9,812."""
    sign, value = sign_of(currency), cents / 100
    minus, value = ("-" if value < 0 else ""), abs(value)
    for least, size, letter in ((999_995_000, 1e9, "B"), (999_950, 1e6, "M")):
        if value >= least:
            return f"{minus}{sign}{value / size:,.2f}{letter}"
    return f"{minus}{sign}{value / 1e3:.1f}k" if value >= 9_999.5 else f"{minus}{sign}{value:,.0f}"


def exact(cents: float | None, currency: str) -> str:
    """An amount to the cent: $1,396,260.12; a dash for None."""
    return NOTHING if cents is None else f"{sign_of(currency)}{cents / 100:,.2f}"


def sign_of(currency: str) -> str:
    """What stands before an amount."""
    return _SIGNS.get(currency.upper(), f"{currency.upper()} ")


def percent(share: float) -> str:
    """0.1234 as 12.3%."""
    return f"{100 * share:.1f}%"


def change(now: float | None, then: float | None) -> float | None:
    """How much more, as a share; None where there is nothing to compare with."""
    return None if now is None or not then or then < 0 else now / then - 1


def signed(share: float | None) -> str:
    """A change as tables show it: +12.3%; a dash where there is nothing to compare with."""
    return NOTHING if share is None else f"{100 * share:+.1f}%".replace("-", "\u2212")


def counted(number: int, noun: str) -> str:
    """1 order; 1,250 orders."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def label(name: str) -> str:
    """A name of the data as it begins a sentence or stands in a table."""
    return short(name[:1].upper() + name[1:], MOST_NAME)


def short(name: str, most: int) -> str:
    """A name of at most so many signs; of a long one its beginning and its end, where names differ."""
    if len(name) <= most:
        return name
    end = (most - 1) * 2 // 5
    return f"{name[: most - 1 - end].rstrip()}…{name[-end:].lstrip()}"


def grew(what: str, now: float, then: float, shown: str) -> str:
    """`Sales grew 12.3% to $1.20M`; without a year to compare with, `Sales reached $1.20M`."""
    share = change(now, then)
    if share is None:
        return f"{what} reached {shown}"
    if abs(share) < 0.0005:
        return f"{what} stayed at {shown}"
    return f"{what} {'grew' if share > 0 else 'fell'} {percent(abs(share))} to {shown}"


def shift(share: float, then: int, earlier: int) -> str:
    """How a share moved: `, 3.1 points less than a year before`; empty without one to compare with."""
    if not earlier or not then:
        return ""
    points = 100 * (share - then / earlier)
    if abs(points) < 0.05:
        return ", as a year before"
    return f", {abs(points):.1f} points {'more' if points > 0 else 'less'} than a year before"


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
