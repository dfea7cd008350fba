"""Writes the dashboard's files. Rule: what can't be made is named on the result; the page is made in any case."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..shapes import Causes, Dashboard, Measure
from ..telling.figures import money
from . import charts
from .content import (
    METHODS,
    Content,
    by_line,
    comparison_rows,
    contribution_tables,
    finding_rows,
    forecast_rows,
    tile,
)  # fmt: skip

if TYPE_CHECKING:
    from ....agents.tool import ToolContext

_HERE = Path(__file__).parent


def write(content: Content, context: ToolContext) -> Dashboard:
    """Page, PDF, JSON and pictures, all artifacts of the run."""
    made = dt.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    page = context.workspace.output("dashboard.html")
    page.write_text(html(content, made=made), encoding="utf-8")
    context.artifact(page, "text/html")
    context.progress(1, 4, "page")
    data = context.workspace.output("dashboard.json")
    data.write_text(json.dumps(as_data(content), indent=2, ensure_ascii=False), encoding="utf-8")
    context.artifact(data, "application/json")
    pictures = _pictures(content, context)
    context.progress(3, 4, "pictures")
    pdf = context.workspace.output("dashboard.pdf")
    missing = _pdf(content, pictures, pdf, made)
    context.artifact(pdf, "application/pdf")
    shown = context.workspace.shown
    sample = "Sample data, made up. " if content.is_sample else ""
    return Dashboard(
        path=shown(page),
        pdf=shown(pdf),
        data=shown(data),
        pictures=[shown(picture) for picture in pictures.values()],
        headline=sample + content.headline,
        texts=content.told_by,
        missing=missing,
    )


def html(content: Content, *, made: str) -> str:
    """The page, with Plotly's script and everything else inside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    metrics = [_metric(content, measure) for measure in content.measures]
    drawn = {f"{one['id']}-series": one["series"] for one in metrics}
    drawn |= {f"{one['id']}-causes": one["contributions"] for one in metrics if one["contributions"]}
    loader = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, finalize=_unbroken,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return loader.get_template("page.html.j2").render(
        content=content, metrics=metrics, made=made, whole=content.stories.get("whole"), by_line=by_line,
        methods=METHODS, charts=json.dumps(drawn).replace("<", "\\u003c"), library=get_plotlyjs(),
        style=(_HERE / "page.css").read_text("utf-8"), script=(_HERE / "page.js").read_text("utf-8"),
    )  # fmt: skip


def _unbroken(value: Any) -> Any:
    """Text in which no line ends between a minus and its amount."""
    return re.sub(r"-(?=[€$£])", "-\u2060", value) if type(value) is str else value  # what is safe is no plain text


def as_data(content: Content) -> dict[str, Any]:
    """All figures and texts as plain data; money in whole cents."""
    return {
        "title": content.title, "ledger": content.ledger, "measures": list(content.measures),
        "causes": dict(content.causes), "stories": dict(content.stories), "advice": dict(content.advice),
        "methods": dict(METHODS),
    }  # fmt: skip


def _metric(content: Content, measure: Measure) -> dict[str, Any]:
    causes = content.causes.get(measure["metric"])
    has_change = causes is not None and causes["against"] != ""
    return {
        "id": measure["metric"].replace("_", "-"), "tile": tile(measure), "causes": causes,
        "story": content.stories.get(measure["metric"]), "advice": content.advice.get(measure["metric"]),
        "series": charts.series(measure),
        "contributions": charts.contributions(measure, causes) if causes is not None and has_change else None,
        "tables": contribution_tables(causes, measure["currency"]) if causes is not None else [],
        "leading": leading(causes, measure["currency"]) if causes is not None else [],
        "effects": effects(causes, measure["currency"]) if causes is not None else "",
        "comparisons": comparison_rows(measure), "findings": finding_rows(measure), "forecast": forecast_rows(measure),
    }  # fmt: skip


def leading(causes: Causes, currency: str) -> list[tuple[str, str]]:
    """The first causes: name, and from what to what."""
    return [
        (f"{one['member']} ({one['dimension']})", f"{money(one['before'], currency)} → {money(one['now'], currency)}")
        for one in causes["causes"][:3]
    ]


def effects(causes: Causes, currency: str) -> str:
    """Price, volume and mix in a sentence; "" where units are unknown."""
    found = causes["effects"]
    if found is None:
        return ""
    return (
        f"Where units are known, prices changed it by {money(found['price'], currency)}, volume by "
        f"{money(found['volume'], currency)} and mix by {money(found['mix'], currency)}; the rest, "
        f"{money(found['unknown'], currency)}, has no units."
    )


def _pictures(content: Content, context: ToolContext) -> dict[str, Path]:
    from .pictures import draw

    made = {}
    for measure in content.measures:
        path = context.workspace.output(f"{measure['metric'].replace('_', '-')}.png")
        draw(measure, path)
        context.artifact(path, "image/png")
        made[measure["metric"]] = path
    return made


def _pdf(content: Content, pictures: dict[str, Path], path: Path, made: str) -> list[str]:
    from ....agents.tools.reports import pdf
    from ....agents.tools.reports.content import collected

    tiles = [tile(measure) for measure in content.measures]
    facts = [{"label": f"{one['title']}  {one['change']}", "value": one["value"]} for one in tiles]
    sample = "Sample data: these figures are made up.\n\n" if content.is_sample else ""
    sections: list[Any] = [{"heading": "In short", "text": sample + content.headline, "facts": facts}]
    for measure in content.measures:
        sections += _pdf_sections(content, measure, pictures[measure["metric"]])
    done = [f"- {number:,} {what}" for what, number in {**content.ledger["repairs"], **content.ledger["aside"]}.items()]
    done += [f"- {note}" for note in content.ledger["notes"]]
    sections.append({"heading": "What was done to the rows", "text": "\n".join(done) or "Nothing had to be repaired."})
    sections.append({"heading": "How each figure is made", "text": "\n".join(f"- {n}: {t}" for n, t in METHODS)})
    report = collected(
        sections, [], Path, title=content.title, subtitle=content.ledger["source"], made=made
    )  # fmt: skip
    return [*report.missing, *pdf.write(report, path)]


def _pdf_sections(content: Content, measure: Measure, picture: Path) -> list[Any]:
    name, currency = measure["metric"], measure["currency"]
    texts = [found["text"] for found in (content.stories.get(name), content.advice.get(name)) if found]
    chart = {"path": str(picture), "title": measure["title"], "alt": measure["title"], "name": name}
    made: list[Any] = [{"heading": measure["title"], "text": "\n\n".join(texts), "charts": [chart]}]
    causes = content.causes.get(name)
    if causes is not None and causes["against"]:
        for table in contribution_tables(causes, currency):
            columns = [table["dimension"].capitalize(), causes["against"], measure["period"], "Change"]
            grid = {"columns": columns, "rows": [*table["rows"], table["total"]]}
            made.append({"heading": f"{measure['title']} by {table['dimension']}", "level": 3, "table": grid})
    return made
