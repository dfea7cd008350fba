"""The page: which view is shown. Rule: numbers come from elsewhere; here they are only placed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import reports
from .livepage import live
from .placing import metrics, plots
from .runpages import arrangements, cost, runs
from .source import Source

# as a picture: icons by name are fetched from elsewhere
_ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#0b6fb8"/>
<path d="M5 21l6-8 5 5 6-10 5 6" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>"""


def show() -> None:
    """Draws the page for one visitor; Streamlit calls it again whenever something is chosen."""
    import streamlit as st

    source = Source.read(sys.argv[1])
    st.set_page_config(page_title="Planloom operations", page_icon=_ICON, layout="wide")
    st.markdown("### Planloom operations")
    views: dict[str, Callable[[Source], None]] = {
        "Live": live,
        "Runs": runs,
        "Cost and quota": cost,
        "Arrangements": arrangements,
        "Load tests": _loads,
    }
    if "view" not in st.session_state:  # a default that changes with the address would make it another widget each time
        asked = st.query_params.get("view", "")
        st.session_state["view"] = asked if asked in views else "Live"
    name = st.segmented_control("View", list(views), key="view", label_visibility="collapsed", required=True) or "Live"
    st.query_params["view"] = name
    views[name](source)


def _loads(source: Source) -> None:
    import streamlit as st

    found = reports.found(Path(source.reports))
    if not found.good:
        st.info(f"No reports in {source.reports}. Make one with `planloom loadtest`, or name a folder with --reports.")
    for path, problem in found.broken.items():
        st.warning(f"{path}: {problem}")
    if not found.good:
        return
    names = list(found.good)
    with st.sidebar:
        name = st.selectbox("Report", names, format_func=found.title)
        other = st.selectbox(
            "Compare with", ["nothing", *(one for one in names if one != name)], format_func=found.title
        )
    report = found.good[name]
    st.warning(report["told"], icon=":material/info:")
    st.markdown(f"**{reports.title(report)}**  \n{reports.about(report)}")
    metrics([(label, value) for label, value, _ in reports.tiles(report)])
    st.markdown(f"**{report['bottleneck']['told']}**")
    if other != "nothing":
        st.dataframe(reports.comparison(found.good[other], report), width="stretch", hide_index=True)
    plots(
        [(chart["title"], {"data": chart["data"], "layout": reports.layout(chart)}) for chart in reports.charts(report)]
    )
    with st.expander("All figures"):
        st.table([{"figure": label, "measured": value} for label, value in reports.rows(report)])
