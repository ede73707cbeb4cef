"""Trainings that go wrong: divergence, errors in the middle, Ctrl-C, warnings.

None of them loses the model, and none changes what it was given.
"""

import math
import pickle
import re
import warnings
from copy import deepcopy

import joblib
import numpy as np
import pandas as pd
import pytest
from problems import (
    CANCER,
    DIABETES,
    ESTIMATORS,
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    assert_refused,
    assert_same_state,
    rate_for,
    small,
    target,
)
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX, Momentum, Optimizer, Schedule
from skoptnet.optimizers import OPTIMIZERS

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

# ------------------------------------------------------------------- divergence


def wild(Estimator, solver, rate, **parameters):
    """A training on unscaled data at a rate that is no rate."""
    settings = dict(  # noqa: C408
        solver=solver,
        learning_rate_init=rate,
        batch_size=50,
        tol=0,
        n_iter_no_change=np.inf,
        max_iter=60,
        random_state=0,
    )
    return Estimator((5,), **{**settings, **parameters})


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.each_value
def test_divergence_in_the_first_epoch_is_an_error(Estimator, solver):
    """Every solver can be driven there; it says so and holds no model."""
    data = CANCER if Estimator is MLPClassifierX else DIABETES
    # One update per epoch: the second epoch is the first to see what it has done.
    model = wild(Estimator, solver, 1e308)
    if OPTIMIZERS[solver].full_batch:
        model.set_params(learning_rate_init=1.7e308)
    y = data.target if Estimator is MLPClassifierX else data.target * 1e3
    message = assert_refused(
        "Solver produced non-finite parameter weights.",
        "fit",
        data.data * 1e3,
        y,
        model=model,
    )
    assert "learning_rate_init" in message
    with pytest.raises(NotFittedError):
        model.predict(data.data)


LARGE_X = "X has values up to 7e+200 ({})"
LARGE_Y = "y has values up to 4e+100"


@pytest.mark.parametrize("container", [np.array, csr_array, csr_matrix, pd.DataFrame])
@pytest.mark.parametrize(
    ("large_x", "large_y"), [(False, False), (True, False), (False, True), (True, True)]
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_blames_large_values_only_where_there_are_some(
    large_x, large_y, container, early_stopping
):
    """And names the feature."""
    rows, y = scale(DIABETES.data)[:60], scale(DIABETES.target)[:60]
    if large_x:
        rows[:5, 3] = [-7e200, 1e200, 2e200, 3e200, 4e200]
    if large_y:
        y[20:25] = -4e100
    if container is pd.DataFrame:
        rows = pd.DataFrame(rows, columns=DIABETES.feature_names)
    else:
        rows = container(rows)
    model = wild(MLPRegressorX, "sgd", 1e300, early_stopping=early_stopping)
    with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
        model.fit(rows, y)
    assert "y has values" not in str(caught.value)  # they are normalised
    with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
        model.set_params(normalize_y=False).fit(rows, y)
    message = str(caught.value)
    named = (
        repr(DIABETES.feature_names[3]) if container is pd.DataFrame else "feature 3"
    )
    assert (LARGE_X.format(named) in message) == large_x
    assert (LARGE_Y in message) == large_y
    assert ("StandardScaler" in message) == large_x
    assert ("Set normalize_y=True" in message) == large_y
    assert ("large values" in message) == (large_x or large_y)
    assert "with solver='sgd' at learning rate 1e+300" in message
    also = "also " if large_x or large_y else ""
    assert f"A smaller learning_rate_init may {also}help" in message


def test_divergence_of_a_classifier_on_scaled_rows_blames_no_rows():
    """Its targets are class numbers, which are never large."""
    rows = scale(CANCER.data)
    for y in (CANCER.target, np.arange(len(rows)) % 150):
        with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
            wild(MLPClassifierX, "sgd", 1e308).fit(rows, y)
        assert "large values" not in str(caught.value)


def test_divergence_names_a_target_that_is_large_in_its_own_unit():
    """Poisson targets are divided by their mean: one positive of 500 becomes 500."""
    rows, y = np.linspace(-1, 1, 500).reshape(-1, 1), np.zeros(500)
    y[7] = 3e-4
    model = wild(MLPRegressorX, "sgd", 1e300, loss="poisson")
    with pytest.raises(ValueError, match="non-finite parameter weights") as caught:
        model.fit(rows, y)
    assert "y has values up to 500 times y_scale_. Look for" in str(caught.value)


class Jump(Schedule):
    """A rate that goes through the roof at one epoch."""

    def __init__(self, epoch, factor=1e300):
        self.epoch, self.factor = epoch, factor

    def __call__(self, clock):
        return self.factor if clock.epoch >= self.epoch else 1.0


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.each_value
def test_divergence_in_a_later_epoch_keeps_the_best(Estimator, solver):
    y, rate = target(Estimator), rate_for(solver, 0.01)
    model = wild(Estimator, solver, rate, lr_schedule=Jump(4))
    with pytest.warns(ConvergenceWarning, match="Training diverged") as caught:
        model.fit(X, y)
    # gd warns of batch_size, too.
    (warning,) = (w for w in caught if w.category is ConvergenceWarning)
    message = str(warning.message)
    assert warning.filename == __file__
    assert model.stop_reason_ == "diverged"
    assert all(np.isfinite(W).all() for W in model.coefs_ + model.intercepts_)
    finished = model.n_iter_
    kept = int(re.search(r"The weights of epoch (\d+) are kept", message).group(1))
    assert 1 <= kept <= finished
    assert len(model.loss_curve_) == finished
    assert f"diverged in epoch {finished + 1}" in message
    assert f"at learning rate {rate * 1e300:g}" in message
    assert f"smaller learning_rate_init (it was {rate:g})" in message
    assert "lr_schedule" in message
    assert "standardised features" in message
    assert model.loss_ == model.loss_curve_[kept - 1]
    # The weights are those of a training that ends with the kept epoch.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        stopped = clone(model).set_params(max_iter=kept).fit(X, y)
    for ours, theirs in zip(model.coefs_, stopped.coefs_, strict=True):
        assert np.array_equal(ours, theirs)
    # It can be used: for predicting, and for going on at a sane rate.
    model.set_params(lr_schedule="constant", learning_rate_init=0.001)
    model.partial_fit(X, y)
    assert np.isfinite(model.loss_)


@pytest.mark.parametrize("solver", list(OPTIMIZERS))
@pytest.mark.parametrize("batch_size", [20, 150])
@pytest.mark.each_value
def test_after_divergence_the_model_is_the_best_there_was(solver, batch_size):
    """Judged by what it does to the training rows, with one update per epoch too."""
    model = wild(
        MLPRegressorX,
        solver,
        0.01,
        alpha=0,
        batch_size=batch_size,
        shuffle=False,
        lr_schedule=Jump(4, 1e90),
    )

    def loss(model):
        return 0.5 * np.mean((model.predict(X) - NUMBERS) ** 2)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        before_the_jump = loss(clone(model).set_params(max_iter=4).fit(X, NUMBERS))
        model.fit(X, NUMBERS)
    assert before_the_jump < 2
    assert model.stop_reason_ == "diverged"
    assert loss(model) <= 1.05 * before_the_jump


def test_the_loss_after_two_divergences_is_that_of_the_model():
    """The second training begins with weights of an epoch that is not the last one."""
    X = scale(load_iris().data)
    y = X[:, 0]
    model = MLPRegressorX(
        (3,), solver="sgd", learning_rate_init=0.1, max_iter=50, alpha=0,
        n_iter_no_change=np.inf, batch_size=len(X), normalize_y=False,
        warm_start=True, random_state=0,
    ).fit(X, y)  # fmt: skip
    for rate in (2.0, 3.0, 3.0):
        model.set_params(learning_rate_init=rate)
        with pytest.warns(ConvergenceWarning, match="diverged") as caught:
            model.fit(X, y)
        assert len(caught) == 1
        # The loss of an epoch is that before its update.
        assert 0.5 * np.mean((model.predict(X) - y) ** 2) <= model.loss_ < 0.01


def test_divergence_of_partial_fit_keeps_the_model():
    model = small(MLPRegressorX, solver="sgd").fit(X, NUMBERS)
    predicted = model.predict(X)
    model.set_params(learning_rate_init=1e200)
    with pytest.warns(ConvergenceWarning, match="diverged in epoch 4"):
        model.partial_fit(X, NUMBERS * 1e200)
    assert np.array_equal(model.predict(X), predicted)
    model.set_params(learning_rate_init=0.01).partial_fit(X, NUMBERS)
    assert not np.array_equal(model.predict(X), predicted)
    assert len(model.loss_curve_) == 4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.each_pair
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", [*OPTIMIZERS, "lbfgs"])
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["coefs_[0]", "coefs_[1]", "intercepts_[0]"])
def test_weights_that_are_not_finite_are_no_start(Estimator, solver, call, bad, place):
    """Saturated units would hide an infinite one, whatever the loss."""
    model = small(Estimator, activation="tanh", solver=solver, alpha=0, warm_start=True)
    model.fit(X, target(Estimator))
    name, layer = place[:-3], int(place[-2])
    getattr(model, name)[layer].flat[1] = bad
    if solver == "lbfgs":
        call = "fit"
    message = assert_refused("be finite", call, X, target(Estimator), model=model)
    assert f"in {place}." in message
    getattr(model, name)[layer].flat[1] = 0.0
    getattr(model, call)(X, target(Estimator))
    assert len(model.loss_curve_) >= 4


def test_weights_that_are_not_finite_are_replaced_by_a_new_fit():
    model = small(MLPRegressorX).fit(X, NUMBERS)
    right = model.predict(X)
    model.coefs_[0][:] = np.nan
    model.intercepts_[1][:] = np.nan
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match=r"coefs_\[0\] and intercepts_\[1\]"):
        model.fit(X, NUMBERS)
    np.testing.assert_array_equal(
        model.set_params(warm_start=False).fit(X, NUMBERS).predict(X), right
    )


# -------------------------------------------------- errors in the middle, Ctrl-C


class RaiseAt(Schedule):
    """A schedule that fails at the second update of one epoch."""

    def __init__(self, epoch, error=RuntimeError):
        self.epoch, self.error = epoch, error

    def __call__(self, clock):
        if clock.epoch == self.epoch and clock.step == 1:
            raise self.error("in the middle")
        return 1.0


class FailingMomentum(Momentum):
    """A solver that fails at one of its updates."""

    def __init__(self, momentum=0.9, fails_at=0):
        super().__init__(momentum=momentum)
        self.fails_at = fails_at

    def step(self, theta, g, state, rate, xp):
        super().step(theta, g, state, rate, xp)
        if state.t == self.fails_at:
            theta[:] = np.nan
            raise RuntimeError("in the middle")


def minibatched(Estimator, **parameters):
    return small(Estimator, batch_size=30, max_iter=20, tol=0, **parameters)


def assert_same_weights(one, other):
    for ours, theirs in zip(one.coefs_, other.coefs_, strict=True):
        assert np.array_equal(ours, theirs)
    for ours, theirs in zip(one.intercepts_, other.intercepts_, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_error_in_a_schedule_leaves_the_last_finished_epoch(Estimator):
    y = target(Estimator)
    model = minibatched(Estimator, lr_schedule=RaiseAt(6))
    with pytest.raises(RuntimeError, match="in the middle"):
        model.fit(X, y)
    assert model.stop_reason_ == "failed"
    assert model.n_iter_ == len(model.loss_curve_) == 6
    assert_same_weights(model, minibatched(Estimator).set_params(max_iter=6).fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_error_in_a_solver_leaves_the_last_finished_epoch(Estimator):
    """Five updates per epoch; the 28th is in the sixth."""
    y = target(Estimator)
    model = minibatched(Estimator, solver=FailingMomentum(fails_at=28))
    with pytest.raises(RuntimeError, match="in the middle"):
        model.fit(X, y)
    assert model.stop_reason_ == "failed"
    assert model.n_iter_ == 5
    plain = minibatched(Estimator, solver=FailingMomentum(fails_at=math.inf))
    assert_same_weights(model, plain.set_params(max_iter=5).fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "parameters",
    [{"lr_schedule": RaiseAt(0)}, {"solver": FailingMomentum(fails_at=3)}],
    ids=["schedule", "solver"],
)
def test_an_error_in_the_first_epoch_leaves_the_estimator_as_it_was(
    Estimator, parameters
):
    model = minibatched(Estimator, **parameters)
    y = target(Estimator)
    assert_refused("in the middle", "fit", X, y, model=model, error=RuntimeError)
    fitted = small(Estimator).fit(X, y).set_params(**model.get_params(deep=False))
    assert_refused("in the middle", "fit", X, y, model=fitted, error=RuntimeError)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_a_model_that_goes_on_and_fails_at_once_is_as_it_was(Estimator, error, call):
    """Weights, solver memory, counts and random numbers."""
    y = target(Estimator)
    model = minibatched(Estimator, warm_start=True, lr_schedule=RaiseAt(2, error))
    model.set_params(max_iter=2).fit(X, y)
    untroubled = deepcopy(model).set_params(lr_schedule="constant")
    before, attributes = pickle.dumps(model._run), set(vars(model))
    with pytest.raises(error, match="in the middle"):
        getattr(model, call)(X, y)
    assert set(vars(model)) == attributes
    assert_same_weights(model, untroubled)
    model.set_params(lr_schedule="constant")
    assert_same_weights(model.partial_fit(X, y), untroubled.partial_fit(X, y))
    assert before != pickle.dumps(model._run)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_failed_change_of_solver_does_not_cost_the_solvers_memory(
    Estimator, early_stopping
):
    """Another solver, refused data or a failing schedule, and back again."""
    y = target(Estimator)
    model = minibatched(Estimator, warm_start=True, early_stopping=early_stopping)
    model.set_params(max_iter=2).fit(X, y)
    untroubled = deepcopy(model)
    if early_stopping:
        model.set_params(solver="momentum")
        one_row = np.eye(150)[7]
        with pytest.raises(ValueError, match="early-stopping split"):
            model.fit(X, y, sample_weight=one_row)
    else:
        model.set_params(solver="momentum", shuffle=False, lr_schedule=RaiseAt(2))
        with pytest.raises(RuntimeError, match="in the middle"):
            model.fit(X, y)
    model.set_params(solver="adam", shuffle=True, lr_schedule="constant")
    assert_same_weights(model.fit(X, y), untroubled.fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_keeps_the_last_finished_epoch(Estimator, early_stopping):
    y = target(Estimator)
    model = minibatched(
        Estimator,
        early_stopping=early_stopping,
        lr_schedule=RaiseAt(7, KeyboardInterrupt),
    )
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        model.fit(X, y)
    (warning,) = caught
    assert warning.filename == __file__
    assert model.stop_reason_ == "interrupted"
    assert model.n_iter_ == len(model.loss_curve_) == 7
    whole = minibatched(Estimator, early_stopping=early_stopping)
    assert_same_weights(model, whole.set_params(max_iter=7).fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_ctrl_c_in_the_first_epoch_leaves_the_estimator_as_it_was(Estimator):
    y = target(Estimator)
    model = minibatched(Estimator, lr_schedule=RaiseAt(0, KeyboardInterrupt))
    for call in ("fit", "partial_fit"):
        passed = (X, y)
        if call == "partial_fit" and Estimator is MLPClassifierX:
            passed = (X, y, np.unique(y))
        assert_refused(
            "in the middle", call, *passed, model=model, error=KeyboardInterrupt
        )
    fitted = small(Estimator).fit(X, y).set_params(**model.get_params(deep=False))
    assert_refused("in the middle", "fit", X, y, model=fitted, error=KeyboardInterrupt)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_ctrl_c_in_partial_fit_propagates_and_can_be_gone_on_from(Estimator):
    y = target(Estimator)
    first = {"classes": np.unique(y)} if Estimator is MLPClassifierX else {}
    model = minibatched(Estimator, lr_schedule=RaiseAt(3, KeyboardInterrupt))
    model.partial_fit(X, y, **first)
    model.partial_fit(X, y).partial_fit(X, y)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, y)
    plain = minibatched(Estimator).partial_fit(X, y, **first)
    plain.partial_fit(X, y).partial_fit(X, y)
    assert_same_weights(model, plain)
    assert len(model.loss_curve_) == 3
    model.set_params(lr_schedule="constant")
    assert_same_weights(model.partial_fit(X, y), plain.partial_fit(X, y))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_failure_under_early_stopping_scores_what_is_kept(Estimator):
    model = small(Estimator, early_stopping=True, lr_schedule=RaiseAt(3), batch_size=20)
    model.set_params(max_iter=9)
    with pytest.raises(RuntimeError):
        model.fit(X, target(Estimator))
    assert model.stop_reason_ == "failed"
    assert len(model.validation_scores_) == model.n_iter_ == 3
    assert model.best_validation_score_ == model.validation_scores_[-1]


def test_a_refused_split_draws_no_random_numbers():
    """The refusal comes after the draw of the rows; going on must not show it."""
    model, twin = (
        small(MLPRegressorX, warm_start=True, batch_size=20).fit(X, NUMBERS)
        for _ in range(2)
    )
    model.set_params(early_stopping=True)
    one_row = np.eye(len(X))[0]
    with pytest.raises(ValueError, match="have sample_weight zero"):
        model.fit(X, NUMBERS, sample_weight=one_row)
    model.set_params(early_stopping=False)
    assert_same_state(model.fit(X, NUMBERS), twin.fit(X, NUMBERS))


# ----------------------------------------------------- warnings turned to errors


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("parameters", "reason", "epochs", "says"),
    [
        ({}, "max_iter", 20, "Maximum number of epochs"),
        (
            {"lr_schedule": RaiseAt(5, KeyboardInterrupt)},
            "interrupted",
            5,
            "interrupted by user",
        ),
        (
            {"solver": "sgd", "lr_schedule": Jump(5)},
            "diverged",
            5,
            "Training diverged",
        ),
    ],
    ids=["max_iter", "interrupted", "diverged"],
)
def test_warnings_as_errors_do_not_lose_the_model(
    Estimator, parameters, reason, epochs, says
):
    y = target(Estimator)
    model = minibatched(Estimator, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match=says):
            model.fit(X, y)
    assert model.stop_reason_ == reason
    assert model.n_iter_ == epochs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        plain = minibatched(Estimator, **parameters)
        plain.set_params(lr_schedule="constant", max_iter=epochs).fit(X, y)
    assert_same_weights(model, plain)


def test_a_column_for_y_is_a_warning_and_as_an_error_changes_nothing():
    model = small(MLPClassifierX)
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        clone(model).fit(X, LABELS[:, None])
    before = joblib.hash(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="column-vector"):
            model.fit(X, LABELS[:, None])
    assert joblib.hash(model) == before


class Picky(Optimizer):
    """A solver that refuses its own hyperparameters."""

    def check(self):
        raise ValueError("never good enough")

    def step(self, theta, g, state, rate, xp):
        theta -= rate * g


def test_a_user_written_solver_may_refuse_too():
    """Its `check` is called before work, as that of the package's own."""
    model = small(MLPRegressorX, solver=Picky())
    assert_fit_refused("never good enough", model, X, NUMBERS)


class Leap(Schedule):
    """A moderate rate, and in the sixth epoch one that is far too high."""

    def __call__(self, clock):
        return 1.0 if clock.epoch < 5 else 3e5


@pytest.mark.parametrize("loss", ["gamma", "poisson"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kernels", ["0", "1"])
def test_a_last_step_to_infinite_predictions_is_a_divergence(
    loss, dtype, kernels, monkeypatch
):
    """Their loss is not measured, and the weights themselves are not large."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    rng = np.random.RandomState(0)
    rows = rng.uniform(-1, 1, (60, 3)).astype(dtype)
    y = np.exp(rows[:, 0] + 0.1 * rng.standard_normal(60))
    model = MLPRegressorX((), loss=loss, solver="gd", lr_schedule=Leap(), tol=0)
    model.set_params(learning_rate_init=0.1, random_state=0)
    before = clone(model).set_params(max_iter=5).fit(rows, y)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.set_params(max_iter=6).fit(rows, y)
    assert model.stop_reason_ == "diverged"
    assert_same_weights(model, before)
    assert np.isfinite(model.predict(rows)).all()


@pytest.mark.parametrize("loss", ["gamma", "poisson"])
def test_a_first_step_to_infinite_predictions_is_refused(loss):
    rows = np.linspace(-7, 4, 90).reshape(30, 3)
    model = MLPRegressorX((), loss=loss, solver="gd", learning_rate_init=100.0)
    with pytest.raises(ValueError, match="non-finite"):
        model.set_params(max_iter=1, random_state=4).fit(rows, np.exp(rows[:, 0]))
    assert not hasattr(model, "coefs_")
