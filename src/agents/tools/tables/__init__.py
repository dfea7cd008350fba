"""Tables: read any table file once, then describe, compare, filter and write it.

Rule: `read` makes a Parquet file and every other tool takes its path, so nothing is parsed twice. All of them run in
worker processes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ....errors import ToolError
from ...tool import ToolContext, tool
from .frame import Table
from .querying import Aggregate, Condition, Order
from .shapes import (
    ColumnProfile,
    Correlations,
    Findings,
    NewTable,
    Overview,
    ReadTable,
    Rows,
    Section,
    Trends,
)

if TYPE_CHECKING:
    import polars as pl

MOST_PROFILES = 300
MOST_TRENDS = 6
MOST_ROWS = 10_000


@tool(effect="read", process=True, timeout_s=3600)
def read(path: str, context: ToolContext, sheet: str = "") -> ReadTable:
    """Reads a table file (CSV, TSV, XLSX, Parquet, JSON, JSON Lines) and returns its columns with their kinds.

    Delimiter, encoding, header, number and date formats are found out. What is repaired on the way is counted in
    `notes`. `sheet` is the sheet of a workbook, the first with content if empty.
    """
    from .reading import columns_of, read_into

    source = context.workspace.readable(path)
    target = context.workspace.output(f"data/{source.name.partition('.')[0] or 'table'}.parquet")
    try:
        notes = read_into(source, target, sheet=sheet, progress=context.progress)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    table = Table.open(target)
    columns: list[Any] = columns_of(table)
    if len(columns) > MOST_PROFILES:
        notes.append(f"Only the first {MOST_PROFILES} of {len(columns)} columns are described one by one.")
    return {
        "table": str(target),
        "source": source.name,
        "rows": table.rows,
        "size": f"{table.rows:,} {'row' if table.rows == 1 else 'rows'} and {len(columns):,} columns",
        "columns": columns,
        "selected": columns[:MOST_PROFILES],
        "notes": notes,
    }


@tool(effect="pure", process=True, timeout_s=900)
def profile(table: str, column: str, context: ToolContext) -> ColumnProfile:
    """Describes one column: missing, distinct, distribution, outliers, with a chart's data and a report section."""
    from .profiling import profile as made

    result: Any = made(_open(table, context), column)
    return result  # type: ignore[no-any-return]


@tool(effect="pure", process=True, timeout_s=900)
def overview(table: str, context: ToolContext, notes: list[str] | None = None) -> Overview:
    """Describes a whole table: rows, columns, missing cells, repeated rows, and the repairs in `notes`."""
    from .describing import overview as made

    result: Any = made(_open(table, context), notes or [])
    return result  # type: ignore[no-any-return]


@tool(effect="pure", process=True, timeout_s=900)
def correlations(table: str, context: ToolContext, columns: list[str] | None = None) -> Correlations:
    """Correlates numeric columns (Pearson and Spearman, 30 columns at most) and names the strongest pairs."""
    from .relations import correlations as made

    opened = _open(table, context)
    result: Any = made(opened, _numeric(opened, columns))
    return result  # type: ignore[no-any-return]


@tool(effect="pure", process=True, timeout_s=900)
def trends(table: str, context: ToolContext, date: str = "", columns: list[str] | None = None) -> Trends:
    """Follows numeric columns over time by a fitting period, with slope and fit of a straight line.

    `date` is the date column, the first usable one if empty; `columns` are up to 6 numeric ones if not given.
    """
    from .periods import trends as made

    opened = _open(table, context)
    chosen = _numeric(opened, columns) if columns else _measures(opened)[:MOST_TRENDS]
    found: list[Any] = []
    for name in [date] if date else opened.dates():
        if name not in opened.dates():
            raise ToolError(f"expected a column of dates, got {name!r}; there are {opened.dates() or 'none'}")
        if found := made(opened, name, chosen):
            date = name
            break
    text = "\n".join(f"- {trend['text']}" for trend in found)
    charts = [trend["chart"] for trend in found]
    section: Section = {
        "heading": f"Trends by {date}",
        "level": 2,
        "text": text,
        "facts": [],
        "table": None,
        "charts": [chart["name"] for chart in charts],
    }
    return {"date": date if found else "", "trends": found, "charts": charts, "sections": [section] if found else []}


@tool(effect="pure")
def findings(
    profiles: list[ColumnProfile | None], correlations: Correlations | None = None, trends: Trends | None = None
) -> Findings:
    """Sums up profiles, correlations and trends: headlines, a table of all columns, and the outliers."""
    from .describing import findings as made

    result: Any = made(profiles, correlations, trends)
    return result  # type: ignore[no-any-return]


@tool(effect="read", process=True, timeout_s=900)
def filter_(table: str, where: list[Condition], context: ToolContext, any_of: bool = False) -> NewTable:
    """Keeps the rows that meet all conditions (any of them with `any_of`) as a new table."""
    from .querying import filtered

    opened = _open(table, context)
    return _stored(opened.named(filtered(opened, where, any_of=any_of)), f"{opened.path.stem}-filtered", context)


@tool(effect="read", process=True, timeout_s=900)
def group(table: str, by: list[str], context: ToolContext, aggregates: list[Aggregate] | None = None) -> NewTable:
    """Groups rows by columns and computes count, sum, mean, ... of each group as a new table."""
    from .querying import grouped

    opened = _open(table, context)
    made = grouped(opened, opened.frame, by, aggregates or [])
    return _stored(opened.named(made), f"{opened.path.stem}-grouped", context)


@tool(effect="read", process=True, timeout_s=900)
def join(
    left: str, right: str, on: list[str], context: ToolContext, how: Literal["inner", "left", "full"] = "inner"
) -> NewTable:
    """Joins two tables on columns they share as a new table."""
    from .querying import joined

    if not on:
        raise ToolError("expected at least one column in `on`, got none")
    first, second = _open(left, context), _open(right, context)
    return _stored(joined(first, second, on, how), f"{first.path.stem}-{second.path.stem}", context)


@tool(effect="pure", process=True, timeout_s=900)
def query(
    table: str,
    context: ToolContext,
    *,
    columns: list[str] | None = None,
    where: list[Condition] | None = None,
    any_of: bool = False,
    by: list[str] | None = None,
    aggregates: list[Aggregate] | None = None,
    order: list[Order] | None = None,
    limit: int = 100,
) -> Rows:
    """Returns rows of a table: filtered by conditions, grouped, sorted, the first `limit` (10,000 at most)."""
    from .querying import filtered, grouped, sorted_by

    if not 1 <= limit <= MOST_ROWS:
        raise ToolError(f"expected a limit of 1 to {MOST_ROWS}, got {limit}; use tables.filter for more rows")
    opened = _open(table, context)
    frame = filtered(opened, where or [], any_of=any_of)
    if by or aggregates:
        frame = grouped(opened, frame, by or [], aggregates or [])
    frame = sorted_by(opened, frame, order or [])
    if columns:
        frame = frame.select([name if by or aggregates else opened.key(name) for name in columns])
    return _rows(opened.named(frame), limit)


@tool(effect="pure", process=True)
def sample(table: str, context: ToolContext, rows: int = 20, spread: bool = True) -> Rows:
    """Returns some rows of a table: evenly spread over it, or the first ones when `spread` is false."""
    if not 1 <= rows <= MOST_ROWS:
        raise ToolError(f"expected 1 to {MOST_ROWS} rows, got {rows}")
    opened = _open(table, context)
    step = max(1, opened.rows // rows) if spread else 1
    made = _rows(opened.named(opened.frame.gather_every(step)), rows)
    return {**made, "total": opened.rows}


@tool(effect="write", process=True, idempotent=True, timeout_s=900)
def write(table: str, path: str, context: ToolContext, overwrite: bool = False) -> NewTable:
    """Writes a table to a CSV or Parquet file inside the workspace."""
    from .querying import write_csv

    opened = _open(table, context)
    target = context.workspace.writable(path)
    if target.suffix.lower() not in (".csv", ".parquet"):
        raise ToolError(f"expected a path that ends in .csv or .parquet, got {path!r}")
    if target.exists() and not overwrite and context.attempt == 1:
        raise ToolError(f"expected a new file, got {path!r}, which exists; set overwrite to replace it")
    part = target.with_name(f".{target.name}.part")
    frame = opened.named(opened.frame)
    try:
        write_csv(frame, part) if target.suffix.lower() == ".csv" else frame.sink_parquet(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    context.artifact(target)
    return {"table": str(target), "rows": opened.rows, "columns": list(opened.names)}


def _open(table: str, context: ToolContext) -> Table:
    return Table.open(context.workspace.readable(table))


def _numeric(table: Table, columns: list[str] | None) -> list[str]:
    for name in columns or []:
        if not table.type_of(name).is_numeric():
            raise ToolError(f"expected columns of numbers, got {name!r}, which holds {table.type_of(name)}")
    return columns or table.numbers()


def _measures(table: Table) -> list[str]:
    """Numeric columns that do not only name rows."""
    import polars as pl

    from .distribution import is_identifier

    def names_rows(name: str) -> bool:
        if not table.type_of(name).is_integer():
            return False
        values = table.frame.select(pl.col(table.key(name))).collect(engine="streaming").to_series().drop_nulls()
        return is_identifier(values, values.n_unique())

    return [name for name in table.numbers()[: 3 * MOST_TRENDS] if not names_rows(name)]


def _rows(frame: pl.LazyFrame, limit: int) -> Rows:
    import polars as pl

    from .querying import plain_rows

    total = int(frame.select(pl.len()).collect(engine="streaming").item())
    head = frame.head(limit).collect(engine="streaming")
    return {"columns": head.columns, "rows": plain_rows(head), "total": total}


def _stored(frame: pl.LazyFrame, name: str, context: ToolContext) -> NewTable:
    target: Path = context.workspace.output(f"data/{name}.parquet")
    frame.sink_parquet(target)
    made = Table.open(target)
    return {"table": str(target), "rows": made.rows, "columns": list(made.names)}
