"""``solver="lbfgs"``: scikit-learn's results, closed forms, and no model lost.

An L-BFGS takes the whole set, so scikit-learn's objective is ours, and both hand it to
the same algorithm: paths agree to rounding, until rounding has been amplified by some
hundred iterations.
"""

import pickle
import warnings
from inspect import signature

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import (
    CANCER,
    DIABETES,
    ESTIMATORS,
    X,
    assert_fit_refused,
    assert_refused,
    peak_of,
    target,
)
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import (
    load_digits,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.neural_network import _multilayer_perceptron as sklearn_mlp
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.training import Objective

# Iterations are used up on purpose, here and in scikit-learn.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Maximum number of"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
]

TASKS = ["multiclass", "binary", "multilabel", "regression"]


def data_of(task):
    if task == "multiclass":
        rows, y = load_digits(return_X_y=True)
        return rows[:420] / 16, y[:420]
    if task == "binary":
        return scale(CANCER.data), CANCER.target
    if task == "multilabel":
        rows, y = make_multilabel_classification(
            n_samples=300, n_features=12, n_classes=4, random_state=3
        )
        return scale(rows), y
    return scale(DIABETES.data), scale(DIABETES.target)


def pair(task, **params):
    """Our estimator of a task and scikit-learn's, unfitted."""
    params = {
        "hidden_layer_sizes": (17, 9),
        "solver": "lbfgs",
        "alpha": 1.0,
        "max_iter": 30,
        "random_state": 5,
    } | params
    if task == "regression":
        return MLPRegressorX(**params, normalize_y=False), MLPRegressor(**params)
    return MLPClassifierX(**params), MLPClassifier(**params)


def assert_same_weights(ours, theirs, rtol):
    """Compare layer by layer, to ``rtol`` of the layer's largest weight."""
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_,
        theirs.coefs_ + theirs.intercepts_,
        strict=True,
    ):
        assert_allclose(mine, other, rtol=rtol, atol=rtol * np.abs(other).max())


def assert_same_fit(ours, theirs, rtol=1e-9):
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=rtol)
    assert_same_weights(ours, theirs, rtol)


# ------------------------------------------------------------- beside scikit-learn's


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "activation", sorted(set(ACTIVATIONS) & set(sklearn_mlp.ACTIVATIONS))
)
def test_path_is_scikit_learns(task, activation):
    rows, y = data_of(task)
    ours, theirs = pair(task, activation=activation)
    # Iterations amplify the last digits, which differ between releases of SciPy.
    assert_same_fit(ours.fit(rows, y), theirs.fit(rows, y), rtol=1e-7)
    assert_allclose(ours.predict(rows), theirs.predict(rows), rtol=1e-6, atol=1e-7)
    assert ours.loss_ < 0.8 * ours.loss_curve_[0]


@pytest.mark.parametrize("task", TASKS)
def test_converges_in_the_same_iteration(task):
    """``tol`` is the largest element of the gradient, as there."""
    rows, y = data_of(task)
    tol = 0.008 if task == "regression" else 3e-3
    ours, theirs = pair(task, activation="tanh", tol=tol, max_iter=500)
    assert_same_fit(ours.fit(rows, y), theirs.fit(rows, y), rtol=1e-6)
    assert ours.stop_reason_ == "converged"
    assert 10 < ours.n_iter_ < 500


@pytest.mark.parametrize("task", TASKS)
def test_sparse_rows(task):
    rows, y = data_of(task)
    ours, theirs = pair(task, activation="tanh")
    assert_same_fit(ours.fit(csr_array(rows), y), theirs.fit(csr_array(rows), y))


@pytest.mark.skipif(
    "sample_weight" not in signature(MLPClassifier.fit).parameters,
    reason="this scikit-learn's MLP takes no sample_weight",
)
@pytest.mark.parametrize("task", TASKS)
def test_sample_weights(task):
    rows, y = data_of(task)
    w = np.random.RandomState(1).gamma(1.0, 2.0, len(rows))
    w[::7] = 0
    ours, theirs = pair(task, activation="tanh")
    ours.fit(rows, y, sample_weight=w)
    assert_same_fit(ours, theirs.fit(rows, y, sample_weight=w))
    assert abs(clone(ours).fit(rows, y).loss_ - ours.loss_) > 1e-4


@pytest.mark.parametrize("task", TASKS)
def test_max_fun_ends_training_in_the_same_iteration(task):
    rows, y = data_of(task)
    ours, theirs = pair(task, max_fun=15)
    with pytest.warns(ConvergenceWarning, match=r"max_fun=15") as caught:
        ours.fit(rows, y)
    assert caught[0].filename == __file__
    assert_same_fit(ours, theirs.fit(rows, y))
    assert ours.stop_reason_ == "max_fun"
    assert ours.n_iter_ <= 15
    passes, rest = divmod(ours.t_, len(rows))
    assert passes > 15
    assert rest == 0


def test_warm_start_is_scikit_learns():
    rows, y = data_of("binary")
    ours, theirs = pair("binary", activation="tanh", warm_start=True, max_iter=7)
    assert_same_fit(ours.fit(rows, y).fit(rows, y), theirs.fit(rows, y).fit(rows, y))
    assert len(ours.loss_curve_) == 14
    assert ours.loss_curve_[7] < ours.loss_curve_[6]


# ------------------------------------------- scenarios of scikit-learn's test_mlp.py


@pytest.mark.parametrize("n_class", [2, 10])
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_classification(n_class, activation):
    rows, y = load_digits(n_class=n_class, return_X_y=True)
    rows, y = rows[:200] / 16, y[:200]
    model = MLPClassifierX(
        50, activation, solver="lbfgs", max_iter=150, random_state=1
    ).fit(rows[:150], y[:150])
    assert model.score(rows[:150], y[:150]) > 0.95
    predicted = model.predict(rows[150:])
    assert predicted.shape == (50,)
    assert predicted.dtype.kind == y.dtype.kind


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_regression(activation):
    """The bent activations fit the noise as well, the straight one cannot."""
    rows, y = make_regression(
        n_samples=200, n_features=10, bias=20.0, noise=100.0, random_state=7
    )
    model = MLPRegressorX(
        50, activation, solver="lbfgs", tol=1e-3, max_iter=200, random_state=1
    ).fit(rows, scale(y))
    assert model.score(rows, scale(y)) > {"identity": 0.80, "softplus": 0.95}.get(
        activation, 0.98
    )


def test_multilabel_classification():
    rows, Y = make_multilabel_classification(n_samples=50, random_state=0)
    model = MLPClassifierX(
        50, "logistic", solver="lbfgs", alpha=1e-5, max_iter=150, random_state=0
    ).fit(rows, Y)
    assert model.score(rows, Y) > 0.97


def test_multioutput_regression():
    rows, Y = make_regression(n_samples=200, n_targets=5, random_state=11)
    model = MLPRegressorX(50, solver="lbfgs", tol=1e-2, max_iter=200, random_state=1)
    assert model.fit(rows, Y).score(rows, Y) > 0.9


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_max_fun_limits_the_iterations(Estimator):
    model = Estimator(50, solver="lbfgs", tol=0.0, max_iter=150, max_fun=10)
    with pytest.warns(ConvergenceWarning, match="max_fun=10"):
        model.fit(X, target(Estimator))
    assert model.n_iter_ <= 10


def test_warm_start_needs_the_same_classes():
    y = target(MLPClassifierX)
    model = MLPClassifierX(
        2, solver="lbfgs", warm_start=True, random_state=42, tol=1e-2
    ).fit(X, y)
    model.fit(X, y).fit(X, np.repeat(model.classes_, [40, 40, 70]))
    with pytest.raises(ValueError, match="warm_start can only be used where `y`"):
        model.fit(X, np.repeat(model.classes_[:2], 75))


# -------------------------------------------------------------- beside closed forms


def test_linear_regression_with_a_penalty_has_a_closed_form():
    rows, y = data_of("regression")
    alpha, n = 40.0, len(rows)
    model = MLPRegressorX((), solver="lbfgs", alpha=alpha, tol=1e-9, random_state=0)
    model.fit(rows, y)
    centred = rows - rows.mean(axis=0)
    gram = centred.T @ centred + alpha * np.eye(rows.shape[1])
    expected = np.linalg.solve(gram, centred.T @ (y - y.mean()))
    assert_allclose(model.coefs_[0][:, 0], expected, atol=1e-4)
    assert_allclose(
        model.intercepts_[0][0], y.mean() - rows.mean(axis=0) @ expected, atol=1e-4
    )
    residuals = y - y.mean() - centred @ expected
    least = (residuals @ residuals + alpha * expected @ expected) / (2 * n)
    assert model.loss_ == pytest.approx(least, rel=1e-8)


def test_logistic_regression():
    rows, y = data_of("binary")
    model = MLPClassifierX((), solver="lbfgs", alpha=2.0, tol=1e-8, random_state=0)
    model.fit(rows, y)
    other = LogisticRegression(C=1 / 2.0, tol=1e-8, max_iter=1000).fit(rows, y)
    assert_allclose(model.coefs_[0][:, 0], other.coef_[0], atol=1e-3)
    assert_allclose(model.intercepts_[0], other.intercept_, atol=1e-3)


# --------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_iteration_is_recorded(Estimator, capsys):
    y = target(Estimator)
    model = Estimator((5,), solver="lbfgs", max_iter=9, random_state=0, verbose=True)
    with pytest.warns(ConvergenceWarning, match="max_iter=9"):
        model.fit(X, y)
    assert model.stop_reason_ == "max_iter"
    assert model.history_.keys() == {"epoch", "update", "loss", "seconds"}
    assert model.history_["epoch"] == model.history_["update"] == list(range(1, 10))
    assert model.n_iter_ == 9
    assert (np.diff(model.loss_curve_) < 0).all()
    assert model.loss_ == model.best_loss_ == model.loss_curve_[-1]
    assert model.learning_rate_ is None
    lines = capsys.readouterr().out.splitlines()
    for k, (line, loss) in enumerate(zip(lines, model.loss_curve_, strict=True), 1):
        assert line.startswith(f"Iteration {k}, loss = {loss:.8f}, ")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_parameters_of_the_other_solvers_are_not_read(Estimator):
    y = target(Estimator)
    model = Estimator((5,), solver="lbfgs", max_iter=12, random_state=0).fit(X, y)
    others = {
        "learning_rate_init": 1e-9,
        "lr_schedule": "step",
        "batch_size": 3,
        "shuffle": False,
        "momentum": 0.0,
        "n_iter_no_change": 1,
    }
    other = clone(model).set_params(**others).fit(X, y)
    for mine, theirs in zip(model.coefs_, other.coefs_, strict=True):
        assert_array_equal(mine, theirs)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_float32_stays_float32(Estimator):
    y = target(Estimator)
    settings = {"solver": "lbfgs", "alpha": 1.0, "max_iter": 500, "random_state": 0}
    single = Estimator((5,), "tanh", **settings).fit(X.astype(np.float32), y)
    double = Estimator((5,), "tanh", **settings).fit(X, y)
    assert {W.dtype for W in single.coefs_} == {np.dtype(np.float32)}
    assert single.stop_reason_ == double.stop_reason_ == "converged"
    assert single.loss_ == pytest.approx(double.loss_, rel=0.02)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("task", TASKS)
def test_kernels_and_formulas_agree_in_blocks_of_any_size(task, container, monkeypatch):
    rows, y = data_of(task)
    w = np.random.RandomState(1).gamma(1.0, 2.0, len(rows))
    fits = []
    for kernels in ("0", "1"):
        for elements in (2**20, 64 * 50):
            monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
            monkeypatch.setattr("skoptnet.network._BLOCK_ELEMENTS", elements)
            ours, _ = pair(task, activation="tanh", max_iter=20)
            fits.append(ours.fit(container(rows), y, sample_weight=w))
    for other in fits[1:]:
        assert_same_fit(fits[0], other)


@pytest.mark.parametrize("kernels", ["0", "1"])
def test_memory_does_not_grow_with_the_rows(kernels, monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    rng = np.random.RandomState(0)
    rows, y = rng.standard_normal((40_000, 3)), rng.standard_normal(40_000)
    model = MLPRegressorX((256,), solver="lbfgs", max_iter=2, random_state=0)
    # All hidden activations and their gradients alone would take 164 MB.
    assert peak_of(model.fit, rows, y) < 50e6


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping_keeps_the_best_iteration(Estimator):
    y = target(Estimator)
    settings = {
        "solver": "lbfgs",
        "alpha": 0.0,
        "early_stopping": True,
        "validation_fraction": 0.3,
        "n_iter_no_change": 4,
        "tol": 1e-9,
        "random_state": 3,
    }
    model = Estimator((20,), max_iter=500, **settings).fit(X, y)
    scores = model.validation_scores_
    assert model.stop_reason_ == "early_stopping"
    assert model.n_iter_ == len(scores) < 500
    best = int(np.argmax(scores)) + 1
    assert model.best_validation_score_ == max(scores)
    assert best < model.n_iter_
    assert model.loss_ == model.loss_curve_[best - 1]
    assert max(scores[-4:]) < max(scores[:-4]) + 1e-9
    until = Estimator((20,), max_iter=best, **settings).fit(X, y)
    assert_array_equal(until.coefs_[0], model.coefs_[0])


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_a_warm_start_at_the_minimum_stays_there(Estimator):
    """It is told as one iteration, which changed nothing."""
    y = target(Estimator)
    model = Estimator((), solver="lbfgs", alpha=1.0, warm_start=True).fit(X, y)
    assert model.stop_reason_ == "converged"
    weights, length = model.coefs_[0].copy(), len(model.loss_curve_)
    loss = model.loss_
    model.set_params(tol=1e-2).fit(X, y)
    assert_array_equal(model.coefs_[0], weights)
    assert model.n_iter_ == 1
    assert len(model.loss_curve_) == length + 1
    assert model.loss_ == pytest.approx(loss, rel=1e-12)


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_changing_to_lbfgs_and_back(Estimator):
    y = target(Estimator)
    model = Estimator((5,), warm_start=True, max_iter=4, random_state=0).fit(X, y)
    model.set_params(solver="lbfgs").fit(X, y)
    assert len(model.loss_curve_) == 8
    assert model.loss_curve_[4] < model.loss_curve_[3]
    assert np.isnan(model.history_["learning_rate"][4:]).all()
    polished = model.loss_
    model.set_params(solver="gd", learning_rate_init=1e-6).partial_fit(X, y)
    assert model.history_["epoch"] == list(range(1, 10))
    assert model.loss_ == pytest.approx(polished, rel=1e-6)
    assert model.history_["learning_rate"][-1] == model.learning_rate_ == 1e-6


def test_pickled_model_predicts_alike():
    y = target(MLPClassifierX)
    model = MLPClassifierX((5,), solver="lbfgs", random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    again.set_params(warm_start=True, max_iter=1).fit(X, y)


# -------------------------------------------------------------------- bad luck


class Fault:
    """Makes the n-th pass over the training set go wrong."""

    def __init__(self, monkeypatch, n, error=None):
        self.n, self.error, whole = n, error, Objective.loss_and_gradient

        def faulty(passes, theta, batch):
            self.n -= 1
            if self.n == 0:
                if self.error:
                    raise self.error
                return np.inf
            return whole(passes, theta, batch)

        monkeypatch.setattr(Objective, "loss_and_gradient", faulty)


def settings_of(Estimator):
    return {"solver": "lbfgs", "alpha": 0.0, "random_state": 0, "max_iter": 50}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_trouble_in_a_later_iteration_keeps_the_model(
    Estimator, early_stopping, error, monkeypatch
):
    y = target(Estimator)
    model = Estimator((5,), early_stopping=early_stopping, **settings_of(Estimator))
    whole = clone(model)
    with monkeypatch.context() as context:
        Fault(context, 12, error)
        match = "interrupted by user" if error else "Training diverged in iteration"
        with pytest.warns(UserWarning, match=match) as caught:
            model.fit(X, y)
    assert caught[0].filename == __file__
    assert len(caught) == 1
    assert model.stop_reason_ == ("interrupted" if error else "diverged")
    assert 3 <= model.n_iter_ == len(model.loss_curve_) <= 11
    whole.set_params(max_iter=model.n_iter_).fit(X, y)
    assert_array_equal(model.coefs_[0], whole.coefs_[0])
    assert model.loss_ == whole.loss_
    # It can be gone on with.
    model.set_params(warm_start=True, max_iter=60).fit(X, y)
    assert model.loss_curve_[-1] < whole.loss_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("n", [1, 2])
def test_trouble_in_the_first_iteration_leaves_the_estimator(Estimator, n, monkeypatch):
    y = target(Estimator)
    model = Estimator((5,), **settings_of(Estimator))
    Fault(monkeypatch, n)
    assert_refused("non-finite parameter weights", "fit", X, y, model=model)
    Fault(monkeypatch, n, KeyboardInterrupt("now"))
    assert_refused("now", "fit", X, y, model=model, error=KeyboardInterrupt)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_error_in_the_middle_keeps_the_last_iteration(Estimator, monkeypatch):
    y = target(Estimator)
    model = Estimator((5,), **settings_of(Estimator))
    with monkeypatch.context() as context:
        Fault(context, 12, RuntimeError("in the middle"))
        with pytest.raises(RuntimeError, match="in the middle"):
            model.fit(X, y)
    assert model.stop_reason_ == "failed"
    whole = clone(model).set_params(max_iter=model.n_iter_).fit(X, y)
    assert_array_equal(model.coefs_[0], whole.coefs_[0])


def test_numbers_too_large_to_compute_with():
    model = MLPRegressorX((5,), solver="lbfgs", random_state=0)
    rows = X * 1e200
    assert_fit_refused("non-finite parameter weights", model, rows, rows[:, 0])


def test_a_line_search_that_finds_nothing_is_told(monkeypatch):
    """A gradient that points the wrong way: hardly a step is downhill.

    One that is, by chance, may end the training as converged.
    """
    whole, passes = Objective.loss_and_gradient, []

    def misled(self, theta, batch):
        cost = whole(self, theta, batch)
        passes.append(cost)
        if len(passes) > 8:
            self.g *= -1
        return cost

    y = target(MLPRegressorX)
    monkeypatch.setattr(Objective, "loss_and_gradient", misled)
    for seed in range(10):
        passes.clear()
        model = MLPRegressorX((5,), solver="lbfgs", random_state=seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
        if model.stop_reason_ == "line_search":
            break
    assert "line search" in str(caught[0].message)
    assert caught[0].category is ConvergenceWarning
    assert caught[0].filename == __file__
    assert model.stop_reason_ == "line_search"
    assert model.loss_ == min(model.loss_curve_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_an_ordinary_fit_warns_of_nothing(Estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Estimator((5,), solver="lbfgs", alpha=1.0, max_iter=1000)
        model.fit(X, target(Estimator))
    assert model.stop_reason_ == "converged"
