"""Conformance checks for solvers, schedules and activations, also for your own.

Each raises an AssertionError that says which part of the contract is broken.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from copy import deepcopy

import numpy as np
from sklearn.base import clone

from ._types import Array
from .activations import Activation
from .backends import Update
from .optimizers import Optimizer
from .schedules import Clock, Schedule

_P = 23  # coordinates of the test problem; odd, so that blocks come out uneven


class _Training:
    """A solver at work on the quadratic 1/2 sum_i h_i theta_i^2."""

    def __init__(self, optimizer: Optimizer, dtype: type = np.float64):
        self.optimizer = optimizer
        self.theta: Array = np.linspace(-1, 1, _P).astype(dtype)
        self.curvature: Array = np.linspace(0.5, 2, _P)[::-1].astype(dtype)
        self.state = optimizer.start(self.theta, np)

    def updates(self, n: int, eps: float = 0.01) -> Array:
        g = np.empty_like(self.theta)
        update = Update(self.optimizer, self.theta, g, self.state, np)
        for _ in range(n):
            g[...] = self.curvature * update.gradient_point()
            update.step(eps)
            update.take_average()
        return self.theta

    def loss(self) -> float:
        return float(0.5 * np.sum(self.curvature * self.theta**2))


def check_optimizer(optimizer: Optimizer) -> None:
    """Check that a solver keeps the contract of `Optimizer`.

    Parameters
    ----------
    optimizer : Optimizer
        The solver, with the hyperparameters it is to be checked with. It is used in
        copies only.

    Raises
    ------
    AssertionError
        Naming the part of the contract that is broken.

    Examples
    --------
    >>> from skoptnet import RMSProp
    >>> from skoptnet.testing import check_optimizer
    >>> check_optimizer(RMSProp(rho=0.5))
    """
    for check in _OPTIMIZER_CHECKS:
        check(deepcopy(optimizer))


def _checks_out(optimizer: Optimizer) -> None:
    optimizer.check()
    rate = optimizer.default_learning_rate
    assert 0 < rate < math.inf, (
        f"default_learning_rate must be positive. Got {rate!r} instead."
    )


def _is_cloned(optimizer: Optimizer) -> None:
    twin = clone(optimizer)
    assert repr(twin.get_params()) == repr(optimizer.get_params()), (
        "clone() must give the same hyperparameters: __init__ has to store each of its"
        " arguments, unchanged, under the argument's name."
    )


def _keeps_dtype_and_shape(optimizer: Optimizer) -> None:
    for dtype in (np.float32, np.float64):
        training = _Training(optimizer, dtype)
        theta = training.updates(3)
        assert theta is training.theta, "step must change theta in place."
        vectors = {name: getattr(training.state, name) for name in optimizer.memory}
        for name, vector in {"theta": theta, **vectors}.items():
            assert vector.dtype == dtype, (
                f"{name} must stay {np.dtype(dtype)}. It became {vector.dtype}."
            )
            assert vector.shape == (_P,), f"{name} must keep its shape ({_P},)."


def _remembers_what_it_declares(optimizer: Optimizer) -> None:
    training = _Training(optimizer)
    training.updates(3)
    found, declared = set(vars(training.state)), {"t", *optimizer.memory}
    declared |= set(optimizer.numbers)
    if optimizer.average:
        declared.add("iterate")
    assert found == declared, (
        "The state must hold what `memory` and `numbers` declare,"
        f" {sorted(declared)}."
        f" It holds {sorted(found)}."
    )
    assert training.state.t == 3, "t must count the updates."


def _keeps_its_hyperparameters(optimizer: Optimizer) -> None:
    before = repr(vars(optimizer))
    _Training(optimizer).updates(3)
    assert repr(vars(optimizer)) == before, (
        "step must leave the optimizer as it is; what it remembers belongs in `state`."
    )


def _repeats_itself(optimizer: Optimizer) -> None:
    first, second = (_Training(optimizer).updates(5) for _ in range(2))
    assert np.array_equal(first, second), "Equal input must give equal updates."


def _goes_on(optimizer: Optimizer) -> None:
    whole, halves = _Training(optimizer), _Training(optimizer)
    whole.updates(10)
    halves.updates(5)
    again: _Training = pickle.loads(pickle.dumps(halves))
    again.updates(5)
    assert np.array_equal(whole.theta, again.theta), (
        "5 updates, a pickle and 5 more must equal 10: all that an update depends on"
        " has to be in theta and `state`."
    )


def _stays_at_rest(optimizer: Optimizer) -> None:
    training = _Training(optimizer)
    training.theta[:] = 0
    optimizer.move(training.state, training.theta)
    assert not training.updates(3).any(), (
        "Where every gradient has been zero, theta must not move."
    )


def _treats_coordinates_alike(optimizer: Optimizer) -> None:
    if not optimizer.elementwise:
        return
    order = np.random.RandomState(0).permutation(_P)
    plain, permuted = _Training(optimizer), _Training(optimizer)
    permuted.theta = permuted.theta[order]
    optimizer.move(permuted.state, permuted.theta)
    permuted.curvature = permuted.curvature[order]
    assert np.array_equal(plain.updates(5)[order], permuted.updates(5)), (
        "elementwise = True promises that permuted coordinates give permuted updates."
    )
    pieces = [slice(0, 10), slice(10, _P)]
    blocks = _Training(optimizer)
    for rows in pieces:
        part = deepcopy(blocks)
        part.theta, part.curvature = blocks.theta[rows], blocks.curvature[rows]
        vectors = [v for v, x in vars(blocks.state).items() if hasattr(x, "dtype")]
        part.state = blocks.state.block(tuple(vectors), rows)
        part.updates(5)
    assert np.array_equal(plain.theta, blocks.theta), (
        "elementwise = True promises equal updates whether theta comes whole or in"
        " blocks; step must write to theta and to the vectors of `state` in place."
    )


def _descends(optimizer: Optimizer) -> None:
    training, eps = _Training(optimizer), max(0.01, optimizer.default_learning_rate)
    before = training.loss()
    training.updates(200, eps)
    assert training.loss() < 0.9 * before, (
        f"200 updates at rate {eps:g} must bring a convex quadratic down by a tenth."
        f" It went from {before:.3g} to {training.loss():.3g}."
    )


_OPTIMIZER_CHECKS: tuple[Callable[[Optimizer], None], ...] = (
    _checks_out,
    _is_cloned,
    _keeps_dtype_and_shape,
    _remembers_what_it_declares,
    _keeps_its_hyperparameters,
    _repeats_itself,
    _goes_on,
    _stays_at_rest,
    _treats_coordinates_alike,
    _descends,
)


def check_schedule(schedule: Schedule) -> None:
    """Check that a schedule keeps the contract of `Schedule`.

    Parameters
    ----------
    schedule : Schedule
        The schedule, with the parameters it is to be checked with.

    Raises
    ------
    AssertionError
        Naming the part of the contract that is broken.

    Examples
    --------
    >>> from skoptnet import StepDecay
    >>> from skoptnet.testing import check_schedule
    >>> check_schedule(StepDecay(decay_rate=0.1))
    """
    schedule.check()
    before = repr(vars(schedule))
    # Losses fall, rise, and stay; the plan ends before the last epochs.
    losses = [*np.geomspace(3, 1, 8).tolist(), *[1.1] * 12, *[0.9] * 9]
    clocks = [
        Clock(
            10 * e + j, e, 10, j, samples=95 * e, plateaus=e // 4, planned_epochs=25,
            losses=tuple(losses[:e]), validation_losses=tuple(losses[:e]),
        )
        for e in range(30)
        for j in range(10)
    ]  # fmt: skip
    factors = [schedule(clock) for clock in clocks]
    momenta = [schedule.momentum(clock) for clock in clocks]
    for clock, factor in zip(clocks, factors, strict=True):
        assert 0 <= factor < math.inf, (
            f"A factor must be finite and not negative. Got {factor!r} at {clock}."
        )
    for clock, momentum in zip(clocks, momenta, strict=True):
        assert momentum is None or 0 <= momentum < 1, (
            f"A momentum must be None or in [0, 1). Got {momentum!r} at {clock}."
        )
    assert [schedule(clock) for clock in reversed(clocks)] == factors[::-1], (
        "A schedule must be a pure function of the clock: asked again, in another"
        " order, it gave other factors."
    )
    assert [schedule.momentum(clock) for clock in reversed(clocks)] == momenta[::-1], (
        "A schedule must be a pure function of the clock: asked again, in another"
        " order, it gave other momenta."
    )
    assert repr(vars(schedule)) == before, "A schedule must not change when asked."
    twin = pickle.loads(pickle.dumps(clone(schedule)))
    assert [twin(clock) for clock in clocks] == factors, (
        "A cloned and pickled schedule must give the same factors."
    )
    assert [twin.momentum(clock) for clock in clocks] == momenta, (
        "A cloned and pickled schedule must give the same momenta."
    )


def check_activation(activation: Activation) -> None:
    """Check that an activation keeps the contract of `Activation`.

    Parameters
    ----------
    activation : Activation
        The activation, with the parameters it is to be checked with.

    Raises
    ------
    AssertionError
        Naming the part of the contract that is broken.

    Examples
    --------
    >>> from skoptnet import LeakyReLU
    >>> from skoptnet.testing import check_activation
    >>> check_activation(LeakyReLU(slope=0.3))
    """
    activation.check()
    before, h = repr(vars(activation)), 1e-6
    z = np.linspace(-5, 5, 60).reshape(20, 3) + 0.0123  # off the round numbers
    for dtype in (np.float32, np.float64):
        a, slope = _values_and_slopes(activation, z.astype(dtype))
        assert {a.dtype, slope.dtype} == {np.dtype(dtype)}
    numerical = (
        _values_and_slopes(activation, z + h)[0]
        - _values_and_slopes(activation, z - h)[0]
    ) / (2 * h)
    assert np.allclose(slope, numerical, rtol=1e-6, atol=1e-8), (
        "backward must multiply delta, in place, by the derivative of what forward"
        " does to z, in place. The largest difference to a numerical derivative is"
        f" {np.abs(slope - numerical).max():.3g}."
    )
    some = _values_and_slopes(activation, z[4:9])
    assert np.array_equal(some[0], a[4:9]), "Each row must be treated by itself."
    assert np.array_equal(some[1], slope[4:9]), "Each row must be treated by itself."
    bound = activation.draw_bound(30, 20)
    assert 0 < bound < math.inf, f"draw_bound must be positive. Got {bound!r} instead."
    assert repr(vars(activation)) == before, "An activation must not change in use."
    twin = pickle.loads(pickle.dumps(clone(activation)))
    assert np.array_equal(_values_and_slopes(twin, z)[0], a), (
        "A cloned and pickled activation must give the same values: __init__ has to"
        " store each of its arguments, unchanged, under the argument's name."
    )


def _values_and_slopes(activation: Activation, z: Array) -> tuple[Array, Array]:
    """Return sigma(z) and sigma'(z)."""
    a, slope = z.copy(), np.ones_like(z)
    activation.forward(a, np)
    activation.backward(z.copy() if activation.needs_z else a.copy(), slope, np)
    return a, slope
