"""Weights of any size: their ratios count, also where sums and products overflow.

Expected values are computed with exact fractions.
"""

from fractions import Fraction

import numpy as np
import pytest
from problems import ESTIMATORS, KINDS, NUMBERS, X, assert_refused, batched, target
from sklearn.base import clone
from sklearn.metrics import accuracy_score, make_scorer, r2_score
from sklearn.model_selection import train_test_split

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.estimators.sample_weights import product_of_weights, weights_of_score

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of:sklearn.exceptions.ConvergenceWarning"
)

RNG = np.random.default_rng(0)
# Numbers with few digits, so that subnormal weights have the same ratios, too.
W = RNG.integers(1, 9, len(X)).astype(float)
W[::7] = 0
UNIT = W / W[W > 0].mean()
SCALES = [2.0**-1074, 2.0**-1060, 1e-320, 1e-308, 1e-200, 1e200, 1e306, 2.0**1020]
scales = pytest.mark.parametrize("scale", SCALES)
LABELS = target(MLPClassifierX)
ABOVE = LABELS == "virginica"


def raw(model):
    method = "predict_proba" if isinstance(model, MLPClassifierX) else "predict"
    return getattr(model, method)(X)


def assert_same(one, other, single=False):
    tolerance = 1e-3 if single else 1e-9
    np.testing.assert_allclose(raw(one), raw(other), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("alpha", [0, 1.0])
@pytest.mark.parametrize("solver", ["adam", "gd", "lbfgs"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@scales
@pytest.mark.each_pair
def test_only_ratios_of_sample_weights_count(Estimator, solver, alpha, dtype, scale):
    """Also for alpha, which counts the rows with a weight."""
    y, rows = target(Estimator), X.astype(dtype)
    model = batched(Estimator, solver=solver, alpha=alpha, learning_rate_init="auto")
    expected = clone(model).fit(rows, y, UNIT)
    found = clone(model).fit(rows, y, W * scale)
    assert np.ptp(raw(expected), axis=0).max() > 0.1, "nothing was learnt"
    # The digits of subnormal numbers do not hold 1e-320 times the weights.
    if scale == 1e-320:
        assert np.allclose(raw(found), raw(expected), atol=0.01)
        return
    assert_same(found, expected, single=dtype == np.float32)
    calls = [clone(model).set_params(solver="sgd") for _ in range(2)]
    for call, w in zip(calls, (UNIT, W * scale), strict=True):
        call.set_params(learning_rate_init=0.01)
        labels = [np.unique(y)] if Estimator is MLPClassifierX else []
        call.partial_fit(rows, y, *labels, sample_weight=w)
    assert_same(calls[1], calls[0], single=dtype == np.float32)


def gradient_step(rate, W0, b0, w):
    """Return the weights after one step of a linear model, from exact fractions."""
    rows = [[Fraction(float(x)) for x in row] for row in X]
    w = [Fraction(float(value)) for value in w]
    start = [Fraction(float(value)) for value in W0.ravel()]
    errors = [
        sum(a * b for a, b in zip(row, start, strict=True)) + Fraction(float(b0[0]))
        - Fraction(float(t))
        for row, t in zip(rows, NUMBERS, strict=True)
    ]  # fmt: skip
    total = sum(w)
    return [
        float(
            start[j]
            - Fraction(rate)
            * sum(v * e * row[j] for v, e, row in zip(w, errors, rows, strict=True))
            / total
        )
        for j in range(4)
    ]


@scales
def test_a_step_of_a_linear_model_by_fractions(scale):
    settings = {"hidden_layer_sizes": (), "solver": "gd", "alpha": 0, "max_iter": 1}
    settings |= {"random_state": 0, "normalize_y": False}
    model = MLPRegressorX(**settings, learning_rate_init=1e-300).fit(X, NUMBERS)
    w = W * scale
    expected = gradient_step(0.125, model.coefs_[0], model.intercepts_[0], w)
    model.set_params(learning_rate_init=0.125).fit(X, NUMBERS, w)
    np.testing.assert_allclose(model.coefs_[0].ravel(), expected, rtol=1e-10)


@pytest.mark.parametrize("scale", [s for s in SCALES if s != 1e-320])
@pytest.mark.parametrize("scoring", [None, "loss", "own"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.each_pair
def test_only_ratios_of_validation_weights_count(Estimator, scoring, scale):
    y = target(Estimator)
    metric = accuracy_score if Estimator is MLPClassifierX else r2_score
    model = batched(Estimator, early_stopping=True, alpha=0, max_iter=3)
    model.set_params(scoring=make_scorer(metric) if scoring == "own" else scoring)
    own = {"X_val": X[::2], "y_val": y[::2]}
    for given in ({}, own):
        pair = []
        for w in (UNIT, W * scale):
            weights = {"sample_weight_val": w[::2]} if given else {"sample_weight": w}
            pair.append(clone(model).fit(X, y, **given, **weights))
        for name in ("validation_loss", "validation_score"):
            one, other = (fitted.history_[name] for fitted in pair)
            assert np.isfinite(one).all()
            np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-12)


def test_each_part_of_the_split_has_a_sum_of_its_own():
    """Training rows weigh next to nothing beside the validation rows, or overflow."""
    model = batched(MLPRegressorX, early_stopping=True, alpha=0)
    held_out = np.isin(np.arange(len(X)), held_out_rows(model))
    expected = clone(model).fit(X, NUMBERS)
    for training, validation in ((2.0**-1000, 2.0**1000), (2.0**1010, 2.0**-1070)):
        w = np.where(held_out, validation, training)
        found = clone(model).fit(X, NUMBERS, w)
        assert_same(found, expected)
        np.testing.assert_allclose(
            found.history_["validation_loss"], expected.history_["validation_loss"]
        )


def held_out_rows(model):
    """Return the rows that early stopping sets aside."""
    rng = np.random.RandomState(model.random_state)
    for size in (4 * 6, 6, 6, 1):  # the draws of the initial weights come first
        rng.uniform(size=size)
    _, rows = train_test_split(
        np.arange(len(X)), test_size=model.validation_fraction, random_state=rng
    )
    return rows


@scales
def test_only_ratios_of_class_weights_count(scale):
    weights = {"setosa": 1.0, "versicolor": 2.0, "virginica": 4.0}
    weights = dict(zip(np.unique(LABELS), weights.values(), strict=True))
    table = np.array([weights[label] for label in LABELS])
    scaled = {label: weight * scale for label, weight in weights.items()}
    model = batched(MLPClassifierX, early_stopping=True, scoring="loss", alpha=0)
    expected = clone(model).fit(X, LABELS, table)
    if scale == 1e-320:
        scaled = {label: weight * 2.0**-1073 for label, weight in weights.items()}
    found = clone(model).set_params(class_weight=scaled).fit(X, LABELS)
    assert_same(found, expected)
    np.testing.assert_allclose(found.validation_scores_, expected.validation_scores_)


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600, 2.0**1000, 2.0**-1000])
def test_products_with_class_weights_do_not_overflow(scale):
    """Neither where both are huge, nor where they make up for each other."""
    first, second = np.unique(ABOVE)
    model = batched(MLPClassifierX, alpha=0)
    expected = clone(model).fit(X, ABOVE, np.where(ABOVE, 3, 1) * UNIT)
    for a, b in ((scale, 1.0), (1.0, scale), (1.0, 1.0)):
        balance = np.where(ABOVE, 1 / b, 1 / a)
        found = clone(model).set_params(class_weight={first: a, second: 3 * b})
        assert_same(found.fit(X, ABOVE, balance * UNIT), expected)
    both = clone(model).set_params(class_weight={first: scale, second: 3 * scale})
    assert_same(both.fit(X, ABOVE, UNIT * scale), expected)


def test_products_over_many_labels_do_not_overflow():
    Y = np.tile(KINDS, (1, 30))
    n = Y.shape[1]
    model = batched(MLPClassifierX, alpha=0)
    huge = [{0: 2.0**900, 1: 2.0**900}] * n
    assert_same(
        clone(model).set_params(class_weight=huge).fit(X, Y), clone(model).fit(X, Y)
    )
    # Equal labels make up for each other, after an overflow in between.
    up, down = {0: 2.0**-1000, 1: 2.0**1000}, {0: 2.0**1000, 1: 2.0**-1000}
    some = [up, {}, up, {}, down, {}, down, *[{}] * (n - 7)]
    assert (Y[:, [2, 4, 6]] == Y[:, [0]]).all()
    assert_same(
        clone(model).set_params(class_weight=some).fit(X, Y), clone(model).fit(X, Y)
    )


@scales
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_only_ratios_count_in_the_score(Estimator, scale):
    y = target(Estimator)
    model = batched(Estimator).fit(X, y)
    w = np.where(np.arange(len(X)) % 2, 2.0, 1.0)
    expected = model.score(X, y, w)
    if scale != 1e-320:
        assert np.isclose(model.score(X, y, w * scale), expected, rtol=1e-12)
        assert np.isclose(model.score(X, y, list(w * scale)), expected, rtol=1e-12)
    single = (w * 1e38).astype(np.float32)
    assert np.isclose(model.score(X, y, single), expected, rtol=1e-6)
    assert model.score(X, y, w.astype(int)) == expected


def test_several_quantiles_score_by_ratios():
    model = batched(MLPRegressorX, loss="quantile", quantile=[0.2, 0.8])
    model.fit(X, NUMBERS)
    expected = model.score(X, NUMBERS, UNIT)
    assert np.isclose(model.score(X, NUMBERS, W * 2.0**1020), expected, rtol=1e-12)


def test_weights_that_a_score_refuses_stay():
    for w in (None, [1, 2], np.array([1.0, -1.0]), np.array([np.nan, 1.0]), "x", []):
        assert weights_of_score(w) is w


# ----------------------------------------------------------------- products themselves


def exact(factors, rows=None):
    """Return the products divided by the sum over some rows, by fractions."""
    products = []
    for row in zip(*factors, strict=True):
        product = Fraction(1)
        for value in row:
            product *= Fraction(float(value))
        products.append(product)
    chosen = range(len(products)) if rows is None else rows
    total = sum(products[i] for i in chosen)
    return np.array([float(products[i] / total) for i in chosen])


@pytest.mark.parametrize("n_factors", [1, 2, 3, 40])
@pytest.mark.parametrize("spread", [1, 100, 1000])
def test_products_by_fractions(n_factors, spread):
    rng = np.random.default_rng(n_factors)
    factors = [
        rng.uniform(1, 2, 20) * 2.0 ** rng.integers(-spread, spread, 20)
        for _ in range(n_factors)
    ]
    factors[0][3] = 0
    rows = np.arange(0, 20, 3)
    for chosen in (None, rows):
        w = product_of_weights(factors, chosen)
        w = w if chosen is None else w[chosen]
        expected = exact(factors, chosen)
        np.testing.assert_allclose(w / w.sum(), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("n_factors", [1, 2, 3, 7])
def test_ordinary_products_are_numpys(n_factors):
    rng = np.random.default_rng(n_factors)
    factors = list(rng.uniform(0, 3, (n_factors, 100)))
    found = product_of_weights(factors)
    assert np.array_equal(found, np.prod(factors, axis=0))
    assert n_factors > 1 or found is factors[0]


def test_ordinary_sums_divide_alpha_and_others_count_rows():
    """alpha over the weight sum, as documented; there is no sum to divide by else."""
    model = batched(MLPRegressorX, alpha=5.0)
    once = clone(model).fit(X, NUMBERS, np.ones(len(X)))
    for scale in (1e-150, 1e150):
        assert_same(clone(model).fit(X, NUMBERS, np.full(len(X), scale)), once)
    tenfold = clone(model).fit(X, NUMBERS, np.full(len(X), 10.0))
    weaker = clone(model).set_params(alpha=0.5).fit(X, NUMBERS)
    assert_same(tenfold, weaker)
    # A row of weight zero is as good as none.
    kept = W > 0
    model.set_params(solver="gd", max_iter=20, learning_rate_init=0.05)
    with_zeros = clone(model).fit(X, NUMBERS, W * 2.0**1018)
    without = clone(model).fit(X[kept], NUMBERS[kept], W[kept] * 2.0**1018)
    np.testing.assert_allclose(raw(with_zeros), raw(without), rtol=1e-9)


def test_integers_beyond_float64_are_refused():
    model = batched(MLPClassifierX)
    assert_refused(
        "Input sample_weight contains a value too large for dtype('float64')",
        "fit", X, LABELS, [10**400] * len(X), model=model,
    )  # fmt: skip
    label = LABELS[0]
    model.set_params(class_weight={label: 10**400})
    assert_refused(
        "must have finite weights of at least 0", "fit", X, LABELS, model=model
    )
