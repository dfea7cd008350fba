"""A ledger as clean rows of days, kinds and whole cents, in a Parquet file; and what became of the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ....agents.tools.tables.formats import format_of
from ....agents.tools.tables.records import open_json, open_sheet
from ....agents.tools.tables.source import Source, UnclosedQuoteError, open_csv
from ....errors import ToolError
from . import amounts, dates
from .columns import Columns, find
from .kinds import with_kinds
from .pieces import pieces

if TYPE_CHECKING:
    import polars as pl

MOST_SET_ASIDE = 0.2
NOTHING = "(none)"


@dataclass
class Findings:
    """What happened to the rows: repairs counted, rows set aside with their places, remarks."""

    repairs: dict[str, int] = field(default_factory=dict)
    aside: dict[str, int] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: int = 0

    def repaired(self, counted: Mapping[str, int]) -> None:
        for what, number in counted.items():
            self.repairs[what] = self.repairs.get(what, 0) + number

    def set_aside(self, what: str, rows: pl.DataFrame, column: str, *, is_fault: bool = True) -> None:
        """Rows that are not used; `rows` has `row` and `raw`. `is_fault`: they can't be read."""
        if rows.height:
            self.unreadable += rows.height if is_fault else 0
            self.aside[what] = self.aside.get(what, 0) + rows.height
            for row, raw in rows.select("row", "raw").head(5).iter_rows():
                self.places.append(f"row {row}, column {column!r}: {what}, got {(raw or '')[:60]!r}")


def read(
    source: Source, *, currency: str = "", given: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, Findings]:
    """The rows of a ledger: row, date, paid, category, amount (cents, income positive), kind and the optional columns.

    Raises:
        ToolError: there are no rows, columns are missing, currencies are mixed, or too many rows can't be used; names
            the first rows and their columns.
    """
    try:
        columns = find(source.names, given)
    except ToolError:
        deque(source.rows, maxlen=0)  # the file is closed behind its last row
        raise
    frame = _texts(source, columns)
    findings = Findings(notes=source.notes.all())
    if not frame.height:
        raise ToolError(f"expected rows below the header {', '.join(map(repr, source.names[:12]))}, got none")
    if columns.ignored:
        count = len(columns.ignored)
        word = "1 column was" if count == 1 else f"{count} columns were"
        findings.notes.append(f"{word} not needed: {', '.join(columns.ignored[:8])}{', ...' * (count > 8)}")
    total = frame.height
    frame = _without_copies(frame, source.names, findings)
    frame = _with_days(frame, columns, findings)
    frame = _with_amounts(frame, columns, findings)
    frame = _one_currency(frame, columns, currency.upper(), findings)
    _refuse_if_hopeless(frame, total, findings)
    return with_kinds(_with_names(frame, findings), columns, findings.notes), findings


def open_ledger(path: Path, sheet: str = "") -> Source:
    """The rows of a CSV, XLSX, JSON or JSON Lines file as text; a quote that is never closed is read as a letter.

    Raises:
        ToolError: it is empty, or no table.
    """
    match format_of(path):
        case "xlsx":
            return open_sheet(path, sheet)
        case "json":
            return open_json(path, lines=False)
        case "jsonl":
            return open_json(path, lines=True)
        case "parquet":
            raise ToolError(f"expected a ledger as CSV, XLSX, JSON or a database, got the Parquet file {path.name!r}")
    return open_csv(path)


def read_file(
    path: Path, *, sheet: str = "", currency: str = "", given: Mapping[str, str] | None = None
) -> tuple[pl.DataFrame, Findings]:
    """As `read`, from a file."""
    try:
        return read(open_ledger(path, sheet), currency=currency, given=given)
    except UnclosedQuoteError:
        return read(open_csv(path, quoted=False), currency=currency, given=given)


def _texts(source: Source, columns: Columns) -> pl.DataFrame:
    """The columns that matter as text, `row` as people count (the header is row 1), and `copy`, a hash of all cells."""
    import polars as pl

    places = {role: str(source.names.index(name)) for role, name in columns.found.items()}
    wanted = [pl.col(place).alias(role) for role, place in places.items()]
    made = [piece.select(piece.hash_rows().alias("copy"), *wanted) for piece in pieces(source)]
    return pl.concat(made).with_row_index("row", offset=2).cast({"row": pl.Int64}) if made else pl.DataFrame()


def _without_copies(frame: pl.DataFrame, names: Sequence[str], findings: Findings) -> pl.DataFrame:
    import polars as pl

    kept = frame.unique(subset=["copy"], keep="first", maintain_order=True)
    if removed := frame.height - kept.height:
        copies = frame.join(kept.select("row"), on="row", how="anti").with_columns(raw=pl.lit("a copy"))
        findings.repaired({"rows equal to another in every column, counted once": removed})
        shown = ", ".join(map(str, copies["row"].head(5)))
        findings.notes.append(
            f"Rows equal to an earlier one in all {len(names)} columns: {shown}" + ", ..." * (removed > 5)
        )
    return kept.drop("copy")


def _with_days(frame: pl.DataFrame, columns: Columns, findings: Findings) -> pl.DataFrame:
    import polars as pl

    days = dates.parse(frame["date"])
    findings.repaired(days.repairs)
    frame = frame.with_columns(raw=pl.col("date"), date=days.days)
    missing = pl.col("date").is_null()
    odd = ~missing & ~pl.col("date").is_between(pl.date(1950, 1, 1), pl.date(2100, 1, 1))
    findings.set_aside("expected a date", frame.filter(missing), columns["date"])
    findings.set_aside("expected a date between 1950 and 2100", frame.filter(odd), columns["date"])
    frame = frame.filter(~missing & ~odd)
    if "paid" in columns:
        paid = dates.parse(frame["paid"]).days
        empty = int(paid.null_count())
        frame = frame.with_columns(paid=paid.fill_null(frame["date"]))
        findings.repaired({"rows without a day of payment, taken as paid when booked": empty} if empty else {})
        return frame
    return frame.with_columns(paid=pl.col("date"))


def _with_amounts(frame: pl.DataFrame, columns: Columns, findings: Findings) -> pl.DataFrame:
    import polars as pl

    if "amount" in columns:
        read = amounts.parse(frame["amount"])
        findings.repaired(read.repairs)
        frame = frame.with_columns(raw=pl.col("amount"), amount=read.cents, code=read.currency)
        name = columns["amount"]
    else:
        sides = []
        for role, sign in (("credit", 1), ("debit", -1)):
            if role in columns:
                read = amounts.parse(frame[role])
                findings.repaired(read.repairs)
                sides.append((read.cents.abs() * sign).alias(role + "_cents"))
        frame = frame.with_columns(*sides)
        names = [side.name for side in sides]
        some = pl.any_horizontal(pl.col(n).is_not_null() for n in names)
        name = " and ".join(columns[role] for role in ("credit", "debit") if role in columns)
        frame = frame.with_columns(
            raw=pl.lit(None, pl.String),
            amount=pl.when(some).then(pl.sum_horizontal(names)),
            code=pl.lit(None, pl.String),
        )
    findings.set_aside("expected an amount", frame.filter(pl.col("amount").is_null()), name)
    return frame.filter(pl.col("amount").is_not_null())


def _one_currency(frame: pl.DataFrame, columns: Columns, wanted: str, findings: Findings) -> pl.DataFrame:
    """Raises: ToolError, if there is more than one currency and none is asked for."""
    import polars as pl

    code = pl.col("code")
    if "currency" in columns:
        code = pl.coalesce(pl.col("currency").str.strip_chars().str.to_uppercase().replace("", None), code)
    frame = frame.with_columns(code=code.replace(amounts.SYMBOLS))
    counts = frame.drop_nulls("code").group_by("code").len().sort("len", "code", descending=[True, False])
    place = columns["currency"] if "currency" in columns else columns.found.get("amount", "")
    if counts.height > 1 and not wanted:
        usual = counts["code"][0]
        row, other = frame.filter(pl.col("code") != usual).select("row", "code").row(0)
        told = ", ".join(f"{name} in {number:,} rows" for name, number in counts.head(6).iter_rows())
        raise ToolError(
            f"expected one currency, got {told}; the first other one is {other} in row {row}, column {place!r}. "
            f"Convert the ledger, or choose one: currency={usual}"
        )
    chosen = wanted or (counts["code"][0] if counts.height else "")
    other_rows = frame.filter(pl.col("code").is_not_null() & (pl.col("code") != chosen)) if wanted else frame.clear()
    findings.set_aside(f"expected {chosen}", other_rows.with_columns(raw=pl.col("code")), place, is_fault=False)
    return frame.join(other_rows.select("row"), on="row", how="anti").with_columns(code=pl.lit(chosen))


def _refuse_if_hopeless(frame: pl.DataFrame, total: int, findings: Findings) -> None:
    if not frame.height or findings.unreadable > total * MOST_SET_ASIDE:
        listed = "; ".join(findings.places[:5])
        raise ToolError(
            f"expected a ledger most of whose rows can be read, got {findings.unreadable:,} of {total:,} rows "
            f"that can't: {listed}"
        )
    if findings.aside:
        findings.notes.append(f"Rows set aside: {'; '.join(findings.places[:10])}")


def _with_names(frame: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    """Names without stray spaces; missing ones are called (none), and quantities numbers."""
    import polars as pl

    for name in ("category", "department", "counterparty"):
        if name not in frame.columns:
            continue
        clean = frame[name].fill_null("").str.replace_all(r"\s+", " ").str.strip_chars()
        spelled = clean.str.to_lowercase().alias("key")
        usual = pl.DataFrame({"key": spelled, "clean": clean}).group_by("key", "clean").len()
        usual = usual.sort("len", "clean", descending=[True, False]).unique("key", keep="first", maintain_order=True)
        fixed = pl.DataFrame({"key": spelled}).join(usual, on="key", how="left", maintain_order="left")["clean"]
        findings.repaired(
            {f"spellings of {name} names made one": changed} if (changed := int((fixed != clean).sum())) else {}
        )
        empty = int((clean == "").sum())
        findings.repaired({f"rows without a {name}, named {NOTHING}": empty} if empty else {})
        frame = frame.with_columns(pl.when(fixed == "").then(pl.lit(NOTHING)).otherwise(fixed).alias(name))
    if "category" not in frame.columns:
        findings.notes.append("There is no category; rows are told apart by their sign alone.")
        sign = pl.when(pl.col("amount") >= 0).then(pl.lit("Income")).otherwise(pl.lit("Spending"))
        frame = frame.with_columns(category=sign)
    if "quantity" in frame.columns:
        read = amounts.parse(frame["quantity"]).cents
        frame = frame.with_columns(quantity=read)
    return frame
