"""What scikit-learn asks of its own MLP, asked of ours under our parameter names.

Each test is a scenario of scikit-learn's ``neural_network/tests/test_mlp.py``; those
about lbfgs are in ``test_lbfgs.py``, the Poisson loss comes with that. Where ours does
something else on purpose, the test says so.
"""

import math
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import rate_for
from quick_schedules import QUICK, quick
from scipy.sparse import csr_array, csr_matrix
from sklearn.datasets import (
    load_digits,
    load_iris,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.schedules import SCHEDULES, Clock

ESTIMATORS = [MLPClassifierX, MLPRegressorX]

all_solvers = pytest.mark.parametrize("solver", OPTIMIZERS)
both_estimators = pytest.mark.parametrize("Estimator", ESTIMATORS)
may_use_up_its_epochs = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def digits(n_class):
    """Return 200 digits of the first classes, pixels from 0 to 1."""
    X, y = load_digits(n_class=n_class, return_X_y=True)
    return X[:200] / 16, y[:200]


def regression_rows():
    X, y = make_regression(
        n_samples=200, n_features=10, bias=20.0, noise=100.0, random_state=7
    )
    return X, scale(y)


X_IRIS, Y_IRIS = load_iris(return_X_y=True)


# --------------------------------------------------------------- what is minimised


@all_solvers
@may_use_up_its_epochs
def test_larger_alpha_makes_smaller_weights(solver):
    """The layers' absolute sums shrink from no penalty to a strong one."""
    X, y = digits(2)
    sums = []
    for alpha in (0.0, 20.0):
        model = MLPClassifierX(
            10, solver=solver, alpha=alpha, learning_rate_init=0.02, random_state=1
        )
        model.fit(X[:100], y[:100])
        sums.append([np.abs(W).sum() for W in model.coefs_])
    without, penalised = sums
    assert all(np.less(penalised, without))


def test_one_update_worked_out_by_hand():
    """One row, three features, two logistic units, one output, every number traced."""
    x, target, alpha, rate = [0.6, 0.8, 0.7], 0, 0.1, 0.1
    W1, b1 = [[0.1, 0.2], [0.3, 0.1], [0.5, 0.0]], [0.1, 0.1]
    W2, b2 = [0.1, 0.2], 1.0

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def forward(W1, b1, W2, b2):
        h = [sigmoid(sum(x[i] * W1[i][j] for i in range(3)) + b1[j]) for j in (0, 1)]
        return h, sigmoid(h[0] * W2[0] + h[1] * W2[1] + b2)

    h, p = forward(W1, b1, W2, b2)
    assert [round(unit, 4) for unit in h] == [0.6792, 0.5744]
    d2 = p - target
    d1 = [d2 * W2[j] * h[j] * (1 - h[j]) for j in (0, 1)]
    new_W1 = [
        [W1[i][j] - rate * (x[i] * d1[j] + alpha * W1[i][j]) for j in (0, 1)]
        for i in range(3)
    ]
    new_b1 = [b1[j] - rate * d1[j] for j in (0, 1)]
    new_W2 = [W2[j] - rate * (h[j] * d2 + alpha * W2[j]) for j in (0, 1)]
    new_b2 = b2 - rate * d2

    model = MLPClassifierX(
        2, activation="logistic", solver="sgd", learning_rate_init=rate, alpha=alpha
    )
    model.partial_fit([x], [target], classes=[0, 1])
    model.coefs_ = [W1, [[W2[0]], [W2[1]]]]
    model.intercepts_ = [b1, [b2]]
    model.partial_fit([x], [target])

    assert_allclose(model.coefs_[0], new_W1, rtol=1e-12)
    assert_allclose(model.intercepts_[0], new_b1, rtol=1e-12)
    assert_allclose(model.coefs_[1][:, 0], new_W2, rtol=1e-12)
    assert_allclose(model.intercepts_[1], [new_b2], rtol=1e-12)
    _, new_p = forward(new_W1, new_b1, new_W2, new_b2)
    assert_allclose(model.predict_proba([x]), [[1 - new_p, new_p]], rtol=1e-12)
    assert round(new_p, 3) == 0.739


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_classes", [2, 3])
@may_use_up_its_epochs
@pytest.mark.each_value
def test_gradient_is_the_slope_of_the_reported_loss(activation, n_classes):
    """A step of batch gradient descent against differences of ``loss_``."""
    X = np.random.RandomState(42).rand(5, 4)
    y = 1 + np.arange(1, 6) % n_classes
    model = MLPClassifierX(
        3,
        activation=activation,
        solver="gd",
        alpha=1e-2,
        learning_rate_init=1e-300,
        max_iter=1,
        warm_start=True,
        random_state=1,
    ).fit(X, y)

    def parameters():
        return model.coefs_ + model.intercepts_

    slopes = []
    for number, parameter in enumerate(parameters()):
        for place, at in np.ndenumerate(parameter):
            losses = []
            for value in (at + 1e-5, at - 1e-5):
                parameters()[number][place] = value
                losses.append(model.fit(X, y).loss_curve_[-1])
            parameters()[number][place] = at
            slopes.append((losses[0] - losses[1]) / 2e-5)

    before = [p.ravel().copy() for p in model.coefs_ + model.intercepts_]
    model.set_params(learning_rate_init=1.0).fit(X, y)
    after = [p.ravel() for p in model.coefs_ + model.intercepts_]
    steps = np.concatenate(before) - np.concatenate(after)
    assert_allclose(steps, slopes, rtol=1e-6, atol=1e-9)


# ----------------------------------------------------------------------- it learns


def suitable_rate(solver):
    """Return a rate that brings these small problems to their end in time."""
    if solver == "gd":  # whose own is too high for some activations
        return 0.1
    return "auto" if solver in TEXTBOOK else rate_for(solver, 0.01)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_class", [2, 3])
@all_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_classification(solver, n_class, activation):
    """At a rate that suits the solver, whatever the activation."""
    X, y = digits(n_class)
    model = MLPClassifierX(
        50, activation=activation, solver=solver, max_iter=250, random_state=1,
        learning_rate_init=suitable_rate(solver),
    )  # fmt: skip
    model.fit(X[:150], y[:150])
    predicted = model.predict(X[150:])
    assert model.score(X[:150], y[:150]) > 0.95
    assert predicted.shape == (50,)
    assert predicted.dtype.kind == y.dtype.kind


@pytest.mark.parametrize("activation", ACTIVATIONS)
@may_use_up_its_epochs
def test_regression(activation):
    """The bent activations fit the noise as well, the straight one cannot.

    Softplus bends the least.
    """
    X, y = regression_rows()
    model = MLPRegressorX(
        50,
        activation=activation,
        learning_rate_init=0.02,
        tol=0,
        max_iter=400,
        random_state=1,
    )
    score = model.fit(X, y).score(X, y)
    assert score > {"identity": 0.80, "softplus": 0.95}.get(activation, 0.98)


@all_solvers
@may_use_up_its_epochs
def test_multilabel_classification(solver):
    """By `fit`, by `partial_fit`, and with early stopping, which does not stratify."""
    X, Y = make_multilabel_classification(n_samples=50, random_state=0)
    X = scale(X)
    settings = {
        "hidden_layer_sizes": 50, "solver": solver, "random_state": 0,
        "learning_rate_init": suitable_rate(solver),
    }  # fmt: skip
    model = MLPClassifierX(**settings, max_iter=300, tol=0).fit(X, Y)
    assert model.score(X, Y) > 0.9

    model = MLPClassifierX(**settings)
    for _ in range(300):
        model.partial_fit(X, Y, classes=[0, 1, 2, 3, 4])
    assert model.score(X, Y) > 0.9

    model = MLPClassifierX(**settings, early_stopping=True).fit(X, Y)
    assert model.predict(X).shape == Y.shape


@all_solvers
@may_use_up_its_epochs
def test_multioutput_regression(solver):
    """At a rate that suits the solver."""
    X, Y = make_regression(n_samples=200, n_targets=5, random_state=11)
    Y = scale(Y)
    model = MLPRegressorX(
        50, solver=solver, tol=0, max_iter=300, random_state=1,
        learning_rate_init=suitable_rate(solver),
    )  # fmt: skip
    model.fit(X, Y)
    assert model.score(X, Y) > 0.8
    assert model.predict(X).shape == Y.shape


# --------------------------------------------------------------------- partial_fit


def test_partial_fit_with_other_classes():
    model = MLPClassifierX(solver="sgd").partial_fit([[3, 2]], [0], classes=[0, 1])
    with pytest.raises(ValueError, match="not the same as on the first call"):
        model.partial_fit([[3, 2]], [0], classes=[1, 2])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (None, "classes must be passed on the first call"),
        ([2], "needs at least 2 classes"),
        ([2, 3], r"classes not in `self\.classes_`"),
    ],
)
def test_partial_fit_without_the_classes_of_y(classes, message):
    model = MLPClassifierX(solver="sgd")
    with pytest.raises(ValueError, match=message):
        model.partial_fit([[3, 2], [1, 6]], [1, 0], classes=classes)


@pytest.mark.parametrize("n_class", [2, 3])
@all_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_partial_fit_classifies_as_fit_does(solver, n_class):
    X, y = digits(n_class)
    settings = {
        "solver": solver,
        "alpha": 1e-5,
        "learning_rate_init": 0.05,
        "random_state": 1,
    }
    fitted = MLPClassifierX(**settings, max_iter=100, tol=0).fit(X, y)
    model = MLPClassifierX(**settings)
    for _ in range(100):
        model.partial_fit(X, y, classes=np.unique(y))
    assert_array_equal(model.predict(X), fitted.predict(X))
    assert model.score(X, y) > 0.95


def test_partial_fit_on_a_class_not_seen_before():
    model = MLPClassifierX(learning_rate_init=0.01, random_state=0)
    model.partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=["a", "b", "c", "d"])
    for _ in range(200):
        model.partial_fit([[4]], ["d"])
    assert model.predict([[4]]) == ["d"]


@all_solvers
@may_use_up_its_epochs
def test_partial_fit_regresses_as_fit_does(solver):
    """On one minibatch nothing is drawn, so k calls are a fit of k epochs."""
    X, y = regression_rows()
    settings = {
        "solver": solver,
        "learning_rate_init": rate_for(solver, 0.01),
        "batch_size": len(X),
        "random_state": 1,
    }
    fitted = MLPRegressorX(**settings, max_iter=100, tol=0, n_iter_no_change=np.inf)
    fitted.fit(X, y)
    model = MLPRegressorX(**settings)
    for _ in range(100):
        model.partial_fit(X, y)
    assert_allclose(model.predict(X), fitted.predict(X), rtol=1e-12)
    assert_allclose(model.loss_curve_, fitted.loss_curve_, rtol=1e-12)
    assert model.loss_ < 0.6 * model.loss_curve_[0]


@both_estimators
@may_use_up_its_epochs
def test_partial_fit_after_fit_with_early_stopping(Estimator):
    model = Estimator(
        learning_rate_init=1e-3, early_stopping=True, random_state=0, max_iter=5
    )
    model.fit(X_IRIS, Y_IRIS)
    with pytest.raises(
        ValueError, match="partial_fit does not support early_stopping=True"
    ):
        model.partial_fit(X_IRIS, Y_IRIS)


def test_partial_fit_after_loading_goes_on_learning(tmp_path):
    """Also from a memory map, which cannot be written to."""
    model = MLPRegressorX(42, learning_rate_init=0.01, random_state=42)
    model.fit([[2]], [4])
    assert model.predict([[2]]) > 3
    joblib.dump(model, tmp_path / "model.joblib")
    for mmap_mode in (None, "r"):
        loaded = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
        assert_array_equal(loaded.predict([[2]]), model.predict([[2]]))
        for _ in range(200):
            loaded.partial_fit([[2]], [1])
        assert_allclose(loaded.predict([[2]]), [1], rtol=1e-3)


# -------------------------------------------------------------------- probabilities


@may_use_up_its_epochs
def test_predict_proba_binary():
    X, y = digits(2)
    model = MLPClassifierX(
        5, activation="logistic", learning_rate_init=0.01, random_state=1
    )
    proba = model.fit(X[:50], y[:50]).predict_proba(X[:50])
    log_proba = model.predict_log_proba(X[:50])
    assert proba.shape == (50, 2)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert_array_equal(proba.argmax(axis=1), log_proba.argmax(axis=1))
    assert_allclose(log_proba, np.log(proba), rtol=1e-9, atol=1e-12)
    assert roc_auc_score(y[:50], proba[:, 1]) == 1


@may_use_up_its_epochs
def test_predict_proba_multiclass():
    X, y = digits(3)
    model = MLPClassifierX(5, learning_rate_init=0.01, random_state=0)
    model.fit(X[:10], y[:10])
    proba, log_proba = model.predict_proba(X[:10]), model.predict_log_proba(X[:10])
    assert proba.shape == (10, 3)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert_array_equal(proba.argmax(axis=1), log_proba.argmax(axis=1))
    assert_allclose(log_proba, np.log(proba), rtol=1e-9, atol=1e-12)


@may_use_up_its_epochs
def test_predict_proba_multilabel():
    """One probability per label: a row of them does not sum to one."""
    X, Y = make_multilabel_classification(n_samples=50, random_state=0)
    model = MLPClassifierX(
        30, learning_rate_init=0.02, tol=0, max_iter=300, random_state=0
    ).fit(X, Y)
    proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
    assert proba.shape == Y.shape
    assert_array_equal(proba > 0.5, Y)
    assert_array_equal(model.predict(X), Y)
    assert np.abs(proba.sum(axis=1) - 1).max() > 0.5
    assert_array_equal(proba.argmax(axis=1), log_proba.argmax(axis=1))
    assert_allclose(log_proba, np.log(proba), rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- input and dtypes


@all_solvers
@may_use_up_its_epochs
def test_shuffling_changes_the_path_and_repeats_itself(solver):
    """Except for the solver that has but one minibatch, the whole set."""
    X, y = make_regression(n_samples=50, n_features=5, random_state=0)
    y = scale(y)

    def weights(shuffle):
        model = MLPRegressorX(
            1,
            solver=solver,
            learning_rate_init=0.01,
            shuffle=shuffle,
            batch_size=1,
            max_iter=1,
            random_state=0,
        )
        return model.fit(X, y).coefs_[0]

    for shuffle in (True, False):
        assert_array_equal(weights(shuffle), weights(shuffle))
    same = np.array_equal(weights(True), weights(False))
    assert same == OPTIMIZERS[solver].full_batch


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
@all_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_sparse_rows_are_as_dense_ones(solver, container):
    X, y = digits(2)
    X, y = X[:50], y[:50]
    settings = {
        "solver": solver,
        "learning_rate_init": 0.01,
        "batch_size": 16,
        "max_iter": 20,
        "random_state": 1,
    }
    dense = MLPClassifierX(15, **settings).fit(X, y)
    sparse = MLPClassifierX(15, **settings).fit(container(X), y)
    assert_allclose(sparse.loss_curve_, dense.loss_curve_, rtol=1e-9)
    assert_allclose(
        sparse.predict_proba(container(X)), dense.predict_proba(X), rtol=1e-6
    )
    assert_array_equal(dense.predict(container(X)), dense.predict(X))


@all_solvers
@may_use_up_its_epochs
def test_classifier_answers_alike_in_float32(solver):
    X, y = load_digits(n_class=2, return_X_y=True)
    X = X / 16
    answers = []
    for dtype in (np.float64, np.float32):
        rows = X.astype(dtype)
        model = MLPClassifierX(
            (5, 3),
            solver=solver,
            alpha=1e-5,
            learning_rate_init=0.01,
            max_iter=30,
            random_state=1,
        ).fit(rows[:300], y[:300])
        answers.append((model.predict(rows[300:]), model.predict_proba(rows[300:])))
    (labels_64, proba_64), (labels_32, proba_32) = answers
    assert proba_32.dtype == np.float32
    assert_array_equal(labels_64, labels_32)
    assert_allclose(proba_64, proba_32, rtol=1e-2, atol=1e-5)


@all_solvers
@may_use_up_its_epochs
def test_regressor_answers_alike_in_float32(solver):
    X, y = load_digits(n_class=2, return_X_y=True)
    X = X / 16
    answers = []
    for dtype in (np.float64, np.float32):
        rows = X.astype(dtype)
        model = MLPRegressorX(
            (5, 3),
            solver=solver,
            alpha=1e-5,
            learning_rate_init=0.01,
            max_iter=30,
            random_state=1,
        ).fit(rows[:300], y[:300])
        answers.append(model.predict(rows[300:]))
    assert_allclose(*answers, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@both_estimators
@all_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_weights_have_the_dtype_of_the_rows(solver, Estimator, dtype):
    X, y = digits(2)
    X = X.astype(dtype)
    model = Estimator(
        (5, 3), solver=solver, learning_rate_init=1e-3, max_iter=3, random_state=1
    ).fit(X, y)
    assert {p.dtype for p in model.coefs_ + model.intercepts_} == {np.dtype(dtype)}
    if Estimator is MLPRegressorX:
        assert model.predict(X).dtype == dtype


@both_estimators
@may_use_up_its_epochs
def test_feature_names_are_kept_with_early_stopping(Estimator):
    """The validation score must not complain of missing names (two classes here)."""
    values = np.random.RandomState(0).randn(20, 2)
    X = pd.DataFrame(values, columns=["first", "second"])
    y = pd.Series([0, 1] * 10, name="target")
    model = Estimator(
        learning_rate_init=1e-3,
        early_stopping=True,
        validation_fraction=0.2,
        max_iter=5,
    )
    model.fit(X, y)
    assert list(model.feature_names_in_) == ["first", "second"]
    assert len(model.predict(X)) == 20


def test_one_class_is_refused():
    """On purpose: scikit-learn fits a network that can answer nothing else."""
    X = np.random.RandomState(0).randn(20, 2)
    with pytest.raises(ValueError, match=r"MLPClassifierX needs at least 2 classes"):
        MLPClassifierX().fit(X, np.ones(20))


# --------------------------------------------------------------- when training ends


@all_solvers
def test_tolerance_ends_training(solver):
    model = MLPClassifierX(
        solver=solver,
        learning_rate_init=0.01,
        tol=0.5,
        max_iter=3000,
        random_state=0,
    )
    model.fit([[3, 2], [1, 6]], [1, 0])
    assert model.n_iter_ < 3000
    assert model.stop_reason_ == "converged"


@all_solvers
def test_adaptive_rate_ends_training_when_it_is_tiny(solver):
    model = MLPClassifierX(
        solver=solver,
        lr_schedule="adaptive",
        learning_rate_init=0.001,
        tol=0.5,
        max_iter=3000,
        random_state=0,
    )
    model.fit([[3, 2], [1, 6]], [1, 0])
    assert model.n_iter_ < 3000
    assert 1e-7 < model.history_["learning_rate"][-1] < 1e-6
    assert model.stop_reason_ == "converged"


@pytest.mark.parametrize("n_iter_no_change", [2, 5, 10, 50])
def test_n_iter_no_change(n_iter_no_change):
    """The last so many epochs brought no improvement by tol, none earlier did not."""
    X, y = digits(2)
    model = MLPClassifierX(
        solver="momentum",
        learning_rate_init=0.01,
        tol=0.01,
        max_iter=3000,
        n_iter_no_change=n_iter_no_change,
        random_state=0,
    ).fit(X[:100], y[:100])
    assert model.stop_reason_ == "converged"
    idle, ends, best = 0, [], np.inf
    for loss in model.loss_curve_:
        idle = idle + 1 if loss > best - 0.01 else 0
        best = min(best, loss)
        ends.append(idle >= n_iter_no_change)
    assert ends == [False] * (model.n_iter_ - 1) + [True]


@all_solvers
def test_n_iter_no_change_inf_never_stops(solver):
    """Not even with a tolerance that no epoch meets."""
    X, y = digits(2)
    model = MLPClassifierX(
        2,
        solver=solver,
        learning_rate_init=1e-3,
        tol=1e9,
        max_iter=300,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    model.fit(X[:100], y[:100])
    assert model.stop_reason_ == "max_iter"
    assert model.n_iter_ == len(model.loss_curve_) == 300


@both_estimators
@all_solvers
@pytest.mark.each_value
def test_early_stopping(solver, Estimator):
    X, y = digits(2)
    settings = {
        "solver": solver,
        "learning_rate_init": min(rate_for(solver, 0.01), 0.1),
        "tol": 0.2,
        "max_iter": 3000,
        "random_state": 0,
    }
    model = Estimator(**settings, early_stopping=True).fit(X[:100], y[:100])
    assert model.n_iter_ < 3000
    assert model.stop_reason_ == "early_stopping"
    assert model.best_loss_ is None
    assert isinstance(model.validation_scores_, list)
    assert len(model.validation_scores_) == model.n_iter_
    best = model.best_validation_score_
    assert max(model.validation_scores_) == best
    assert max(model.validation_scores_[-10:]) < best + 0.2

    model = Estimator(**settings).fit(X[:100], y[:100])
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert model.best_loss_ == min(model.loss_curve_)


def test_early_stopping_stratifies():
    """A class with one member cannot be in both parts."""
    X = [[1, 2], [2, 3], [3, 4], [4, 5]]
    with pytest.raises(
        ValueError,
        match=r"least populated classes in y have only 1 member.*members are: \[1\]",
    ):
        MLPClassifierX(early_stopping=True).fit(X, [0, 0, 0, 1])


@pytest.mark.parametrize("dtype", [object, str])
@may_use_up_its_epochs
def test_early_stopping_with_words_for_labels(dtype):
    X, codes = make_classification(
        n_samples=200, n_features=10, n_classes=3, n_informative=5, random_state=42
    )
    y = np.array(["class_a", "class_b", "class_c"], dtype=dtype)[codes]
    model = MLPClassifierX(
        learning_rate_init=0.01, early_stopping=True, scoring=None, max_iter=50,
        random_state=42,
    )  # fmt: skip
    model.fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_
    assert np.isfinite(model.validation_scores_).all()
    assert model.best_validation_score_ > 0.5
    assert set(model.predict(X)) == {"class_a", "class_b", "class_c"}


@all_solvers
@may_use_up_its_epochs
def test_early_stopping_with_weights_of_one(solver):
    X, y = make_regression(
        n_samples=100, n_features=2, n_informative=2, random_state=42
    )
    model = MLPRegressorX(
        10,
        solver=solver,
        early_stopping=True,
        tol=1e-2,
        learning_rate_init=0.01,
        batch_size=10,
        max_iter=50,
        random_state=42,
    )
    y = scale(y)
    weighted = model.fit(X, y, sample_weight=np.ones(100)).predict(X)
    assert_allclose(weighted, model.fit(X, y).predict(X), rtol=1e-9)


def test_validation_set_too_small():
    X, y = make_regression(n_samples=2, n_features=5, random_state=0)
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressorX(early_stopping=True, random_state=0).fit(X, y)


@both_estimators
def test_verbose_prints_every_epoch(Estimator, capsys):
    model = Estimator(
        2,
        solver="sgd",
        learning_rate_init=1e-3,
        max_iter=2,
        verbose=10,
        n_iter_no_change=1,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        model.fit([[3, 2], [1, 6]], [1, 0])
    model.partial_fit([[3, 2], [1, 6]], [1, 0])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for number, (line, loss) in enumerate(
        zip(lines, model.loss_curve_, strict=True), start=1
    ):
        assert line.startswith(f"Iteration {number}, loss = {loss:.8f}")


@pytest.mark.parametrize(
    "solver", [name for name in TEXTBOOK if set(TEXTBOOK[name].memory) <= {"v"}]
)
def test_diverging_with_early_stopping_does_not_raise(solver):
    """On purpose it ends at once; scikit-learn goes on to its last epoch.

    These are the solvers whose step grows with the gradient. Unlike scikit-learn's, the
    model that is kept is better than the untrained one, or else there is none.
    """
    model = MLPRegressorX(
        activation="identity",
        solver=solver,
        learning_rate_init=0.01,
        lr_schedule=lambda clock: 1.0 if clock.epoch < 5 else 1e3,
        max_iter=200,
        early_stopping=True,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X_IRIS, Y_IRIS)
    assert model.stop_reason_ == "diverged"
    assert model.n_iter_ < 20
    assert all(type(score) is float for score in model.validation_scores_)
    assert model.best_validation_score_ == np.nanmax(model.validation_scores_)
    assert np.isfinite(model.best_validation_score_)
    assert np.isfinite(model.predict(X_IRIS)).all()


@all_solvers
def test_numbers_too_large_to_compute_with(solver):
    """And nothing but that error is to be seen: no overflow warnings."""
    rng = np.random.RandomState(0)
    X = np.finfo(np.float64).max * rng.uniform(size=(10, 2))
    with pytest.raises(
        ValueError,
        match=r"Solver produced non-finite parameter weights\. The input data may"
        " contain large values and need to be preprocessed",
    ):
        MLPRegressorX(solver=solver, random_state=0).fit(X, rng.standard_normal(10))


# ---------------------------------------------------------------------- warm starts


@pytest.mark.parametrize("schedule", SCHEDULES)
@all_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_warm_start_goes_on_with_the_rate(solver, schedule):
    X, y = [[3, 2], [1, 6], [5, 6], [-2, -4]], [1, 1, 1, 0]
    model = MLPClassifierX(
        4,
        solver=solver,
        lr_schedule=quick(schedule),
        learning_rate_init=0.25,
        decay_epochs=2,
        max_iter=1,
        warm_start=True,
        random_state=0,
    )
    rates = [model.fit(X, y).history_["learning_rate"][-1] for _ in range(4)]
    rule = SCHEDULES[schedule](**QUICK.get(schedule, {}))
    if "decay_epochs" in rule.get_params():
        rule.set_params(decay_epochs=2)
    # A single epoch is no plateau, so "adaptive" stays.
    assert (len(set(rates)) > 1) == (schedule not in ("constant", "adaptive"))
    losses = model.loss_curve_
    clocks = [Clock(e, e, 1, 0, samples=4 * e, losses=losses[:e]) for e in range(4)]
    assert_allclose(rates, [0.25 * rule(clock) for clock in clocks])
    assert model.learning_rate_ == 0.25


@all_solvers
@may_use_up_its_epochs
def test_warm_start_needs_the_same_classes(solver):
    model = MLPClassifierX(
        2,
        solver=solver,
        learning_rate_init=1e-3,
        warm_start=True,
        max_iter=3,
        random_state=42,
    ).fit(X_IRIS, Y_IRIS)
    model.fit(X_IRIS, Y_IRIS)
    model.fit(X_IRIS, np.repeat([0, 1, 2], [40, 40, 70]))
    assert len(model.loss_curve_) == 9

    for other in (
        np.repeat([0, 1], 75),
        np.repeat([0, 1, 3], 50),
        np.repeat([0, 1, 2, 3], [37, 37, 38, 38]),
        np.repeat([0, 1, 2, 3, 4], 30),
    ):
        message = (
            "warm_start can only be used where `y` has the same classes as in the"
            f" previous call to fit. Previously got [0 1 2], `y` has {np.unique(other)}"
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.fit(X_IRIS, other)


@both_estimators
@all_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_warm_start_uses_all_its_epochs(solver, Estimator):
    """Every fit counts to its own max_iter, whatever the fits before it used."""
    rate = {"learning_rate_init": 1e-3, "random_state": 0}
    model = Estimator(2, solver=solver, warm_start=True, max_iter=3, **rate)
    for total in (3, 6):
        model.fit(X_IRIS, Y_IRIS)
        assert model.n_iter_ == 3
        assert len(model.loss_curve_) == total


@both_estimators
@all_solvers
@pytest.mark.each_value
def test_warm_start_without_convergence_warns_each_time(solver, Estimator):
    model = Estimator(
        solver=solver,
        learning_rate_init=1e-3,
        warm_start=True,
        tol=0,
        n_iter_no_change=9,
        random_state=0,
    )
    for max_iter in (10, 20):
        model.set_params(max_iter=max_iter)
        with pytest.warns(ConvergenceWarning, match=f"max_iter={max_iter}"):
            model.fit(X_IRIS, Y_IRIS)
        assert model.n_iter_ == max_iter
        assert model.stop_reason_ == "max_iter"


@both_estimators
@all_solvers
@may_use_up_its_epochs
@pytest.mark.each_value
def test_warm_start_with_early_stopping(solver, Estimator):
    model = Estimator(
        solver=solver,
        learning_rate_init=1e-3,
        max_iter=10,
        random_state=0,
        warm_start=True,
        early_stopping=True,
        n_iter_no_change=np.inf,
    )
    model.fit(X_IRIS, Y_IRIS)
    assert len(model.validation_scores_) == 10
    model.set_params(max_iter=20).fit(X_IRIS, Y_IRIS)
    assert len(model.validation_scores_) == 30
    assert max(model.validation_scores_) == model.best_validation_score_


def test_an_ordinary_fit_warns_of_nothing():
    """So a warning in the scenarios above is never a common one."""
    X, y = digits(2)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model = MLPClassifierX(10, learning_rate_init=0.01, tol=1e-2, random_state=0)
        model.fit(X, y).predict(X)
    assert [str(w.message) for w in seen] == []
