"""What a whole table is like, before its columns are looked at, and what was found, after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .frame import EXACT_ROWS, NO_VALUE, Table, number_text, share_text, words
from .profiling import type_name
from .relations import STRONG, sentence

MOST_BARS = 20
NOTED_SHARE = 0.05


def overview(table: Table, notes: Sequence[str]) -> dict[str, Any]:
    """Size, kinds, missing cells, repeated rows, and the repairs that were made when it was read."""
    missing = _missing(table)
    cells = table.rows * len(table.names)
    empty = sum(missing.values())
    repeated = _repeated_rows(table)
    complete = sum(1 for count in missing.values() if not count)
    facts = [
        ("Rows", f"{table.rows:,}"),
        ("Columns", f"{len(table.names):,}"),
        ("Missing cells", f"{empty:,} ({share_text(empty, cells)})" if empty else "none"),
        ("Columns without gaps", f"{complete:,}"),
        ("Repeated rows", "not counted" if repeated is None else f"{repeated:,}"),
    ]
    sections = [_section("The table", _told_repairs(notes), facts)]
    if empty:
        sections.append(_section("Missing values", _told_missing(missing, table.rows), [], charts=["missing"]))
    return {
        "rows": table.rows,
        "columns": len(table.names),
        "missing_cells": empty,
        "repeated_rows": repeated,
        "types": dict(Counter(type_name(kind) for kind in table.types)),
        "chart": _missing_chart(missing, table.rows),
        "sections": sections,
    }


def _section(
    heading: str,
    text: str,
    facts: Sequence[tuple[str, str]],
    *,
    table: dict[str, Any] | None = None,
    charts: Sequence[str] = (),
) -> dict[str, Any]:
    labelled = [{"label": label, "value": value} for label, value in facts]
    return {"heading": heading, "level": 2, "text": text, "facts": labelled, "table": table, "charts": list(charts)}


def _missing(table: Table) -> dict[str, int]:
    import polars as pl

    counts = table.frame.select(pl.all().null_count()).collect(engine="streaming").row(0)
    return dict(zip(table.names, counts, strict=True))


def _repeated_rows(table: Table) -> int | None:
    """Rows that equal an earlier row, by 64-bit hash; None (not counted) for tables too large to hold the hashes."""
    import polars as pl

    if table.rows > 2 * EXACT_ROWS:
        return None
    hashes = table.frame.select(pl.struct(pl.all()).hash().alias("h")).collect(engine="streaming").to_series()
    return table.rows - hashes.n_unique()


def _told_repairs(notes: Sequence[str]) -> str:
    if not notes:
        return "Nothing had to be repaired to read it."
    return "What was repaired or assumed to read it:\n\n" + "\n".join(f"- {words(note, 400)}" for note in notes)


def _told_missing(missing: Mapping[str, int], rows: int) -> str:
    gaps = sorted(((count, name) for name, count in missing.items() if count), reverse=True)
    empty = [name for count, name in gaps if count == rows]
    text = f"{len(gaps)} of {len(missing)} columns have missing values. "
    if empty:
        names = ", ".join(words(name) for name in empty[:5]) + (" ..." if len(empty) > 5 else "")
        return text + f"{len(empty)} {'is' if len(empty) == 1 else 'are'} wholly empty: {names}."
    return text + f"Most are missing in {words(gaps[0][1])}: {share_text(gaps[0][0], rows)} of its rows."


def _missing_chart(missing: Mapping[str, int], rows: int) -> dict[str, Any]:
    gaps = sorted(((count, name) for name, count in missing.items() if count), reverse=True)[:MOST_BARS]
    return {
        "kind": "barh",
        "title": "Share of missing values by column",
        "data": {
            "x": [name for _, name in gaps],
            "series": [{"name": "missing", "values": [count / rows for count, _ in gaps]}],
        },
        "x_label": "",
        "y_label": "",
        "value_format": "percent",
        "name": "missing",
    }


def findings(
    profiles: Sequence[Mapping[str, Any] | None],
    correlations: Mapping[str, Any] | None,
    trends: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The most telling findings as sentences, and the sections that compare all columns."""
    known = [profile for profile in profiles if profile]
    headlines = [
        *_headlines_of_gaps(known),
        *_headlines_of_outliers(known),
        *_headlines_of_pairs(correlations),
        *[trend["text"] for trend in _moving(trends)[:3]],
        *_headlines_of_columns(known),
    ]
    headlines = headlines[:10] or ["Nothing stands out: no gaps, no outliers, no strong relations."]
    text = "\n".join(f"- {line}" for line in headlines)
    return {
        "headlines": headlines,
        "text": text,
        "chart": _outlier_chart(known),
        "summary": [_section("In short", text, [])],
        "sections": [_columns_section(known), *_outlier_sections(known)],
        "columns": [profile and profile["section"] for profile in profiles],
    }


def _headlines_of_gaps(known: Sequence[Mapping[str, Any]]) -> list[str]:
    gaps = sorted((p for p in known if p["missing_share"] >= NOTED_SHARE), key=lambda p: -p["missing_share"])
    empty = [p for p in gaps if p["missing_share"] == 1]
    found = [
        f"{words(p['name'])} is {share_text(p['missing'], p['rows'])} missing." for p in gaps[:3] if p not in empty
    ]
    if empty:
        names = ", ".join(words(p["name"]) for p in empty[:4]) + (" ..." if len(empty) > 4 else "")
        found.append(f"{names} {'is' if len(empty) == 1 else 'are'} wholly empty.")
    return found


def _headlines_of_outliers(known: Sequence[Mapping[str, Any]]) -> list[str]:
    worst = sorted(_with_outliers(known), key=lambda p: -_distance(p))
    return [_outlier_sentence(p["name"], p["outliers"], p["stats"]["median"]) for p in worst[:2]]


def _outlier_sentence(name: str, far: Mapping[str, Any], median: float) -> str:
    number = "1 outlier" if far["count"] == 1 else f"{far['count']:,} outliers"
    return (
        f"{words(name)} has {number} ({share_text(far['share'], 1)}), the farthest "
        f"{number_text(far['examples'][0])} against a median of {number_text(median)}."
    )


def _distance(profile: Mapping[str, Any]) -> float:
    """How many bound widths the farthest outlier lies from the median."""
    far = profile["outliers"]
    width = (far["high"] - far["low"]) or 1.0
    return float(abs(far["examples"][0] - profile["stats"]["median"]) / width)


def _headlines_of_pairs(correlations: Mapping[str, Any] | None) -> list[str]:
    pairs = (correlations or {}).get("pairs", [])
    strong = [p for p in pairs if max(abs(p["pearson"]), abs(p["spearman"] or 0)) >= STRONG]
    return [sentence(pair) for pair in strong[:3]]


def _moving(trends: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    moving = [t for t in (trends or {}).get("trends", []) if t["direction"] in ("up", "down")]
    return sorted(moving, key=lambda t: -(t["r_squared"] or 0))


def _headlines_of_columns(known: Sequence[Mapping[str, Any]]) -> list[str]:
    constant = [words(p["name"]) for p in known if p["distinct"] == 1 and p["rows"] > 1]
    names = [words(p["name"]) for p in known if p["stats"].get("identifier")]
    found = []
    if constant:
        found.append(f"{', '.join(constant[:4])} {'has' if len(constant) == 1 else 'have'} one value only.")
    if names:
        found.append(f"{', '.join(names[:4])} only {'names' if len(names) == 1 else 'name'} rows.")
    return found


def _with_outliers(known: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [p for p in known if p["outliers"] and p["outliers"]["count"]]


def _columns_section(known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [
        [
            p["name"],
            p["kind"],
            share_text(p["missing"], p["rows"]),
            f"{p['distinct']:,}",
            _typical(p),
            _range(p),
        ]
        for p in known
    ]
    columns = ["Column", "Kind", "Missing", "Distinct", "Typical", "Range"]
    return _section("All columns", "", [], table={"columns": columns, "rows": rows})


def _typical(profile: Mapping[str, Any]) -> str:
    if profile["kind"] == "number" and "median" in profile["stats"]:
        return f"median {number_text(profile['stats']['median'])}"
    if profile["top"] and profile["kind"] != "text":
        value = str(profile["top"][0]["value"])
        return value if len(value) <= 40 else value[:39] + "…"
    return NO_VALUE


def _range(profile: Mapping[str, Any]) -> str:
    stats = profile["stats"]
    if profile["kind"] == "number" and "min" in stats:
        return f"{number_text(stats['min'])} to {number_text(stats['max'])}"
    if profile["kind"] == "date" and "min" in stats:
        return f"{stats['min'][:10]} to {stats['max'][:10]}"
    if "length_min" in stats:
        low, high = stats["length_min"], stats["length_max"]
        return f"{low:,} to {high:,} characters" if low != high else f"{low:,} characters"
    return NO_VALUE


def _outlier_sections(known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = sorted(_with_outliers(known), key=lambda p: -p["outliers"]["share"])
    if not found:
        return []
    rows = [
        [
            p["name"],
            f"{p['outliers']['count']:,}",
            share_text(p["outliers"]["share"], 1),
            f"{number_text(p['outliers']['low'])} to {number_text(p['outliers']['high'])}",
            ", ".join(number_text(value) for value in p["outliers"]["examples"][:3]),
            p["outliers"]["method"],
        ]
        for p in found
    ]
    columns = ["Column", "Outliers", "Share", "Expected range", "Farthest", "Method"]
    text = (
        "An outlier is far from most values of its column; it may be an error, or the most interesting row. "
        "The modified z-score is that of Iglewicz and Hoaglin (1993), the fences those of Tukey (1977)."
    )
    return [_section("Outliers", text, [], table={"columns": columns, "rows": rows}, charts=["outliers"])]


def _outlier_chart(known: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = sorted(_with_outliers(known), key=lambda p: -p["outliers"]["share"])[:MOST_BARS]
    return {
        "kind": "barh",
        "title": "Share of outliers by column",
        "data": {
            "x": [p["name"] for p in found],
            "series": [{"name": "outliers", "values": [p["outliers"]["share"] for p in found]}],
        },
        "x_label": "",
        "y_label": "",
        "value_format": "percent",
        "name": "outliers",
    }
