"""The temperature of the tabular classifier, by a dense search of its own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import KFold
from tables import KINDS, LABELS, TWO, X, raw_outputs, tiny

from skoptnet import TabularMLPClassifier

SPLITS = list(KFold(3, shuffle=True, random_state=1).split(X))
MULTILABEL = np.column_stack([KINDS == 0, X[:, 1] > 3, X[:, 2] > 4]).astype(int)
#: Temperatures 0.1 percent apart.
GRID = np.exp(np.arange(np.log(0.02), np.log(50), 0.001))


def held_out_outputs(model, rows, splits):
    """Return the raw outputs of the network that held a row out, for each row."""
    Z = model.preprocessor_.transform(rows)
    found = [None] * len(rows)
    for network, (_, held_out) in zip(model.estimators_, splits, strict=True):
        for i, z in zip(held_out, raw_outputs(network, Z[held_out]), strict=True):
            found[i] = z
    return np.array(found)


def log_losses(z, truth, T, binary):
    """Return the log loss of each row, for targets that are shares of the classes."""
    z = z / T
    if binary:
        each = truth * np.logaddexp(0, -z) + (1 - truth) * np.logaddexp(0, z)
        return each.sum(axis=1)
    return np.logaddexp.reduce(z, axis=1) - (truth * z).sum(axis=1)


def truth_of(y, n):
    """Return the targets as if one more row's class were unknown, besides n."""
    binary = y is not LABELS
    if y is LABELS:
        shares, K = (LABELS[:, None] == np.unique(LABELS)).astype(float), 3
    elif y is TWO:
        shares, K = (TWO[:, None] == "short").astype(float), 2
    else:
        shares, K = MULTILABEL.astype(float), 2
    s = 1 / (n + 1)
    return (1 - s) * shares + s / K, binary


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("y", [LABELS, TWO, MULTILABEL], ids=["3", "2", "multilabel"])
@pytest.mark.parametrize("max_iter", [2, 25])
def test_no_other_temperature_has_a_lower_log_loss(y, weighted, max_iter):
    w = np.random.RandomState(0).uniform(0.1, 3, 150) if weighted else np.ones(150)
    model = tiny(TabularMLPClassifier, cv=SPLITS, max_iter=max_iter)
    model.fit(X, y, w if weighted else None)
    z = held_out_outputs(model, X, SPLITS)
    truth, binary = truth_of(y, max(150, w.sum()))
    losses = [np.average(log_losses(z, truth, T, binary), weights=w) for T in GRID]
    assert_allclose(model.temperature_, GRID[np.argmin(losses)], rtol=2e-3)
    at_best = log_losses(z, truth, model.temperature_, binary)
    assert np.average(at_best, weights=w) <= min(losses) * (1 + 1e-6)


@pytest.mark.parametrize("class_weight", ["balanced", {"setosa": 3, "virginica": 0.2}])
def test_rows_have_the_weight_of_their_class(class_weight):
    rows, y = X[20:], LABELS[20:]
    splits = list(KFold(3, shuffle=True, random_state=1).split(rows))
    model = tiny(TabularMLPClassifier, cv=splits, class_weight=class_weight)
    model.set_params(max_iter=15).fit(rows, y)
    if class_weight == "balanced":
        class_weight = {k: 130 / 3 / np.sum(y == k) for k in np.unique(y)}
    w = np.array([class_weight.get(k, 1) for k in y])
    z = held_out_outputs(model, rows, splits)
    s = 1 / (max(130, w.sum()) + 1)
    truth = (1 - s) * (y[:, None] == np.unique(y)) + s / 3
    losses = [np.average(log_losses(z, truth, T, False), weights=w) for T in GRID]
    assert_allclose(model.temperature_, GRID[np.argmin(losses)], rtol=2e-3)


def test_the_unit_of_small_weights_does_not_count():
    """Weights may sum to 1, or be likelihoods."""
    model = tiny(TabularMLPClassifier, max_iter=10)
    whole = model.fit(X, LABELS).temperature_
    for unit in (0.5, 2.0**-8, 2.0**-400):
        w = np.full(150, unit)
        assert_allclose(model.fit(X, LABELS, w).temperature_, whole, rtol=1e-4)


def test_the_temperature_changes_no_label():
    model = tiny(TabularMLPClassifier, max_iter=15).fit(X, LABELS)
    before = model.predict(X)
    sure = model.predict_proba(X).max(axis=1).mean()
    model.temperature_ = 4 * model.temperature_
    assert (model.predict(X) == before).all()
    assert model.predict_proba(X).max(axis=1).mean() < sure


def test_noise_gets_probabilities_near_the_share_of_the_class():
    """Networks that have learnt the noise are very sure; the temperature knows."""
    rng = np.random.RandomState(0)
    rows, y = rng.normal(size=(300, 5)), rng.uniform(size=300) < 0.5
    model = tiny(TabularMLPClassifier, max_iter=30, hidden_layer_sizes=(30,))
    model.fit(rows, y)
    p = model.predict_proba(rng.normal(size=(500, 5)))[:, 1]
    assert np.abs(p - 0.5).max() < 0.3


def test_rows_that_are_all_right_do_not_make_certainty():
    """A rule of succession: n rows that are right bound the probability."""
    x = np.concatenate([np.linspace(-2, -1, 40), np.linspace(1, 2, 40)])[:, None]
    model = tiny(TabularMLPClassifier, max_iter=40, hidden_layer_sizes=(20,))
    model.set_params(learning_rate_init=0.1).fit(x, x[:, 0] > 0)
    assert model.oof_score_ == 1
    p = model.oof_prediction_.max(axis=1)
    assert 0.95 < p.mean() < 1 - 0.2 / 80
    assert np.isfinite(model.predict_log_proba([[-1e9], [1e9]])).all()


def test_rows_that_no_network_held_out_do_not_count():
    """The temperature is that of the others."""
    splits = [(np.arange(50, 150), np.arange(50)), (np.arange(150), np.arange(50, 90))]
    y = KINDS % 2
    order = np.random.RandomState(0).permutation(150)
    rows, y = X[order], y[order]
    model = tiny(TabularMLPClassifier, cv=splits, max_iter=10).fit(rows, y)
    Z = model.preprocessor_.transform(rows)
    z = np.concatenate(
        [
            raw_outputs(network, Z[held_out])
            for network, (_, held_out) in zip(model.estimators_, splits, strict=True)
        ]
    )
    s = 1 / 91
    truth = (1 - s) * y[:90, None] + s / 2
    losses = [log_losses(z, truth, T, True).mean() for T in GRID]
    assert_allclose(model.temperature_, GRID[np.argmin(losses)], rtol=2e-3)
    assert np.isnan(model.oof_prediction_[90:]).all()
    assert np.isfinite(model.oof_prediction_[:90]).all()
