"""The distribution of numbers: what lies far out, and the bins of a histogram."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .frame import share_text

if TYPE_CHECKING:
    import polars as pl

DISTINCT_BARS = 25
MODIFIED_Z = 3.5
TUKEY = 1.5
FEWEST_JUDGED = 10


def is_identifier(present: pl.Series, distinct: int) -> bool:
    """Whether whole numbers only name rows: nearly all different, and nearly without gaps."""
    if not present.dtype.is_integer() or distinct < 0.98 * present.len() or distinct < 10:
        return False
    return number(present.max()) - number(present.min()) < 1.2 * distinct


def number(value: Any) -> float:
    """A statistic as a float, 0 when it is not finite."""
    made = float(value)
    return made if math.isfinite(made) else 0.0


def chart(name: str, kind: str, x: list[Any], values: list[Any], series: str, **more: Any) -> dict[str, Any]:
    """What charts.draw takes, for one series."""
    shown = name if len(name) <= 60 else name[:59] + "…"
    spec = {
        "kind": kind,
        "title": shown,
        "data": {"x": x, "series": [{"name": series, "values": values}]},
        "x_label": "",
        "y_label": "",
        "value_format": "count",
    }
    return spec | more


def outliers(floats: pl.Series, q25: float, q50: float, q75: float) -> dict[str, Any]:
    """Values far from the rest, by the modified z-score |0.6745 (x - median) / MAD| > 3.5 (Iglewicz and Hoaglin 1993).

    Positive values with a long upper tail are judged by their logarithms. When more than half of the values are equal
    (MAD 0): Tukey's fences, 1.5 times the interquartile range (Tukey 1977). When that is 0 too, or there are fewer
    than 10 values, nothing is judged: `method` is "none" and the bounds are None.
    """
    low, high, method = _bounds(floats, q25, q50, q75)
    if low is None or high is None:
        return {"method": "none", "count": 0, "share": 0.0, "low": None, "high": None, "examples": []}
    beyond = floats.filter((floats < low) | (floats > high))
    distance = (beyond - q50).abs()
    farthest = beyond.gather(distance.arg_sort(descending=True)).unique(maintain_order=True).head(5).to_list()
    count = beyond.len()
    share = count / floats.len()
    return {"method": method, "count": count, "share": share, "low": low, "high": high, "examples": farthest}


def _bounds(floats: pl.Series, q25: float, q50: float, q75: float) -> tuple[float | None, float | None, str]:
    if floats.len() < FEWEST_JUDGED:
        return None, None, ""
    if _has_long_tail(floats, q50):
        logs = floats.log()
        middle = math.log(q50)
        reach = MODIFIED_Z * number((logs - middle).abs().median()) / 0.6745
        if 0 < reach < 300:
            return math.exp(middle - reach), math.exp(middle + reach), "modified z-score of the logarithms above 3.5"
    reach = MODIFIED_Z * number((floats - q50).abs().median()) / 0.6745
    if reach > 0:
        return q50 - reach, q50 + reach, "modified z-score above 3.5"
    reach = TUKEY * (q75 - q25)
    return (q25 - reach, q75 + reach, "Tukey's fences") if reach > 0 else (None, None, "")


def _has_long_tail(floats: pl.Series, q50: float) -> bool:
    if number(floats.min()) <= 0:
        return False
    q05, q95 = number(floats.quantile(0.05, "linear")), number(floats.quantile(0.95, "linear"))
    return q95 - q50 > 2 * (q50 - q05)


def histogram(name: str, present: pl.Series, distinct: int, marks: tuple[float, ...]) -> dict[str, Any]:
    """Counts in bins of a round width, or for each value when there are few. `marks`: min, max and both quartiles.

    Bin width after Freedman and Diaconis (1981), 8 to 40 bins, fewer for few values. Ends far out are
    left out of the picture, and said.
    """
    import numpy as np

    if present.dtype.is_integer() and 1 < distinct <= DISTINCT_BARS:
        counts = present.value_counts().sort(present.name)
        x = [str(value) for value in counts[present.name]]
        return chart(name, "bar", x, counts["count"].to_list(), "rows", x_label="value", y_label="rows")
    low, high, q25, q75 = marks
    shown_low, shown_high = _window(present, low, high, q75 - q25)
    array = present.to_numpy()
    inside = array[(array >= shown_low) & (array <= shown_high)]
    edges = _edges(shown_low, shown_high, q75 - q25, len(inside), whole=present.dtype.is_integer())
    counts_in, _ = np.histogram(inside, bins=edges)
    left_out = len(array) - len(inside)
    label = f"value ({share_text(left_out, len(array))} beyond not shown)" if left_out else "value"
    return chart(name, "histogram", edges, counts_in.tolist(), "rows", x_label=label, y_label="rows")


def _window(present: pl.Series, low: float, high: float, spread: float) -> tuple[float, float]:
    """The range to draw: all of it, or the middle 99 % when the ends are more than 10 interquartile ranges away."""
    if spread <= 0 or high - low <= 20 * spread:
        return low, high
    return number(present.quantile(0.005, "linear")), number(present.quantile(0.995, "linear"))


def _edges(low: float, high: float, spread: float, count: int, *, whole: bool) -> list[float]:
    if high <= low:
        pad = abs(low) * 0.05 or 0.5
        return [low - pad, low + pad]
    width = 2 * spread / max(count, 1) ** (1 / 3) if spread else (high - low) / 20
    most = min(40.0, max(4.0, 2 * math.sqrt(count)))
    width = _round_width(min(max(width, (high - low) / most), (high - low) / min(8.0, most)))
    if whole:
        width = max(1.0, math.ceil(width))
    start = math.floor(low / width) * width
    bins = max(1, math.floor((high - start) / width) + 1)
    return [float(f"{start + i * width:.12g}") for i in range(bins + 1)]


def _round_width(width: float) -> float:
    """The nearest of 1, 2, 2.5, 5 times a power of ten from below."""
    power = 10.0 ** math.floor(math.log10(width)) if width > 0 else 1.0
    return max(step for step in (1.0, 2.0, 2.5, 5.0) if step * power <= width * 1.0001) * power
