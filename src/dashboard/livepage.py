"""The view of a server as it is now."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

from . import charts
from .live import Look, Poller, last_answer, quantile
from .placing import metrics, plots, seconds
from .source import Source

_EVERY = "2s"
_MB = 2**20


def live(source: Source) -> None:
    """Draws the view, again and again."""
    import streamlit as st

    spans = {"5 minutes": 300.0, "15 minutes": 900.0, "1 hour": 3600.0}
    span = st.sidebar.selectbox("Span", list(spans), index=1)
    st.sidebar.caption(f"Server: {source.url}")

    @st.fragment(run_every=_EVERY)
    def drawn() -> None:
        looks = poller(source.url).looks(spans[span])
        newest = looks[-1] if looks else None
        last = last_answer(looks)
        if newest is None:
            st.info(f"Asking {source.url} …")
            return
        if newest.values is None:
            st.warning(
                f"No answer from {source.url}: {newest.problem}. Start one: `planloom serve`, or name it: --url."
            )
        if last is not None:
            _live_figures(looks, last)

    drawn()


def _live_figures(looks: Sequence[Look], last: Look) -> None:
    import streamlit as st

    raised = [name for name, value in last.by("planloom_alert", "alert").items() if value]
    if raised:
        st.error("Alert: " + ", ".join(sorted(raised)), icon=":material/warning:")
    first = next(look for look in looks if look.values is not None)
    ended, done = last.total("planloom_runs_total"), last.total("planloom_runs_total", status="done")
    p95 = quantile(0.95, first if first is not last else None, last, "planloom_run_seconds")
    metrics([
        ("Runs under way", f"{last.total('planloom_runs_active'):,.0f}"),
        ("Runs ended", f"{ended:,.0f}"),
        ("Succeeded", f"{done / ended:.1%}" if ended else "none yet"),
        ("p95 in this span", seconds(p95)),
        ("Errors of steps", f"{last.total('planloom_errors_total'):,.0f}"),
        ("429s", f"{last.total('planloom_model_calls_total', outcome='429'):,.0f}"),
        ("Cost", _cost(last)),
        ("Memory", f"{last.total('process_resident_memory_bytes') / _MB:,.0f} MB"),
    ])  # fmt: skip
    plots([
        ("Runs that ended", charts.pace(looks)),
        ("Response time", charts.latency(looks)),
        ("Memory", charts.memory(looks)),
        ("Processor", charts.processor(looks)),
        ("Under way", charts.active(looks)),
        ("Requests to models", charts.calls(looks)),
        ("Tokens", charts.tokens(looks)),
        ("Response times since it began", charts.distribution(last)),
    ])  # fmt: skip


def _cost(last: Look) -> str:
    """Dollars since it began; calls without a price in the settings count nothing."""
    usd = last.total("planloom_cost_usd_total")
    return f"${usd:,.2f}" if usd or not last.total("planloom_tokens_total") else "no price"


@lru_cache(maxsize=8)
def poller(url: str) -> Poller:
    """Who asks this server; one for all visitors."""
    return Poller(url, os.environ.get("PLANLOOM_SERVER__TOKEN", ""))
