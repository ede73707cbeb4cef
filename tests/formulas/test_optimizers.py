"""Every solver keeps the contract, converges as theory says, and is named once."""

import numpy as np
import pytest

from skoptnet import SGD, Adam, Momentum, Optimizer
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.update import Update
from skoptnet.testing import check_optimizer

SOLVERS = sorted(OPTIMIZERS)


@pytest.mark.parametrize("name", SOLVERS)
def test_keeps_the_contract(name):
    check_optimizer(OPTIMIZERS[name]())


@pytest.mark.parametrize("name", SOLVERS)
def test_docstring_has_formula_memory_and_source(name):
    doc = OPTIMIZERS[name].__doc__
    for part in (".. math::", "Memory:", "Source:", "Examples", f'solver="{name}"'):
        assert part in doc


def _quadratic_rate(optimizer, rate, eigenvalues, updates=400):
    """Return the contraction per update, measured over the second half."""
    theta = np.ones_like(eigenvalues)
    g = np.empty_like(theta)
    update = Update(optimizer, theta, g, optimizer.start(theta, np), np)
    norms = []
    for _ in range(updates):
        g[...] = eigenvalues * update.gradient_point()
        update.step(rate)
        norms.append(np.linalg.norm(theta))
    half = updates // 2
    return (norms[-1] / norms[half]) ** (1 / (updates - 1 - half))


@pytest.mark.parametrize("name", ["gd", "sgd"])
def test_gradient_descent_contracts_at_its_optimal_rate(name):
    """At rate 2 / (M + m): (M/m - 1) / (M/m + 1) per update, exactly."""
    m, M = 1.0, 10.0
    measured = _quadratic_rate(OPTIMIZERS[name](), 2 / (M + m), np.array([m, 5.0, M]))
    assert measured == pytest.approx((M / m - 1) / (M / m + 1), rel=1e-10)


def test_momentum_contracts_at_its_optimal_rate():
    """Spectral radius (sqrt(M/m) - 1) / (sqrt(M/m) + 1), read off the update matrix."""
    m, M = 1.0, 100.0
    best = (np.sqrt(M / m) - 1) / (np.sqrt(M / m) + 1)
    momentum, rate = best**2, (2 / (np.sqrt(M) + np.sqrt(m))) ** 2
    optimizer = Momentum(momentum=momentum)
    for eigenvalue in np.linspace(m, M, 7):
        columns = []
        for theta, v in ((1.0, 0.0), (0.0, 1.0)):
            at, state = np.array([theta]), optimizer.start(np.zeros(1), np)
            state.v[:] = v
            optimizer.step(at, eigenvalue * at, state, rate, np)
            columns.append([at[0], state.v[0]])
        radius = np.abs(np.linalg.eigvals(np.array(columns).T)).max()
        # A double eigenvalue is known to the root of the rounding error only.
        assert radius == pytest.approx(best, abs=1e-7)


def test_nesterov_takes_its_gradient_ahead_and_reports_theta():
    """One update by hand on C = theta^2 / 2."""
    nesterov = OPTIMIZERS["nesterov"](momentum=0.5)
    theta = np.array([1.0])
    state = nesterov.start(theta, np)
    state.v[:] = -0.2
    ahead = nesterov.gradient_point(theta, state, np)
    assert ahead == pytest.approx([0.9])
    nesterov.step(theta, ahead, state, 0.1, np)
    assert state.v == pytest.approx([0.5 * -0.2 - 0.1 * 0.9])
    assert theta == pytest.approx([1 - 0.19])


def test_first_adam_step_has_the_length_of_the_rate():
    """The bias correction makes the first update rate * sign(g), nearly."""
    theta, g = np.zeros(3), np.array([1e-3, -5.0, 400.0])
    adam = Adam()
    state = adam.start(theta, np)
    state.t = 1
    adam.step(theta, g, state, 0.01, np)
    assert theta == pytest.approx(-0.01 * np.sign(g), rel=1e-4)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.each_value
def test_blocks_of_a_long_vector_change_nothing(name, dtype, monkeypatch):
    optimizer, rng = OPTIMIZERS[name](), np.random.RandomState(0)
    start, gradients = rng.randn(100).astype(dtype), rng.randn(7, 100).astype(dtype)
    ends = []
    for block in (10**6, 32):
        monkeypatch.setattr("skoptnet.optimizers.update._BLOCK", block)
        theta, g = start.copy(), np.empty_like(start)
        state = optimizer.start(theta, np)
        update = Update(optimizer, theta, g, state, np)
        for row in gradients:
            g[...] = row * update.gradient_point()
            update.step(0.1)
        assert state.t == len(gradients)
        remembered = [getattr(state, name) for name in optimizer.memory]
        ends.append(
            [theta, *remembered, *(getattr(state, n) for n in optimizer.numbers)]
        )
    for whole, blocked in zip(*ends, strict=True):
        np.testing.assert_array_equal(whole, blocked)


def test_state_copies_share_nothing():
    adam = Adam()
    state = adam.start(np.zeros(3), np)
    twin = state.copy()
    twin.s += 1
    twin.t = 5
    assert not state.s.any()
    assert state.t == 0


def test_an_optimizer_without_step_cannot_be_made():
    class Idle(Optimizer):
        pass

    with pytest.raises(TypeError, match="step"):
        Idle()


def test_own_solver_may_replace_its_vectors():
    """A solver that is not elementwise gets the state itself, not views of it."""

    class Replacing(SGD):
        memory = ("v",)
        elementwise = False

        def step(self, theta, g, state, rate, xp):
            state.v = 0.5 * state.v - rate * g
            theta += state.v

    twin, given = Momentum(momentum=0.5), Replacing()
    thetas = []
    for optimizer in (twin, given):
        theta, g = np.ones(5), np.empty(5)
        update = Update(optimizer, theta, g, optimizer.start(theta, np), np)
        for _ in range(4):
            g[...] = theta
            update.step(0.1)
        thetas.append(theta)
    np.testing.assert_allclose(*thetas, rtol=1e-14)
