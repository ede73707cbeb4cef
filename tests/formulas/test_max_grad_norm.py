"""Gradients are shortened to max_grad_norm, over all layers together."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from skoptnet import SGD, MLPRegressorX
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of (epochs|iterations)")

X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)
solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))


def weights(model):
    return np.concatenate([part.ravel() for part in model.coefs_ + model.intercepts_])


def model(**parameters):
    settings = {"batch_size": len(y), "max_iter": 1, "random_state": 0}
    return MLPRegressorX((7,), **settings | parameters)


def one_update(rows=X, **parameters):
    """Return the change that the first update makes, at a rate of 1."""
    rate = {"solver": "sgd", "learning_rate_init": 1.0}
    after = model(**rate, **parameters).fit(rows, y)
    still = model(solver="sgd", learning_rate_init=1e-300).fit(rows, y)
    return weights(after) - weights(still)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_update_is_as_long_as_allowed_and_keeps_its_direction(dtype):
    rows = X.astype(dtype)
    free, short = one_update(rows), one_update(rows, max_grad_norm=0.01)
    tolerance = {np.float32: 1e-3, np.float64: 1e-9}[dtype]
    assert np.linalg.norm(free) > 0.1
    assert np.linalg.norm(short) == pytest.approx(0.01, rel=tolerance)
    cosine = short @ free / np.linalg.norm(short) / np.linalg.norm(free)
    assert cosine == pytest.approx(1, abs=tolerance)


@solvers
def test_shorter_gradients_are_as_they_were(solver):
    options = {"solver": solver, "max_iter": 5, "batch_size": 100}
    free = model(**options).fit(X, y)
    limited = model(**options, max_grad_norm=1e6).fit(X, y)
    np.testing.assert_allclose(weights(limited), weights(free), rtol=1e-9)


@solvers
def test_every_solver_gets_the_shortened_gradient(solver, monkeypatch):
    """As if the objective itself had such gradients."""
    monkeypatch.setenv("SKOPTNET_KERNELS", "0")
    options = {"solver": solver, "max_iter": 4, "batch_size": 100}
    limited = model(**options, max_grad_norm=0.05).fit(X, y)
    original = Network.loss_and_gradient

    def shortened(self, *args, **options):
        loss = original(self, *args, **options)
        g = args[4]
        g *= min(1, 0.05 / np.sqrt((g**2).sum()))
        return loss

    monkeypatch.setattr(Network, "loss_and_gradient", shortened)
    expected = model(**options).fit(X, y)
    np.testing.assert_allclose(weights(limited), weights(expected), rtol=1e-9)


def test_it_tames_what_would_diverge():
    options = {"solver": SGD(), "learning_rate_init": 0.5, "max_iter": 20}
    rows = 30 * X
    with pytest.raises(ValueError, match="diverged in epoch"):
        model(**options).fit(rows, 1000 * y)
    tamed = model(**options, max_grad_norm=1.0).fit(rows, 1000 * y)
    assert np.isfinite(tamed.loss_curve_).all()
    assert tamed.stop_reason_ == "max_iter"


def test_lbfgs_does_not_read_it():
    options = {"solver": "lbfgs", "max_iter": 30}
    free = model(**options).fit(X, y)
    limited = model(**options, max_grad_norm=1e-3).fit(X, y)
    np.testing.assert_array_equal(weights(limited), weights(free))
