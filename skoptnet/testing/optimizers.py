"""`check_optimizer`: conformance checks of a solver."""

from __future__ import annotations

import math
import pickle

import numpy as np
from sklearn.base import clone

from .._types import Array
from ..blocks import Block
from ..optimizers import Optimizer, State
from ..optimizers.update import _BLOCK, Update
from .contract import (
    Check,
    Report,
    clones,
    examine,
    parameters,
    pickles,
    require,
    twin_of,
    unchanged,
)

_P = 23  # number of coordinates of the test problem
_RATE = 0.01  # its learning rate

#: Shapes of W_l and b_l: wide, tall, of one column, of one row.
_SHAPES: tuple[tuple[int, ...], ...] = ((3, 5), (5,), (5, 2), (2,), (2, 1), (1, 3))


def check_optimizer(optimizer: Optimizer, *, raise_on_failure: bool = True) -> Report:
    """Check that a solver keeps the contract of `Optimizer`.

    Parameters
    ----------
    optimizer : Optimizer
        The solver, with the hyperparameters to check it with. Only copies of it are
        used.
    raise_on_failure : bool, default=True
        Whether to raise an error if checks fail. Otherwise, the report has them in
        ``failures``.

    Returns
    -------
    Report
        The result of each check; print it to read it.

    Raises
    ------
    AssertionError
        If checks fail, with a line for each: its name, what was found, and how to fix
        it.

    Examples
    --------
    >>> from skoptnet import RMSProp
    >>> from skoptnet.testing import check_optimizer
    >>> check_optimizer(RMSProp(rho=0.5))
    <RMSProp(rho=0.5) keeps the contract: 21 checks passed>
    """
    report = examine(optimizer, Optimizer, _CHECKS)
    if raise_on_failure:
        report.raise_failures()
    return report


class _Training:
    """Training on the quadratic 1/2 sum_i h_i theta_i^2."""

    def __init__(
        self,
        optimizer: Optimizer,
        dtype: type = np.float64,
        layout: list[Block] | None = None,
        size: int = _P,
    ):
        self.optimizer, self.layout = optimizer, layout
        self.theta: Array = np.linspace(-1, 1.1, size).astype(dtype)
        self.curvature: Array = np.linspace(0.5, 2, size)[::-1].astype(dtype)
        self.state = optimizer.start(self.theta, np)

    def update(self) -> Update:
        self.g = np.empty_like(self.theta)
        return Update(self.optimizer, self.theta, self.g, self.state, np, self.layout)

    def updates(self, n: int, rate: float = _RATE) -> Array:
        update = self.update()
        for _ in range(n):
            self.g[...] = self.curvature * update.gradient_point()
            update.step(rate)
            update.update_average()
        return self.theta

    def loss(self) -> float:
        return float(0.5 * np.sum(self.curvature * self.theta**2))

    def vectors(self) -> dict[str, Array]:
        return {name: getattr(self.state, name) for name in self.optimizer.memory}


def _without_decay(optimizer: Optimizer) -> Optimizer:
    optimizer.weight_decay = 0.0
    return optimizer


def _layout(shapes: tuple[tuple[int, ...], ...]) -> list[Block]:
    ends = np.cumsum([math.prod(shape) for shape in shapes]).tolist()
    return [
        Block(slice(end - math.prod(shape), end), shape, decays=len(shape) == 2)
        for end, shape in zip(ends, shapes, strict=True)
    ]


# ------------------------------------------------------------------------- declarations


def _declares(optimizer: Optimizer) -> None:
    for name in ("memory", "points"):
        given = getattr(optimizer, name)
        require(
            isinstance(given, tuple) and all(type(item) is str for item in given),
            f"{name} is {given!r}.",
            'It must be a tuple of names; that of one name has a comma, ("v",).',
        )
    memory, numbers = optimizer.memory, optimizer.numbers
    strangers = sorted(set(optimizer.points) - set(memory))
    require(
        not strangers,
        f"points has {', '.join(strangers)}, which memory does not have.",
        "Name all vectors in memory; points names those of them that start at theta.",
    )
    names = [*memory, *numbers, "t", "iterate"]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(
        not twice,
        f"{', '.join(twice)} would name two things in the state.",
        'Use other names in memory and numbers; "t" and "iterate" are taken.',
    )
    require(
        all(isinstance(v, (int, float)) and math.isfinite(v) for v in numbers.values()),
        f"numbers is {numbers!r}.",
        "First values must be Python numbers, and finite; vectors belong in memory.",
    )
    powers = optimizer.rate_powers
    require(
        powers.keys() <= numbers.keys()
        and all(isinstance(power, int) for power in powers.values()),
        f"rate_powers is {powers!r}.",
        "It gives the powers of the rate, as ints, for names in numbers.",
    )
    rates = {"default_learning_rate": optimizer.default_learning_rate}
    if optimizer.regression_learning_rate is not None:
        rates["regression_learning_rate"] = optimizer.regression_learning_rate
    for name, rate in rates.items():
        require(
            0 < rate < math.inf,
            f"{name} is {rate!r}.",
            "It must be positive and finite.",
        )
    momentum = optimizer.momentum_name
    require(
        momentum is None or hasattr(optimizer, momentum),
        f"momentum_name is {momentum!r}, which is no hyperparameter.",
        "Name the attribute that a schedule of the momentum sets.",
    )


# ------------------------------------------------------------------- one run of updates


def _updates(optimizer: Optimizer) -> None:
    training = _Training(optimizer)
    before = training.theta.copy()
    theta = training.updates(3)
    require(
        np.isfinite(theta).all(),
        "After 3 updates theta is not finite.",
        "Keep quotients and roots away from zero, by a small constant.",
    )
    require(
        not np.array_equal(theta, before),
        "After 3 updates theta has not changed.",
        "step must change theta in place: theta -= u, not theta = theta - u.",
    )


def _keeps_dtype_and_shape(optimizer: Optimizer) -> None:
    for dtype in (np.float32, np.float64):
        training = _Training(optimizer, dtype)
        training.updates(3)
        for name, vector in training.vectors().items():
            require(
                isinstance(vector, np.ndarray) and vector.shape == (_P,),
                f"state.{name} became an object of shape {np.shape(vector)}; theta's"
                f" is ({_P},).",
                "Vectors of the memory have theta's shape; numbers belong in numbers.",
            )
            require(
                vector.dtype == dtype,
                f"state.{name} became {vector.dtype} where theta is {np.dtype(dtype)}.",
                "Vectors must stay in the precision of theta: write to them in place,"
                " and make others with xp.zeros_like(theta).",
            )


def _remembers_what_it_declares(optimizer: Optimizer) -> None:
    training = _Training(optimizer)
    training.updates(3)
    found = set(vars(training.state))
    declared = {"t", *optimizer.memory, *optimizer.numbers}
    if optimizer.average:
        declared.add("iterate")
    for names, verb in (
        (found - declared, "has undeclared"),
        (declared - found, "lacks"),
    ):
        require(
            not names,
            f"The state {verb} {', '.join(sorted(names))}.",
            "It must hold what `memory` and `numbers` declare: name vectors in memory,"
            " numbers in numbers; in `start`, change what super().start returns.",
        )
    for name in optimizer.numbers:
        value = getattr(training.state, name)
        require(
            isinstance(value, (int, float)),
            f"state.{name} became {value!r}.",
            "Numbers must stay Python's int or float.",
        )
    require(
        training.state.t == 3,
        f"After 3 updates state.t is {training.state.t}.",
        "t is counted for you; step must only read it.",
    )


def _repeats_itself(optimizer: Optimizer) -> None:
    first, second = (_Training(twin_of(optimizer)).updates(5) for _ in range(2))
    require(
        np.array_equal(first, second),
        f"The same five updates differed by {abs(first - second).max():.3g}.",
        "step must depend on its arguments only: nothing random, no global variables.",
    )


def _resumes(optimizer: Optimizer) -> None:
    whole = _Training(optimizer).updates(10)
    for way in ("a pickle", "go_on"):
        halves = _Training(optimizer)
        halves.updates(5)
        state = pickle.loads(pickle.dumps(halves.state))
        halves.theta = halves.theta.copy()
        if way == "go_on":
            before = repr(state)
            halves.state = optimizer.go_on(state, halves.theta, np)
            halves.updates(5)
            require(
                repr(state) == before,
                "go_on returned a state that shares memory with the one it was given.",
                "It must return a copy: change what super().go_on returns.",
            )
        else:
            halves.state = state
            halves.updates(5)
        require(
            np.array_equal(whole, halves.theta),
            f"5 updates, {way}, and 5 more differ from 10 updates by"
            f" {abs(whole - halves.theta).max():.3g}.",
            "An update must depend on theta and `state` only.",
        )


def _takes_gradients(optimizer: Optimizer) -> None:
    training = _Training(optimizer)
    training.updates(3)
    theta, state = training.theta.copy(), training.state.copy()
    update = training.update()
    point = update.gradient_point()
    require(
        np.shape(point) == (_P,) and np.isfinite(point).all(),
        f"gradient_point returned an array of shape {np.shape(point)}, or infinite"
        " values.",
        "It must return a point of theta's shape.",
    )
    require(
        np.array_equal(training.theta, theta) and _equal(training.state, state),
        "gradient_point changed theta or the state.",
        "It must return a new array, theta + ..., and leave the rest to step.",
    )


def _equal(a: State, b: State) -> bool:
    return vars(a).keys() == vars(b).keys() and all(
        np.array_equal(value, vars(b)[name]) for name, value in vars(a).items()
    )


# --------------------------------------------------------------------- what moves theta


def _rests(optimizer: Optimizer) -> None:
    training = _Training(_without_decay(optimizer))
    before, training.curvature = training.theta.copy(), 0 * training.curvature
    moved = abs(training.updates(3) - before).max()
    require(
        moved == 0,
        f"Although all gradients were zero, theta moved by {moved:.3g}.",
        "Updates must come from the gradients. Weight decay belongs in `decay`;"
        " denominators need a small constant.",
    )


def _obeys_the_rate(optimizer: Optimizer) -> None:
    training = _Training(optimizer)
    before = training.theta.copy()
    moved = abs(training.updates(3, rate=0.0) - before).max()
    require(
        moved == 0,
        f"Updates at a rate of zero moved theta by {moved:.3g}.",
        "All that moves theta must be in proportion to the rate of the update,"
        " which a schedule may lower to 0.",
    )


def _permutes(optimizer: Optimizer) -> str | None:
    if not optimizer.elementwise:
        return "elementwise is False."
    order = np.random.RandomState(0).permutation(_P)
    plain, permuted = _Training(optimizer), _Training(optimizer)
    permuted.theta = permuted.theta[order]
    permuted.curvature = permuted.curvature[order]
    permuted.state = optimizer.start(permuted.theta, np)
    _require_close(
        plain.updates(5)[order],
        permuted.updates(5),
        "Permuted coordinates do not give permuted updates",
    )
    return None


def _comes_in_blocks(optimizer: Optimizer) -> str | None:
    if not optimizer.elementwise:
        return "elementwise is False."
    in_one = twin_of(optimizer)
    in_one.elementwise = False
    whole, blocks = (_Training(o, size=_BLOCK + 1001) for o in (in_one, optimizer))
    _require_close(
        whole.updates(5),
        blocks.updates(5),
        "Updates of theta in blocks differ from updates of the whole theta",
    )
    for name, vector in whole.vectors().items():
        _require_close(
            vector,
            blocks.vectors()[name],
            f"Updates in blocks leave another state.{name} than updates of the whole",
        )
    return None


def _takes_rate_factors(optimizer: Optimizer) -> str | None:
    if not optimizer.elementwise:
        return "elementwise is False."
    optimizer, half = _without_decay(twin_of(optimizer)), _P // 2
    parts = [(slice(0, half), 0.25), (slice(half, _P), 1.0)]
    layout = [Block(rows, (rows.stop - rows.start,), True, f) for rows, f in parts]
    together = _Training(optimizer, layout=layout)
    theta = together.updates(5)
    for rows, factor in parts:
        alone = _Training(optimizer)
        alone.theta, alone.curvature = (
            vector[rows].copy() for vector in (alone.theta, alone.curvature)
        )
        alone.state = optimizer.start(alone.theta, np)
        expected = alone.updates(5, factor * _RATE)
        apart = abs(theta[rows] - expected).max()
        require(
            np.allclose(theta[rows], expected, rtol=1e-10, atol=1e-12),
            f"A part of theta with {factor:g} of the rate differs by {apart:.3g} from"
            " the same part on its own at that rate.",
            "`state` must not remember rates, except in numbers that rate_powers names"
            " with the power of the rate to which they are proportional.",
        )
    return None


def _require_close(expected: Array, found: Array, what: str) -> None:
    # The last digit may differ where an operation has other code for short arrays.
    require(
        np.allclose(expected, found, rtol=1e-10, atol=1e-12),
        f"{what}: by {abs(expected - found).max():.3g}.",
        "elementwise = True promises that each coordinate is treated by itself and all"
        " alike, theta and the vectors of `state` in place. Else leave it False.",
    )


def _takes_layers(optimizer: Optimizer) -> str | None:
    if not optimizer.layerwise:
        return "layerwise is False."
    layout = _layout(_SHAPES)
    training = _Training(optimizer, layout=layout, size=layout[-1].rows.stop)
    before = training.theta.copy()
    try:
        theta = training.updates(5)
    except Exception as error:
        shapes = ", ".join(map(str, _SHAPES))
        require(
            False,
            f"With layers of shapes {shapes}, it raised {type(error).__name__}:"
            f" {error}.",
            "With layerwise = True, step gets each W_l, of shape (k_in, k_out),"
            " and each b_l, of shape (k_out,), by itself; theta.ndim says which.",
        )
    require(
        np.isfinite(theta).all(),
        "With layers of several shapes, theta is not finite.",
        "Some of them have a single row or column.",
    )
    for rows, shape, *_ in layout:
        require(
            len(shape) == 1 or not np.array_equal(theta[rows], before[rows]),
            f"A W_l of shape {shape} did not change.",
            "step must change theta in place, whatever its shape.",
        )
    return None


def _decays_weights(optimizer: Optimizer) -> str | None:
    if "weight_decay" not in optimizer.get_params():
        return "__init__ does not take weight_decay."
    optimizer = clone(optimizer).set_params(weight_decay=0.1)
    layout = _layout(_SHAPES)
    training = _Training(optimizer, layout=layout, size=layout[-1].rows.stop)
    before, training.curvature = training.theta.copy(), 0 * training.curvature
    theta = training.updates(3)
    shrunk = abs(theta) < abs(before)
    for rows, shape, *_ in layout:
        name = "W_l" if len(shape) == 2 else "b_l"
        require(
            shrunk[rows].all() if name == "W_l" else not shrunk[rows].any(),
            f"With weight_decay=0.1 and no gradient, {name} of shape {shape}"
            f" {'does not shrink' if name == 'W_l' else 'shrinks'}.",
            "Pass weight_decay on to super().__init__ and leave the rest to `decay`:"
            " weights shrink, biases stay.",
        )
    return None


def _averages(optimizer: Optimizer) -> str | None:
    if "average" not in optimizer.get_params():
        return "__init__ does not take average."
    alone = _Training(clone(optimizer).set_params(average=0.0))
    averaged = _Training(clone(optimizer).set_params(average=0.9))
    require(
        hasattr(averaged.state, "iterate"),
        "With average=0.9, start makes no state.iterate.",
        "Call super().start(theta, xp) and change what it returns.",
    )
    path = [alone.updates(1).copy() for _ in range(6)]
    require(
        np.allclose(averaged.updates(6), np.mean(path, axis=0), rtol=1e-9, atol=1e-12)
        and np.allclose(averaged.state.iterate, path[-1], rtol=1e-9, atol=1e-12),
        "With average=0.9, theta is not the mean of the first updates without it.",
        "Pass average on to super().__init__ and leave the rest to it: step moves"
        " whatever theta it gets.",
    )
    return None


def _follows(optimizer: Optimizer) -> None:
    training, far = _Training(_without_decay(optimizer)), 1e3
    training.updates(5)
    training.theta += far
    before = training.theta.copy()
    optimizer.move(training.state, training.theta)
    require(
        np.array_equal(training.theta, before),
        "move changed theta.",
        "It must change the state only.",
    )
    training.curvature = 0 * training.curvature
    moved = abs(training.updates(1) - before).max()
    require(
        moved < 0.01 * far,
        f"After theta was set to a point {far:g} away, as after a divergence, and move"
        f" was called, an update without a gradient moved it by {moved:.3g}.",
        "Vectors that are points like theta must be named in points, and move must"
        " set them to theta.",
    )


def _computes_alike_in_single_precision(optimizer: Optimizer) -> None:
    single, double = (_Training(optimizer, d).updates(5) for d in (np.float32, float))
    moved = abs(double - _Training(optimizer).theta).max()
    apart = abs(single - double).max()
    require(
        apart <= 1e-3 * moved + 1e-6,
        f"After five updates, float32 and float64 differ by {apart:.3g}.",
        "Squares and constants below 1e-38 or above 1e38 are 0 or infinite in float32.",
    )


def _descends(optimizer: Optimizer) -> None:
    rate = optimizer.default_learning_rate
    for each in (_RATE, rate, 0.1 * rate):
        training = _Training(optimizer)
        before = training.loss()
        training.updates(200, each)
        if training.loss() < 0.9 * before:
            return
    require(
        False,
        f"In 200 updates at the rates {_RATE:g}, {rate:g} and {0.1 * rate:g}, the loss"
        f" of a convex quadratic, {before:.3g} at first, never fell by a tenth.",
        "Check the sign of the update, and default_learning_rate.",
    )


_CHECKS = (
    Check("parameters", parameters),
    Check("clone", clones),
    Check("declarations", _declares),
    Check("updates", _updates, ("declarations",)),
    Check(
        "hyperparameters",
        unchanged(
            lambda optimizer: _Training(optimizer).updates(3),
            "step must leave the optimizer as it is; what it remembers belongs in"
            " `state`, declared in memory or numbers.",
        ),
        ("updates",),
    ),
    Check("determinism", _repeats_itself, ("updates",)),
    Check("dtype and shape", _keeps_dtype_and_shape, ("updates",)),
    Check("memory", _remembers_what_it_declares, ("updates",)),
    Check(
        "pickling",
        pickles(lambda optimizer: _Training(optimizer).updates(5)),
        ("clone", "determinism"),
    ),
    Check("resuming", _resumes, ("hyperparameters", "determinism")),
    Check("gradient point", _takes_gradients, ("updates",)),
    Check("rest", _rests, ("updates",)),
    Check("rate of zero", _obeys_the_rate, ("rest",)),
    Check("permutation", _permutes, ("determinism",)),
    Check("blocks", _comes_in_blocks, ("permutation",)),
    Check("rate factors", _takes_rate_factors, ("blocks",)),
    Check("layers", _takes_layers, ("updates",)),
    Check("weight decay", _decays_weights, ("clone", "rest", "layers")),
    Check("average", _averages, ("clone", "determinism", "memory")),
    Check("move", _follows, ("rest",)),
    Check("precision", _computes_alike_in_single_precision, ("determinism",)),
    Check("convergence", _descends, ("updates",)),
)
