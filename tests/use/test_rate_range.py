"""The learning-rate range test: the estimator's own training at rates that rise."""

import pickle
from contextlib import suppress

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import (
    SGD,
    MLPClassifierX,
    MLPRegressorX,
    OneCycle,
    RateRangeResult,
    learning_rate_range_test,
)
from skoptnet.estimators.fitting import fit_watched
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.rate_range import _Ended, _Recorder, suggestion
from skoptnet.training import Watcher

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from skoptnet.displays import LearningRateRangeDisplay

X_iris, y_iris = load_iris(return_X_y=True)
X_iris = scale(X_iris)
X_cancer, y_cancer = load_breast_cancer(return_X_y=True)
X_cancer = scale(X_cancer)
X_diabetes, y_diabetes = load_diabetes(return_X_y=True)
X_diabetes, y_diabetes = scale(X_diabetes), scale(y_diabetes)
w_iris = np.random.default_rng(0).uniform(0.5, 3, len(y_iris))

#: What a training may have that is not the rule; 150 rows, 5 updates per epoch.
SETTINGS = {
    "plain": {},
    "dropout": {"dropout": 0.3},
    "l2": {"alpha": 3.0},
    "l1": {"alpha": 3.0, "l1_ratio": 0.5},
    "clipped": {"max_grad_norm": 0.1},
    "in order": {"shuffle": False},
    "balanced": {"class_weight": "balanced"},
    "held out": {"early_stopping": True, "validation_fraction": 0.2},
    "refit": {"early_stopping": True, "refit_all": True},
    "momentum moved": {"lr_schedule": OneCycle()},
}
solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
settings = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def classifier(**parameters):
    return MLPClassifierX((7,), **{"batch_size": 32, **parameters})


class Listener(Watcher):
    sees_updates = True

    def __init__(self):
        self.losses, self.rates = [], []

    def after_update(self, loss, rate):
        self.losses.append(loss)
        self.rates.append(rate)


# It is the estimator's own training.


@solvers
@settings
@pytest.mark.filterwarnings("ignore:Maximum number of epochs", "ignore:Training ended")
@pytest.mark.each_value
def test_to_be_watched_changes_no_training(solver, setting):
    """Same weights, solver memory and losses, though no epoch is one compiled call."""
    model = classifier(solver=solver, max_iter=4, random_state=0, **setting)
    plain = pickle.loads(pickle.dumps(model)).fit(X_iris, y_iris, w_iris)
    watcher = Listener()
    fit_watched(model, X_iris, y_iris, w_iris, lambda _: watcher)
    for ours, theirs in zip(model.coefs_, plain.coefs_, strict=True):
        assert_array_equal(ours, theirs)
    assert_array_equal(model.loss_curve_, plain.loss_curve_)
    assert vars(model._run.state).keys() == vars(plain._run.state).keys()
    for name, value in vars(plain._run.state).items():
        assert_array_equal(getattr(model._run.state, name), value)
    assert watcher.rates
    if not isinstance(model.lr_schedule, OneCycle):
        assert set(watcher.rates) == {model.learning_rate_}


@solvers
@settings
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.filterwarnings("ignore:Maximum number of epochs", "ignore:Training ended")
@pytest.mark.each_value
def test_the_losses_are_those_of_a_fit_at_these_rates(solver, setting, dtype):
    X = X_iris.astype(dtype)
    model = classifier(solver=solver, **setting)
    result = learning_rate_range_test(
        model, X, y_iris, sample_weight=w_iris, min_rate=1e-4, max_rate=3e-3,
        n_updates=20, n_seeds=2, random_state=1,
    )  # fmt: skip
    assert_allclose(result.rates, np.geomspace(1e-4, 3e-3, 20), rtol=1e-14)
    n = len(X)
    if model.early_stopping:
        n -= int(np.ceil(n * model.validation_fraction))
    sizes = [32] * (n // 32) + [n % 32]
    if OPTIMIZERS[solver].full_batch:
        sizes = [n]
    for seed, losses in zip(result.seeds, result.losses, strict=True):
        model.set_params(
            learning_rate_init=1.0,
            lr_schedule=lambda clock: float(result.rates[clock.update]),
            max_iter=20 // len(sizes),
            n_iter_no_change=np.inf,
            random_state=int(seed),
            refit_all=False,
        )
        expected = model.fit(X, y_iris, w_iris).loss_curve_
        of_epochs = losses.reshape(-1, len(sizes))
        assert_allclose(np.average(of_epochs, axis=1, weights=sizes), expected, 1e-12)


def test_the_losses_of_updates_are_those_before_them():
    """The first is that of the initial weights, whatever its rate."""
    options = {"n_seeds": 1, "random_state": 0, "n_updates": 10}
    model = MLPRegressorX((5,), solver="gd")
    low = learning_rate_range_test(model, X_diabetes, y_diabetes, **options)
    high = learning_rate_range_test(
        model, X_diabetes, y_diabetes, min_rate=0.1, max_rate=0.3, **options
    )
    assert low.losses[0, 0] == high.losses[0, 0]
    assert low.losses[0, 1] != high.losses[0, 1]
    # At a rate e, gradient descent lowers the loss by e ||g||^2, to first order.
    at_once = learning_rate_range_test(
        model, X_diabetes, y_diabetes, min_rate=2e-5, max_rate=1, **options
    )
    fall = low.losses[0, 0] - low.losses[0, 1]
    assert_allclose((at_once.losses[0, 0] - at_once.losses[0, 1]) / fall, 2, rtol=1e-3)


def test_seeds_are_states_of_the_estimator():
    result = learning_rate_range_test(
        classifier(random_state=5), X_iris, y_iris, n_updates=10, random_state=3
    )
    assert len(set(result.seeds)) == len(set(result.losses[:, 0])) == 5
    again = learning_rate_range_test(
        classifier(), X_iris, y_iris, n_updates=10, random_state=3
    )
    assert_array_equal(again.losses, result.losses)
    other = learning_rate_range_test(
        classifier(), X_iris, y_iris, n_updates=10, random_state=4
    )
    assert (other.losses != result.losses).all()


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
def test_nothing_that_was_passed_in_is_changed(fitted):
    model = make_pipeline(
        StandardScaler(),
        classifier(
            solver=SGD(), random_state=np.random.RandomState(0), warm_start=True,
            verbose=True, max_iter=3,
        ),
    )  # fmt: skip
    if fitted:
        model.fit(X_iris, y_iris)
    given = [model, X_iris.copy(), y_iris.copy(), w_iris.copy()]
    before = pickle.dumps(given)
    learning_rate_range_test(
        model, *given[1:3], sample_weight=given[3], n_updates=20, n_seeds=2
    )
    assert pickle.dumps(given) == before


def test_nothing_is_printed(capsys):
    learning_rate_range_test(classifier(verbose=2), X_iris, y_iris, n_updates=10)
    assert capsys.readouterr() == ("", "")


def test_callbacks_of_the_estimator_are_not_called():
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
    from skoptnet.callbacks import Callback

    class Refusing(Callback):
        def setup(self, estimator, context):
            raise AssertionError("A callback was told of a run.")

    model = classifier().set_callbacks(Refusing())
    learning_rate_range_test(model, X_iris, y_iris, n_updates=10)
    piped = make_pipeline(StandardScaler(), classifier().set_callbacks(Refusing()))
    learning_rate_range_test(piped, X_iris, y_iris, n_updates=10)


# How the rows come.


def test_frames_and_names():
    frame = pd.DataFrame(X_iris, columns=list("abcd"))
    names = np.array(["setosa", "versicolor", "virginica"])[y_iris]
    options = {"n_updates": 20, "random_state": 0}
    named = learning_rate_range_test(classifier(), frame, names, **options)
    plain = learning_rate_range_test(classifier(), X_iris, y_iris, **options)
    assert_array_equal(named.losses, plain.losses)


class CountingScaler(TransformerMixin, BaseEstimator):
    fits = 0

    def fit(self, X, y=None):
        type(self).fits += 1
        self.scaler_ = StandardScaler().fit(X)
        return self

    def transform(self, X):
        return self.scaler_.transform(X)


def test_steps_before_the_network_are_fitted_once():
    X, y = load_iris(return_X_y=True)
    CountingScaler.fits = 0
    options = {"n_updates": 30, "random_state": 0}
    piped = learning_rate_range_test(
        make_pipeline(CountingScaler(), classifier()), X, y, **options
    )
    assert CountingScaler.fits == 1
    plain = learning_rate_range_test(
        classifier(), StandardScaler().fit_transform(X), y, **options
    )
    assert_array_equal(piped.losses, plain.losses)


@pytest.mark.parametrize("outside", ["target", "pipeline"])
def test_targets_are_transformed(outside):
    X, y = load_diabetes(return_X_y=True)
    network = MLPRegressorX((5,), batch_size=64)
    options = {"n_updates": 30, "random_state": 0}
    if outside == "target":
        model = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), network), transformer=StandardScaler()
        )
    else:
        model = make_pipeline(
            StandardScaler(),
            TransformedTargetRegressor(network, transformer=StandardScaler()),
        )
    result = learning_rate_range_test(model, X, y, **options)
    plain = learning_rate_range_test(network, X_diabetes, y_diabetes, **options)
    assert_allclose(result.losses, plain.losses, rtol=1e-10)


def test_sparse_rows():
    X = np.where(np.abs(X_cancer) > 1, X_cancer, 0)
    options = {"n_updates": 60, "max_rate": 0.1, "random_state": 0}
    dense = learning_rate_range_test(classifier(), X, y_cancer, **options)
    sparse = learning_rate_range_test(classifier(), csr_matrix(X), y_cancer, **options)
    assert_allclose(sparse.losses, dense.losses, rtol=1e-6)
    assert_allclose(sparse.suggested_rate, dense.suggested_rate)


def test_a_weight_is_a_number_of_copies():
    copies = np.random.default_rng(0).integers(1, 4, len(y_diabetes))
    model = MLPRegressorX((5,), solver="gd", alpha=5.0)
    options = {"n_updates": 40, "max_rate": 0.5, "random_state": 0}
    weighed = learning_rate_range_test(
        model, X_diabetes, y_diabetes, sample_weight=copies, **options
    )
    repeated = learning_rate_range_test(
        model, X_diabetes.repeat(copies, axis=0), y_diabetes.repeat(copies), **options
    )
    assert_allclose(weighed.losses, repeated.losses, rtol=1e-9)
    plain = learning_rate_range_test(model, X_diabetes, y_diabetes, **options)
    assert (plain.losses != weighed.losses).all()


@pytest.mark.parametrize("loss", ["poisson", "gamma", "quantile", "huber"])
def test_losses_of_a_regression(loss):
    y = np.exp(y_diabetes / 2)
    model = MLPRegressorX((5,), loss=loss, batch_size=64)
    result = learning_rate_range_test(model, X_diabetes, y, random_state=0)
    assert result.interval[0] <= result.suggested_rate <= result.interval[1]


def test_several_labels():
    labels = np.eye(3, dtype=int)[y_iris]
    result = learning_rate_range_test(classifier(), X_iris, labels, random_state=0)
    assert not np.isnan(result.suggested_rates).any()


# How a run ends.


def test_gradient_descent_diverges_beyond_its_limit():
    """On a quadratic of largest curvature h it does above 2 / h, and only there."""
    X = np.column_stack([X_diabetes, np.ones(len(X_diabetes))])
    h = np.linalg.eigvalsh(X.T @ X / len(X)).max()
    model = MLPRegressorX((), solver="gd", alpha=0)
    result = learning_rate_range_test(
        model, X_diabetes, y_diabetes, n_updates=400, random_state=0
    )
    assert (result.diverged_at > 2 / h).all()
    assert (result.diverged_at < 5 * 2 / h).all()  # what had shrunk grows first
    assert (result.suggested_rates < 2 / h).all()
    assert result.rates[np.nanargmin(result.smoothed, axis=1)].max() < 2 * 2 / h


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
@pytest.mark.parametrize("setting", ["plain", "l1", "held out"])
@pytest.mark.each_value
def test_explosions_are_quiet_and_leave_nan(solver, setting):
    model = MLPRegressorX((5,), solver=solver, batch_size=64)
    model.set_params(**SETTINGS[setting])
    result = learning_rate_range_test(
        model, X_diabetes, y_diabetes, min_rate=1e-3, max_rate=1e30, random_state=0
    )
    for losses, smoothed, end in zip(
        result.losses, result.smoothed, result.diverged_at, strict=True
    ):
        lost = np.isnan(losses)
        assert_array_equal(lost, result.rates >= end)
        assert_array_equal(lost, np.isnan(smoothed))
        assert np.isfinite(losses[~lost]).all()
    # Adadelta's rate is a factor on steps of its own.
    if solver not in ("adadelta",):
        assert np.isfinite(result.diverged_at).all()


def test_losses_that_are_never_finite():
    result = learning_rate_range_test(
        MLPRegressorX((5,)), 1e200 * X_diabetes, y_diabetes, n_seeds=2
    )
    assert np.isnan(result.losses).all()
    assert_array_equal(result.diverged_at, result.rates[[0, 0]])
    assert np.isnan([result.suggested_rate, *result.interval]).all()
    assert "No rate can be suggested." in str(result)
    assert "The loss did not fall in 2 of 2 runs" in str(result)


def recorded(losses):
    recorder = _Recorder(len(losses))
    with suppress(_Ended):
        for loss in losses:
            recorder.after_update(loss, 0.1)
    return recorder


def test_three_losses_in_a_row_above_four_times_the_initial_one_end_a_run():
    quiet = np.full(40, 2.0)
    assert recorded(quiet).done == 40
    spikes = quiet.copy()
    spikes[[10, 11, 20, 21, 23]] = 1e9
    assert_array_equal(recorded(spikes).losses, spikes)
    for value, ends in ((8.1, True), (7.9, False)):
        losses = quiet.copy()
        losses[20:23] = value
        recorder = recorded(losses)
        assert recorder.done == (23 if ends else 40)
        assert np.isnan(recorder.losses[20:]).all() == ends


def test_losses_below_zero_end_no_run():
    falling = np.linspace(-1, -5, 40)
    assert_array_equal(recorded(falling).losses, falling)
    rising = np.concatenate([np.full(20, -1.0), np.linspace(-1, 3, 20)])
    assert recorded(rising).done < 40


class Interrupting(SGD):
    def step(self, theta, g, state, rate, xp):
        if state.t == 12:
            raise KeyboardInterrupt
        super().step(theta, g, state, rate, xp)


class Failing(SGD):
    def step(self, theta, g, state, rate, xp):
        raise RuntimeError("no step today")


@pytest.mark.filterwarnings("ignore:Training interrupted")
def test_errors_come_through():
    with pytest.raises(KeyboardInterrupt):
        learning_rate_range_test(classifier(solver=Interrupting()), X_iris, y_iris)
    with pytest.raises(RuntimeError, match="no step today"):
        learning_rate_range_test(classifier(solver=Failing()), X_iris, y_iris)


# What the curves suggest.


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
@pytest.mark.parametrize("offset", [0.0, -7.0])
def test_the_rule_on_a_curve_that_is_known(scale, offset):
    """A fall that is linear in the logarithm of the rate, from 0.01 to 1."""
    rates = np.geomspace(1e-4, 1e2, 601)
    x = np.log10(rates)
    curve = offset + scale * np.where(x < 0, 4 - np.clip(2 * (x + 2), 0, None), x**2)
    assert_allclose(suggestion(rates, curve), 10**-0.5, rtol=0.03)
    assert_allclose(suggestion(rates, curve, 0.5), 10**-1, rtol=0.03)


def test_no_suggestion_without_a_fall():
    rates = np.geomspace(1e-3, 1, 10)
    assert np.isnan(suggestion(rates, np.linspace(1, 2, 10)))
    assert np.isnan(suggestion(rates, np.full(10, np.nan)))
    assert np.isnan(suggestion(rates, np.array([1.0, *[np.nan] * 9])))


def test_the_median_and_the_range_leave_out_runs_without_a_suggestion():
    curves = np.ones((4, 10))
    result = RateRangeResult(
        np.geomspace(1e-3, 1, 10), curves, curves,
        np.array([0.1, np.nan, 0.001, 0.01]), np.full(4, np.nan), np.arange(4),
    )  # fmt: skip
    assert_allclose(result.suggested_rate, 0.01)
    assert result.interval == (0.001, 0.1)
    assert result.remarks[0].startswith("The loss did not fall in 1 of 4 runs")


def test_smoothing():
    model = classifier(solver="sgd", batch_size=10)
    options = {"random_state": 0, "max_rate": 1.0}
    raw = learning_rate_range_test(model, X_iris, y_iris, smoothing=0, **options)
    assert_array_equal(raw.smoothed, raw.losses)
    result = learning_rate_range_test(model, X_iris, y_iris, **options)
    assert_array_equal(result.losses, raw.losses)
    x = np.log10(result.rates)
    weights = np.exp(-0.5 * ((x - x[:, None]) / 0.2) ** 2)
    expected = result.losses @ weights / weights.sum(axis=0)
    assert_allclose(result.smoothed, expected, rtol=1e-3)
    assert np.diff(result.smoothed).std() < 0.1 * np.diff(result.losses).std()


@pytest.mark.parametrize(
    ("rates", "remark"),
    [
        ({"max_rate": 1e-3}, "The loss still fell at the highest rate in"),
        ({"min_rate": 3.0, "max_rate": 1e3}, "The loss did not fall in"),
        ({}, None),
    ],
)
def test_a_range_that_is_too_narrow_is_remarked_upon(rates, remark):
    model = MLPRegressorX((50,), solver="gd")
    result = learning_rate_range_test(
        model, X_diabetes, y_diabetes, random_state=0, **rates
    )
    assert bool(result.remarks) == (remark is not None)
    assert remark is None or (remark in result.remarks[0] and remark in str(result))


def test_noise_is_remarked_upon():
    """Where nothing can be learnt, runs suggest what they like."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 3)), rng.integers(2, size=400)
    result = learning_rate_range_test(
        classifier(batch_size=4), X, y, max_rate=0.01, random_state=0, n_seeds=9
    )
    assert "differ by more than a factor of ten" in result.remarks[-1]


@pytest.mark.once
def test_a_suggested_rate_trains():
    """Well below the loss of the first weights, for all solvers, and without end."""
    for solver in sorted(OPTIMIZERS):
        model = classifier(solver=solver)
        result = learning_rate_range_test(
            model, X_cancer, y_cancer, max_rate=100, random_state=0
        )
        model.set_params(
            learning_rate_init=result.suggested_rate, random_state=0,
            max_iter=300 if OPTIMIZERS[solver].full_batch else 20,
            tol=0, n_iter_no_change=np.inf,
        )  # fmt: skip
        model.fit(X_cancer, y_cancer)
        assert model.loss_ < 0.2, solver


def test_as_lists_and_as_words():
    result = learning_rate_range_test(
        classifier(solver="sgd"), X_iris, y_iris, n_updates=50, n_seeds=3
    )
    table = result.to_dict()
    assert {len(column) for column in table.values()} == {150}
    assert all(type(column) is list for column in table.values())
    assert_array_equal(np.reshape(table["loss"], (3, 50)), result.losses)
    assert_array_equal(np.reshape(table["smoothed"], (3, 50)), result.smoothed)
    assert_array_equal(np.reshape(table["rate"], (3, 50))[1], result.rates)
    assert_array_equal(np.reshape(table["seed"], (3, 50))[:, 7], result.seeds)
    assert table["update"][49:51] == [50, 1]
    assert f"Suggested learning_rate_init: {result.suggested_rate:.3g}" in str(result)
    assert repr(result).startswith("RateRangeResult(suggested_rate=")
    assert len(repr(result)) < 200


def test_a_result_can_be_pickled():
    result = learning_rate_range_test(classifier(), X_iris, y_iris, n_updates=10)
    assert_array_equal(pickle.loads(pickle.dumps(result)).losses, result.losses)


# What cannot be used.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_rate": 0}, "The 'min_rate' parameter of learning_rate_range_test must"),
        ({"min_rate": "low"}, "'min_rate'"),
        ({"max_rate": np.nan}, "'max_rate'"),
        ({"max_rate": np.inf}, "'max_rate'"),
        ({"min_rate": 1, "max_rate": 1}, "above min_rate, which is 1. Got 1 instead"),
        ({"n_updates": 9}, r"'n_updates' .* in the range \[10, inf\). Got 9 instead"),
        ({"n_updates": 50.0}, "'n_updates'"),
        ({"n_seeds": 0}, "'n_seeds'"),
        ({"smoothing": -1}, "'smoothing'"),
        ({"random_state": "a"}, "'random_state'"),
        ({"sample_weight": [1, 2]}, "inconsistent numbers of samples"),
        ({"sample_weight": -np.ones(150)}, "sample_weight must not be negative"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, message):
    with pytest.raises(ValueError, match=message):
        learning_rate_range_test(classifier(), X_iris, y_iris, **arguments)


def test_estimators_that_cannot_be_used():
    for thing in (
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        TransformedTargetRegressor(),
        MLPClassifierX,
        None,
    ):
        with pytest.raises(TypeError, match="needs an MLPClassifierX or MLPRegressorX"):
            learning_rate_range_test(thing, X_iris, y_iris)
    with pytest.raises(ValueError, match="Got solver='lbfgs', which chooses its own"):
        learning_rate_range_test(classifier(solver="lbfgs"), X_iris, y_iris)
    with pytest.raises(ValueError, match="The 'solver' parameter of MLPClassifierX"):
        learning_rate_range_test(classifier(solver="sdg"), X_iris, y_iris)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        learning_rate_range_test(classifier(), np.full((150, 2), np.nan), y_iris)


# The picture.


def test_the_display_draws_the_result():
    result = learning_rate_range_test(
        classifier(solver="sgd"), X_iris, y_iris, max_rate=1e3, random_state=0
    )
    display = LearningRateRangeDisplay.from_result(result).plot()
    ax = display.ax_
    assert display.figure_ is ax.figure
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "learning rate",
        "loss before the update",
    )
    for lines, curves in (
        (display.loss_lines_, result.losses),
        (display.smoothed_lines_, result.smoothed),
    ):
        for line, curve in zip(lines, curves, strict=True):
            assert_array_equal(line.get_xdata(), result.rates)
            assert_array_equal(line.get_ydata(), curve)
    assert_allclose(display.suggestion_.get_xdata(), result.suggested_rate)
    edges = display.interval_.get_extents().x0, display.interval_.get_extents().x1
    at = ax.transData.transform([(rate, 0) for rate in result.interval])[:, 0]
    assert_allclose(edges, at)
    ended = np.isfinite(result.diverged_at)
    assert ended.any()
    assert_array_equal(display.divergence_.get_xdata(), result.diverged_at[ended])
    low, start = np.nanmin(result.smoothed), np.nanmax(result.smoothed[:, 0])
    top = start + (start - low)  # as far above as below, whatever explodes
    assert low > ax.get_ylim()[0]
    assert top < ax.get_ylim()[1] < top + 0.2 * (start - low) < np.nanmax(result.losses)
    assert (display.divergence_.get_ydata() <= top).all()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[2] == f"suggested:\n{result.suggested_rate:.2g}"
    assert words[-1] == f"diverged:\n{ended.sum()} of 5"


def test_the_display_does_the_test():
    _, ax = plt.subplots()
    display = LearningRateRangeDisplay.from_estimator(
        make_pipeline(StandardScaler(), classifier()),
        X_iris, y_iris, n_seeds=1, n_updates=50, random_state=0,
    )  # fmt: skip
    assert plt.get_fignums() == [ax.figure.number]  # it is not drawn before `plot`
    assert display.plot(ax).ax_ is ax
    assert len(display.smoothed_lines_) == 1
    assert display.interval_ is None
    result = learning_rate_range_test(
        classifier(), X_iris, y_iris, n_seeds=1, n_updates=50, random_state=0
    )
    assert_allclose(display.losses, result.losses)


def test_a_display_without_a_suggestion():
    result = learning_rate_range_test(
        MLPRegressorX((5,)), 1e200 * X_diabetes, y_diabetes, n_seeds=2
    )
    display = LearningRateRangeDisplay.from_result(result).plot()
    assert display.suggestion_ is None
    assert display.interval_ is None
    display.figure_.canvas.draw()


def test_a_display_of_something_else():
    with pytest.raises(TypeError, match="needs the result of learning_rate_range_test"):
        LearningRateRangeDisplay.from_result(classifier())
