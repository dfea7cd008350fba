"""What the deck tells, before anything is drawn. Rule: a model's text is taken only when its numbers are the data's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ToolError
from .shapes import SAMPLE, Brief, Report

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
MOST_FINDING, MOST_PARAGRAPH = 110, 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One request on its slide. `report` None: there are no data; `picture` None: there is no chart."""

    request: str
    label: str
    finding: str
    paragraph: str
    report: Report | None
    picture: str | None
    alt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The whole deck. `missing` are sentences for the appendix."""

    brief: Brief
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    words: str

    @property
    def text(self) -> str:
        """The findings, one a line."""
        return "\n".join(f"- {part.finding}" for part in self.parts if part.report is not None)


def told(
    *,
    brief: Brief,
    requests: Sequence[str],
    reports: Sequence[Any],
    charts: Sequence[Any],
    analyses: Sequence[Any],
    words: str,
) -> Story:
    """The deck's story; what is None is missing, and said to be.

    Raises:
        ToolError: there is no report at all, or one is of other data than the brief.
    """
    if not any(reports):
        raise ToolError("expected at least one report for the deck, got none; see why the requests failed")
    for report in filter(None, reports):
        if report["source"].startswith(SAMPLE) != (brief["source"] == SAMPLE):
            raise ToolError(
                f"expected figures from {brief['source']}, got some from {report['source']}; "
                "was the database of the settings changed between? Run the goal again"
            )
    missing: list[str] = []
    parts, by_model = [], 0
    for at, name in enumerate(requests):
        report, chart = _at(reports, at), _at(charts, at)
        text = _checked(_at(analyses, at), report, missing) if analyses and report is not None else None
        by_model += text is not None
        parts.append(_part(name, report, chart, text, missing))
    if not analyses:
        words = "templates"
    elif by_model < len(requests):
        words = f"model for {by_model} slides, templates for the others" if by_model else "templates"
    return Story(brief=brief, parts=tuple(parts), missing=(*brief["notes"], *missing), words=words)


def _part(name: str, report: Report | None, chart: Any, text: tuple[str, str] | None, missing: list[str]) -> Part:
    label = report["label"] if report is not None else name.replace("_", " ").capitalize()
    if report is None:
        missing.append(f"{label}: the request failed, so there are no data.")
        return Part(request=name, label=label, finding=f"{label}: no data", paragraph="", report=None, picture=None)
    files = chart.get("files") if isinstance(chart, Mapping) else None
    picture = files[0]["path"] if files else None
    if picture is None:
        missing.append(f"{label}: the chart could not be drawn; its figures are in the tables.")
    finding, paragraph = text or (report["finding"], report["paragraph"])
    data = chart.get("data") if isinstance(chart, Mapping) else None
    alt = str(data.get("alt", "")) if isinstance(data, Mapping) else ""
    return Part(
        request=name, label=label, finding=finding, paragraph=paragraph, report=report, picture=picture, alt=alt
    )


def _at(items: Sequence[Any], at: int) -> Any:
    return items[at] if at < len(items) else None


def _checked(analysis: Any, report: Report, missing: list[str]) -> tuple[str, str] | None:
    """The finding and paragraph of an analyst, None if they can't be used; says why."""
    data = analysis.get("data") if isinstance(analysis, Mapping) else None
    finding = " ".join(str(data.get("finding") or "").split()).rstrip(".") if isinstance(data, Mapping) else ""
    paragraph = " ".join(str(data.get("paragraph") or "").split()) if isinstance(data, Mapping) else ""
    if not finding or not paragraph:
        missing.append(f"{report['label']}: the model gave no text, so a template's stands there.")
        return None
    wrong = wrong_numbers(f"{finding} {paragraph}", report)
    if wrong:
        shown = ", ".join(wrong[:3])
        missing.append(f"{report['label']}: the model's text had numbers that are not in the data ({shown}).")
        return None
    if len(finding) > MOST_FINDING or len(paragraph) > MOST_PARAGRAPH:
        missing.append(f"{report['label']}: the model's text was too long for a slide.")
        return None
    return finding, paragraph


def wrong_numbers(text: str, report: Report) -> list[str]:
    """The numbers in a text that stand nowhere in a report's own texts and tables."""
    known = json.dumps(
        [report[key] for key in ("label", "finding", "paragraph", "facts", "table", "source")], ensure_ascii=False
    )
    allowed = set(_numbers(known))
    return [shown for shown in _NUMBER.findall(text) if _plain(shown) not in allowed]


def _numbers(text: str) -> Iterator[float]:
    return (_plain(shown) for shown in _NUMBER.findall(text))


def _plain(shown: str) -> float:
    return float(shown.replace(",", ""))
