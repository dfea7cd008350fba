"""How numeric columns go together: Pearson's and Spearman's correlation of all pairs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .frame import NO_VALUE, Table, words

if TYPE_CHECKING:
    import numpy as np

MOST_COLUMNS = 30
SAMPLE_ROWS = 100_000
SHOWN_PAIRS = 10
STRONG = 0.5


def correlations(table: Table, columns: list[str]) -> dict[str, Any]:
    """All pairs of the columns, from evenly spread rows when there are more than 100,000. Needs two columns that vary.

    Each pair uses the rows where both have a value. Spearman's is Pearson's of the ranks, ties averaged.
    """
    used, arrays, rows = _values(table, columns)
    pairs: list[dict[str, Any]] = []
    for i in range(len(used)):
        for j in range(i + 1, len(used)):
            pearson, spearman, count = _pair(arrays[i], arrays[j])
            if pearson is not None:
                pairs.append(
                    {"first": used[i], "second": used[j], "pearson": pearson, "spearman": spearman, "rows": count}
                )
    pairs.sort(key=lambda pair: -max(abs(pair["pearson"]), abs(pair["spearman"] or 0)))
    sampled = rows < table.rows
    return {
        "columns": used,
        "pairs": pairs[:200],
        "rows": rows,
        "sampled": sampled,
        "chart": _heatmap(used, pairs),
        "sections": [_section(pairs, rows, sampled=sampled, left_out=len(columns) - len(used))] if pairs else [],
    }


def _values(table: Table, columns: list[str]) -> tuple[list[str], list[Any], int]:
    """The columns that vary and name nothing, as arrays with NaN for missing; and how many rows they have."""
    import polars as pl

    from .distribution import is_identifier

    step = max(1, math.ceil(table.rows / SAMPLE_ROWS))
    keys = [table.key(name) for name in columns]
    frame = table.frame.select(keys).gather_every(step).collect(engine="streaming")
    used, arrays = [], []
    for name, series in zip(columns, frame.iter_columns(), strict=True):
        present = series.drop_nulls()
        distinct = present.n_unique()
        if present.len() < 3 or distinct < 2 or is_identifier(present // step if step > 1 else present, distinct):
            continue
        used.append(name)
        arrays.append(series.cast(pl.Float64).to_numpy())
    return used[:MOST_COLUMNS], arrays[:MOST_COLUMNS], frame.height


def _pair(first: np.ndarray, second: np.ndarray) -> tuple[float | None, float | None, int]:
    import numpy as np

    both = ~(np.isnan(first) | np.isnan(second))
    x, y = first[both], second[both]
    if len(x) < 3:
        return None, None, len(x)
    pearson = _pearson(x, y)
    return pearson, None if pearson is None else _pearson(_ranks(x), _ranks(y)), len(x)


def _pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    import numpy as np

    dx, dy = x - x.mean(), y - y.mean()
    scale = float(np.sqrt(dx @ dx) * np.sqrt(dy @ dy))
    if not math.isfinite(scale) or scale <= 0:
        return None
    return max(-1.0, min(1.0, float(dx @ dy) / scale))


def _ranks(x: np.ndarray) -> np.ndarray:
    import polars as pl

    return pl.Series(x).rank("average").to_numpy()


def _heatmap(used: list[str], pairs: list[dict[str, Any]]) -> dict[str, Any]:
    known = {(p["first"], p["second"]): round(p["pearson"], 3) for p in pairs}
    known |= {(b, a): value for (a, b), value in known.items()}
    rows = [
        {"name": a, "values": [1.0 if a == b else known.get((a, b)) for b in used]} for a in (used if pairs else [])
    ]
    return {
        "kind": "heatmap",
        "title": "Correlation of the numeric columns (Pearson)",
        "data": {"x": used if pairs else [], "series": rows},
        "x_label": "",
        "y_label": "",
        "value_format": "number",
        "name": "correlations",
    }


def _section(pairs: list[dict[str, Any]], rows: int, *, sampled: bool, left_out: int) -> dict[str, Any]:
    strong = [p for p in pairs if max(abs(p["pearson"]), abs(p["spearman"] or 0)) >= STRONG]
    text = _told(pairs, strong)
    if sampled:
        text += f" Computed from {rows:,} evenly spread rows."
    if left_out:
        these = "1 column is" if left_out == 1 else f"{left_out} columns are"
        text += f" {these} left out: constant, empty, naming rows only, or beyond the first {MOST_COLUMNS}."
    cells = [
        [
            p["first"],
            p["second"],
            f"{p['pearson']:+.2f}",
            NO_VALUE if p["spearman"] is None else f"{p['spearman']:+.2f}",
        ]
        for p in pairs[:SHOWN_PAIRS]
    ]
    return {
        "heading": "Correlations",
        "level": 2,
        "text": text,
        "facts": [],
        "table": {"columns": ["Column", "and column", "Pearson", "Spearman"], "rows": cells},
        "charts": ["correlations"],
    }


def _signed(value: float | None) -> str:
    if value is None:
        return NO_VALUE
    text = f"{value:+.2f}"
    return text if float(text) else "0.00"


def _told(pairs: list[dict[str, Any]], strong: list[dict[str, Any]]) -> str:
    if not strong:
        return "No pair of numeric columns is strongly correlated (0.5 or more by either measure)."
    return (
        f"{sentence(strong[0])} {len(strong)} of {len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'} "
        f"{'is' if len(strong) == 1 else 'are'} strongly correlated (0.5 or more by either measure). "
        "Correlation does not say that one causes the other."
    )


def sentence(pair: dict[str, Any]) -> str:
    """What a pair's correlation says."""
    measure = pair["pearson"] if abs(pair["pearson"]) >= abs(pair["spearman"] or 0) else pair["spearman"]
    way = "rise together" if measure > 0 else "go in opposite directions"
    ranks = "" if pair["spearman"] is None else f", Spearman {pair['spearman']:+.2f}"
    return f"{words(pair['first'])} and {words(pair['second'])} {way} (Pearson {pair['pearson']:+.2f}{ranks})."
