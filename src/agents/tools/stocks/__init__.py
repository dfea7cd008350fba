"""Tools over prices by day: from a CSV file of the workspace, or from the source in the settings (tools.stocks).

Rule: figures are of the past and say of which days; nothing here is advice.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...call import in_thread
from ...tool import ToolContext, tool
from ..dates.reading import moment
from ..files.contents import decoded
from .figures import Figures, averages, correlation
from .figures import figures as figures_of
from .prices import Price, from_csv, from_json
from .source import fetched

_MOST_BYTES = 50_000_000
_TIMEOUT_S = 120.0
_DEFAULT_YEARS = 1

Symbol = Annotated[str, Field(min_length=1, max_length=300)]
Day = Annotated[str, Field(max_length=100)]
Window = Annotated[int, Field(ge=1, le=2_000)]
_WINDOWS = (20, 50, 200)


class Line(TypedDict):
    """Prices for a chart; all lists have one entry a day, averages None where there are too few prices before."""

    symbol: str
    dates: list[str]
    closes: list[float]
    averages: dict[str, list[float | None]]


class Pair(TypedDict):
    """How alike two move: -1 to 1, None when it can't be told; `days` they have in common."""

    one: str
    other: str
    correlation: float | None
    days: int


class Comparison(TypedDict):
    """Figures by symbol, the best change first, and each pair."""

    figures: dict[str, Figures]
    pairs: list[Pair]


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
async def prices(symbol: Symbol, context: ToolContext, start: Day = "", end: Day = "") -> list[Price]:
    """Gives closing prices by day of a share or index: a symbol, or the path of a CSV file (date, close, volume).

    Days may be words, such as "3 months ago"; without a start a symbol's last year.
    """
    return await _prices(context, symbol, start, end)


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
async def figures(
    symbol: Symbol, context: ToolContext, start: Day = "", end: Day = "", windows: tuple[Window, ...] = _WINDOWS
) -> Figures:
    """Works out return, volatility, best and worst day, drawdown and moving averages of a share or a CSV file."""
    found = await _prices(context, symbol, start, end)
    worked: Figures = await in_thread(lambda: figures_of(_several(found, symbol), windows))
    return worked


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
async def line(
    symbol: Symbol, context: ToolContext, start: Day = "", end: Day = "", windows: tuple[Window, ...] = (20, 50)
) -> Line:
    """Gives prices of a share or CSV file with their moving averages, day by day, as a chart takes them."""
    found = await _prices(context, symbol, start, end)
    closes = [price["close"] for price in found]
    return {
        "symbol": symbol,
        "dates": [price["date"] for price in found],
        "closes": closes,
        "averages": {str(window): averages(closes, window) for window in windows},
    }


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
async def compare(
    symbols: Annotated[list[Symbol], Field(min_length=2, max_length=20)],
    context: ToolContext,
    start: Day = "",
    end: Day = "",
) -> Comparison:
    """Compares shares or CSV files of prices over the same time: figures of each, and how alike each pair moves."""
    names = list(dict.fromkeys(symbols))
    found = {name: _several(await _prices(context, name, start, end), name) for name in names}
    worked = {name: figures_of(rows, ()) for name, rows in found.items()}
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    return {
        "figures": dict(sorted(worked.items(), key=lambda item: -item[1]["change"])),
        "pairs": [_pair(one, other, *correlation(found[one], found[other])) for one, other in pairs],
    }


def _pair(one: str, other: str, alike: float | None, days: int) -> Pair:
    return {"one": one, "other": other, "correlation": alike, "days": days}


async def _prices(context: ToolContext, symbol: str, start: str, end: str) -> list[Price]:
    is_file = symbol.lower().endswith((".csv", ".tsv", ".json", ".txt"))
    last = moment(end, "UTC").date() if end else dt.datetime.now(dt.UTC).date()
    year_before = last - dt.timedelta(days=round(365.25 * _DEFAULT_YEARS))
    first = moment(start, "UTC").date() if start else (dt.date.min if is_file else year_before)
    if first > last:
        raise ToolError(f"expected an end after the start {first}, got {last}")
    if is_file:
        text, kind = await in_thread(lambda: _file(context, symbol)), ""
    else:
        text, kind = await fetched(context.config, symbol, first.isoformat(), last.isoformat())
    is_json = symbol.lower().endswith(".json") or "json" in kind or text.lstrip()[:1] in ("[", "{")
    rows: list[Price] = await in_thread(lambda: (from_json if is_json else from_csv)(text))
    kept = [row for row in rows if first.isoformat() <= row["date"] <= last.isoformat()]
    if not kept:
        raise ToolError(
            f"expected prices of {symbol!r} from {first} to {last}, got only {rows[0]['date']} to {rows[-1]['date']}"
        )
    return kept


def _file(context: ToolContext, name: str) -> str:
    path = context.workspace.readable(name)
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ToolError(f"expected a file of prices of at most {_MOST_BYTES:,} bytes, got {name!r}")
    return decoded(path.read_bytes())[0]


def _several(found: list[Price], symbol: str) -> list[Price]:
    if len(found) < 2:
        raise ToolError(f"expected two or more prices of {symbol!r}, got {len(found)}; ask for a longer time")
    return found
