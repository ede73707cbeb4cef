"""A solver's memory that is no longer finite is a divergence.

After one huge gradient, the second moment of an adaptive solver may be infinite while
loss and weights are not. A parameter then stands still for ever, which looks like
convergence.
"""

import warnings

import numpy as np
import pytest
from problems import NUMBERS, X, assert_refused, small
from sklearn.exceptions import ConvergenceWarning
from training import epochs_with, new_run, train_with

from skoptnet import MLPRegressorX, Optimizer, Schedule, _kernels
from skoptnet.activations import ACTIVATIONS
from skoptnet.losses import LOSSES
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.training import Diverged, TrainingSet

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
#: A gradient of this size is finite, and its square is not.
HUGE = {np.float32: 1e25, np.float64: 1e200}
#: The vectors and numbers of all solvers.
MEMORY = [
    (solver, name)
    for solver, Solver in OPTIMIZERS.items()
    for name in (*Solver.memory, *Solver.numbers)
]


@pytest.fixture(params=["0", "1"], ids=["formulas", "kernels"], autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv(_kernels.VARIABLE, request.param)
    return request.param == "1" and _kernels.enabled()


def are_finite(run):
    """Tell whether weights and memory are finite."""
    return all(np.isfinite(v).all() for v in (run.theta, *vars(run.state).values()))


def small_training(solver, dtype=np.float64):
    rows, y = X.astype(dtype), NUMBERS[:, None].astype(dtype)
    network = Network((4, 3, 1), (ACTIVATIONS["tanh"](),), LOSSES["squared_error"]())
    run = new_run(network, solver, dtype)
    return network, run, TrainingSet(rows, y)


@pytest.mark.each_pair
@pytest.mark.parametrize("place", MEMORY, ids=" ".join)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_epochs", [1, 3])
@dtypes
def test_a_memory_that_is_not_finite_ends_the_epoch(
    place, bad, n_epochs, dtype, kernels
):
    """Every vector and every number, unless an update makes it finite again."""
    (solver, name), ended = place, 0
    optimizer = OPTIMIZERS[solver]()
    if not (kernels and hasattr(optimizer, "kernel")):
        n_epochs = 1
    network, _, data = small_training(optimizer, dtype)
    elements = range(0, network.n_parameters, 6) if name in optimizer.memory else [None]
    for element in elements:
        run = new_run(network, optimizer, dtype)
        if element is None:
            setattr(run.state, name, float(bad))
        else:
            getattr(run.state, name)[element] = bad
        epochs = epochs_with(network, optimizer, run, data, batch_size=40)
        try:
            with np.errstate(all="ignore"):
                epochs.train_epochs(n_epochs)
        except Diverged:
            ended += 1
        else:
            assert are_finite(run)
    if bad == np.inf and name != "before":  # which the next gradient replaces
        assert ended == len(elements)


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_large_numbers_in_the_memory_are_finite(solver):
    """Although their sum is not."""
    optimizer = OPTIMIZERS[solver]()
    _, run, _ = small_training(optimizer)
    for name in optimizer.memory:
        getattr(run.state, name)[:] = np.finfo(float).max
    with np.errstate(all="ignore"):
        assert run.state.is_finite(optimizer.memory)


def rows_with_one_huge(dtype):
    rows = X.astype(dtype)
    rows[7] *= HUGE[dtype]
    return rows


def regressor(solver, **parameters):
    """A model whose gradient is as large as a row, and whose loss is not larger."""
    return small(MLPRegressorX, solver=solver, loss="absolute_error", **parameters)


#: Those that square a gradient.
SQUARING = {"adagrad", "rmsprop", "adam", "adadelta", "rmsprop_nesterov", "adan"}
SQUARING |= {"centered_rmsprop", "adamw", "amsgrad", "nadam", "radam", "adabelief"}
SQUARING |= {"yogi", "schedule_free_adamw"}


solvers = pytest.mark.parametrize("solver", OPTIMIZERS)


@pytest.mark.each_pair
@pytest.mark.parametrize("batch_size", [40, 150])
@solvers
@dtypes
def test_a_huge_gradient_in_the_first_epoch_is_refused(solver, batch_size, dtype):
    """Solvers that square no gradient may end otherwise, but not with such a memory."""
    rows, model = rows_with_one_huge(dtype), regressor(solver, batch_size=batch_size)
    model.set_params(max_iter=30)
    if solver in SQUARING:
        message = assert_refused("diverged", "fit", rows, NUMBERS, model=model)
        assert "solver's memory" in message
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            model.fit(rows, NUMBERS)
        except ValueError as error:
            if "diverged" not in str(error):
                raise
            return
    assert are_finite(model._run)


@pytest.mark.each_pair
@pytest.mark.parametrize("call", ["partial_fit", "fit", "fit with validation"])
@pytest.mark.parametrize("solver", sorted(SQUARING))
@dtypes
def test_a_huge_gradient_in_a_later_call_keeps_the_model(solver, call, dtype):
    rows, huge = X.astype(dtype), rows_with_one_huge(dtype)
    model = regressor(solver, warm_start=True).fit(rows, NUMBERS)
    predicted, n_epochs = model.predict(rows), len(model.loss_curve_)
    own = {}
    if call == "fit with validation":
        model.set_params(early_stopping=True)
        own = {"X_val": rows, "y_val": NUMBERS}
    with pytest.warns(ConvergenceWarning, match="solver's memory") as caught:
        getattr(model, call.split()[0])(huge, NUMBERS, **own)
    assert f"diverged in epoch {n_epochs + 1}" in str(caught[0].message)
    assert model.stop_reason_ == "diverged"
    assert are_finite(model._run)
    np.testing.assert_array_equal(model.predict(rows), predicted)
    model.set_params(early_stopping=False).partial_fit(rows, NUMBERS)
    assert len(model.loss_curve_) == n_epochs + 1
    assert not np.array_equal(model.predict(rows), predicted)


class Leap(Schedule):
    """A rate that becomes huge for one epoch; it is known ahead."""

    reads_losses = False

    def __init__(self, epoch, factor):
        self.epoch, self.factor = epoch, factor

    def __call__(self, clock):
        return self.factor if clock.epoch == self.epoch else 1.0


@pytest.mark.each_pair
# The first updates of RAdam are as large as the gradient.
@pytest.mark.parametrize("solver", sorted(SQUARING - {"radam"}))
@pytest.mark.parametrize(
    ("dtype", "scale", "size"), [(np.float32, 1e7, 1e8), (np.float64, 1e50, 1e78)]
)
def test_a_divergence_among_epochs_of_one_call_of_the_kernel(
    solver, dtype, scale, size, kernels
):
    """Weights leap to ``size``; loss and gradient are finite, the square is not."""
    optimizer = OPTIMIZERS[solver]()
    network = Network((4, 1), (ACTIVATIONS["relu"](),), LOSSES["squared_error"]())
    data = TrainingSet((X * scale).astype(dtype), NUMBERS[:, None].astype(dtype))
    plan = {"learning_rate": optimizer.default_learning_rate, "batch_size": len(X)}
    plan |= {"tol": 0, "patience": np.inf}

    def after(n_epochs, factor=1.0):
        run = new_run(network, optimizer, dtype)
        return run, train_with(
            network, optimizer, Leap(20, factor), run, data, max_epochs=n_epochs, **plan
        )

    moved = np.abs(after(21)[0].theta - after(20)[0].theta).max()
    run, outcome = after(60, size / moved)
    assert run.epoch == 21
    assert outcome.reason == "diverged"
    assert outcome.kept_epoch <= 20
    assert run.state.t == 0
    np.testing.assert_array_equal(run.theta, after(outcome.kept_epoch)[0].theta)
    assert kernels == (epochs_with(network, optimizer, run, data).n_at_once > 1)


class Cautious(Optimizer):
    """A solver of a user's own, whose memory is infinite at its start."""

    memory = ("least",)

    def start(self, theta, xp):
        state = super().start(theta, xp)
        state.least[:] = np.inf
        return state

    def step(self, theta, g, state, rate, xp):
        xp.minimum(state.least, abs(g), out=state.least)
        theta -= rate * xp.sign(g) * state.least


def test_only_the_end_of_an_epoch_counts():
    model = small(MLPRegressorX, solver=Cautious(), batch_size=50).fit(X, NUMBERS)
    assert model.stop_reason_ == "max_iter"
