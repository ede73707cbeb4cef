"""The losses: against scikit-learn's metrics, SciPy and closed forms.

Here: what the losses are, what minimises them, what estimators make of them. That a
network's gradient is the derivative of its objective, for every loss, is in
``test_network.py``; label smoothing is in ``test_label_smoothing.py``.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    DIABETES,
    KINDS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_same_state,
    small,
)
from scipy.optimize import minimize_scalar
from scipy.special import huber
from sklearn import metrics
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule
from skoptnet.losses import LOSSES, REGRESSION_LOSSES, Huber, Pinball

pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer. Maximum iterations"),
]

LEVELS = (0.1, 0.5, 0.9)

#: Every regression loss, and some with other parameters than the defaults.
RULES = {name: Rule() for name, Rule in REGRESSION_LOSSES.items()} | {
    "huber of 0.3": Huber(0.3),
    "quantile 0.2": Pinball((0.2,)),
}
rules = pytest.mark.parametrize("name", RULES)
registered = pytest.mark.parametrize("loss", REGRESSION_LOSSES)
log_links = pytest.mark.parametrize("loss", ["poisson", "gamma"])
weighted = pytest.mark.parametrize("weighted", [False, True])


def targets(name, n=60, k=3, seed=0):
    """Targets that the loss can have: a skewed distribution, with zeros for counts."""
    rng = np.random.RandomState(seed)
    y = rng.gamma(1.5, 2.0, (n, k))
    return np.floor(y) if name == "poisson" else y if name == "gamma" else y - 2


def weights(n=60, seed=1):
    w = np.random.RandomState(seed).uniform(0, 3, n)
    w[::5] = 0
    return w


def outputs(shape=(60, 3), seed=2):
    return np.random.RandomState(seed).randn(*shape)


# ------------------------------------------------------------------ what they are


def metric_of(name, y, predicted, w):
    """Return the mean loss over rows and outputs, by scikit-learn or SciPy."""
    options = {"sample_weight": w}
    if name == "squared_error":
        return metrics.mean_squared_error(y, predicted, **options) / 2
    if name == "absolute_error":
        return metrics.mean_absolute_error(y, predicted, **options)
    if name.startswith("quantile"):
        (q,) = RULES[name].quantiles
        return metrics.mean_pinball_loss(y, predicted, alpha=q, **options)
    if name.startswith("huber"):
        errors = huber(RULES[name].d, y - predicted)
        return np.average(errors.mean(axis=1), weights=w)
    deviance = getattr(metrics, f"mean_{name}_deviance")
    pairs = zip(y.T, predicted.T, strict=True)
    return np.mean([deviance(*pair, **options) for pair in pairs]) / 2


@weighted
@rules
def test_value_is_scikit_learns_metric(name, weighted):
    rule, y, z = RULES[name], targets(name), outputs()
    w = weights() if weighted else None
    mean = np.average(rule.value(z, y, np), weights=w) / y.shape[1]
    predicted = rule.link(z.copy(), np)
    assert mean == pytest.approx(metric_of(name, y, predicted, w), rel=1e-12)


@rules
def test_terms_vanish_where_the_target_is_met(name):
    rule, y = RULES[name], targets(name) + 1
    z = np.log(y) if rule.out_activation == "exp" else y.copy()
    assert_allclose(rule.link(z.copy(), np), y)
    assert_allclose(rule.terms(z, y, np), 0, atol=1e-12)
    elsewhere = rule.terms(outputs() * 5, y, np)
    assert (elsewhere > 0).all()


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_delta_is_the_derivative_of_value(loss, n_outputs):
    rule, h = LOSSES[loss](), 1e-6
    rng, z = np.random.RandomState(3), 2 * outputs((20, n_outputs))
    if loss in REGRESSION_LOSSES:
        y = targets(loss, 20, n_outputs)
    elif "multiclass" in loss:
        y = rng.randint(0, n_outputs, 20)
    else:
        y = rng.randint(0, 2, (20, n_outputs)).astype(float)
    slope = np.empty_like(z)
    for i, e in enumerate(h * np.eye(n_outputs)):
        slope[:, i] = (rule.value(z + e, y, np) - rule.value(z - e, y, np)) / (2 * h)
    assert_allclose(rule.delta(z.copy(), y, np), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("rule", [Pinball(LEVELS), Pinball((0.3, 0.31))])
def test_delta_of_several_quantiles_is_the_derivative_of_value(rule):
    k, h = len(rule.quantiles), 1e-6
    z, y = 2 * outputs((50, k)), targets("quantile", 50, 1)
    slope = np.empty_like(z)
    for i, e in enumerate(h * np.eye(k)):
        slope[:, i] = (rule.value(z + e, y, np) - rule.value(z - e, y, np)) / (2 * h)
    assert_allclose(rule.delta(z.copy(), y, np), slope, rtol=1e-6, atol=1e-8)


@rules
def test_delta_is_nothing_or_between_the_slopes_at_a_tie(name):
    """Where the slope jumps, as that of |e| does, delta takes the middle."""
    rule, y = RULES[name], np.array([[1.0]])
    z = np.log(y) if rule.out_activation == "exp" else y.copy()
    below, above = (rule.delta(z + e, y, np)[0, 0] for e in (-1e-9, 1e-9))
    assert rule.delta(z.copy(), y, np)[0, 0] == pytest.approx((below + above) / 2)


def test_poisson_and_gamma_do_not_cancel_near_their_optimum():
    """A deviance near 0 is the difference of large numbers, in the textbook's form."""
    y, u = np.array([[1e6], [3.0]]), 1e-5
    poisson, gamma = RULES["poisson"], RULES["gamma"]
    z = np.log(y) + u
    assert_allclose(poisson.terms(z, y, np), y * u**2 / 2, rtol=1e-4)
    assert_allclose(gamma.terms(z, y, np), [[u**2 / 2]] * 2, rtol=1e-4)


# -------------------------------------------------------------- the best constant


@weighted
@rules
def test_constant_has_the_least_loss(name, weighted):
    rule, y = RULES[name], targets(name)
    w = weights() if weighted else None
    constant = rule.constant(y, w, y.shape[1], np)
    assert constant.shape == (1, 3)
    least = np.average(rule.terms(constant, y, np), axis=0, weights=w)

    def mean(z, column):
        return np.average(rule.terms(np.array([[z]]), column, np)[:, 0], weights=w)

    for column, cost in zip(y.T[:, :, None], least, strict=True):
        found = minimize_scalar(
            mean, args=(column,), bounds=(-5, 20), method="bounded"
        ).fun
        assert cost <= found + 1e-12
        assert cost == pytest.approx(found, rel=1e-5)


@weighted
def test_constant_of_several_quantiles(weighted):
    rule, y = Pinball((*LEVELS, 0.901)), targets("quantile", 61, 1)
    w = weights(61) if weighted else None
    with np.errstate(divide="ignore"):  # the last two are the same row's
        constant = rule.constant(y, w, len(rule.quantiles), np)
    w = np.ones(61) if w is None else w
    order = np.argsort(y[:, 0])
    share = np.cumsum(w[order]) / w.sum()
    expected = [y[order][np.searchsorted(share, q), 0] for q in rule.quantiles]
    assert_allclose(rule.link(constant.copy(), np)[0], expected)
    assert expected[-2] == expected[-1]


def intercept_only(y, w=None, **parameters):
    """Fit a constant; y is not standardised, so the rate decays from a high one."""
    model = MLPRegressorX(
        (),
        solver="adam",
        learning_rate_init=0.1,
        lr_schedule="exponential",
        decay_epochs=150,
        max_iter=1500,
        n_iter_no_change=np.inf,
        normalize_y=False,
        random_state=0,
        **parameters,
    )
    return model.fit(np.zeros((len(y), 2)), y, w).predict(np.zeros((1, 2)))[0]


@weighted
@registered
def test_a_network_without_inputs_learns_the_best_constant(loss, weighted):
    """The mean, the median or a quantile, in a closed form or by bisection."""
    y = targets(loss, 61, 1)[:, 0]
    w = weights(61, seed=4) if weighted else None
    ones = np.ones(61) if w is None else w
    order = np.argsort(y)
    share = np.cumsum(ones[order]) / ones.sum()
    for q in LEVELS if loss == "quantile" else (0.5,):
        predicted = intercept_only(y, w, loss=loss, quantile=q)
        if loss in ("absolute_error", "quantile"):
            expected = y[order][np.searchsorted(share, q)]
        elif loss == "huber":
            expected = minimize_scalar(
                lambda c: ones @ huber(1.0, y - c), bracket=(0, 3)
            ).x
        else:
            expected = np.average(y, weights=ones)
        assert predicted == pytest.approx(expected, abs=1e-3)


def test_a_network_without_inputs_learns_several_quantiles():
    y = targets("quantile", 61, 1)[:, 0]
    predicted = intercept_only(y, loss="quantile", quantile=LEVELS)
    expected = np.quantile(y, LEVELS, method="inverted_cdf")
    assert_allclose(predicted, expected, atol=2e-3)


def test_huber_is_between_mean_and_median():
    """A large delta makes it the squared error, a small one the absolute error."""
    y = targets("huber", 61, 1)[:, 0]
    assert intercept_only(y, loss="huber", huber_delta=100.0) == pytest.approx(
        y.mean(), abs=1e-3
    )
    small_delta = intercept_only(y, loss="huber", huber_delta=0.01)
    assert small_delta == pytest.approx(np.median(y), abs=0.02)


# --------------------------------------------------------------------- quantiles


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reach", [1, 100, 1e6])
def test_quantiles_never_cross_whatever_the_outputs(reach, dtype):
    rule = Pinball(np.linspace(0.05, 0.95, 19))
    z = (reach * outputs((2000, 19))).astype(dtype)
    predicted = rule.link(z, np)
    assert predicted.dtype == dtype
    assert np.isfinite(predicted).all()
    assert (np.diff(predicted, axis=1) >= 0).all()


def heteroscedastic(n, seed):
    """Rows, targets whose spread grows with the first feature, true quantiles."""
    rng = np.random.RandomState(seed)
    rows = rng.uniform(-1, 1, (n, 2))
    centre, spread = np.sin(2 * rows[:, 1]), 0.2 + 0.4 * (rows[:, 0] + 1)
    y = centre + spread * rng.uniform(-1, 1, n)
    return rows, y, lambda q: centre + spread * (2 * q - 1)


def test_several_quantiles_cover_what_they_should_and_do_not_cross():
    rows, y, _ = heteroscedastic(3000, 0)
    model = MLPRegressorX(
        (30,),
        loss="quantile",
        quantile=LEVELS,
        learning_rate_init=0.01,
        lr_schedule="exponential",
        decay_epochs=15,
        max_iter=60,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(rows, y)
    rows, y, true_quantile = heteroscedastic(4000, 1)
    predicted = model.predict(rows)
    assert predicted.shape == (4000, 3)
    assert model.n_outputs_ == 3
    assert model.out_activation_ == "cumulative_softplus"
    assert (np.diff(predicted, axis=1) >= 0).all()
    assert_allclose((y[:, None] <= predicted).mean(axis=0), LEVELS, atol=0.03)
    for q, column in zip(LEVELS, predicted.T, strict=True):
        assert np.abs(column - true_quantile(q)).mean() < 0.1
    # Also within halves of the rows, whose spreads differ.
    wide = rows[:, 0] > 0
    for half in (wide, ~wide):
        covered = (y[half, None] <= predicted[half]).mean(axis=0)
        assert_allclose(covered, LEVELS, atol=0.05)
    # Far outside of what was trained on, too.
    far = model.predict(1000 * outputs((500, 2)))
    assert (np.diff(far, axis=1) >= 0).all()
    scores = [
        metrics.d2_pinball_score(y, column, alpha=q)
        for q, column in zip(LEVELS, predicted.T, strict=True)
    ]
    assert model.score(rows, y) == pytest.approx(np.mean(scores))
    assert min(scores) > 0.4


def test_one_quantile_covers_what_it_should():
    rows, y, _ = heteroscedastic(3000, 0)
    model = MLPRegressorX(
        (30,),
        loss="quantile",
        quantile=0.8,
        learning_rate_init=0.01,
        lr_schedule="exponential",
        max_iter=60,
        random_state=0,
    ).fit(rows, y)
    rows, y, true_quantile = heteroscedastic(4000, 1)
    predicted = model.predict(rows)
    assert predicted.shape == (4000,)
    assert model.out_activation_ == "identity"
    assert (y <= predicted).mean() == pytest.approx(0.8, abs=0.03)
    assert np.abs(predicted - true_quantile(0.8)).mean() < 0.1
    assert model.score(rows, y) == metrics.r2_score(y, predicted)


def test_a_sequence_of_one_quantile_is_that_quantile():
    Y = np.column_stack([NUMBERS, X[:, 0]])
    one = small(MLPRegressorX, loss="quantile", quantile=0.3).fit(X, Y)
    other = small(MLPRegressorX, loss="quantile", quantile=[0.3]).fit(X, Y)
    assert_same_state(one, other)
    assert other.predict(X).shape == Y.shape


def test_the_median_is_learnt_as_from_half_the_rate_by_the_absolute_error():
    """The pinball loss of 0.5 is half the absolute error: SGD shows it exactly."""
    options = {"solver": "sgd", "alpha": 0}
    median = small(MLPRegressorX, loss="quantile", **options)
    other = small(MLPRegressorX, loss="absolute_error", **options)
    median.set_params(learning_rate_init=0.02).fit(X, NUMBERS)
    other.set_params(learning_rate_init=0.01).fit(X, NUMBERS)
    assert_array_equal(median.predict(X), other.predict(X))
    assert_allclose(2 * np.array(median.loss_curve_), other.loss_curve_)


def test_several_quantiles_can_be_cross_validated_and_searched():
    rows, y, _ = heteroscedastic(400, 0)
    model = MLPRegressorX(
        (10,), loss="quantile", quantile=[0.1, 0.9], max_iter=30, random_state=0
    )
    assert cross_val_score(model.set_params(learning_rate_init=0.02), rows, y).min() > 0
    search = GridSearchCV(model, {"learning_rate_init": [1e-5, 0.02]}, cv=3)
    assert search.fit(rows, y).best_params_ == {"learning_rate_init": 0.02}
    assert search.best_estimator_.predict(rows).shape == (400, 2)


# -------------------------------------------------------------------- estimators


def problem(loss, k=1):
    """Bundled data with targets that the loss can have."""
    rows = scale(DIABETES.data)
    y = DIABETES.target / 100
    Y = np.column_stack([y, y[::-1] + 0.5 * rows[:, 2] ** 2, 3 * y])[:, :k]
    Y = np.floor(Y) if loss == "poisson" else Y
    return rows, Y[:, 0] if k == 1 else Y


def model_of(loss, **parameters):
    settings = {"learning_rate_init": 0.01, "max_iter": 40, "random_state": 0}
    return MLPRegressorX((10,), loss=loss, **{**settings, **parameters})


@pytest.mark.parametrize("k", [1, 3])
@registered
def test_training_lowers_the_loss_and_reports_it(loss, k):
    rows, y = problem(loss, k)
    w = weights(len(rows))
    model = model_of(loss, solver="gd", learning_rate_init=0.1).fit(rows, y, w)
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]
    predicted = model.predict(rows)
    assert predicted.shape == y.shape
    # Gradient descent reports the loss before its update: go one on, by nothing.
    model.set_params(warm_start=True, learning_rate_init=1e-30, max_iter=1)
    model.fit(rows, y, w)
    l2 = sum((W**2).sum() for W in model.coefs_) * model.alpha / w.sum() / 2
    y, predicted = (
        (values.reshape(len(y), -1) - model.y_mean_) / model.y_scale_
        for values in (y, predicted)
    )
    assert model.loss_ - l2 == pytest.approx(k * metric_of(loss, y, predicted, w))


@registered
def test_float32_stays_and_agrees(loss):
    rows, y = problem(loss, 2)
    single = model_of(loss, max_iter=5).fit(rows.astype(np.float32), y)
    double = model_of(loss, max_iter=5).fit(rows, y)
    assert single.predict(rows.astype(np.float32)).dtype == np.float32
    assert single.coefs_[0].dtype == np.float32
    assert_allclose(single.predict(rows), double.predict(rows), rtol=1e-3, atol=1e-3)


@registered
def test_partial_fit_of_all_rows_is_an_epoch(loss):
    rows, y = problem(loss)
    whole = model_of(loss, max_iter=3, batch_size=500).fit(rows, y)
    steps = model_of(loss, batch_size=500)
    for _ in range(3):
        steps.partial_fit(rows, y)
    assert_array_equal(whole.predict(rows), steps.predict(rows))


@log_links
def test_predictions_of_a_log_link_are_positive(loss):
    rows, y = problem(loss)
    model = model_of(loss).fit(rows, y)
    assert model.out_activation_ == "exp"
    assert (model.predict(rows) > 0).all()
    logs = np.log(model.predict(rows) / model.y_scale_)
    assert_allclose(logs, model._raw_outputs(rows)[:, 0], atol=1e-12)
    assert model.score(rows, y) == metrics.r2_score(y, model.predict(rows)) > 0.3


def test_predictions_keep_to_the_loss_that_was_fitted():
    rows, y = problem("poisson")
    model = model_of("poisson").fit(rows, y)
    before = model.predict(rows)
    model.set_params(loss="quantile", quantile=LEVELS)
    assert_array_equal(model.predict(rows), before)
    assert model.score(rows, y) == metrics.r2_score(y, before)


class Leap(Schedule):
    """A far too large rate, from an epoch on."""

    def __init__(self, epoch=0):
        self.epoch = epoch

    def __call__(self, clock):
        return 1e6 if clock.epoch >= self.epoch else 1.0


@pytest.mark.parametrize("scoring", [None, "loss", "neg_mean_squared_error"])
def test_validation_rows_without_a_prediction_are_a_divergence(scoring):
    """The gamma loss is finite at z = 800, where exp(z) is not and scorers raise."""
    rows = np.linspace(-1, 1, 40)[:, None]
    y = 100 * np.exp(rows[:, 0])
    own = {"X_val": rows[:2], "y_val": y[:2]}
    model = MLPRegressorX(
        (), loss="gamma", solver="gd", learning_rate_init=0.01, max_iter=3, alpha=0,
        lr_schedule=Leap(2), early_stopping=True, scoring=scoring, random_state=0,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="Training diverged in epoch 3"):
        kept = clone(model).fit(rows, y, **own)
    assert kept.stop_reason_ == "diverged"
    assert kept.best_epoch_ in (1, 2)
    assert np.isfinite(kept.predict(rows)).all()
    model.set_params(lr_schedule=Leap(0))
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(rows, y, **own)
    assert not hasattr(model, "coefs_")


def test_an_overflow_of_exp_is_a_divergence():
    rows, y = problem("poisson")
    model = model_of("poisson", solver="gd", learning_rate_init=1e3)
    with pytest.raises(ValueError, match="Solver produced non-finite"):
        model.fit(1e3 * rows, y)
    assert not hasattr(model, "coefs_")
    model = model_of("poisson", solver="gd", learning_rate_init=0.1)
    model.set_params(lr_schedule=lambda clock: 1.0 if clock.epoch < 9 else 100.0)
    with pytest.warns(UserWarning, match="Training diverged"):
        model.fit(rows, y)
    assert model.stop_reason_ == "diverged"
    assert np.isfinite(model.predict(rows)).all()


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.skipif(
    "loss" not in MLPRegressor().get_params(),
    reason="this scikit-learn's MLPRegressor has no losses",
)
def test_poisson_is_scikit_learns(solver):
    rows, y = problem("poisson")
    options = {"alpha": 0, "batch_size": 64, "max_iter": 30, "random_state": 0}
    options |= {"solver": solver, "learning_rate_init": 0.005}
    ours = MLPRegressorX((10,), loss="poisson", normalize_y=False, **options)
    ours.fit(rows, y)
    if solver == "sgd":
        options |= {"momentum": 0.0, "nesterovs_momentum": False}
    theirs = MLPRegressor("poisson", (10,), **options).fit(rows, y)
    assert ours.out_activation_ == theirs.out_activation_
    # Adam: scikit-learn has delta before the bias correction.
    precision = {"sgd": 1e-9, "adam": 1e-4}[solver]
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=precision)
    assert_allclose(ours.predict(rows), theirs.predict(rows), rtol=10 * precision)


# ----------------------------------------------------- what early stopping watches


def d2_of(loss, y, predicted, w):
    """Return scikit-learn's D2 of one target."""
    options = {"sample_weight": w}
    if loss == "squared_error":
        return metrics.r2_score(y, predicted, **options)
    if loss == "absolute_error":
        return metrics.d2_absolute_error_score(y, predicted, **options)
    if loss.startswith("quantile"):
        (q,) = RULES[loss].quantiles
        return metrics.d2_pinball_score(y, predicted, alpha=q, **options)
    if loss.startswith("huber"):
        d = RULES[loss].d
        least = minimize_scalar(
            lambda c: np.average(huber(d, y - c), weights=w), bracket=(0, 3)
        ).fun
        return 1 - np.average(huber(d, y - predicted), weights=w) / least
    power = {"poisson": 1, "gamma": 2}[loss]
    return metrics.d2_tweedie_score(y, predicted, power=power, **options)


@pytest.mark.parametrize("k", [1, 3])
@weighted
@rules
def test_score_is_scikit_learns_d2(name, weighted, k):
    rule, y, z = RULES[name], targets(name, k=k), outputs((60, k)) + 0.5
    w = weights() if weighted else None
    model = MLPRegressorX(
        loss=name.split()[0],
        huber_delta=getattr(rule, "d", 1.0),
        quantile=getattr(rule, "quantiles", 0.5),
    )
    score = model._default_score(y, w)(z, 0.0)
    predicted = rule.link(z.copy(), np)
    expected = [d2_of(name, *pair, w) for pair in zip(y.T, predicted.T, strict=True)]
    assert score == pytest.approx(np.mean(expected), rel=1e-9)


@weighted
def test_score_of_several_quantiles_is_the_mean_d2(weighted):
    y, z = targets("quantile", k=1), outputs()
    w = weights() if weighted else None
    model = MLPRegressorX(loss="quantile", quantile=LEVELS)
    predicted = Pinball(LEVELS).link(z.copy(), np)
    expected = [
        metrics.d2_pinball_score(y[:, 0], column, alpha=q, sample_weight=w)
        for q, column in zip(LEVELS, predicted.T, strict=True)
    ]
    assert model._default_score(y, w)(z, 0.0) == pytest.approx(
        np.mean(expected), rel=1e-9
    )


@pytest.mark.parametrize("k", [1, 2])
@registered
def test_score_of_a_constant_target(loss, k):
    """As scikit-learn's metrics: 1 if it is met, 0 if not; never NaN."""
    model, met = MLPRegressorX(loss=loss), np.full((5, k), 1.0)
    z = np.zeros((5, k)) if RULES[loss].out_activation == "exp" else met
    score = model._default_score(met, None)
    assert score(z, 0.0) == 1
    assert score(z + 1, 0.0) == 0


def test_score_of_counts_that_are_all_zero():
    """A validation set of rare counts may hold none; the best constant is then 0."""
    score = MLPRegressorX(loss="poisson")._default_score(np.zeros((5, 1)), None)
    assert score(np.zeros((5, 1)), 0.0) == 0


@pytest.mark.parametrize("loss", [*REGRESSION_LOSSES, "quantiles"])
def test_early_stopping_keeps_the_epoch_of_the_best_score(loss):
    rows, y = problem(loss)
    several = {"loss": "quantile", "quantile": LEVELS} if loss == "quantiles" else {}
    model = model_of(
        **{"loss": loss, **several},
        early_stopping=True,
        scoring=None,
        learning_rate_init=0.03,
        n_iter_no_change=5,
        max_iter=300,
    ).fit(rows, y)
    assert model.stop_reason_ == "early_stopping"
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert 0.1 < model.best_validation_score_ < 1


# ----------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "quantile",
    [0, 1, 1.5, -0.1, np.nan, "0.5", None, [], [0.5, 0.5], [0.9, 0.1], [0, 0.5],
     [0.5, 1], [0.5, np.nan], [[0.1, 0.5]], ["0.1"], np.array([0.2, 1.2])],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("loss", ["quantile", "squared_error"])
def test_quantiles_that_are_none_are_refused(loss, quantile):
    model = small(MLPRegressorX, loss=loss, quantile=quantile)
    message = assert_fit_refused(
        "The 'quantile' parameter of MLPRegressorX must be", model, X, NUMBERS
    )
    assert f"Got {quantile!r} instead." in message


def test_several_quantiles_of_several_targets_are_refused():
    model = small(MLPRegressorX, loss="quantile", quantile=LEVELS)
    assert_fit_refused(
        "several quantiles (3) requires a y of one column. Got 2 columns.",
        model,
        X,
        np.column_stack([NUMBERS, NUMBERS]),
    )
    assert model.fit(X, NUMBERS).predict(X).shape == (len(X), 3)


@pytest.mark.parametrize(
    ("wrong", "right"), [("poison", "poisson"), ("hubert", "huber")]
)
def test_unknown_losses_are_refused_and_the_nearest_is_offered(wrong, right):
    message = assert_fit_refused(
        "The 'loss' parameter of MLPRegressorX must be",
        small(MLPRegressorX, loss=wrong),
        X,
        NUMBERS,
    )
    assert message.startswith(f"Did you mean {right!r}? The 'loss' ")
    assert all(repr(name) in message for name in REGRESSION_LOSSES)


@pytest.mark.parametrize(
    ("loss", "y", "match"),
    [
        ("poisson", NUMBERS, "loss='poisson' requires y that is not negative. Got -"),
        ("poisson", 0 * NUMBERS, "loss='poisson' requires y with sum(y) > 0"),
        ("gamma", NUMBERS, "loss='gamma' requires y above 0. Got -"),
        ("gamma", KINDS[:, 0], "loss='gamma' requires y above 0. Got 0 as"),
    ],
)
def test_targets_that_a_loss_cannot_have_are_refused(loss, y, match):
    model = small(MLPRegressorX, loss=loss)
    assert_fit_refused(match, model, X, y)
    assert_fit_refused(match, model, X, np.column_stack([y, abs(y) + 1]))


def test_a_partial_fit_may_see_no_counts():
    """Rare counts are all 0 in many a minibatch."""
    model = small(MLPRegressorX, loss="poisson")
    model.partial_fit(X, 0 * NUMBERS).partial_fit(X, KINDS[:, 0])
    assert (model.predict(X) > 0).all()


def test_parameters_are_in_the_signature_as_they_are_read():
    for Estimator, own in (
        (MLPRegressorX, ["loss", "huber_delta", "quantile", "normalize_y"]),
        (MLPClassifierX, ["label_smoothing"]),
    ):
        names = set(Estimator().get_params())
        assert names == set(Estimator._parameter_constraints)
        assert names > {*own, "solver", "alpha", "n_iter_no_change"}
        with pytest.raises(TypeError, match="unexpected keyword argument 'sovler'"):
            Estimator(sovler="adam")
