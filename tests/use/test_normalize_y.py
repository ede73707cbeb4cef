"""Targets in any unit: what `normalize_y` standardises, and what users see of it."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import DIABETES, assert_fit_refused
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score, r2_score
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import MLPRegressorX
from skoptnet.losses import REGRESSION_LOSSES

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of")

X = scale(DIABETES.data)
Y = DIABETES.target
PAIRS = np.column_stack([Y, 1e5 + 300 * X[:, 2]])
WEIGHTS = np.random.RandomState(0).randint(0, 4, len(Y))
SHIFTED = [name for name, loss in REGRESSION_LOSSES.items() if loss.takes_shifted]
DIVIDED = [name for name, loss in REGRESSION_LOSSES.items() if not loss.takes_shifted]

#: Scales, and shifts in deviations of the target.
UNITS = [(1e-6, 0), (1e6, -3), (2.54, 1e6), (1e-6, 1e6)]


def model_of(loss="squared_error", **parameters):
    settings = {"max_iter": 8, "learning_rate_init": 0.01, "random_state": 0}
    return MLPRegressorX((8,), loss=loss, **settings | parameters)


def stopping(**parameters):
    return {"early_stopping": True, **parameters}


SETTINGS = {
    "plain": {},
    "lbfgs": {"solver": "lbfgs"},
    "gd": {"solver": "gd"},
    "score": stopping(scoring=None),
    "loss": stopping(scoring="loss"),
    "scorer": stopping(scoring="neg_mean_absolute_error"),
    "all rows": stopping(refit_all=True),
    "quantiles": {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("loss", SHIFTED)
@pytest.mark.parametrize(("c", "d"), UNITS)
@pytest.mark.each_pair
def test_predictions_follow_the_unit_of_y(c, d, loss, settings):
    d *= c * Y.std()
    model = model_of(loss).set_params(**SETTINGS[settings])
    expected, curve = model.fit(X, Y).predict(X), model.loss_curve_
    predicted = model.fit(X, c * Y + d).predict(X)
    # The sum c y + d is rounded, so there are fewer digits of y behind a shift.
    digits = 1e-9 * max(1, abs(d) / (c * Y.std()))
    assert_allclose((predicted - d) / c, expected, rtol=0, atol=digits * Y.std())
    assert_allclose(model.loss_curve_, curve, rtol=digits)


@pytest.mark.parametrize("settings", ["plain", "lbfgs", "score", "loss", "all rows"])
@pytest.mark.parametrize("loss", DIVIDED)
@pytest.mark.parametrize("c", [1e-6, 0.03, 1e6])
@pytest.mark.each_pair
def test_predictions_of_a_log_link_follow_the_unit_of_y(c, loss, settings):
    model = model_of(loss).set_params(**SETTINGS[settings])
    expected = model.fit(X, Y).predict(X)
    assert_allclose(model.fit(X, c * Y).predict(X), c * expected, rtol=1e-9)


@pytest.mark.parametrize("y", [Y, PAIRS], ids=["one", "two"])
def test_it_is_a_scaler_around_the_network(y):
    """Beside scikit-learn's: predictions, and its mean and deviation."""
    inner = model_of(normalize_y=False)
    outer = TransformedTargetRegressor(inner, transformer=StandardScaler()).fit(X, y)
    model = model_of().fit(X, y)
    assert_allclose(model.predict(X), outer.predict(X), rtol=1e-9)
    assert_allclose(model.loss_curve_, outer.regressor_.loss_curve_, rtol=1e-9)
    assert_allclose(model.y_mean_, outer.transformer_.mean_)
    assert_allclose(model.y_scale_, outer.transformer_.scale_)
    assert model.score(X, y) == pytest.approx(r2_score(y, outer.predict(X)))


@pytest.mark.parametrize("loss", DIVIDED)
def test_it_is_a_division_by_the_mean(loss):
    model = model_of(loss).fit(X, Y)
    plain = model_of(loss, normalize_y=False).fit(X, Y / Y.mean())
    assert_allclose(model.predict(X), Y.mean() * plain.predict(X), rtol=1e-9)
    assert_allclose([*model.y_mean_, *model.y_scale_], [0, Y.mean()])


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_mean_and_deviation_are_weighted(loss):
    """A row of weight 3 counts as three rows, one of weight 0 not at all."""
    y = np.where(WEIGHTS == 0, 1e100, Y)
    model = model_of(loss, solver="gd", normalize_y=True).fit(X, y, WEIGHTS)
    rows = np.repeat(np.arange(len(Y)), WEIGHTS)
    repeated = clone(model).fit(X[rows], Y[rows])
    assert_allclose(model.y_mean_, repeated.y_mean_)
    assert_allclose(model.y_scale_, repeated.y_scale_)
    kept = WEIGHTS > 0
    assert_allclose(model.predict(X)[kept], repeated.predict(X)[kept], rtol=1e-6)


@pytest.mark.parametrize("scoring", [None, "loss", "r2", "neg_mean_squared_error"])
def test_the_rows_set_aside_do_not_count(scoring):
    """And their targets are in the unit of y, for the score as well."""
    own = {"X_val": X[300:], "y_val": Y[300:]}
    model = model_of(early_stopping=True, scoring=scoring).fit(X[:300], Y[:300], **own)
    assert_allclose(model.y_mean_, Y[:300].mean())
    predicted = model.predict(X[300:])
    errors = (predicted - Y[300:]) ** 2
    expected = {
        None: r2_score(Y[300:], predicted),
        "r2": r2_score(Y[300:], predicted),
        "neg_mean_squared_error": -errors.mean(),
        "loss": -errors.mean() / Y[:300].var() / 2,
    }[scoring]
    assert model.best_validation_score_ == pytest.approx(expected)


def test_refit_all_normalises_all_rows():
    model = model_of(early_stopping=True, refit_all=True).fit(X, Y)
    assert_allclose(model.y_mean_, Y.mean())
    plain = model_of(max_iter=model.best_epoch_, n_iter_no_change=np.inf)
    assert_array_equal(model.predict(X), plain.fit(X, Y).predict(X))


def test_a_refit_that_diverges_keeps_the_first_unit():
    class Late:
        """A rate that explodes in the training on all rows."""

        calls = 0

        def __call__(self, clock):
            Late.calls += clock.epoch == 0
            return 1.0 if Late.calls < 2 else 1e200

    settings = {"solver": "sgd", "early_stopping": True, "batch_size": 500}
    model = model_of(**settings, refit_all=True, lr_schedule=Late())
    with pytest.warns(UserWarning, match="all rows ended early"):
        model.fit(X, Y)
    first = model_of(**settings).fit(X, Y)
    assert_array_equal(model.y_mean_, first.y_mean_)
    assert_array_equal(model.predict(X), first.predict(X))


# ------------------------------------------------------------- training that continues


def test_partial_fit_keeps_the_unit_of_its_first_call():
    model = model_of().partial_fit(X[:50], Y[:50])
    mean, deviation = Y[:50].mean(), Y[:50].std()
    model.partial_fit(X[50:], 10 * Y[50:])
    assert_allclose([*model.y_mean_, *model.y_scale_], [mean, deviation])
    plain = model_of(normalize_y=False)
    plain.partial_fit(X[:50], (Y[:50] - mean) / deviation)
    plain.partial_fit(X[50:], (10 * Y[50:] - mean) / deviation)
    assert_allclose(model.predict(X), mean + deviation * plain.predict(X), rtol=1e-9)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_a_warm_start_goes_on_in_the_same_unit(loss):
    twice = model_of(loss, warm_start=True, max_iter=4).fit(X, Y)
    twice = pickle.loads(pickle.dumps(twice)).fit(X, Y)
    assert_array_equal(twice.predict(X), model_of(loss).fit(X, Y).predict(X))
    before = twice.y_mean_, twice.y_scale_
    twice.set_params(normalize_y=False).fit(X, 2 * Y)
    assert_array_equal(before, (twice.y_mean_, twice.y_scale_))


@pytest.mark.parametrize("first", ["two targets", "two quantiles"])
def test_targets_cannot_become_quantiles(first):
    """The network has two outputs either way, but y has another number of columns."""
    pairs, quantiles = model_of(warm_start=True), {"loss": "quantile"}
    quantiles["quantile"] = [0.1, 0.9]
    if first == "two targets":
        model, y, had, got = pairs.fit(X, PAIRS).set_params(**quantiles), Y, 2, 1
    else:
        model = clone(pairs).set_params(**quantiles).fit(X, Y)
        model.set_params(loss="squared_error", quantile=0.5)
        y, had, got = PAIRS, 1, 2
    before = model.predict(X)
    with pytest.raises(ValueError, match=f"a y of {had} columns. Got {got} instead"):
        model.fit(X, y)
    assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_targets_of_rows_without_weight_may_mark_missing_values(
    dtype, loss, normalize_y
):
    """Marks beyond the range of the dtype, or whose square is."""
    w = np.ones(len(Y))
    w[::3] = 0
    settings = {"loss": loss, "normalize_y": normalize_y}
    expected = model_of(**settings, shuffle=False).fit(X.astype(dtype), Y, w)
    for mark in (1e20, 1e300):
        model = model_of(**settings, shuffle=False)
        model.fit(X.astype(dtype), np.where(w == 0, mark, Y), w)
        assert_array_equal(model.predict(X), expected.predict(X))
        assert model.loss_curve_ == expected.loss_curve_


def test_mean_and_scale_cannot_be_set_by_mistake():
    model = pickle.loads(pickle.dumps(model_of().fit(X, Y)))
    for attribute in (model.y_mean_, model.y_scale_):
        with pytest.raises(ValueError, match="read-only"):
            attribute[0] = 1.0


def test_a_loss_that_needs_another_unit_cannot_take_over():
    model = model_of(warm_start=True).fit(X, Y)
    before = model.predict(X)
    with pytest.raises(ValueError, match=r"needs targets that are not\. Reset loss"):
        model.set_params(loss="poisson").fit(X, Y)
    assert_array_equal(model.predict(X), before)
    model.set_params(loss="huber").fit(X, Y)


# ------------------------------------------------------------------ what is not usual


@pytest.mark.parametrize("value", [7.0, -1e-5, 1e300, 1e-300, 0.0])
@pytest.mark.parametrize("n", [1, 50])
@pytest.mark.parametrize("loss", SHIFTED)
def test_a_constant_target(loss, n, value):
    model = model_of(loss, max_iter=400).fit(X[:n], np.full(n, value))
    assert_array_equal(model.y_mean_, [value])
    if value == 0:
        assert_allclose(model.predict(X), 0, atol=1e-16)
    else:
        assert_array_equal(model.predict(X), value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [3.0, 152.1])  # the mean of the second is rounded
def test_a_constant_target_has_the_score_of_exact_predictions(value, dtype):
    y = np.full(50, value, dtype)
    model = model_of("squared_error").fit(X[:50].astype(dtype), y)
    assert_array_equal(model.predict(X.astype(dtype)), dtype(value))
    assert model.score(X[:50].astype(dtype), y) == 1


@pytest.mark.parametrize("solver", ["adam", "momentum", "sgd", "lbfgs"])
@pytest.mark.parametrize("loss", SHIFTED)
@pytest.mark.parametrize("n", [1, 30])
def test_a_constant_target_ends_without_a_warning(n, loss, solver):
    """Also where its loss rises and falls, in the unit of the last digits."""
    for row in range(0, 10 * n, n):
        model = model_of(loss, solver=solver, max_iter=200)
        model.fit(X[row : row + n], np.full(n, 5.0))
        assert_allclose(model.predict(X[row : row + n]), 5.0, rtol=1e-6)


@pytest.mark.parametrize("n", [50, len(Y)])
@pytest.mark.parametrize("loss", DIVIDED)
def test_a_constant_target_of_a_log_link(loss, n):
    """It has to be learnt: division leaves a target of 1, and no shift to it."""
    model = MLPRegressorX(loss=loss, random_state=0, max_iter=400)
    predicted = model.fit(X[:n], np.full(n, 7.0)).predict(X[:n])
    assert_array_equal([*model.y_mean_, *model.y_scale_], [0, 7])
    assert np.mean(np.abs(predicted / 7 - 1)) < 0.1


@pytest.mark.parametrize("call", ["partial_fit", "fit"])
def test_what_was_constant_goes_on_from_there(call):
    y = np.column_stack([np.full(len(Y), 4.0), Y])
    model = model_of(max_iter=100, warm_start=True).fit(X, y)
    mean, scale = model.y_mean_, model.y_scale_
    assert_allclose(model.predict(X)[:, 0], 4.0)
    y[:, 0] = np.where(X[:, 2] > 0, 1.0, 5.0)
    for _ in range(30 if call == "partial_fit" else 2):
        getattr(model, call)(X, y)
    assert_array_equal(model.y_mean_, mean)
    distance = np.sqrt(np.mean((y[:, 0] - 4) ** 2))
    assert_allclose(model.y_scale_, [distance, scale[1]])
    assert r2_score(y[:, 0], model.predict(X)[:, 0]) > 0.7


def test_the_scale_of_what_was_constant_is_weighted():
    y = np.where(X[:, 2] > 0, 1.0, 5.0)
    model = model_of().partial_fit(X, np.full(len(y), 4.0))
    model.partial_fit(X, y, WEIGHTS)
    rows = np.repeat(y, WEIGHTS)
    assert_allclose(model.y_scale_, np.sqrt(np.mean((rows - 4) ** 2)))


def test_a_stream_that_begins_with_a_single_row():
    """Its scale is not known yet, but its size is."""
    model = model_of().partial_fit(X[:1], Y[:1])
    assert_array_equal([*model.y_mean_, *model.y_scale_], [Y[0], Y[0]])
    for _ in range(3):
        for start in range(1, len(Y), 21):
            rows = slice(start, start + 21)
            model.partial_fit(X[rows], Y[rows])
    assert model.score(X, Y) > 0.2


def test_counts_of_which_the_first_are_zero():
    model = model_of("poisson").partial_fit(X[:50], np.zeros(50))
    assert_array_equal([*model.y_mean_, *model.y_scale_], [0, 1])
    assert np.isfinite(model.partial_fit(X, Y).predict(X)).all()


def test_rare_counts_are_learnt():
    """A rate of 0.003, beside the Poisson regression that it came from."""
    rng = np.random.RandomState(0)
    rows = rng.randn(30_000, 5)
    rates = 0.003 * np.exp(rows @ [1, 0.5, 0, 0, -0.5])
    counts = rng.poisson(rates)[:20_000]
    train, test, rates = rows[:20_000], rows[20_000:], rates[20_000:]
    model = model_of("poisson", max_iter=20, learning_rate_init=0.001)
    glm = PoissonRegressor(alpha=0).fit(train, counts).predict(test)
    ours = model.fit(train, counts).predict(test)
    assert d2_tweedie_score(rates, glm, power=1) > 0.9
    assert d2_tweedie_score(rates, ours, power=1) > 0.85


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_float32_stays_float32(loss):
    rows = X.astype(np.float32)
    model = model_of(loss).fit(rows, 1e6 + Y)
    assert model.predict(rows).dtype == model.coefs_[0].dtype == np.float32
    assert model.y_mean_.dtype == np.float64
    expected = model_of(loss).fit(X, 1e6 + Y).predict(X)
    assert_allclose(model.predict(rows), expected, atol=0.01 * Y.std())


@pytest.mark.parametrize(
    ("c", "normalize_y"), [(1e40, True), (1e40, False), (1e-44, True)]
)
def test_what_float32_cannot_hold_is_refused(c, normalize_y):
    assert_fit_refused(
        "y or y_val has values that float32 cannot hold",
        model_of(normalize_y=normalize_y), X.astype(np.float32), c * Y,
    )  # fmt: skip


def test_huber_delta_counts_deviations():
    c = Y.std()
    model = model_of("huber", huber_delta=0.5).fit(X, Y)
    plain = model_of("huber", huber_delta=0.5 * c, normalize_y=False)
    # In the unit of y, the network of the same function has c times the last layer.
    plain.set_params(max_iter=1, warm_start=True).fit(X, Y)
    (_, V), (_, b) = plain.coefs_, plain.intercepts_
    V[...], b[...] = c * model.coefs_[-1], c * model.intercepts_[-1] + Y.mean()
    plain.coefs_[0][...] = model.coefs_[0]
    plain.intercepts_[0][...] = model.intercepts_[0]
    assert_allclose(plain.predict(X), model.predict(X))
    still = {"learning_rate_init": 1e-300, "max_iter": 1, "alpha": 0}
    model.set_params(**still, warm_start=True).fit(X, Y)
    plain.set_params(**still).fit(X, Y)
    assert plain.loss_ == pytest.approx(c**2 * model.loss_)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("y", [Y, PAIRS], ids=["one", "two"])
def test_scikit_learns_twin_predicts_in_the_unit_of_y(loss, y):
    model = model_of(loss).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))
    if loss in SHIFTED or "loss" in MLPRegressor().get_params():  # scikit-learn 1.7
        twin = model.to_sklearn()
        assert_allclose(twin.predict(X), model.predict(X), rtol=1e-10)


def test_sparse_targets_and_integers_are_numbers():
    expected = model_of().fit(X, Y).predict(X)
    assert_array_equal(model_of().fit(X, Y.astype(int)).predict(X), expected)
    expected = model_of().fit(X, PAIRS).predict(X)
    stored = sparse.csr_array(PAIRS)
    assert_array_equal(model_of().fit(X, stored).predict(X), expected)


def test_the_targets_are_left_as_they_are():
    y = PAIRS.copy()
    y.flags.writeable = False
    model_of().fit(X, y).partial_fit(X, y).score(X, y)
    assert_array_equal(y, PAIRS)


def test_before_fit_there_is_no_unit():
    assert not hasattr(model_of(), "y_mean_")
    assert not hasattr(model_of(), "y_scale_")
