"""Every solver where its path can be foreseen: a valley, a bent one, a saddle.

The solvers come from the registry. Rates are on the solver's scale and fall in the end:
solvers whose updates are of the rate's size cannot come to rest otherwise.
"""

import math

import numpy as np
import pytest
from problems import rate_for
from scipy.optimize import approx_fprime

from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import Update

solvers = pytest.mark.parametrize("solver", list(OPTIMIZERS))


def descend(optimizer, gradient, start, rates):
    """Return the points that a solver reaches."""
    theta, g = np.array(start, dtype=float), np.empty(len(start))
    state = optimizer.start(theta, np)
    update, path = Update(optimizer, theta, g, state, np), []
    for rate in rates:
        g[...] = gradient(update.gradient_point())
        update.step(rate)
        update.update_average()
        path.append(theta.copy())
    return np.array(path)


UPDATES = 4000
RATES = (0.03, 0.3, 1.0)  # of Adam


def falls_to(share, solver, loss, gradient, start):
    """Tell whether a solver brings a loss down so far, at one of the rates."""
    optimizer = OPTIMIZERS[solver](weight_decay=0)
    falling = np.minimum(1, 2 - 2 * np.arange(UPDATES) / UPDATES)
    for rate in RATES:
        with np.errstate(over="ignore", invalid="ignore"):
            rates = rate_for(solver, rate) * falling
            end = loss(descend(optimizer, gradient, start, rates)[-1])
        if end <= share * loss(np.array(start, float)):
            return True
    return False


@solvers
def test_a_badly_conditioned_quadratic(solver):
    """Curvatures from 0.01 to 1."""
    h = np.geomspace(0.01, 1, 10)
    assert falls_to(
        1e-4, solver, lambda x: 0.5 * (h * x * x).sum(), lambda x: h * x, np.ones(10)
    )


@solvers
def test_rosenbrocks_valley(solver):
    """From the usual start, across the bend, with 10 for 100, over 30.

    A curvature of 1 or so is what rates of networks suit.
    """

    def loss(point):
        x, y = point
        return ((1 - x) ** 2 + 10 * (y - x * x) ** 2) / 30

    def gradient(point):
        x, y = point
        bend = 20 * (y - x * x)
        return np.array([-2 * (1 - x) - 2 * x * bend, bend]) / 30

    numerical = approx_fprime(np.array([-1.2, 1]), loss)
    np.testing.assert_allclose(gradient((-1.2, 1)), numerical, rtol=1e-5)
    assert falls_to(1e-3, solver, loss, gradient, (-1.2, 1))


@solvers
def test_a_saddle_is_left(solver):
    """From a point at a distance of 0.001 to where all gradients lead into the saddle.

    (x^2 - y^2) / 2 + y^4 / 4 has its saddle in 0 and minima of -1/4 in (0, -1), (0, 1).
    """

    def above_the_minimum(point):
        x, y = point
        return 0.5 * x * x + 0.25 * (y * y - 1) ** 2

    def gradient(point):
        x, y = point
        return np.array([x, y * (y * y - 1)])

    start = np.array([1, 1e-3])
    numerical = approx_fprime(start, above_the_minimum, 1e-8)
    np.testing.assert_allclose(gradient(start), numerical, rtol=1e-4)
    assert above_the_minimum((0, 0)) == 0.25
    assert falls_to(1e-3, solver, above_the_minimum, gradient, start)


# What single solvers are for.


def ends_of_the_online_problem(solver, C=4.0, updates=6000):
    """Return where a solver ends in [-1, 1] under gradients C, -1, -1, C, ...

    Their mean is positive, so it should end at -1. The constants are those of the
    source, Reddi, Kale and Kumar (2018), Theorem 1.
    """
    optimizer = OPTIMIZERS[solver](beta_1=0.0, beta_2=1 / (1 + C * C))
    theta = np.zeros(1)
    state = optimizer.start(theta, np)
    for t in range(updates):
        state.t += 1
        g = np.array([C if t % 3 == 0 else -1.0])
        optimizer.step(theta, g, state, 0.5 / np.sqrt(t + 1), np)
        np.clip(theta, -1, 1, out=theta)
    return theta[0]


def test_amsgrad_gets_where_adam_goes_astray():
    assert ends_of_the_online_problem("adam") > 0.9
    assert ends_of_the_online_problem("amsgrad") < -0.9


def test_radam_begins_without_the_second_moment():
    """Five updates scale with the gradient, as momentum's do; the sixth does not."""
    steps = []
    for scale in (1.0, 100.0):
        path = descend(
            OPTIMIZERS["radam"](), lambda x, s=scale: s, np.zeros(1), [0.01] * 6
        )
        steps.append(np.diff(path[:, 0], prepend=0))
    np.testing.assert_allclose(steps[0][:5], -0.01, rtol=1e-12)
    np.testing.assert_allclose(steps[1][:5], 100 * steps[0][:5], rtol=1e-12)
    np.testing.assert_allclose(steps[1][5], steps[0][5], rtol=1e-6)
    assert abs(steps[0][5]) < 0.001


def test_adamax_moves_by_no_more_than_the_rate():
    """That is, beta_2 being near 1; in full, (1 - beta_1) / (1 - beta_1 / beta_2)."""
    rng = np.random.RandomState(0)
    sizes = 10.0 ** rng.uniform(-3, 3, 50)
    path = descend(
        OPTIMIZERS["adamax"](),
        lambda x: sizes * rng.randn(50),
        np.zeros(50),
        [0.1] * 40,
    )
    moves = np.abs(np.diff(path, axis=0, prepend=0))
    np.testing.assert_allclose(moves[0], 0.1, rtol=1e-4)
    assert moves.max() < 0.1 * (1 - 0.9) / (1 - 0.9 / 0.999)


@pytest.mark.parametrize("momentum_decay", [0, 0.004, 1.0])
def test_nadams_product_is_that_of_all_its_momenta(momentum_decay):
    """Also in blocks, and after a copy of the state."""
    nadam = OPTIMIZERS["nadam"](momentum_decay=momentum_decay)
    theta = np.ones(70_000)
    state = nadam.start(theta, np)
    for n in (3, 5):
        state = nadam.go_on(state, theta, np)
        update = Update(nadam, theta, np.ones_like(theta), state, np)
        assert len(update.chunks) == 3
        for _ in range(n):
            update.step(0.001)
    momenta = [0.9 * (1 - 0.5 * 0.96 ** (momentum_decay * t)) for t in range(1, 9)]
    assert state.mu_product == pytest.approx(math.prod(momenta), rel=1e-14)
    assert (theta == theta[0]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_variance_of_centered_rmsprop_is_none_of_rounding(dtype):
    """Of a constant gradient it is 0, to rounding, which may have either sign."""
    optimizer = OPTIMIZERS["centered_rmsprop"](momentum=0, epsilon=1e-12)
    theta = np.zeros(200, dtype)
    g = np.linspace(100, 101, 200).astype(dtype)
    state = optimizer.start(theta, np)
    below = False
    for _ in range(1500):
        state.t += 1
        optimizer.step(theta, g, state, 1e-9, np)
        below |= (state.r < state.s * state.s).any()
    assert below
    assert np.isfinite(theta).all()


def test_adadelta_does_not_see_the_unit_of_the_loss():
    """Where the gradients are far above delta, their unit cancels."""
    paths = [
        descend(
            OPTIMIZERS["adadelta"](), lambda x, s=scale: s * x, np.ones(3), [1.0] * 50
        )
        for scale in (1e2, 1e5)
    ]
    np.testing.assert_allclose(*paths, rtol=1e-6)
    assert abs(paths[0][-1, 0] - 1) > 0.1
