"""Reads a table file once into a Parquet file, in bounded memory.

Rule: rows go by in pieces of about a million cells: first as text, then converted, then joined into one file.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ToolError
from .formats import format_of
from .frame import Table, kind_of
from .records import open_json, open_sheet
from .source import Notes, Source, UnclosedQuoteError, open_csv
from .types import Conversion, convert, decide

if TYPE_CHECKING:
    import polars as pl

CELLS_A_PIECE = 1_000_000
SAMPLE_CELLS = 400_000
KIND_ROWS = 1_000_000
Progress = Callable[[float, float | None, str], None]


def read_into(path: Path, target: Path, *, sheet: str, progress: Progress) -> list[str]:
    """Reads `path` into the Parquet file `target`; returns what was repaired or assumed, a sentence each.

    Raises:
        ToolError: the file is no table or has no rows; says what it is instead.
    """
    kind = format_of(path)
    if kind == "parquet":
        return _copy_parquet(path, target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".reading-") as folder:
        staged = _staged(path, kind, sheet, Path(folder), progress)
        if not staged.rows:
            names = ", ".join(staged.source.names[:20])
            raise ToolError(f"expected rows in {path.name!r}, got a header only: {names}")
        notes = staged.source.notes
        _convert(staged, _decided(staged), target, progress)
        return notes.all()


@dataclass
class _Staged:
    """Pieces of text columns on disk, and a sample of each column."""

    source: Source
    folder: Path
    parts: list[Path] = field(default_factory=list)
    rows: int = 0
    sample: list[list[str]] = field(default_factory=list)


def _staged(path: Path, kind: str, sheet: str, folder: Path, progress: Progress) -> _Staged:
    if kind == "xlsx":
        return _stage(open_sheet(path, sheet), folder, progress)
    if kind != "csv":
        return _stage(open_json(path, lines=kind == "jsonl"), folder, progress)
    try:
        return _stage(open_csv(path), folder, progress)
    except UnclosedQuoteError:
        return _stage(open_csv(path, quoted=False), folder, progress)


def _stage(source: Source, folder: Path, progress: Progress) -> _Staged:
    import polars as pl

    width = len(source.names)
    staged = _Staged(source, folder, sample=[[] for _ in range(width)])
    size = max(500, CELLS_A_PIECE // width)
    while piece := list(itertools.islice(source.rows, size)):
        columns = list(zip(*piece, strict=True))
        frame = pl.DataFrame([pl.Series(f"c{i}", cells, dtype=pl.String) for i, cells in enumerate(columns)])
        part = folder / f"text-{len(staged.parts):05d}.parquet"
        frame.write_parquet(part, compression="lz4")
        staged.parts.append(part)
        staged.rows += len(piece)
        _sample(staged, columns, width)
        total = source.size_bytes * 1.25 if source.size_bytes else None
        progress(float(source.position()), total, f"{staged.rows:,} rows read")
    return staged


def _sample(staged: _Staged, columns: list[Any], width: int) -> None:
    """Takes up to 2,000 evenly spread values a piece, until the sample is full."""
    most = SAMPLE_CELLS // width
    if len(staged.sample[0]) >= max(most, 200):
        return
    step = max(1, len(columns[0]) // 2000)
    for taken, cells in zip(staged.sample, columns, strict=True):
        taken.extend("" if cell is None else cell for cell in cells[::step])


def _decided(staged: _Staged) -> list[Conversion]:
    found = []
    for name, values in zip(staged.source.names, staged.sample, strict=True):
        present = [value for value in values if value][: max(500, SAMPLE_CELLS // len(staged.sample))]
        found.append(decide(present, name=name, european=staged.source.european))
    return found


@dataclass
class _Outcome:
    """How the conversion of one column went, over all pieces."""

    present: int = 0
    lost: int = 0
    examples: tuple[str, ...] = ()
    is_whole: bool = True
    is_midnight: bool = True


def _convert(staged: _Staged, plans: list[Conversion], target: Path, progress: Progress) -> None:
    """Converts all pieces; columns where too much was lost become text, and all is done again."""
    outcomes = _pieces(staged, plans, progress)
    failed = [i for i, o in enumerate(outcomes) if o.lost > 0.1 * o.present]
    if failed:
        plans = [Conversion("text") if i in failed else plan for i, plan in enumerate(plans)]
        outcomes = _pieces(staged, plans, progress)
    _tell(staged.source.names, plans, outcomes, staged.source.notes)
    _join(staged, plans, outcomes, target)


def _pieces(staged: _Staged, plans: list[Conversion], progress: Progress) -> list[_Outcome]:
    import polars as pl

    outcomes = [_Outcome() for _ in plans]
    for number, part in enumerate(staged.parts):
        frame = pl.read_parquet(part)
        made = []
        for series, plan, outcome in zip(frame.iter_columns(), plans, outcomes, strict=True):
            done = convert(series, plan)
            made.append(done.series)
            outcome.present += done.present
            outcome.lost += done.lost
            outcome.examples = (*outcome.examples, *done.examples)[:3]
            outcome.is_whole &= done.series.dtype == pl.Int64
            outcome.is_midnight &= plan.meaning == "date" and _at_midnight(done.series)
        pl.DataFrame(made).write_parquet(_typed(part), compression="lz4")
        progress(number + 1, len(staged.parts), f"types of piece {number + 1} of {len(staged.parts)}")
    return outcomes


def _typed(part: Path) -> Path:
    return part.with_name(part.name.replace("text-", "typed-"))


def _at_midnight(series: pl.Series) -> bool:
    import datetime as dt

    return bool((series.dt.time() == dt.time()).all())


def _join(staged: _Staged, plans: list[Conversion], outcomes: list[_Outcome], target: Path) -> None:
    import polars as pl

    kinds = [_final_type(plan, outcome) for plan, outcome in zip(plans, outcomes, strict=True)]
    casts = [pl.col(f"c{i}").cast(kind) for i, kind in enumerate(kinds)]
    pieces = [pl.scan_parquet(_typed(part)).select(casts) for part in staged.parts]
    names = {f"c{i}": name for i, name in enumerate(staged.source.names)}
    pl.concat(pieces).rename(names).sink_parquet(target, row_group_size=250_000)


def _final_type(plan: Conversion, outcome: _Outcome) -> Any:
    import polars as pl

    match plan.meaning:
        case "number":
            return pl.Int64 if outcome.is_whole else pl.Float64
        case "date":
            return pl.Date if outcome.is_midnight else pl.Datetime("us")
        case "boolean":
            return pl.Boolean
        case _:
            return pl.String


_WANTED = {"number": "numbers", "date": "dates", "boolean": "yes or no"}


def _tell(names: list[str], plans: list[Conversion], outcomes: list[_Outcome], notes: Notes) -> None:
    for name, plan, outcome in zip(names, plans, outcomes, strict=True):
        if outcome.lost:
            shown = ", ".join(repr(example[:40]) for example in outcome.examples)
            one = outcome.lost == 1
            notes.add(
                f"Column {name!r}: {outcome.lost:,} {'value' if one else 'values'} among {_WANTED[plan.meaning]} "
                f"{'does' if one else 'do'} not fit and {'counts' if one else 'count'} as missing ({shown})."
            )
        if plan.note:
            notes.add(f"Column {name!r}: {plan.note}.")
    commas = [name for name, plan in zip(names, plans, strict=True) if plan.comma]
    if commas:
        notes.add(f"{len(commas)} {'column uses' if len(commas) == 1 else 'columns use'} a comma as the decimal mark.")


def _copy_parquet(path: Path, target: Path) -> list[str]:
    """A Parquet file as it is, but infinite numbers and NaN become missing and nested columns JSON."""
    import polars as pl

    try:
        lazy = pl.scan_parquet(path)
        schema = lazy.collect_schema()
        rows = lazy.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ToolError(f"expected a Parquet file, got {path.name!r}: {str(error).splitlines()[0]}") from error
    if not rows:
        raise ToolError(f"expected rows in {path.name!r}, got columns only: {', '.join(schema.names()[:20])}")
    notes = Notes()
    clean = lazy.select(_tame(i, kind, name, notes) for i, (name, kind) in enumerate(schema.items()))
    clean.sink_parquet(target, row_group_size=250_000)
    return notes.all()


def _tame(position: int, kind: Any, name: str, notes: Notes) -> pl.Expr:
    import polars as pl

    column = pl.nth(position)
    if kind.is_float():
        return pl.when(column.is_finite()).then(column).alias(name)
    if kind.is_decimal():
        return column.cast(pl.Float64).alias(name)
    if kind == pl.Datetime:
        return column.dt.replace_time_zone(None).alias(name) if kind.time_zone else column.alias(name)
    if kind.is_numeric() or kind in (pl.Boolean, pl.Date, pl.String):
        return column.alias(name)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        return column.cast(pl.String).alias(name)
    notes.add(f"Column {name!r} holds {kind}; it was turned into text.")
    return column.map_elements(_json_text, return_dtype=pl.String).alias(name)


def _json_text(value: Any) -> str:
    import json

    plain = value.to_list() if hasattr(value, "to_list") else value
    return json.dumps(plain, ensure_ascii=False, default=str)


def columns_of(table: Table) -> list[dict[str, Any]]:
    """Name, type and kind of each column. Kinds come from at most a million rows."""
    import polars as pl

    keys = [f"c{i}" for i in range(len(table.names))]
    wanted = [pl.col(key).count().alias(f"n{key}") for key in keys] + [pl.col(key).approx_n_unique() for key in keys]
    counts = table.frame.head(KIND_ROWS).select(wanted).collect(engine="streaming").row(0, named=True)
    return [
        {"name": name, "type": str(kind).partition("(")[0], "kind": kind_of(kind, counts[f"nc{i}"], counts[f"c{i}"])}
        for i, (name, kind) in enumerate(zip(table.names, table.types, strict=True))
    ]
