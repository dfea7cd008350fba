"""The tools of the plug-in: read, measure, explain, tell, advise, and the dashboard of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ...agents.tool import ToolContext, tool
from ...errors import ToolError
from .shapes import Causes, Dashboard, Measure, ReadLedger, Text, Texts

if TYPE_CHECKING:
    import polars as pl

    from .months import Period
    from .telling.asking import Wanted

_Metric = Literal["revenue", "expenses", "net_income", "cash_flow"]


@tool(effect="read", name="finance.read", timeout_s=1800)
def read(
    context: ToolContext,
    path: str | None = "",
    *,
    period: dict[str, str] | None = None,
    database: str = "",
    table: str = "",
    sheet: str = "",
    currency: str = "",
    columns: dict[str, str] | None = None,
) -> ReadLedger:
    """Reads a ledger (CSV, XLSX, JSON, or a table of a database) into clean rows of whole cents, and picks the period.

    Without a path and a database a sample ledger is made. `period` is {start, end}; without one, the last twelve whole
    months. `columns` says for date, amount, category, ... which column holds it. Repairs are counted.
    """
    from .intake import take_in

    return take_in(
        context, path=path or "", period=period, database=database, table=table, sheet=sheet, currency=currency,
        columns=columns or {},
    )  # fmt: skip


@tool(effect="pure", name="finance.measure", timeout_s=600)
def measure(ledger: ReadLedger, metric: _Metric, context: ToolContext) -> Measure:
    """One metric of a ledger that was read: value, comparisons, trend, season, odd months, forecast."""
    from .measuring import measure as measured

    return measured(
        _rows(ledger, context), metric, period=_period(ledger), first=ledger["first"], last=ledger["last"],
        gaps=ledger["gaps"], currency=ledger["currency"],
    )  # fmt: skip


@tool(effect="pure", name="finance.causes", timeout_s=600)
def causes(ledger: ReadLedger, metric: _Metric, context: ToolContext) -> Causes:
    """Why a metric changed: tables that add up to the change, and what explains it best."""
    from .explaining import explain

    return explain(_rows(ledger, context), metric, period=_period(ledger), first=ledger["first"])


@tool(effect="read", name="finance.stories", timeout_s=900)
async def stories(measures: list[Measure | None], causes: list[Causes | None], context: ToolContext) -> Texts:
    """A narrative for each metric and one for the whole; every number in them is checked. Templates without a model."""
    from .telling import templates
    from .telling.figures import figures, total_figures

    known = [one for one in measures if one is not None]
    by_metric = {one["metric"]: one for one in causes if one is not None}
    wanted = [
        _wanted(one, by_metric, "storyteller", templates.narrative(one, by_metric.get(one["metric"]))) for one in known
    ]
    if known:
        every = [*total_figures(known), *(f for m in known for f in figures(m, by_metric.get(m["metric"])))]
        whole = _wanted(
            known[0], by_metric, "storyteller", templates.summary(known, by_metric), about="whole", every=every
        )
        wanted.append(whole)
    return await _told(wanted, context)


@tool(effect="read", name="finance.advice", timeout_s=900)
async def advice(measures: list[Measure | None], causes: list[Causes | None], context: ToolContext) -> Texts:
    """A recommendation for each metric, with its evidence and effect; every number is checked."""
    from .telling import templates

    by_metric = {one["metric"]: one for one in causes if one is not None}
    wanted = [
        _wanted(one, by_metric, "advisor", templates.advice(one, by_metric.get(one["metric"])))
        for one in measures
        if one is not None
    ]
    return await _told(wanted, context)


@tool(effect="write", name="finance.dashboard", process=True, idempotent=True, timeout_s=900)
def dashboard(
    ledger: ReadLedger,
    measures: list[Measure | None],
    causes: list[Causes | None],
    context: ToolContext,
    *,
    stories: Texts | None = None,
    advice: Texts | None = None,
) -> Dashboard:
    """Writes the dashboard: one HTML page that works offline, a PDF, the figures as JSON, and pictures."""
    from .page.content import Content
    from .page.writing import write

    known = [one for one in measures if one is not None]
    if not known:
        raise ToolError("expected the measure of at least one metric, got none; see why the steps before failed")
    content = Content(
        ledger=ledger,
        measures=known,
        causes={one["metric"]: one for one in causes if one is not None},
        stories={text["about"]: text for text in (stories or {"texts": []})["texts"]},
        advice={text["about"]: text for text in (advice or {"texts": []})["texts"]},
    )
    return write(content, context)


def _rows(ledger: ReadLedger, context: ToolContext) -> pl.DataFrame:
    import polars as pl

    return pl.read_parquet(context.workspace.readable(ledger["ledger"]))


def _period(ledger: ReadLedger) -> Period:
    from .months import Period

    return Period(first=ledger["period_first"], last=ledger["period_last"])


def _wanted(
    measure: Measure, causes: dict[str, Causes], teller: Literal["storyteller", "advisor"], fallback: str, *,
    about: str = "", every: list[Any] | None = None,
) -> Wanted:  # fmt: skip
    from .telling.asking import Wanted
    from .telling.figures import figures

    own = causes.get(measure["metric"])
    relevant = list(causes.values()) if every is not None else [own] if own else []
    names = {part["member"] for one in relevant for table in one["tables"].values() for part in table}
    names |= {cause["member"] for one in relevant for cause in one["causes"]}
    return Wanted(
        about=about or measure["metric"],
        title="the whole business" if about else measure["title"],
        teller=teller,
        figures=every if every is not None else figures(measure, own),
        fallback=fallback,
        names=sorted(names),
        years=range(int(measure["months"][0][:4]), int(measure["months"][-1][:4]) + 2),
    )


async def _told(wanted: list[Wanted], context: ToolContext) -> Texts:
    from .telling.asking import tell

    texts: list[Text] = await tell(wanted, context.ask)
    ways = {text["by"] for text in texts}
    by = "templates (no model)" if context.ask is None else " and ".join(sorted(f"{way}s" for way in ways))
    return Texts(texts=texts, by=by)


__all__ = ["advice", "causes", "dashboard", "measure", "read", "stories"]
