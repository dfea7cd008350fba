"""Contributions add up to the cent, and planted causes come first."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.workflows.finance import causes, months, sample
from planloom.workflows.finance.explaining import explain
from planloom.workflows.finance.months import METRICS, Metric, Period
from planloom.workflows.finance.reading.columns import find
from planloom.workflows.finance.reading.kinds import with_kinds

NOW = Period(first=2025 * 12, last=2025 * 12 + 11)
_row = st.tuples(
    st.integers(0, 23), st.sampled_from("abcdefghijklmnop"), st.integers(-(10**12), 10**12),
    st.sampled_from(["revenue", "expense", "noncash", "balance", "transfer"]),
    st.one_of(st.none(), st.integers(1, 10**6)),
)  # fmt: skip


def frame_of(rows) -> pl.DataFrame:
    days = [dt.date(2024 + at // 12, at % 12 + 1, 5) for at, *_ in rows]
    return pl.DataFrame(
        {
            "row": range(len(rows)), "date": days, "paid": days, "category": [row[1] for row in rows],
            "amount": [row[2] for row in rows], "flow": [row[3] for row in rows],
            "quantity": pl.Series([row[4] for row in rows], dtype=pl.Int64),
            "counterparty": [row[1] * 2 for row in rows],
        }
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(_row, min_size=1, max_size=60))
def test_every_table_adds_up_to_the_change_to_the_cent(rows):
    frame = frame_of(rows)
    for metric in METRICS:
        now, before = (sum(months.series(frame, metric, p.first, p.last)) for p in (NOW, NOW.year_before))
        told = explain(frame, metric, period=NOW, first=2024 * 12)
        assert told["change"] == now - before
        for table in told["tables"].values():
            assert sum(part["change"] for part in table) == now - before
            assert all(part["now"] - part["before"] == part["change"] for part in table)
        if (effects := told["effects"]) is not None:
            assert sum(effects.values()) == now - before


def test_price_volume_and_mix_of_a_known_case():
    rows = [(0, "a", 1000_00, "revenue", 100), (12, "a", 1320_00, "revenue", 110)]
    found = causes.price_volume_mix(frame_of(rows), NOW, NOW.year_before)
    assert found == causes.PriceVolumeMix(price=220_00, volume=100_00, mix=0, unknown=0)


@pytest.mark.parametrize("seed", range(12))
def test_the_planted_cause_comes_first(seed: int):
    event, _ = sample.planted(seed)
    raw = sample.ledger(seed, rows=12_000, events=[event])
    cents = pl.col("amount").str.replace(".", "", literal=True).cast(pl.Int64)
    frame = raw.with_columns(amount=cents, row=pl.int_range(pl.len()), code=pl.lit("EUR"))
    frame = with_kinds(frame, find(raw.columns), [])
    metric: Metric = event.metric  # type: ignore[assignment]
    first = explain(frame, metric, period=NOW, first=2023 * 12)["causes"][0]
    assert (first["dimension"], first["member"]) == (event.dimension, event.member)
