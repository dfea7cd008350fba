"""From a path, a database or nothing to clean rows and the period that is looked at."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ToolError
from . import months
from .months import METRICS, Period
from .shapes import ReadLedger

if TYPE_CHECKING:
    import polars as pl

    from ...agents.tool import ToolContext
    from .reading.ledger import Findings

_WHOLE_MONTH_FROM = 20  # a last month without bookings after this day is not complete


def take_in(
    context: ToolContext, *, path: str, period: Mapping[str, str] | None, database: str, table: str, sheet: str,
    currency: str, columns: Mapping[str, str],
) -> ReadLedger:  # fmt: skip
    """Reads, chooses the period, and keeps the rows as a file of the run.

    Raises:
        ToolError: the ledger can't be read, or has nothing in the period.
    """
    from .reading import ledger as reading

    if database:
        from .reading.database import read_database

        frame, findings, source = read_database(database, table, context, currency=currency, given=columns)
    else:
        place, source = (context.workspace.readable(path), "") if path else _sample(context)
        source = source or place.name
        frame, findings = reading.read_file(place, sheet=sheet, currency=currency, given=columns)
    first, last = months.span(frame)
    last = _last_whole(frame, first, last, findings)
    chosen = _period(period, first, last)
    gaps = months.gaps(frame, first, last)
    if gaps:
        listed = ", ".join(months.month_code(month) for month in gaps[:12])
        findings.notes.append(f"{len(gaps)} months have no bookings, count as 0, and are left out of models: {listed}")
    target = context.workspace.output("data/ledger.parquet")
    frame.write_parquet(target)
    return ReadLedger(
        ledger=str(target), source=source, rows=frame.height + sum(findings.aside.values()), used=frame.height,
        currency=str(frame["code"][0] or ""), period=chosen.name, period_first=chosen.first, period_last=chosen.last,
        first=first, last=last, gaps=gaps, metrics=list(METRICS), repairs=findings.repairs, aside=findings.aside,
        notes=findings.notes,
    )  # fmt: skip


def _sample(context: ToolContext) -> tuple[Path, str]:
    """The sample ledger below the output folder, made on first use."""
    from . import sample

    target = context.workspace.output("data/sample-ledger.csv")
    made = target.with_suffix(".part")
    sample.write(made)
    shutil.move(made, target)
    return target, "sample ledger (made up)"


def _last_whole(frame: pl.DataFrame, first: int, last: int, findings: Findings) -> int:
    """The last month, or the one before when it has only begun."""
    day = frame["date"].max()
    assert isinstance(day, dt.date)
    if last == first or day.day >= _WHOLE_MONTH_FROM:
        return last
    inside = frame.filter(frame["date"] < dt.date(last // 12, last % 12 + 1, 1))["date"].max()
    if isinstance(inside, dt.date) and inside.day >= _WHOLE_MONTH_FROM:
        findings.notes.append(f"{months.month_name(last)} ends on day {day.day} and is left out as incomplete.")
        return last - 1
    return last


def _period(asked: Mapping[str, str] | None, first: int, last: int) -> Period:
    """The months asked for as far as the ledger has them; else the last twelve."""
    if not asked or not asked.get("start"):
        return Period(first=max(first, last - 11), last=last)
    try:
        start, end = dt.date.fromisoformat(asked["start"]), dt.date.fromisoformat(asked.get("end") or asked["start"])
    except ValueError as error:
        raise ToolError(
            f"expected a period like {{'start': '2025-01-01', 'end': '2025-12-31'}}, got {asked}"
        ) from error
    wanted = Period(first=max(months.month_of(start), first), last=min(months.month_of(end), last))
    if wanted.length < 1:
        raise ToolError(
            f"expected bookings from {asked['start']} to {asked.get('end')}, got a ledger from "
            f"{months.month_name(first)} to {months.month_name(last)}; ask for a period within it"
        )
    return wanted
