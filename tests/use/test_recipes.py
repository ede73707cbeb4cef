"""The recipes of the documentation compute what they say: beside other ways to it."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from pages import ROOT, run_python_blocks
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import MLPClassifierX, MLPRegressorX

ROWS = scale(load_iris().data)


@pytest.fixture(scope="module")
def recipes():
    """Return what the blocks of the page define."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield run_python_blocks(ROOT / "docs" / "recipes.md", monkeypatch)


# ----------------------------------------------------------- depth and width as numbers


class Fixed:
    """A trial whose suggestions are given."""

    def __init__(self, **values):
        self.values, self.asked = values, {}

    def suggest_int(self, name, low, high, *, log=False):
        self.asked[name] = (low, high)
        return self.values[name]

    suggest_float = suggest_int


def test_the_objective_scores_a_network_of_these_sizes(recipes):
    trial = Fixed(n_layers=2, n_units=9, rate=0.02)
    network = MLPClassifierX(
        (9, 9),
        learning_rate_init=0.02,
        lr_schedule="cosine",
        max_iter=30,
        random_state=0,
    )
    scores = cross_val_score(
        make_pipeline(StandardScaler(), network),
        recipes.X,
        recipes.y,
        cv=3,
        scoring="neg_log_loss",
    )
    assert recipes.objective(trial) == scores.mean()
    assert set(trial.asked) == set(trial.values)


def test_a_network_with_two_numbers_is_that_with_these_sizes(recipes):
    y = load_iris().target
    settings = {"lr_schedule": "cosine", "max_iter": 15, "random_state": 3}
    expected = MLPClassifierX((7, 7, 7), **settings).fit(ROWS, y).predict_proba(ROWS)
    sized = recipes.SizedClassifier(n_units=7, **settings)
    for model in (
        sized.set_params(n_layers=3).fit(ROWS, y),
        clone(sized).fit(ROWS, y),
        pickle.loads(pickle.dumps(sized)),
        recipes.SizedClassifier(3, 7, **settings).fit(ROWS, y),
    ):
        assert np.array_equal(model.predict_proba(ROWS), expected)
    assert "hidden_layer_sizes" not in sized.get_params()
    sized.partial_fit(ROWS, y)
    assert sized.to_sklearn().hidden_layer_sizes == (7, 7, 7)


# ------------------------------------------------------------- probabilities as targets


def repeated(X, P):
    n, k = P.shape
    row = np.repeat(np.arange(n), k)
    return X[row], np.tile(np.arange(k), n), P.ravel()


def first_weights(rng, sizes):
    """Draw from Glorot's uniform distribution, weights before biases."""
    weights = []
    for fan_in, fan_out in pairwise(sizes):
        bound = np.sqrt(6 / (fan_in + fan_out))
        weights.append(rng.uniform(-bound, bound, (fan_in, fan_out)))
        weights.append(rng.uniform(-bound, bound, fan_out))
    return weights


def descend(X, P, *, rate, alpha, steps, seed):
    """Gradient descent on the cross-entropy between P and the predictions."""
    n, k = P.shape
    n_outputs = 1 if k == 2 else k
    targets = P[:, 1:] if k == 2 else P
    W, b, V, c = first_weights(np.random.RandomState(seed), (X.shape[1], 6, n_outputs))
    for _ in range(steps):
        z = X @ W + b
        h = np.maximum(z, 0)
        link = expit if k == 2 else lambda out: softmax(out, axis=1)
        error = (link(h @ V + c) - targets) / n
        back = (error @ V.T) * (z > 0)
        W, V = (
            W - rate * (X.T @ back + alpha / n * W),
            V - rate * (h.T @ error + alpha / n * V),
        )
        b, c = b - rate * back.sum(axis=0), c - rate * error.sum(axis=0)
    return W, b, V, c


@pytest.mark.parametrize("alpha", [0.0, 2.0])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_repeated_rows_descend_the_cross_entropy_of_soft_labels(k, alpha):
    P = np.random.RandomState(k).dirichlet(np.ones(k), size=len(ROWS))
    model = MLPClassifierX(
        (6,),
        solver="gd",
        learning_rate_init=0.3,
        alpha=alpha,
        max_iter=40,
        n_iter_no_change=np.inf,
        random_state=5,
    )
    X, labels, weights = repeated(ROWS, P)
    model.fit(X, labels, sample_weight=weights)
    expected = descend(ROWS, P, rate=0.3, alpha=alpha, steps=40, seed=5)
    found = (
        model.coefs_[0], model.intercepts_[0], model.coefs_[1], model.intercepts_[1],
    )  # fmt: skip
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)
    logits = np.maximum(ROWS @ expected[0] + expected[1], 0) @ expected[2] + expected[3]
    if k == 2:
        logits = np.hstack([np.zeros_like(logits), logits])
    np.testing.assert_allclose(
        model.predict_log_proba(ROWS), log_softmax(logits, axis=1), rtol=1e-7
    )


def test_labels_that_are_sure_are_the_labels():
    """With P of zeros and ones, nothing but the number of copies differs."""
    y = load_iris().target
    settings = {"solver": "lbfgs", "tol": 1e-2, "random_state": 0}
    X, labels, weights = repeated(ROWS, np.eye(3)[y])
    soft = MLPClassifierX((5,), **settings).fit(X, labels, sample_weight=weights)
    hard = MLPClassifierX((5,), **settings).fit(ROWS, y)
    np.testing.assert_allclose(
        soft.predict_proba(ROWS), hard.predict_proba(ROWS), atol=1e-6
    )


def test_the_page_repeats_rows_as_here(recipes):
    X, labels, weights = repeated(recipes.rows, recipes.P)
    assert np.array_equal(recipes.rows[recipes.row], X)
    assert np.array_equal(recipes.label, labels)
    np.testing.assert_allclose(recipes.P.sum(axis=1), 1)
    assert np.mean(recipes.P.argmax(axis=1) == load_iris().target) > 0.9
    assert np.array_equal(recipes.P.ravel(), weights)


# -------------------------------------------------------------------------- importances


def test_importances_are_mean_sizes_of_derivatives(recipes):
    """Beside differences of the raw outputs."""
    y = load_iris().target
    model = recipes.WithImportances(
        (8,), activation="tanh", lr_schedule="linear", max_iter=30, random_state=0
    )
    model.fit(ROWS, y)
    sizes, h = np.empty(4), 1e-5
    for j in range(4):
        step = h * np.eye(4)[j]
        high, low = (model.decision_function(ROWS + s) for s in (step, -step))
        sizes[j] = np.abs((high - low) / (2 * h)).mean()
    np.testing.assert_allclose(model.feature_importances_, sizes, rtol=1e-6)
    assert np.array_equal(
        recipes.length_of_first_weights(model),
        np.sqrt((model.coefs_[0] ** 2).sum(axis=1)),
    )


# --------------------------------------------------------- targets that are transformed


def test_y_val_transformed_by_hand_is_what_early_stopping_sees(recipes):
    """Beside a network that is fitted on the transformed targets itself."""
    X, y, X_val, y_val = recipes.A, recipes.prices, recipes.A_val, recipes.prices_val
    scaler = StandardScaler().fit(X)
    settings = {"early_stopping": True, "max_iter": 500, "random_state": 0}
    network = MLPRegressorX((20,), **settings)
    network.fit(
        scaler.transform(X),
        np.log(y),
        X_val=scaler.transform(X_val),
        y_val=np.log(y_val),
    )
    assert network.best_epoch_ < network.n_iter_
    inside = recipes.model.regressor_[-1]  # of the last block of the page
    for name in ("loss", "validation_loss"):
        assert inside.history_[name] == network.history_[name]
    expected = np.exp(network.predict(scaler.transform(X_val)))
    np.testing.assert_allclose(recipes.model.predict(X_val), expected)
    errors = np.log(y_val) - network.predict(scaler.transform(X_val))
    best = network.history_["validation_loss"][network.best_epoch_ - 1]
    assert best == pytest.approx(0.5 * np.mean((errors / np.log(y).std()) ** 2))
