"""The views of recorded runs, and their filters. Rule: drawn again now and then, because runs go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import charts
from .choosing import Choice, chosen
from .placing import amount, metrics, plots, seconds
from .recorded import Recorded
from .runs import RUNNING, Run
from .source import Source

_EVERY = "5s"
_SPANS = {"15 minutes": 900.0, "1 hour": 3600.0, "1 day": 86_400.0, "everything": 0.0}
_LISTED = 200


def runs(source: Source) -> None:
    """The runs: how many, how long, what failed, each step of one."""

    def drawn(runs: Sequence[Run]) -> None:
        import streamlit as st

        _run_metrics(runs)
        plots([
            ("Timeline: each run by its begin and time", charts.timeline(runs)),
            ("Runs by their begin", charts.per_minute(runs)),
            ("Response times", charts.latencies(runs)),
            ("What failed", charts.failures(runs)),
        ])  # fmt: skip
        st.markdown("**Runs**, the newest first")
        st.dataframe(_rows(runs), width="stretch", hide_index=True)

    _of_runs(source, drawn, one_run=True)


def cost(source: Source) -> None:
    """What runs used of models and their limits."""

    def drawn(runs: Sequence[Run]) -> None:
        calls = [call for run in runs for call in run.calls]
        known = [call.usd for call in calls if call.usd is not None]
        unknown = len(calls) - len(known)
        waited = sum(call.waited_s for call in calls)
        metrics([
            ("Requests to models", amount(len(calls))),
            ("Tokens", amount(sum(call.tokens for call in calls))),
            ("Cost", f"${sum(known):,.2f}" if known else "no price" if unknown else "$0"),
            ("Without a price", amount(unknown)),
            ("Rejected (429)", f"{sum(call.outcome == '429' for call in calls):,}"),
            ("Waited at limits", seconds(waited)),
        ])  # fmt: skip
        plots([
            ("Requests, and the limit of a model", charts.use(runs, of="calls", limit=source.requests_per_minute)),
            ("Tokens, and the limit of a model", charts.use(runs, of="tokens", limit=source.tokens_per_minute)),
            ("Dollars so far", charts.spent(runs)),
            ("Tokens by role", charts.by_role(runs)),
        ])  # fmt: skip

    _of_runs(source, drawn)


def arrangements(source: Source) -> None:
    """Ways to plan and run, side by side."""

    def drawn(runs: Sequence[Run]) -> None:
        import streamlit as st

        st.caption("How runs were planned and in what order their steps ran, side by side.")
        plots([("Response times of runs that succeeded", charts.arrangements(runs))], columns=1)
        st.dataframe(
            [_arrangement_row(name, those) for name, those in charts.by_arrangement(runs).items()],
            width="stretch",
            hide_index=True,
        )

    _of_runs(source, drawn)


def _of_runs(source: Source, draw: Callable[[Sequence[Run]], None], *, one_run: bool = False) -> None:
    """A view of recorded runs with its filters; drawn again now and then, because runs go on."""
    import streamlit as st

    recorded = _recorded(source.state)
    choice = _filters(recorded.runs())

    @st.fragment(run_every=_EVERY)
    def drawn() -> None:
        runs = chosen(recorded.runs(), choice, now=time.time())
        if recorded.left:
            st.info(f"{recorded.left:,} sessions are still to be read.")
        for name, problem in list(recorded.problems.items())[:3]:
            st.warning(f"Session {name}: {problem}")
        if runs:
            draw(runs)
        else:
            st.info(f"No runs here. Journals are read from {source.state}; another folder: --state DIR.")

    drawn()
    if one_run:
        _one_run(chosen(recorded.runs(), choice, now=time.time()))


def _filters(runs: Sequence[Run]) -> Choice:
    import streamlit as st

    with st.sidebar:
        span = st.selectbox("Began within", list(_SPANS), index=len(_SPANS) - 1, key="span")
        kept: list[str] = st.session_state.get("sessions", [])  # what is chosen stays, however old it gets
        newest = list(dict.fromkeys(run.session for run in reversed(runs)))[:_LISTED]
        sessions = st.multiselect("Sessions", list(dict.fromkeys([*kept, *newest])), placeholder="all", key="sessions")
        statuses = st.multiselect("Status", sorted({run.status for run in runs}), placeholder="all", key="status")
        ways = sorted({run.arrangement for run in runs})
        arranged = st.multiselect("Arrangement", ways, placeholder="all", key="arrangement")
        words = st.text_input("Run or goal", placeholder="id or words of the goal", key="words")
    return Choice(
        within_s=_SPANS[span], sessions=frozenset(sessions), statuses=frozenset(statuses),
        arrangements=frozenset(arranged), words=words,
    )  # fmt: skip


def _one_run(runs: Sequence[Run]) -> None:
    """The steps of one run."""
    import streamlit as st

    newest = {run.id: run for run in reversed(runs[-_LISTED:])}
    if not newest:
        return

    def told(run_id: str) -> str:
        return f"{newest[run_id].goal or 'no goal'} · {run_id}" if run_id in newest else run_id

    name = st.selectbox("Steps of one run", list(newest), format_func=told, key="run")
    if name in newest and newest[name].steps:
        plots([(newest[name].goal, charts.steps(newest[name]))], columns=1)


def _run_metrics(runs: Sequence[Run]) -> None:
    ended = [run for run in runs if run.status != RUNNING]
    times = sorted(run.seconds for run in ended if run.status == "done" and run.seconds is not None)
    done = sum(run.status == "done" for run in ended)
    metrics([
        ("Runs", f"{len(runs):,}"),
        ("Sessions", f"{len({run.session for run in runs}):,}"),
        ("Succeeded", f"{done / len(ended):.1%}" if ended else "none yet"),
        ("p50", seconds(times[len(times) // 2] if times else None)),
        ("p95", seconds(times[min(len(times) - 1, int(0.95 * len(times)))] if times else None)),
        ("Tokens", amount(sum(run.tokens for run in runs))),
    ])  # fmt: skip


def _rows(runs: Sequence[Run]) -> list[dict[str, Any]]:
    return [
        {
            "began": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.began)), "goal": run.goal,
            "status": run.status, "seconds": None if run.seconds is None else round(run.seconds, 2),
            "steps": len(run.steps), "calls": len(run.calls), "tokens": run.tokens, "arrangement": run.arrangement,
            "run": run.id, "session": run.session,
        }
        for run in reversed(runs[-_LISTED:])
    ]  # fmt: skip


def _arrangement_row(name: str, runs: Sequence[Run]) -> dict[str, Any]:
    times = sorted(run.seconds for run in runs if run.status == "done" and run.seconds is not None)
    ended = [run for run in runs if run.status != RUNNING]
    return {
        "arrangement": name, "runs": len(runs),
        "succeeded": f"{sum(run.status == 'done' for run in ended) / len(ended):.1%}" if ended else "",
        "p50 s": round(times[len(times) // 2], 3) if times else None,
        "p95 s": round(times[min(len(times) - 1, int(0.95 * len(times)))], 3) if times else None,
        "steps a run": round(sum(len(run.steps) for run in runs) / len(runs), 1),
        "calls a run": round(sum(len(run.calls) for run in runs) / len(runs), 1),
        "tokens a run": round(sum(run.tokens for run in runs) / len(runs)),
    }  # fmt: skip


@lru_cache(maxsize=8)
def _recorded(state: str) -> Recorded:
    """One for all visitors."""
    return Recorded(Path(state))
