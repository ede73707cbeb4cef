"""Prediction intervals of the tabular regressor: closed forms and coverage."""

import math
import re
from decimal import Decimal

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import betabinom
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from tables import NUMBERS, X, tiny

from skoptnet import TabularMLPRegressor
from skoptnet.tabular.intervals import conformal_half_widths

TWO_OUTPUTS = np.column_stack([NUMBERS, 100 * X[:, 2]])


@pytest.fixture(scope="module")
def model():
    return tiny(TabularMLPRegressor, max_iter=10).fit(X, NUMBERS)


def rank(n, coverage):
    """Return which of n residuals is the half width, in decimals: 0.55 is 0.55."""
    return math.ceil((n + 1) * Decimal(str(coverage)))


@pytest.mark.parametrize("coverage", [0.01, 0.1, 0.5, 0.8, 0.9, 0.95, 0.99])
def test_the_half_width_is_a_residual(model, coverage):
    residuals = sorted(abs(NUMBERS - model.oof_prediction_))
    half = residuals[rank(150, coverage) - 1]
    interval = model.predict_interval(X, coverage)
    assert interval.shape == (150, 2)
    center = model.predict(X)
    assert_allclose(interval, np.column_stack([center - half, center + half]))
    assert_allclose(interval, model.predict_interval(X, coverage=coverage))


def test_the_default_coverage_is_nine_in_ten(model):
    assert_array_equal(model.predict_interval(X), model.predict_interval(X, 0.9))


def test_each_output_has_its_own_width():
    model = tiny(TabularMLPRegressor).fit(X, TWO_OUTPUTS)
    interval = model.predict_interval(X[:7], 0.8)
    assert interval.shape == (7, 2, 2)
    residuals = np.sort(abs(TWO_OUTPUTS - model.oof_prediction_), axis=0)
    half = (interval[..., 1] - interval[..., 0]) / 2
    assert_allclose(half, np.tile(residuals[rank(150, 0.8) - 1], (7, 1)))
    assert_allclose(interval.mean(axis=-1), model.predict(X[:7]))


def test_more_coverage_is_a_wider_interval(model):
    shares = np.linspace(0.01, 0.99, 99)
    widths = [np.ptp(model.predict_interval(X[:1], c)) for c in shares]
    assert (np.diff(widths) >= 0).all()
    assert widths[-1] > 2 * widths[50]


def noisy():
    """Return many rows, of which the last 4000 are new."""
    rng = np.random.RandomState(0)
    rows = rng.uniform(-1, 1, size=(5000, 3))
    noise = rng.standard_t(4, size=5000) / 5
    return rows, rows[:, 0] * rows[:, 1] + np.abs(rows[:, 2]) + noise


def n_covered(model, rows, y, coverage):
    low, high = model.predict_interval(rows[1000:], coverage).T
    return ((low <= y[1000:]) & (y[1000:] <= high)).sum()


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_one_network_covers_the_share_of_new_rows(coverage):
    """With n rows held out, the number is beta-binomial, whatever the noise."""
    rows, y = noisy()
    cv = [(np.arange(500), np.arange(500, 1000))]
    model = tiny(TabularMLPRegressor, cv=cv, max_iter=15).fit(rows[:1000], y[:1000])
    k = rank(500, coverage)
    least, most = betabinom.ppf([1e-4, 1 - 1e-4], 4000, k, 501 - k)
    assert least <= n_covered(model, rows, y, coverage) <= most


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_the_mean_of_networks_covers_at_least_as_many(coverage):
    """It errs less than the one network that leaves a row out."""
    rows, y = noisy()
    model = tiny(TabularMLPRegressor, max_iter=15).fit(rows[:1000], y[:1000])
    k = rank(1000, coverage)
    least = betabinom.ppf(1e-4, 4000, k, 1001 - k)
    assert least <= n_covered(model, rows, y, coverage) < 3960
    assert np.ptp(model.predict_interval(rows[:1], coverage)) < np.ptp(y)


@pytest.mark.parametrize("coverage", [0.5, 0.55, 0.7, 0.8, 0.9, 0.95, 0.99])
def test_too_few_rows_are_refused_with_the_number_that_is_needed(coverage):
    """As many as the message says do, and one less does not."""
    with pytest.raises(ValueError, match=r"coverage=.* needs at least") as caught:
        conformal_half_widths(np.ones((0, 1)), None, coverage)
    needed = int(re.search(r"at least (\d+)", str(caught.value))[1])
    c = Decimal(str(coverage))
    assert needed == math.ceil(c / (1 - c))
    assert conformal_half_widths(np.ones((needed, 1)), None, coverage) == [1]
    with pytest.raises(ValueError, match=f"at least {needed} .*Got {needed - 1}"):
        conformal_half_widths(np.ones((needed - 1, 1)), None, coverage)


@pytest.mark.parametrize("n", [9, 19, 99, 100, 119])
@pytest.mark.parametrize("coverage", [0.07, 0.1, 0.3, 0.55, 0.57, 0.7, 0.9])
def test_the_rank_is_that_of_the_decimal_number(n, coverage):
    residuals = np.arange(1.0, n + 1)[:, None]
    assert conformal_half_widths(-residuals, None, coverage) == [rank(n, coverage)]


def test_an_estimator_with_too_few_rows():
    model = tiny(TabularMLPRegressor).fit(X[:20], NUMBERS[:20])
    assert model.predict_interval(X, 0.95).shape == (150, 2)
    with pytest.raises(ValueError, match=r"coverage=0.99 needs at least 99 .* Got 20"):
        model.predict_interval(X, 0.99)


@pytest.mark.parametrize("coverage", [0, 1, -0.1, 1.5, 90, np.nan, "0.9", None, [0.9]])
def test_a_coverage_that_is_none_is_refused(model, coverage):
    with pytest.raises(ValueError, match=r"'coverage' parameter of .*predict_interval"):
        model.predict_interval(X, coverage)


@pytest.mark.parametrize("coverage", [np.float32(0.75), np.float64(0.75)])
def test_numbers_of_numpy(model, coverage):
    assert_array_equal(
        model.predict_interval(X, coverage), model.predict_interval(X, 0.75)
    )


def test_before_fitting_is_refused():
    with pytest.raises(NotFittedError, match="TabularMLPRegressor"):
        TabularMLPRegressor().predict_interval(X)


# --------------------------------------------------------------------------- weights


def test_weights_in_closed_form():
    """Of weight 1, 2, 3 and 4: the share of weight up to each is 1, 3, 6, 10 in 10."""
    residuals = np.array([[-3.0], [1.0], [4.0], [-2.0]])
    w = np.array([3.0, 1.0, 4.0, 2.0])
    for coverage, k in ((0.2, 1), (0.4, 2), (0.6, 3), (0.8, 4)):
        share = k / 4
        width = 1 + np.searchsorted([0.1, 0.3, 0.6, 1], share)
        assert conformal_half_widths(residuals, w, coverage) == [width]


@pytest.mark.parametrize("unit", [1.0, 0.1, 3.0, 1e-200, 1e200, 7e300])
def test_equal_weights_are_none(unit):
    residuals = np.random.RandomState(0).normal(size=(97, 2))
    for coverage in np.linspace(0.02, 0.98, 49).round(2):
        assert_array_equal(
            conformal_half_widths(residuals, np.full(97, unit), coverage),
            conformal_half_widths(residuals, None, coverage),
        )


def test_rows_of_weight_zero_do_not_count():
    residuals = np.random.RandomState(0).normal(size=(60, 2))
    w = np.repeat([1.0, 0.0], 30)
    for coverage in (0.1, 0.5, 0.9):
        assert_array_equal(
            conformal_half_widths(residuals, w, coverage),
            conformal_half_widths(residuals[:30], None, coverage),
        )
    with pytest.raises(ValueError, match=r"at least 49 .* Got 30"):
        conformal_half_widths(residuals, w, 0.98)


def test_a_model_with_weights():
    w = np.random.RandomState(0).uniform(0.1, 3, 150)
    splits = list(KFold(3, shuffle=True, random_state=1).split(X))
    model = tiny(TabularMLPRegressor, cv=splits).fit(X, NUMBERS, w)
    residuals = abs(NUMBERS - model.oof_prediction_)
    half = np.ptp(model.predict_interval(X[:1], 0.9)) / 2
    upto = w[residuals <= half + 1e-12].sum() / w.sum()
    below = w[residuals < half - 1e-12].sum() / w.sum()
    share = rank(150, 0.9) / 150
    assert below < share <= upto


def test_rows_that_no_network_held_out_have_no_residual():
    splits = [(np.arange(40, 150), np.arange(40)), (np.arange(150), np.arange(30, 60))]
    model = tiny(TabularMLPRegressor, cv=splits).fit(X, NUMBERS)
    residuals = np.sort(abs(NUMBERS - model.oof_prediction_)[:60])
    half = np.ptp(model.predict_interval(X[:1], 0.9)) / 2
    assert_allclose(half, residuals[rank(60, 0.9) - 1])
    with pytest.raises(ValueError, match=r"at least 99 .* Got 60"):
        model.predict_interval(X, 0.99)
