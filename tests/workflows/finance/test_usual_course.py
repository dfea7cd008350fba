"""What is odd is found, what is not is left alone, and forecasts know how much they don't know."""

from __future__ import annotations

import numpy as np

from planloom.workflows.finance import model


def course(seed: int, months: int = 36) -> np.ndarray:
    chance = np.random.default_rng(seed)
    at = np.arange(months)
    return 1000 * 1.005**at * (1 + 0.1 * np.cos(at / 6 * np.pi)) * np.exp(chance.normal(0, 0.02, months))


def test_an_odd_month_is_found_with_its_usual_value():
    values = course(1)
    usual = values[20]
    values[20] *= 1.4
    fitted = model.fit(values.tolist(), 0)
    assert fitted is not None
    [found] = fitted.found
    assert (found.kind, found.at) == ("odd", 20)
    assert abs(found.usual / usual - 1) < 0.08


def test_a_lasting_shift_is_one_finding_and_carries_into_the_forecast():
    values = course(2)
    values[25:] *= 0.7
    fitted = model.fit(values.tolist(), 0)
    assert fitted is not None
    assert [(one.kind, one.at) for one in fitted.found] == [("shift", 25)]
    ahead = model.forecast(fitted, 3)
    truth = 1000 * 1.005 ** np.arange(36, 39) * (1 + 0.1 * np.cos(np.arange(36, 39) / 6 * np.pi)) * 0.7
    assert ((ahead.low < truth) & (truth < ahead.high)).all()


def test_quiet_series_raise_no_alarm():
    fits = [model.fit(course(seed).tolist(), 0) for seed in range(100, 160)]
    alarms = sum(len(one.found) for one in fits if one is not None)
    assert alarms < 0.02 * 36 * len(fits)


def test_intervals_cover_what_they_say():
    inside = []
    for seed in range(60):
        values = course(seed)
        fitted = model.fit(values[:30].tolist(), 0)
        assert fitted is not None
        ahead = model.forecast(fitted, 6)
        inside += list((ahead.low <= values[30:]) & (values[30:] <= ahead.high))
    assert 0.8 <= np.mean(inside) <= 0.97


def test_series_below_zero_and_flat_ones_are_modelled():
    for values in ([5.0] * 20, [0.0] * 20, [float(-at) for at in range(30)], [1e-9, -1e12] * 10):
        fitted = model.fit(values, 3)
        assert fitted is not None
        assert np.isfinite(model.forecast(fitted, 6).expected).all()


def test_short_series_are_not_modelled():
    assert model.fit([1.0] * (model.LEAST_MONTHS - 1), 0) is None


def test_months_without_bookings_are_no_odd_months():
    values = course(3)
    values[14:16] = 0
    fitted = model.fit(values.tolist(), 0, [14, 15])
    assert fitted is not None and fitted.found == ()
