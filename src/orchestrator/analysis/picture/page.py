"""The picture in a page, with the figures of every step below it. Rule: one file, no script, nothing fetched."""

from __future__ import annotations

from html import escape

from ....printable import printable
from .. import Analysis, StepFigures
from .layout import seconds

_STYLE = (
    "body{margin:0 auto;max-width:1180px;padding:12px 16px 48px;font:14px/1.45 'Segoe UI',system-ui,sans-serif;"
    "color:#1F2933;background:#FFFFFF}svg{max-width:100%;height:auto;display:block}"
    "h2{font-size:16px;margin:28px 8px 8px}table{border-collapse:collapse;width:100%;font-size:13px}"
    "th,td{padding:4px 8px;text-align:right;border-bottom:1px solid #E1E5EA;white-space:nowrap}"
    "th:first-child,td:first-child,th:nth-child(2),td:nth-child(2),th:last-child,td.wide{text-align:left}"
    "td.wide{white-space:normal;overflow-wrap:anywhere;min-width:16em}tr.critical td:first-child{font-weight:700}"
    "tr.failed td{color:#B3261E}.scroll{overflow-x:auto}"
    "@media(prefers-color-scheme:dark){body{color:#E6EDF3;background:#14181F}th,td{border-color:#2C3440}"
    "tr.failed td{color:#FF7B72}}"
)
_HEADS = (
    "step",
    "action",
    "state",
    "began",
    "ran",
    "waited",
    "tries",
    "for nothing",
    "tokens",
    "verdict",
    "what failed",
)


def page(analysis: Analysis, picture: str) -> str:
    """The page around an SVG picture."""
    steps = sorted(analysis.leaves, key=lambda step: float("inf") if step.start_s is None else step.start_s)
    rows = "\n".join(_row(step) for step in steps)
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    title = _told(analysis.goal or "Run")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">'
        f"<style>{_STYLE}</style></head><body>\n{picture}\n<h2>Steps</h2>\n"
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table></div>\n'
        f"</body></html>\n"
    )


def _row(step: StepFigures) -> str:
    kinds = [name for name, holds in (("critical", step.is_critical), ("failed", step.status == "failed")) if holds]
    cells = (
        ("◆ " if step.is_critical else "") + step.id,
        step.action,
        step.status.replace("_", " "),
        "" if step.start_s is None else seconds(step.start_s),
        seconds(step.run_s) if step.run_s else "",
        seconds(step.wait_s) if step.wait_s >= 0.0005 else "",
        str(step.attempts or ""),
        seconds(step.wasted_s) if step.wasted_s >= 0.0005 else "",
        f"{step.tokens:,}" if step.tokens else "",
        "" if step.verdict == "off" else step.verdict,
    )
    told = "".join(f"<td>{_told(cell)}</td>" for cell in cells)
    return f'<tr class="{" ".join(kinds)}">{told}<td class="wide">{_told(step.error[:400])}</td></tr>'


def _told(text: str) -> str:
    return escape(printable(text))
