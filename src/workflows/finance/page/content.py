"""What the dashboard shows, put together from the results of the steps before; the same for page, PDF and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..shapes import Causes, Measure, ReadLedger, Text
from ..telling.figures import money, percent

METHODS = (
    ("Revenue and expenses", "Sums of the amounts of categories that are income or spending, by day of booking."),
    ("Net income", "Revenue less expenses, depreciation included."),
    ("Cash flow", "What moved, by day of payment: without depreciation, with loans, equipment, dividends."),
    ("Trend, season, odd months", "One regression a metric: level, trend, waves of the year (as many as AICc chooses), "
     "and pulses and steps found one after another by their t value (Chen and Liu 1993), at 1 % for the whole series. "
     "Logarithms where all months are positive."),
    ("Lines of trend and season", "STL, robust (Cleveland et al. 1990), from 25 months on."),
    ("Forecast", "The same regression ahead (ordinary least squares), with 90 % intervals for single months."),
    ("Contributions", "Each member's amount now less before; they add up to the change to the cent."),
    ("What stands out", "Change beyond the median growth of members of the same kind, weighted by how much of itself a "
     "member changed."),
    ("Price, volume, mix", "Volume at the average price before; price on units now; the rest is mix. Only where the "
     "ledger has units."),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Texts are by metric; `stories` has the whole under `whole`."""

    ledger: ReadLedger
    measures: Sequence[Measure]
    causes: Mapping[str, Causes]
    stories: Mapping[str, Text]
    advice: Mapping[str, Text]

    @property
    def title(self) -> str:
        return f"Financial dashboard, {self.ledger['period']}"

    @property
    def is_sample(self) -> bool:
        return self.ledger["source"].startswith("sample")

    @property
    def told_by(self) -> str:
        """Who wrote the texts, for the answer."""
        texts = [*self.stories.values(), *self.advice.values()]
        by_model = sum(text["by"] == "model" for text in texts)
        refused = sum(len(text["rejected"]) for text in texts)
        told = f"{by_model} of {len(texts)} texts by a model, the others by templates"
        return f"{told}; {refused} refused" if refused else told

    @property
    def headline(self) -> str:
        text = self.stories.get("whole")
        return text["text"] if text else ""


def tile(measure: Measure) -> dict[str, str]:
    """A metric in short: value, change, and whether that is good."""
    before = measure["year_before"] or measure["previous"]
    made = {"title": measure["title"], "value": money(measure["value"], measure["currency"]), "change": "", "mood": ""}
    if before is not None:
        arrow = "▲" if before["change"] > 0 else "▼" if before["change"] < 0 else "="
        size = percent(abs(before["share"])) if before["share"] is not None else money(
            abs(before["change"]), measure["currency"]
        )  # fmt: skip
        is_good = (before["change"] > 0) != (measure["metric"] == "expenses")
        made["change"] = f"{arrow} {size} against {before['name']}"
        made["mood"] = "same" if not before["change"] else "good" if is_good else "bad"
    return made


def comparison_rows(measure: Measure) -> list[list[str]]:
    """Name, value, change, percent of each comparison."""
    currency = measure["currency"]
    made = [[measure["period"], money(measure["value"], currency), "", ""]]
    seen = set()
    for before in (measure["previous"], measure["year_before"]):
        if before is not None and before["name"] not in seen:
            seen.add(before["name"])
            share = percent(before["share"]) if before["share"] is not None else "n/a"
            made.append([before["name"], money(before["cents"], currency), money(before["change"], currency), share])
    return made


def contribution_tables(causes: Causes, currency: str) -> list[dict[str, Any]]:
    """A table for each dimension: member, before, now, change; the last row is the sum."""
    made = []
    for dimension, parts in causes["tables"].items():
        rows = [[p["member"], *(money(p[k], currency) for k in ("before", "now", "change"))] for p in parts]
        total = [money(sum(p[k] for p in parts), currency) for k in ("before", "now", "change")]
        made.append({"dimension": dimension, "rows": rows, "total": ["Together", *total]})
    return made


def finding_rows(measure: Measure) -> list[list[str]]:
    """Month, what was found, value, usual."""
    kinds = {"odd": "odd month", "shift": "another level from here on"}
    currency = measure["currency"]
    return [
        [one["month"], kinds[one["kind"]], money(one["cents"], currency), money(one["usual"], currency)]
        for one in measure["found"]
    ]


def forecast_rows(measure: Measure) -> list[list[str]]:
    """Month, expected, from, to."""
    currency = measure["currency"]
    return [[one["month"], *(money(one[k], currency) for k in ("cents", "low", "high"))] for one in measure["forecast"]]


def by_line(text: Text) -> str:
    """Who wrote a text, and whether a model's was refused."""
    refused = f"; a model's text was refused {len(text['rejected'])} times" if text["rejected"] else ""
    return (
        f"Written by a {text['by']}, numbers checked{refused}."
        if text["by"] == "model"
        else f"Written by a template{refused}."
    )
