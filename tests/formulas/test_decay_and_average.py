"""Decoupled weight decay, and averages of the weights, with every solver."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.preprocessing import scale

from skoptnet import SGD, Adam, MLPClassifierX, MLPRegressorX, Momentum
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import Update
from skoptnet.testing import check_optimizer

DIGITS = load_digits()
X, y = DIGITS.data[:300] / 16, DIGITS.target[:300]


def taking(parameter):
    """Return the names of the solvers that have a parameter."""
    return [
        name
        for name, solver in OPTIMIZERS.items()
        if parameter in inspect.signature(solver).parameters
    ]


decaying = pytest.mark.parametrize("solver", taking("weight_decay"))
averaging = pytest.mark.parametrize("solver", taking("average"))


def test_every_built_in_solver_takes_weight_decay():
    assert taking("weight_decay") == list(OPTIMIZERS)


def network():
    return Network((4, 5, 2), (ACTIVATIONS["tanh"](),), LOSSES["squared_error"]())


@decaying
def test_weights_decay_by_the_rate_and_biases_do_not(solver):
    """Where all gradients are zero, decay is all there is."""
    optimizer, net = OPTIMIZERS[solver](weight_decay=0.1), network()
    theta = np.linspace(1, 2, net.n_parameters)
    before, rates = net.layers(theta.copy()), (0.3, 0.2, 0.1)
    state = optimizer.start(theta, np)
    update = Update(optimizer, theta, np.zeros_like(theta), state, np, net.layout)
    for rate in rates:
        update.gradient_point()
        update.step(rate)
    share = np.prod([1 - 0.1 * rate for rate in rates])
    for (W, b), (W_before, b_before) in zip(net.layers(theta), before, strict=True):
        np.testing.assert_array_equal(b, b_before)
        assert (np.abs(W) < np.abs(W_before)).all()
        if type(optimizer).decay is type(SGD()).decay and theta is update.iterate:
            np.testing.assert_allclose(W, share * W_before, rtol=1e-14)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
def test_for_plain_descent_decay_is_the_l2_penalty(Estimator, dtype):
    """theta - rate (g + lambda theta) = (1 - rate lambda) theta - rate g."""
    options = {"random_state": 0, "max_iter": 20, "tol": 0, "learning_rate_init": 0.05}
    decays = Estimator(solver=SGD(weight_decay=0.03), alpha=0, **options)
    penalised = Estimator(solver=SGD(), alpha=0.03 * len(X), **options)
    for model in (decays, penalised):
        model.fit(X.astype(dtype), y)
    room = 1e-9 if dtype == np.float64 else 1e-4
    for mine, theirs in zip(decays.coefs_, penalised.coefs_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=room, atol=room)


def test_for_adam_decay_is_not_the_l2_penalty():
    """A weight whose gradient is zero steps by rate lambda theta, not about rate."""
    net = network()
    theta = np.linspace(1, 2, net.n_parameters)
    before, optimizer = theta.copy(), Adam(weight_decay=0.01)
    state = optimizer.start(theta, np)
    Update(optimizer, theta, np.zeros_like(theta), state, np, net.layout).step(0.001)
    W_1 = net.layout[0].rows
    np.testing.assert_allclose(theta[W_1], (1 - 0.001 * 0.01) * before[W_1], rtol=1e-15)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@decaying
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.each_value
def test_kernels_decay_as_the_formula_says(solver, dtype, monkeypatch):
    def fit():
        optimizer = OPTIMIZERS[solver](weight_decay=0.2)
        model = MLPClassifierX((7, 5), solver=optimizer, random_state=0, max_iter=4)
        model.set_params(learning_rate_init=0.01, tol=0, batch_size=60)
        with np.errstate(all="ignore"):
            return model.fit(X.astype(dtype), y)._run.theta

    kernels = fit()
    monkeypatch.setenv("SKOPTNET_KERNELS", "0")
    room = 1e-9 if dtype == np.float64 else 2e-4
    np.testing.assert_allclose(kernels, fit(), rtol=room, atol=room)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_decay_makes_weights_smaller():
    data = load_diabetes()
    X, y = scale(data.data), scale(data.target)
    norms = [
        sum(
            np.square(W).sum()
            for W in MLPRegressorX(
                solver=Adam(weight_decay=decay), random_state=0, max_iter=50
            )
            .fit(X, y)
            .coefs_
        )
        for decay in (0, 0.1, 1)
    ]
    assert norms[0] > 1.1 * norms[1] > 1.3 * norms[2]


# Averages.


def test_an_average_is_the_mean_at_first_and_exponential_later():
    """With a constant gradient the updates are at 1 - rate, 1 - 2 rate, ..."""
    optimizer, theta, g = SGD(average=0.9), np.ones(3), np.ones(3)
    update = Update(optimizer, theta, g, optimizer.start(theta, np), np)
    path, mean = [], None
    for t in range(1, 40):
        update.step(0.01)
        update.update_average()
        path.append(1 - 0.01 * t)
        mean = np.mean(path) if t <= 10 else 0.9 * mean + 0.1 * path[-1]
        np.testing.assert_allclose(theta, mean, rtol=1e-13)
        np.testing.assert_allclose(update.iterate, path[-1], rtol=1e-13)


@averaging
def test_what_is_reported_is_the_mean_of_what_the_solver_does_alone(solver):
    """Up to 1 / (1 - average) updates; the minibatches are the same."""

    def model(average):
        optimizer = OPTIMIZERS[solver](average=average)
        return MLPClassifierX((6,), solver=optimizer, random_state=0)

    alone, averaged = model(0), model(0.99)
    path = []
    for _ in range(9):
        alone.partial_fit(X, y, classes=range(10))
        averaged.partial_fit(X, y, classes=range(10))
        path.append(alone._run.theta.copy())
        if OPTIMIZERS[solver].full_batch:
            reported = np.mean(path, axis=0)
            np.testing.assert_allclose(averaged._run.theta, reported, rtol=1e-9)
        np.testing.assert_allclose(averaged._run.state.iterate, path[-1], rtol=1e-9)
    assert not np.allclose(averaged._run.theta, path[-1])


@averaging
def test_a_solver_with_an_average_keeps_the_contract(solver):
    check_optimizer(OPTIMIZERS[solver](average=0.5))


@averaging
def test_going_on_with_an_average_is_exact(solver):
    whole = MLPClassifierX(
        (6,), solver=OPTIMIZERS[solver](average=0.95), random_state=0
    )
    halves = clone(whole)
    for _ in range(6):
        whole.partial_fit(X, y, classes=range(10))
    for _ in range(3):
        halves.partial_fit(X, y, classes=range(10))
    again = pickle.loads(pickle.dumps(halves))
    for _ in range(3):
        again.partial_fit(X, y)
    np.testing.assert_array_equal(whole._run.theta, again._run.theta)


def test_averages_can_be_switched_on_and_off_between_calls():
    model = MLPClassifierX((6,), solver=Momentum(), random_state=0)
    model.partial_fit(X, y, classes=range(10))
    before = model._run.theta.copy()
    model.set_params(solver__average=0.9).partial_fit(X, y)
    assert not np.array_equal(model._run.state.iterate, model._run.theta)
    assert not np.array_equal(before, model._run.theta)
    v = model._run.state.v.copy()
    model.set_params(solver__average=0.0).partial_fit(X, y)
    assert set(vars(model._run.state)) == {"t", "v"}
    assert not np.array_equal(v, model._run.state.v)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_training_goes_on_from_the_best_epoch_not_from_where_the_solver_was():
    model = MLPClassifierX((6,), solver=Adam(average=0.9), random_state=0)
    model.set_params(early_stopping=True, n_iter_no_change=3, learning_rate_init=0.05)
    model.fit(X, y)
    assert model.best_epoch_ < model.n_iter_
    np.testing.assert_array_equal(model._run.state.iterate, model._run.theta)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_average_is_nearer_to_the_minimum_than_noisy_updates_are():
    """A linear model by minibatches of 5: the exact solution is known."""
    rng = np.random.RandomState(0)
    X = scale(rng.standard_normal((400, 10)))
    y = scale(X @ rng.standard_normal(10) + 3 * rng.standard_normal(400))
    exact = np.linalg.lstsq(X, y, rcond=None)[0]
    errors = {}
    for average in (0, 0.999):
        model = MLPRegressorX((), solver=SGD(average=average), alpha=0, batch_size=5)
        model.set_params(learning_rate_init=0.1, max_iter=60, tol=0, random_state=0)
        model.fit(X, y)
        errors[average] = np.linalg.norm(model.coefs_[0].ravel() - exact)
    assert errors[0.999] < 0.2 * errors[0]


def test_l1_and_average_go_together():
    model = MLPRegressorX((), solver=SGD(average=0.9), alpha=30.0, l1_ratio=1.0)
    model.set_params(
        learning_rate_init=0.03, batch_size=300, tol=0, max_iter=400, random_state=0
    )
    noise = np.random.RandomState(0).standard_normal((300, 20))
    with pytest.warns(UserWarning, match="max_iter|iterations"):
        model.fit(noise, 3 * noise[:, 0])
    W = model._run.state.iterate[:20]
    assert (W[1:] == 0).sum() >= 15
    np.testing.assert_allclose(model.coefs_[0].ravel(), W, atol=1e-4)


@pytest.mark.parametrize(
    ("parameter", "bad"),
    [("weight_decay", -0.1), ("average", 1.0), ("average", -0.1), ("average", "yes")],
)
def test_bad_values_are_refused(parameter, bad):
    model = MLPClassifierX(solver=Adam(**{parameter: bad}))
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of Adam must"):
        model.fit(X, y)
