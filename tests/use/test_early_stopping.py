"""Early stopping where a score says little: rare classes, many labels, rare events.

The measure is a training on the same rows whose best epoch is chosen in hindsight, by
the loss of thousands of test rows.
"""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    d2_log_loss_score,
    d2_pinball_score,
    d2_tweedie_score,
    f1_score,
)
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX, MLPRegressorX

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

N, RNG = 16000, np.random.RandomState(0)
X = RNG.standard_normal((N, 10))
TRAIN, TEST = slice(0, 8000), slice(8000, N)

# One row in a hundred is positive.
_logit = X[:, 0] + X[:, 1] - X[:, 2] * X[:, 3]
RARE = (_logit + 0.2 * RNG.standard_normal(N) > np.quantile(_logit, 0.99)).astype(int)
# 50 labels, each on for one row in twenty.
_logits = X @ RNG.standard_normal((10, 50)) + 0.5 * RNG.standard_normal((N, 50))
MANY = (_logits > np.quantile(_logits, 0.95, axis=0)).astype(int)

scorings = pytest.mark.parametrize("scoring", ["loss", None, "accuracy"])


def rows_to_train_on(y):
    return slice(0, 3000) if y is MANY else TRAIN


def unfitted(Estimator, **parameters):
    settings = {"early_stopping": True, "max_iter": 100, "random_state": 0}
    settings |= {"learning_rate_init": 0.001, **parameters}
    return Estimator((50,), **settings)


def stopped(Estimator, y, **parameters):
    rows = rows_to_train_on(y)
    return unfitted(Estimator, **parameters).fit(X[rows], y[rows])


def in_hindsight(model, y):
    """Train as ``model`` was, but keep the epoch with the lowest loss on test rows."""
    best = clone(model).set_params(scoring="loss", n_iter_no_change=np.inf)
    rows = rows_to_train_on(y)
    return best.fit(X[rows], y[rows], X_val=X[TEST], y_val=y[TEST])


def test_the_loss_is_watched_by_default():
    for Estimator, y in ((MLPClassifierX, RARE), (MLPRegressorX, X[:, 0])):
        model = Estimator((5,), early_stopping=True, max_iter=5, random_state=0)
        model.fit(X[:500], y[:500])
        losses = model.history_["validation_loss"]
        assert model.validation_scores_ == [-loss for loss in losses]
        assert model.best_epoch_ == 1 + int(np.argmin(losses))
        assert model.best_validation_score_ == -min(losses)


def figures_of(model, y):
    """Return F1 and D2 of test rows."""
    predicted, p = model.predict(X[TEST]), model.predict_proba(X[TEST])
    f1 = f1_score(y[TEST], predicted, average="micro" if y.ndim == 2 else "binary")
    if y.ndim == 1:
        return f1, d2_log_loss_score(y[TEST], p)
    columns = zip(y[TEST].T, p.T, strict=True)
    return f1, np.mean([d2_log_loss_score(*column) for column in columns])


@pytest.fixture(scope="module")
def best_of_rare():
    best = in_hindsight(unfitted(MLPClassifierX, max_iter=200), RARE)
    return figures_of(best, RARE)


@pytest.fixture(scope="module")
def best_of_many():
    best = in_hindsight(unfitted(MLPClassifierX, max_iter=150), MANY)
    return figures_of(best, MANY)


@scorings
@pytest.mark.once
def test_one_positive_in_a_hundred(scoring, best_of_rare):
    """Accuracy is 0.99 from the first epoch on, in which nothing is learnt."""
    assert RARE.mean() == pytest.approx(0.01, abs=0.002)
    model = stopped(MLPClassifierX, RARE, scoring=scoring, max_iter=200)
    (f1, d2), (best_f1, best_d2) = figures_of(model, RARE), best_of_rare
    assert min(best_f1, best_d2) > 0.6
    assert f1 > best_f1 - 0.15
    assert d2 > best_d2 - (0.1 if scoring == "loss" else 0.2)


@scorings
@pytest.mark.once
def test_fifty_labels(scoring, best_of_many):
    """No row has all its labels right for many epochs: accuracy is 0."""
    model = stopped(MLPClassifierX, MANY, scoring=scoring, max_iter=150)
    (f1, d2), (best_f1, best_d2) = figures_of(model, MANY), best_of_many
    assert min(best_f1, best_d2) > 0.5
    if scoring == "loss":
        assert f1 > best_f1 - 0.05
        assert d2 > best_d2 - 0.05
    else:  # from some epoch on, a few rows are right, and their number decides
        assert f1 > 0.4
        assert d2 > 0.2


@pytest.mark.usefixtures("by_score_alone")
@pytest.mark.parametrize(("y", "average"), [(RARE, "binary"), (MANY, "micro")])
def test_accuracy_alone_ends_before_anything_is_learnt(y, average):
    """These data are of the kind that the tests above are for."""
    model = stopped(MLPClassifierX, y, scoring=None)
    assert model.best_epoch_ < 10
    assert f1_score(y[TEST], model.predict(X[TEST]), average=average) < 0.01


RATE = np.exp(X[:, 0] + 0.5 * X[:, 1])
EVENTS = {
    "poisson": (
        RNG.poisson(0.03 * RATE**1.5),
        lambda y, predicted: d2_tweedie_score(y, predicted, power=1),
    ),
    "gamma": (
        RATE * RNG.gamma(2.0, 0.5, N),
        lambda y, predicted: d2_tweedie_score(y, predicted, power=2),
    ),
    "quantile": (
        X[:, 0] + np.where(RNG.uniform(size=N) < 0.1, np.exp(X[:, 1]), 0),
        lambda y, predicted: d2_pinball_score(y, predicted, alpha=0.95),
    ),
}


@pytest.mark.parametrize("scoring", ["loss", None])
@pytest.mark.parametrize("loss", EVENTS)
@pytest.mark.once
def test_rare_events_and_long_tails(loss, scoring):
    """Losses of the regressor, of which a few rows decide."""
    y, d2 = EVENTS[loss]
    own = {"quantile": 0.95} if loss == "quantile" else {}
    model = stopped(MLPRegressorX, y, loss=loss, scoring=scoring, **own,
                    learning_rate_init=0.005, max_iter=100)  # fmt: skip
    good = in_hindsight(model, y)
    ours, best = (d2(y[TEST], net.predict(X[TEST])) for net in (model, good))
    assert best > 0.15
    assert ours > best - 0.1 * (1 - best)


def test_equal_scores_go_to_the_lowest_loss_through_every_solver_kind():
    """A scorer that is always 0.5 leaves the decision to the loss alone."""
    for solver in ("adam", "gd", "lbfgs"):
        settings = {"solver": solver, "early_stopping": True, "max_iter": 60,
                    "n_iter_no_change": 5, "random_state": 0}  # fmt: skip
        flat = MLPRegressorX((5,), scoring=lambda model, X, y: 0.5, **settings)
        loss = MLPRegressorX((5,), **settings)
        for model in (flat, loss):
            model.fit(X[:300], X[:300, 0] * X[:300, 1])
        assert set(flat.validation_scores_) == {0.5}
        assert flat.best_epoch_ == loss.best_epoch_ > 1
        assert flat.n_iter_ == loss.n_iter_
        np.testing.assert_array_equal(flat.coefs_[0], loss.coefs_[0])


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_warm_start_without_improvement_keeps_the_epoch_of_its_weights(solver):
    """The metrics of the weights that are kept are those of the epoch they are from."""
    X, y = load_iris(return_X_y=True)
    X, rng = scale(X), np.random.RandomState(0)
    noisy = rng.uniform(size=len(y)) < 0.3
    y = np.where(noisy, rng.randint(0, 3, len(y)), y)
    model = MLPClassifierX(
        (50,), learning_rate_init=0.03, alpha=0, early_stopping=True,
        validation_fraction=0.3, warm_start=True, random_state=0,
    )  # fmt: skip
    for _ in range(3):
        model.fit(X, y)
    kept, epoch, loss = model.coefs_[0].copy(), model.best_epoch_, model.loss_
    assert epoch < model.history_["epoch"][-1]
    model.set_params(solver=solver, learning_rate_init=1.0, max_iter=5)
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, y)
        np.testing.assert_array_equal(model.coefs_[0], kept)
        assert (model.best_epoch_, model.loss_) == (epoch, loss)
        history = model.history_
        assert model.loss_ == history["loss"][epoch - 1]
        assert model.best_validation_score_ == history["validation_score"][epoch - 1]
