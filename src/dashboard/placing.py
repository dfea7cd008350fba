"""Figures and plots on the page. Rule: they wrap on narrow screens; a plot without data says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def metrics(found: Sequence[tuple[str, str]]) -> None:
    """Named values in a row."""
    import streamlit as st

    with st.container(horizontal=True):
        for name, value in found:
            st.metric(name, value, border=True, width=158)


def plots(figures: Sequence[tuple[str, dict[str, Any]]], *, columns: int = 2) -> None:
    """Figures in cards; one without data says so."""
    import streamlit as st

    for first in range(0, len(figures), columns):
        places = st.columns(columns)
        for place, (title, figure) in zip(places, figures[first : first + columns], strict=False):
            with place, st.container(border=True):
                st.markdown(f"**{title}**")
                if figure["data"]:
                    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key=f"plot {title}")
                else:
                    st.caption("Nothing yet.")


def amount(value: float) -> str:
    """A count as people read it, short when it is large."""
    for size, sign in ((1e9, " G"), (1e6, " M"), (1e4, "")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}" if sign else f"{value / 1e3:,.0f} k"
    return f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """A time as people read it."""
    if value is None:
        return "none yet"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:,.2f} s" if value < 100 else f"{value:,.0f} s"
