"""What the steps hand on: plain data, money in whole cents, months like 2025-03."""

from __future__ import annotations

from typing_extensions import TypedDict


class ReadLedger(TypedDict):
    """`ledger` is the file with clean rows. `repairs` and `notes` say what was done to the rows."""

    ledger: str
    source: str
    rows: int
    used: int
    currency: str
    period: str
    period_first: int
    period_last: int
    first: int
    last: int
    gaps: list[int]
    metrics: list[str]
    repairs: dict[str, int]
    aside: dict[str, int]
    notes: list[str]


class Comparison(TypedDict):
    """`share` of the change is None when it means nothing: nothing before, or a change of sign."""

    name: str
    cents: int
    change: int
    share: float | None


class Finding(TypedDict):
    """`kind`: odd (one month) or shift (from then on)."""

    kind: str
    month: str
    cents: int
    usual: int


class Expected(TypedDict):
    month: str
    cents: int
    low: int
    high: int


class Measure(TypedDict):
    """One metric. `months` and `cents` are the whole series; `usual` what the model expects there, [] without one.

    `trend_share` a year, of the level; None when it can't be told. `season_share`: the swing of the season, of the
    level, None without a season. `forecast` [] when there are too few months; `note` says why.
    """

    metric: str
    title: str
    currency: str
    period: str
    value: int
    previous: Comparison | None
    year_before: Comparison | None
    months: list[str]
    cents: list[int]
    usual: list[int]
    trend: list[int]
    season: list[int]
    trend_share: float | None
    season_share: float | None
    season_peak: str
    season_low: str
    found: list[Finding]
    forecast: list[Expected]
    note: str


class Contribution(TypedDict):
    member: str
    before: int
    now: int
    change: int


class RootCause(TypedDict):
    dimension: str
    member: str
    before: int
    now: int
    change: int
    excess: int


class Effects(TypedDict):
    price: int
    volume: int
    mix: int
    unknown: int


class Causes(TypedDict):
    """Why a metric changed against `against`; "" when there is nothing to compare with. Each table sums to `change`."""

    metric: str
    title: str
    against: str
    change: int
    tables: dict[str, list[Contribution]]
    causes: list[RootCause]
    effects: Effects | None
    note: str


class Text(TypedDict):
    """`by`: "model" or "template". `rejected`: why a model's text was not taken, oldest first."""

    about: str
    text: str
    by: str
    rejected: list[str]


class Texts(TypedDict):
    texts: list[Text]
    by: str


class Dashboard(TypedDict):
    """`path` is the page. `texts` says who wrote the texts. `missing` says what could not be made."""

    path: str
    pdf: str
    data: str
    pictures: list[str]
    headline: str
    texts: str
    missing: list[str]
