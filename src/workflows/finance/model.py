"""What is usual in a monthly series: level, trend, season, lasting shifts and odd months; and what comes next.

Rule: one regression says all of it, so that what is called odd, what is called a shift and what is forecast agree.
Shifts and odd months are found one after another as in Chen and Liu (1993), each by its t value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEAST_MONTHS = 8
_MOST_FOUND = 6
_STEP_EDGE = 3  # months a shift must have on both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An odd month or a shift that stays, at a position; `usual` is what was to be expected there, `t` how sure."""

    kind: Literal["odd", "shift"]
    at: int
    usual: float
    t: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted series. `is_log`: changes are shares of the level. `season` 0: none was found.

    `seasons` (12,) is what January to December add, in the scale of the fit.
    """

    values: Floats
    first_month: int
    is_log: bool
    season: int
    found: tuple[Found, ...]
    usual: Floats
    trend_per_month: float
    seasons: Floats

    @property
    def scaled(self) -> Floats:
        return np.log(self.values) if self.is_log else self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Expected values of the next months with the interval that holds each with the given probability."""

    expected: Floats
    low: Floats
    high: Floats


def fit(values: Sequence[float], first_month: int, gaps: Sequence[int] = ()) -> Fit | None:
    """The regression of a series; months at `gaps` (positions) count as unknown. None: it is too short.

    `first_month` counts from January, 0.
    """
    given = np.asarray(values, dtype=float)
    known = np.ones(len(given), dtype=bool)
    known[list(gaps)] = False
    if known.sum() < LEAST_MONTHS:
        return None
    is_log = bool((given[known] > 0).all() and given[known].min() > 0.02 * np.median(given[known]))
    scaled = np.where(known, np.log(np.where(known, given, 1.0)) if is_log else given, np.nan)
    found: list[tuple[Literal["odd", "shift"], int, float]] = []
    season = 0
    for _ in range(_MOST_FOUND):
        season = _best_season(scaled, known, first_month, found)
        more = _most_striking(scaled, known, first_month, season, found)
        if more is None:
            break
        found.append(more)
    design = _design(len(given), first_month, season, found)
    weights = _solve(design[known], scaled[known])
    usual = _usual(design, weights, found)
    shown = np.exp(usual) if is_log else usual
    told = tuple(
        Found(kind=kind, at=at, usual=_before(float(shown[at]), weights, found, order, is_log=is_log), t=t)
        for order, (kind, at, t) in enumerate(found)
    )
    return Fit(
        values=given, first_month=first_month, is_log=is_log, season=season, found=told, usual=shown,
        trend_per_month=float(weights[1]), seasons=_seasons(weights, season),
    )  # fmt: skip


def forecast(fitted: Fit, months: int, *, probability: float = 0.9, gaps: Sequence[int] = ()) -> Forecast:
    """The next months; intervals hold the uncertainty of the fit and the noise of a month (statsmodels, OLS)."""
    from statsmodels.regression.linear_model import OLS

    number = len(fitted.values)
    known = np.ones(number, dtype=bool)
    known[list(gaps)] = False
    found = [(one.kind, one.at, one.t) for one in fitted.found]
    design = _design(number + months, fitted.first_month, fitted.season, found)
    scaled = np.log(fitted.values[known]) if fitted.is_log else fitted.values[known]
    model = OLS(scaled, design[:number][known]).fit()
    told = model.get_prediction(design[number:])
    low, high = told.conf_int(obs=True, alpha=1 - probability).T
    middle = np.asarray(told.predicted_mean, dtype=float)
    wider = _widening(model.resid, design[:number][known])
    parts = [middle, middle - (middle - low) * wider, middle + (high - middle) * wider]
    expected, low, high = (np.exp(part) for part in parts) if fitted.is_log else parts
    return Forecast(expected=expected, low=low, high=high)


def _widening(residual: Floats, design: Floats) -> float:
    """How much larger errors are for months that the fit has not seen, 1 at least (PRESS; Allen 1974).

    Waves, shifts and odd months were chosen by looking, which the plain formula does not know.
    """
    basis, _ = np.linalg.qr(design)
    leverage = (basis**2).sum(axis=1)
    free = leverage < 0.999  # an odd month has a column of its own and is no measure
    left = len(residual) - design.shape[1]
    inside = float((residual**2).sum()) / max(left, 1)
    if inside <= 0 or not free.any():
        return 1.0
    outside = float(((residual[free] / (1 - leverage[free])) ** 2).mean())
    return max(1.0, math.sqrt(outside / inside))


def decomposed(values: Sequence[float]) -> tuple[Floats, Floats] | None:
    """Trend and season of a series (STL, robust; Cleveland et al. 1990); None below 25 months."""
    if len(values) < 25:
        return None
    from statsmodels.tsa.seasonal import STL

    result = STL(np.asarray(values, dtype=float), period=12, robust=True).fit()
    return np.asarray(result.trend), np.asarray(result.seasonal)


def _design(number: int, first_month: int, season: int, found: Sequence[tuple[str, int, float]]) -> Floats:
    """Level, trend, `season` pairs of waves (6: a level for each month), and a column for each thing found."""
    at = np.arange(number, dtype=float)
    month = (first_month + np.arange(number)) % 12
    columns = [np.ones(number), at]
    for wave in range(1, min(season, 6) + 1):
        columns.append(np.cos(2 * np.pi * wave * month / 12))
        if wave < 6:
            columns.append(np.sin(2 * np.pi * wave * month / 12))
    for kind, place, _ in found:
        columns.append((at >= place).astype(float) if kind == "shift" else (at == place).astype(float))
    return np.column_stack(columns)


def _solve(design: Floats, values: Floats) -> Floats:
    return np.asarray(np.linalg.lstsq(design, values, rcond=None)[0])


def _seasons(weights: Floats, season: int) -> Floats:
    waves = _design(12, 0, season, ())[:, 2:]
    return np.asarray(waves @ weights[2 : 2 + waves.shape[1]])


def _best_season(
    scaled: Floats, known: NDArray[np.bool_], first_month: int, found: Sequence[tuple[str, int, float]]
) -> int:
    """The number of waves with the least corrected information criterion (AICc); 0 below two years."""
    if known.sum() < 24:
        return 0
    best, least = 0, np.inf
    for season in (0, 1, 2, 3, 6):
        design = _design(len(scaled), first_month, season, found)[known]
        rows, width = design.shape
        if rows - width < 6:
            continue
        error = float(((scaled[known] - design @ _solve(design, scaled[known])) ** 2).sum()) / rows
        score = rows * np.log(max(error, 1e-12)) + 2 * width + 2 * width * (width + 1) / (rows - width - 1)
        if score < least:
            best, least = season, score
    return best


def _most_striking(
    scaled: Floats, known: NDArray[np.bool_], first_month: int, season: int, found: Sequence[tuple[str, int, float]]
) -> tuple[Literal["odd", "shift"], int, float] | None:
    """The odd month or shift with the largest t value, if that is larger than chance gives in the whole series."""
    from scipy.stats import t as student

    design = _design(len(scaled), first_month, season, found)[known]
    places = np.flatnonzero(known)
    rows, width = design.shape
    if rows - width - 1 < 4:
        return None
    basis, _ = np.linalg.qr(design)
    residual = scaled[known] - basis @ (basis.T @ scaled[known])
    edge = slice(_STEP_EDGE, len(places) - _STEP_EDGE + 1)
    steps = (places[:, None] >= places[None, edge]).astype(float)
    tests = np.column_stack([np.eye(rows), steps])
    kinds: list[tuple[Literal["odd", "shift"], int]] = [("odd", int(at)) for at in places]
    kinds += [("shift", int(at)) for at in places[edge]]
    tests = tests - basis @ (basis.T @ tests)
    norm = (tests**2).sum(axis=0)
    usable = norm > 1e-6
    effect = np.where(usable, tests.T @ residual / np.where(usable, norm, 1.0), 0.0)
    left = np.maximum((residual**2).sum() - effect**2 * norm, 1e-18 * max(1.0, float((scaled[known] ** 2).sum())))
    t = effect * np.sqrt(norm) / np.sqrt(left / (rows - width - 1))
    limit = float(student.ppf(1 - 0.01 / (2 * len(kinds)), rows - width - 1))
    at = int(np.argmax(np.abs(t)))
    spread = float(np.std(scaled[known])) or 1.0
    if abs(t[at]) < limit or abs(effect[at]) < 1e-6 * spread:
        return None
    return *kinds[at], float(t[at])


def _usual(design: Floats, weights: Floats, found: Sequence[tuple[str, int, float]]) -> Floats:
    """The fitted values without what odd months add."""
    kept = weights.copy()
    for order, (kind, _, _) in enumerate(found):
        if kind == "odd":
            kept[len(weights) - len(found) + order] = 0.0
    return np.asarray(design @ kept)


def _before(
    shown: float, weights: Floats, found: Sequence[tuple[str, int, float]], order: int, *, is_log: bool
) -> float:
    """What was to be expected where the thing found at `order` happened, had it not happened."""
    if found[order][0] == "odd":
        return shown
    weight = float(weights[len(weights) - len(found) + order])
    return shown * float(np.exp(-weight)) if is_log else shown - weight
