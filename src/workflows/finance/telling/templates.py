"""Narratives and advice without a model: sentences around computed figures. They are the fallback, and say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..shapes import Causes, Measure
from .figures import money, percent

_GOOD_DOWN = "expenses"


def narrative(measure: Measure, causes: Causes | None) -> str:
    """What happened to a metric, and why."""
    currency, title = measure["currency"], measure["title"]
    said = [f"{title} in {measure['period']} came to {money(measure['value'], currency)}{_against(measure)}."]
    if measure["trend_share"] is not None and abs(measure["trend_share"]) >= 0.005:
        way = "up" if measure["trend_share"] > 0 else "down"
        said.append(f"Apart from shifts, the trend points {way} by {percent(abs(measure['trend_share']))} a year.")
    if measure["season_peak"]:
        said.append(f"The season peaks in {measure['season_peak']} and is lowest in {measure['season_low']}.")
    if causes is not None and causes["causes"]:
        said.append(_cause(causes, currency))
    said += [_finding(one["kind"], one["month"], one["cents"], one["usual"], currency) for one in measure["found"][:3]]
    if ahead := measure["forecast"]:
        one = ahead[0]
        said.append(
            f"For {one['month']}, {money(one['cents'], currency)} is expected, with 90 % between "
            f"{money(one['low'], currency)} and {money(one['high'], currency)}."
        )
    return " ".join(said + ([measure["note"]] if measure["note"] else []))


def summary(measures: Sequence[Measure], causes: Mapping[str, Causes]) -> str:
    """The whole in a few sentences."""
    told = [f"{m['title']}: {money(m['value'], m['currency'])}{_against(m)}." for m in measures]
    leading = [causes[m["metric"]] for m in measures if m["metric"] in causes and causes[m["metric"]]["causes"]]
    if leading and measures:
        told.append(_cause(leading[0], measures[0]["currency"]))
    return " ".join(told)


def advice(measure: Measure, causes: Causes | None) -> str:
    """What to look at first, on which evidence, and what it would change."""
    currency = measure["currency"]
    if causes is None or not causes["causes"]:
        return "There is nothing to compare with yet: keep booking, and look again when a year is complete."
    first = causes["causes"][0]
    name, change = f"{first['member']} ({first['dimension']})", first["excess"]
    is_good = (change > 0) != (measure["metric"] == _GOOD_DOWN)
    evidence = f"it went from {money(first['before'], currency)} to {money(first['now'], currency)}"
    if is_good:
        said = f"Find out what went well with {name} and whether it lasts: {evidence}."
    elif first["now"] == 0:
        said = f"Settle whether {name} is gone for good, and plan without it until then: {evidence}."
    else:
        said = f"Look into {name} first: {evidence}."
    effect = f"Back at the usual course, {measure['title'].lower()} would differ by {money(abs(change), currency)}."
    odd = [one["month"] for one in measure["found"] if one["kind"] == "odd"]
    more = f" Check the bookings of {', '.join(odd[:3])}, which are out of line." if odd else ""
    return f"{said} {effect}{more}"


def _against(measure: Measure) -> str:
    before = measure["year_before"] or measure["previous"]
    if before is None:
        return ""
    word = "more" if before["change"] >= 0 else "less"
    share = f" ({'+' if before['share'] >= 0 else ''}{percent(before['share'])})" if before["share"] is not None else ""
    return f", {money(abs(before['change']), measure['currency'])} {word} than in {before['name']}{share}"


def _cause(causes: Causes, currency: str) -> str:
    first = causes["causes"][0]
    return (
        f"What stands out most is the {first['dimension']} {first['member']}: {money(first['before'], currency)} in "
        f"{causes['against']}, {money(first['now'], currency)} now."
    )


def _finding(kind: str, month: str, cents: int, usual: int, currency: str) -> str:
    if kind == "odd":
        return f"{month} is out of line: {money(cents, currency)} where {money(usual, currency)} was usual."
    return f"From {month} on the level is another: {money(cents, currency)} where {money(usual, currency)} was usual."
