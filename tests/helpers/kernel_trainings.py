"""Small trainings, with the kernels and without them, and whether they are the same.

What the files `test_kernel*.py` share: data, networks, trainings, and the comparison.
A plugin of pytest, named in conftest.py, for the fixtures in it.
"""

from functools import cache

import numpy as np
import pytest
from compiled import JUMPING, NUMBERS, RULES, SIGMAS
from problems import CANCER, DIABETES, DIGITS
from quick_schedules import QUICK
from scipy.sparse import csr_array
from sklearn.preprocessing import scale
from training import epochs_with, new_run, train_with

from skoptnet import _kernels, compiled
from skoptnet.network import Network
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.parametrizations import NTK
from skoptnet.schedules import SCHEDULES
from skoptnet.training import TrainingSet

N = 131  # rows: four batches of 32 and one of 3

#: The solvers that have a kernel of their own.
MADE = sorted(name for name in OPTIMIZERS if _kernels.kernel_of(OPTIMIZERS[name]()))

solvers = pytest.mark.parametrize("solver", sorted(OPTIMIZERS))


def sparse(X, index=np.int32):
    rows = csr_array(np.where(np.abs(X) > 0.5, X, 0))
    rows.indices, rows.indptr = rows.indices.astype(index), rows.indptr.astype(index)
    return rows


CONTAINERS = {"dense": np.asarray, "int32": sparse, "int64": lambda X: sparse(X, "i8")}
containers = pytest.mark.parametrize("container", CONTAINERS)


@pytest.fixture
def both(monkeypatch):
    """Calls a function with the kernels and without them."""

    def results(function, *args, **options):
        kernels = function(*args, **options)
        with monkeypatch.context() as patch:
            patch.setenv("SKOPTNET_KERNELS", "0")
            return kernels, function(*args, **options)

    return results


@pytest.fixture(params=[2, 3])
def many_threads(request, monkeypatch):
    monkeypatch.setattr(compiled, "_WORK_OF_A_THREAD", 1)
    monkeypatch.setattr(compiled, "_DIVISIBLE_WORK", 1)
    monkeypatch.setattr(compiled, "blas_limit", lambda: request.param)
    return request.param


@cache
def bundled(loss="multiclass", dtype=np.float64, weighted=False, n=N):
    bunch = DIABETES if loss in NUMBERS else CANCER if "binary" in loss else DIGITS
    X, y = scale(bunch.data)[:n].astype(dtype), bunch.target[:n]
    Y = np.column_stack([y > 0, y % 3 == 0, y > 4]).astype(dtype)
    if loss in NUMBERS:
        Y = targets(loss, scale(np.column_stack([y, y * X[:, 0]]))).astype(dtype)
    w = np.random.RandomState(1).uniform(0, 3, n)
    w[::7] = 0
    Y = y if "multiclass" in loss else Y[:, :1].copy() if "binary" in loss else Y
    return TrainingSet(X, Y, (w / w.mean()).astype(dtype) if weighted else None)


def targets(loss, y):
    """Return numbers that the loss can have, at a distance where its slope jumps."""
    if loss in JUMPING:
        y = y + 5 * np.sign(y)
    y = {"poisson": np.floor(np.exp(y)), "gamma": np.exp(y)}.get(loss, y)
    return y[:, :1].copy() if loss == "quantiles" else y


def held(container, data):
    return TrainingSet(CONTAINERS[container](data.X), data.Y, data.w)


def build(data, hidden=(5,), activation="tanh", loss="multiclass", **options):
    k = data.Y.max() + 1 if data.Y.ndim == 1 else data.Y.shape[1]
    rule = RULES[loss]
    k = rule.n_outputs(k) if loss in NUMBERS else k
    sizes = (data.X.shape[1], *hidden, int(k))
    if isinstance(activation, str):
        activation = [activation] * max(1, len(hidden))
    sigmas = tuple(SIGMAS[name] for name in activation)
    return Network(sizes, sigmas, rule, l2=0.01, **options)


def begin(network, solver, dtype, rng=0, **parameters):
    optimizer = OPTIMIZERS[solver](**parameters)
    return optimizer, new_run(network, optimizer, dtype, rng)


def epochs_of(network, data, solver="adam", size=32, order=True):
    optimizer, run = begin(network, solver, data.X.dtype)
    given = order if isinstance(order, np.ndarray) else None
    return epochs_with(
        network, optimizer, run, data, order is not None, given, batch_size=size
    )


def gradient(network, data, **options):
    """Return the objective of the first minibatch and its gradient."""
    epochs = epochs_of(network, data, **options)
    objective = epochs.objective
    with objective.threads(), np.errstate(all="ignore"):  # as in training
        batch = range(epochs.batches.size)
        return objective.loss_and_gradient(epochs.run.theta, batch), objective.g


def go(
    network, solver, data, n=10, schedule="constant", known=True, own=None, average=0.0,
    **options,
):  # fmt: skip
    """Train, with kernels where they are on; return theta, losses and outcome."""
    parameters = {"average": average} if average else {}
    optimizer, run = begin(network, solver, data.X.dtype, **parameters)
    knows = compiled.Kernel.knows(network, run.theta, data)
    assert knows == (_kernels.enabled() and known)
    # Above, differences of rounding grow from epoch to epoch.
    rate = min(optimizer.default_learning_rate, 0.03)
    defaults = {"batch_size": 32, "learning_rate": rate}
    options = {**defaults, "tol": 0, "patience": np.inf, "max_epochs": n, **options}
    optimizer, rates = own or optimizer, SCHEDULES[schedule](**QUICK.get(schedule, {}))
    outcome = train_with(network, optimizer, rates, run, data, **options)
    return run.theta, run.metrics()["loss"], outcome


def assert_same(network, pair, tolerance=1e-9):
    """Compare theta, or gradients, layer by layer, and the losses one by one."""
    (kernels, losses, *_), (readable, expected, *_) = pair
    assert np.isfinite(readable).all()
    np.testing.assert_allclose(losses, expected, rtol=tolerance)
    least = 0.01 * np.abs(readable).max()
    layers = zip(network.layers(kernels), network.layers(readable), strict=True)
    arrays = [arrays for layer in layers for arrays in zip(*layer, strict=True)]
    if network.input_scaling:
        arrays.append((network.scales(kernels), network.scales(readable)))
    for a, b in arrays:
        room = tolerance * max(np.abs(b).max(), least)
        np.testing.assert_allclose(a, b, rtol=0, atol=room)


#: Networks with a scaling layer and in the NTK parametrization, whose theta has blocks
#: with rates of their own.
NETWORKS = {
    "scaled": {"input_scaling": True},
    "ntk": {"parametrization": NTK()},
    "both": {"input_scaling": True, "parametrization": NTK()},
}
networks = pytest.mark.parametrize("kind", NETWORKS)


@pytest.fixture
def no_zeros(monkeypatch):
    """Trainings begin with scales that differ, and an output layer that is not 0."""
    draw = Network.draw

    def moved(network, rng, dtype):
        theta = draw(network, rng, dtype)
        theta += 0.2 * np.random.RandomState(9).randn(len(theta)).astype(dtype)
        return theta

    monkeypatch.setattr(Network, "draw", moved)


@pytest.fixture
def guards(monkeypatch):
    """The bytes after each buffer of the kernels, which must stay what they are."""
    empty, guards = np.empty, []

    def guarded(shape, dtype=float, **options):
        if dtype is not np.uint8:
            return empty(shape, dtype, **options)
        array = empty(shape + 4096, dtype)
        array[shape:] = len(guards) % 251  # not that of the buffer next to it
        guards.append(array[shape:])
        return array[:shape]

    monkeypatch.setattr(np, "empty", guarded)
    yield guards
    assert guards
    assert all((guard == i % 251).all() for i, guard in enumerate(guards))
