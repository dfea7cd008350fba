"""Describes one column: missing and distinct values, distribution, outliers, and what to draw of it.

Rule: the result holds everything the next steps need: a chart's data and a section of a report, ready-made.
Quantiles interpolate linearly (type 7 of Hyndman and Fan 1996).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .distribution import chart, histogram, is_identifier, number, outliers
from .frame import EXACT_ROWS, Kind, Table, kind_of, number_text, share_text, slug, words
from .periods import counts_by_period

if TYPE_CHECKING:
    import polars as pl

TOP = 12


@dataclass
class Profile:
    """What was found; `facts` and `sentences` are for people, `stats` for programs."""

    kind: Kind
    distinct: int
    stats: dict[str, Any] = field(default_factory=dict)
    top: list[dict[str, Any]] = field(default_factory=list)
    outliers: dict[str, Any] | None = None
    chart: dict[str, Any] = field(default_factory=dict)
    facts: list[tuple[str, str]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


def profile(table: Table, name: str) -> dict[str, Any]:
    """The profile of a column, as plain data."""
    import polars as pl

    key = table.key(name)
    position = int(key[1:])
    values = table.frame.select(pl.col(key).alias("v")).collect(engine="streaming").to_series()
    present = values.drop_nulls()
    distinct, is_exact = _distinct(present)
    kind = kind_of(values.dtype, present.len(), distinct)
    found = Profile(kind, distinct)
    if not present.len():
        found.sentences.append("Every value is missing.")
        found.chart = chart(name, "bar", [], [], "value")
    else:
        _DESCRIBE[kind](found, name, present)
    found.chart["name"] = slug(name, position)
    return _result(found, name, values, is_exact=is_exact)


def _distinct(present: pl.Series) -> tuple[int, bool]:
    """The number of distinct values; an estimate (HyperLogLog, about 2 % off) when there are millions of them."""
    if present.len() > EXACT_ROWS and (estimate := int(number(present.approx_n_unique()))) > 100_000:
        return estimate, False
    return present.n_unique() if present.len() else 0, True


def _result(found: Profile, name: str, values: pl.Series, *, is_exact: bool) -> dict[str, Any]:
    rows, missing = values.len(), values.null_count()
    distinct = f"{'' if is_exact else 'about '}{found.distinct:,}"
    facts = [
        ("Kind", found.kind),
        ("Missing", f"{missing:,} ({share_text(missing, rows)})" if missing else "none"),
        ("Distinct", distinct),
        *found.facts,
    ]
    return {
        "name": name,
        "kind": found.kind,
        "type": type_name(values.dtype),
        "rows": rows,
        "missing": missing,
        "missing_share": missing / rows if rows else 0.0,
        "distinct": found.distinct,
        "stats": found.stats,
        "top": found.top,
        "outliers": found.outliers,
        "chart": found.chart,
        "section": {
            "heading": name,
            "level": 3,
            "text": " ".join(found.sentences),
            "facts": [{"label": label, "value": value} for label, value in facts],
            "table": None,
            "charts": [found.chart["name"]] if found.chart["data"]["x"] else [],
        },
    }


def type_name(kind: Any) -> str:
    """Int64, Float64, String, Date, Datetime, Boolean."""
    return str(kind).partition("(")[0]


def _numbers(found: Profile, name: str, present: pl.Series) -> None:
    import polars as pl

    floats = present.cast(pl.Float64)
    q05, q25, q50, q75, q95 = (number(floats.quantile(q, "linear")) for q in (0.05, 0.25, 0.5, 0.75, 0.95))
    low, high = number(floats.min()), number(floats.max())
    found.stats = {
        "min": low,
        "q05": q05,
        "q25": q25,
        "median": q50,
        "q75": q75,
        "q95": q95,
        "max": high,
        "mean": number(floats.mean()),
        "std": number(floats.std()) if floats.len() > 1 else 0.0,
        "sum": number(floats.sum()),
        "zeros": int((floats == 0).sum()),
        "negative": int((floats < 0).sum()),
    }
    found.facts = [
        ("Smallest", number_text(low)),
        ("Median", number_text(q50)),
        ("Mean", number_text(found.stats["mean"])),
        ("Largest", number_text(high)),
        ("Standard deviation", number_text(found.stats["std"])),
        ("Middle half", f"{number_text(q25)} to {number_text(q75)}"),
    ]
    if found.distinct == 1:
        found.sentences.append(f"Every value is {number_text(low)}.")
    else:
        found.sentences.append(_shape(found.stats))
    if is_identifier(present, found.distinct):
        found.stats["identifier"] = True
        found.sentences.append("The values are whole and hardly any repeats, so they probably only name rows.")
    else:
        found.outliers = outliers(floats, q25, q50, q75)
        _tell_outliers(found)
    found.chart = histogram(name, present, found.distinct, (low, high, q25, q75))


def _shape(stats: dict[str, Any]) -> str:
    median, mean, spread = stats["median"], stats["mean"], stats["q75"] - stats["q25"]
    text = (
        f"Half of the values lie between {number_text(stats['q25'])} and {number_text(stats['q75'])}; "
        f"the median is {number_text(median)}."
    )
    if spread and abs(mean - median) > 0.25 * spread:
        side = "large" if mean > median else "small"
        text += f" A few {side} values pull the mean to {number_text(mean)}."
    return text


def _tell_outliers(found: Profile) -> None:
    far = found.outliers
    if far is None or far["low"] is None:
        return
    if not far["count"]:
        found.facts.append(("Outliers", "none"))
        return
    share = share_text(far["share"], 1)
    found.facts.append(("Outliers", f"{far['count']:,} ({share})"))
    number = "1 value lies" if far["count"] == 1 else f"{far['count']:,} values ({share}) lie"
    examples = ", ".join(number_text(value) for value in far["examples"][:3])
    found.sentences.append(f"{number} {_outside(found.stats, far)} ({far['method']}), farthest: {examples}.")


def _outside(stats: dict[str, Any], far: dict[str, Any]) -> str:
    if stats["min"] >= far["low"]:
        return f"above {number_text(far['high'])}"
    if stats["max"] <= far["high"]:
        return f"below {number_text(far['low'])}"
    return f"outside {number_text(far['low'])} to {number_text(far['high'])}"


def _categories(found: Profile, name: str, present: pl.Series) -> None:
    import polars as pl

    counts = present.value_counts().sort(["count", present.name], descending=[True, False])
    found.top = [
        {"value": value, "count": count}
        for value, count in zip(counts[present.name].head(TOP), counts["count"].head(TOP), strict=True)
    ]
    lead = found.top[0]
    share = share_text(lead["count"], present.len())
    if found.distinct == 1:
        found.sentences.append(f"Every value is {words(lead['value'])}.")
    elif found.distinct == present.len():
        found.sentences.append("All values differ.")
    elif lead["count"] == found.top[1]["count"]:
        found.sentences.append(f"No value stands out; the most frequent have {lead['count']:,} rows each.")
    else:
        found.sentences.append(f"The most frequent value is {words(lead['value'])} with {share} of the rows.")
    rare = counts.filter(pl.col("count") == 1).height
    if 2 < found.distinct < present.len() and rare:
        found.sentences.append(f"{rare:,} {'value occurs' if rare == 1 else 'values occur'} only once.")
    found.facts = [("Most frequent", f"{_short(lead['value'])} ({share})")]
    x, values = [_short(t["value"]) for t in found.top], [t["count"] for t in found.top]
    if (rest := present.len() - sum(values)) and found.distinct > TOP:
        x, values = [*x, f"{found.distinct - TOP:,} others"], [*values, rest]
    found.chart = chart(name, "barh", x, values, "rows", x_label="", y_label="rows")


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"


def _texts(found: Profile, name: str, present: pl.Series) -> None:
    lengths = present.str.len_chars()
    low, high = int(number(lengths.min())), int(number(lengths.max()))
    quartiles = (number(lengths.quantile(q, "linear")) for q in (0.25, 0.75))
    marks = (float(low), float(high), *quartiles)
    found.stats = {"length_min": low, "length_max": high, "length_mean": number(lengths.mean())}
    repeated = present.len() - found.distinct
    found.facts = [("Length", f"{low:,} to {high:,} characters" if low != high else f"{low:,} characters")]
    example = words(present[0])
    found.sentences.append(
        f"{'All values differ' if not repeated else f'{found.distinct:,} different values'}, such as {example}."
    )
    if found.distinct <= EXACT_ROWS and repeated:
        counts = present.value_counts().top_k(TOP, by="count").sort(["count", present.name], descending=[True, False])
        found.top = [{"value": v, "count": c} for v, c in counts.iter_rows()]
        lead = found.top[0]
        found.sentences.append(f"The most frequent one, {words(lead['value'])}, occurs {lead['count']:,} times.")
    if low == high:
        x, values = [_short(top["value"]) for top in found.top], [top["count"] for top in found.top]
        found.chart = chart(name, "barh", x, values, "rows")
        return
    found.chart = histogram(name, lengths, lengths.n_unique(), marks)
    found.chart["x_label"] = found.chart["x_label"].replace("value", "characters in a value")


def _booleans(found: Profile, name: str, present: pl.Series) -> None:
    yes = int(present.sum())
    no = present.len() - yes
    found.stats = {"true": yes, "false": no}
    counts = sorted((("true", yes), ("false", no)), key=lambda pair: -pair[1])
    found.top = [{"value": value, "count": count} for value, count in counts]
    found.facts = [("True", f"{yes:,} ({share_text(yes, present.len())})")]
    found.sentences.append(f"{share_text(yes, present.len())} of the values are true.")
    found.chart = chart(name, "donut", ["true", "false"], [yes, no], "rows")


def _dates(found: Profile, name: str, present: pl.Series) -> None:
    first, last = present.min(), present.max()
    assert isinstance(first, dt.date)  # the kind says so
    assert isinstance(last, dt.date)
    form = "%Y-%m-%d %H:%M" if isinstance(first, dt.datetime) else "%Y-%m-%d"
    found.stats = {"min": first.isoformat(), "max": last.isoformat(), "days": (last - first).days}
    found.facts = [("First", first.strftime(form)), ("Last", last.strftime(form))]
    x, counts, period = counts_by_period(present)
    busiest = max(range(len(counts)), key=counts.__getitem__)
    found.sentences.append(f"From {first.strftime(form)} to {last.strftime(form)}.")
    if len(counts) > 1:
        found.sentences.append(f"The {period} with most rows is {x[busiest]} ({counts[busiest]:,}).")
        gaps = counts.count(0)
        if gaps:
            found.sentences.append(f"{gaps:,} {f'{period} has' if gaps == 1 else f'{period}s have'} no row.")
    kind = "bar" if len(x) <= 16 else "area"
    found.chart = chart(name, kind, x, counts, "rows", x_label=period, y_label="rows")


_DESCRIBE = {"number": _numbers, "category": _categories, "text": _texts, "boolean": _booleans, "date": _dates}
