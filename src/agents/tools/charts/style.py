"""How charts look: colours that colour-blind people can tell apart, sizes, and numbers as people read them.

The series colours are those of Okabe and Ito (Color Universal Design, 2008), the yellow left out: too pale on white.
"""

from __future__ import annotations

import math
from collections.abc import Callable

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#4D4D4D")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", "-", "--", "-.")
INK, MUTED, GRID, REST = "#1F2933", "#52606D", "#E4E7EB", "#9AA5B1"
WIDTH_IN, HEIGHT_IN, DPI = 7.2, 4.05, 178
LABEL_CHARS = 28

STYLE: dict[str, object] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": REST,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 1,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "figure.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "planloom",
}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "CHF": "CHF "}
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB")

Format = Callable[[float], str]


def formatter(value_format: str) -> Format:
    """Writes a number: number 1.2k, count 12,345, bytes 3.4 MB, percent 12.5% (of 0.125), currency:USD $1.2k.

    Raises:
        ValueError: no such format.
    """
    name, _, code = value_format.partition(":")
    if name == "currency" and code:
        sign = _SIGNS.get(code.upper(), f"{code.upper()} ")
        return lambda value: ("-" if value < 0 else "") + sign + compact(abs(value))
    formats: dict[str, Format] = {"number": compact, "count": count, "bytes": size, "percent": percent}
    if value_format not in formats:
        raise ValueError(f"expected number, count, bytes, percent or currency:CODE, got {value_format!r}")
    return formats[value_format]


def compact(value: float) -> str:
    """Three digits and a unit: 1.23k, 45.6M, 0.012, 1.2e-07."""
    size_of = abs(value)
    if size_of and (size_of < 1e-4 or size_of >= 1e15):
        return f"{value:.3g}"
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size_of >= limit * 0.9995:
            return _trimmed(value / limit) + unit
    return _trimmed(value)


def count(value: float) -> str:
    """Whole numbers in full below 100,000, shorter above."""
    whole = float(value).is_integer() and abs(value) < 100_000
    return f"{int(value):,}" if whole else compact(value)


def size(value: float) -> str:
    """Bytes in decimal units: 3.4 MB."""
    power = 0
    while abs(value) >= 999.5 and power < len(_BYTES) - 1:
        value, power = value / 1000, power + 1
    return f"{_trimmed(value)} {_BYTES[power]}"


def percent(value: float) -> str:
    """A share (0 to 1) in percent."""
    shown = 100 * value
    return f"{_trimmed(shown) if abs(shown) >= 0.01 or shown == 0 else f'{shown:.1g}'}%"


def _trimmed(value: float) -> str:
    decimals = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(text: object, most: int = LABEL_CHARS) -> str:
    """A label in one line, cut in the middle of nothing: the start stays."""
    flat = " ".join(str(text).split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"
